"""What it means for a line, or an order, when its customer does not answer a notice."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from models.policy.promise_clock import CountryRules
from models.promise_clock import ClockFacts, ClockNotice, ClockState, Standing, Statement
from rules.promise_clock.clock import stand
from rules.promise_clock.refunds import Holidays
from rules.promise_clock.told_dates import delay_notices

MEANINGS = {ClockState.SILENCE_CONSENTS: Statement.CONSENTS, ClockState.SILENCE_CANCELS: Statement.CANCELS}


@dataclass(frozen=True, slots=True)
class Silence:
    """What silence means, and until when the customer can answer; None: it changes nothing, whenever that is."""

    meaning: Statement
    by: date | None = None


def silence_after(
    facts: ClockFacts, rules: CountryRules, revised_on: date | None, today: date, holidays: Holidays
) -> Silence | None:
    """Return what silence would mean if a notice with this date reached the customer today.

    None where a notice can say nothing of it any more: the line counts as cancelled, or it has left.
    """
    if not rules.option_notice:
        return Silence(Statement.NOTHING)
    notices = delay_notices((*facts.notices, ClockNotice(today, revised_on)))
    return silence_of(stand(replace(facts, notices=notices, cannot_meet=False), rules, today, holidays))


def silence_of(standing: Standing) -> Silence | None:
    """Return what silence means where a line stands so in a country with option notices; None: nothing can be said."""
    if (meaning := MEANINGS.get(standing.state)) is not None:
        return Silence(meaning, standing.deadline)
    agreed = standing.state in (ClockState.EXTENDED, ClockState.OPEN_ENDED)
    return Silence(Statement.NOTHING) if agreed else None


def order_silence(lines: Iterable[Silence | None]) -> Silence | None:
    """Return what silence means for an order: the most that can happen to any of its lines, by the first day for it."""
    known = [silence for silence in lines if silence is not None]
    for meaning, choose in ((Statement.CANCELS, min), (Statement.CONSENTS, max), (Statement.NOTHING, max)):
        those = [silence for silence in known if silence.meaning is meaning]
        days = [silence.by for silence in those if silence.by is not None]
        if those:
            return Silence(meaning, choose(days) if days else None)
    return None
