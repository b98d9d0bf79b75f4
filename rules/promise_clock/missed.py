"""Which deadlines of a line have passed without what they asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from models.policy.promise_clock import CountryRules
from models.promise_clock import ClockFacts, ClockState, Duty
from rules.promise_clock.clock import due_on, stand
from rules.promise_clock.refunds import Holidays
from rules.promise_clock.sentences import duty_words

DAY = timedelta(days=1)
MAX_DAYS = 400
"""Days of a line's history that are looked at, from its first deadline on."""
REFUNDS = (Duty.CANCEL_AND_REFUND, Duty.REFUND_WITH_SURCHARGE)
PERFORMANCES = (Duty.PERFORM, Duty.TELL_CUSTOMER)
IN_TIME = (ClockState.RUNNING, ClockState.EXTENDED, ClockState.SILENCE_CONSENTS, ClockState.EXTRA_TIME)
"""States in which the date in force has not passed."""
KEPT = (ClockState.DONE, ClockState.CLOSED, ClockState.EXEMPT, ClockState.EXTENDED, ClockState.OPEN_ENDED)
"""States on the next day after which nothing was missed."""


@dataclass(frozen=True, slots=True)
class MissedDeadline:
    """A deadline that passed, and what had to be done by it."""

    deadline: date
    what: str

    @property
    def sentence(self) -> str:
        """Return what was missed; the same words each time."""
        return f"{self.what} by {self.deadline}"


def missed_deadlines(
    facts: ClockFacts, rules: CountryRules, today: date, holidays: Holidays
) -> tuple[MissedDeadline, ...]:
    """Return the deadlines that a line has missed by a day, in order.

    An order that silence cancelled has missed nothing by that: the law says so, and the refund has its own deadline.
    """
    return tuple(_missed(replace(facts, cannot_meet=False), rules, today, holidays))


def _missed(facts: ClockFacts, rules: CountryRules, today: date, holidays: Holidays) -> Iterator[MissedDeadline]:
    starts = (due_on(facts, rules), facts.gave_up_on, *(answer.on for answer in facts.answers))
    day = max(min(start for start in starts if start is not None), today - timedelta(days=MAX_DAYS))
    standing = stand(facts, rules, day, holidays)
    while day < today:
        after = stand(facts, rules, day + DAY, holidays)
        if standing.deadline == day and after.state not in KEPT:
            if standing.duty in REFUNDS:
                yield MissedDeadline(day, duty_words(standing.duty, rules))
            elif standing.duty in PERFORMANCES and standing.state in IN_TIME:
                yield MissedDeadline(day, _performance(rules))
        standing, day = after, day + DAY


def _performance(rules: CountryRules) -> str:
    perform = duty_words(Duty.PERFORM, rules)
    return f"{perform}, or offer to wait or to cancel" if rules.option_notice else perform
