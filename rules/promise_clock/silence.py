"""What it means for a line, or an order, when its customer does not answer a notice."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from models.policy.promise_clock import CountryRules, DayUnit
from models.promise_clock import NO_CHANGE, ClockFacts, ClockNotice, ClockState, Rights, Silence, Standing, Statement
from rules.promise_clock.clock import stand
from rules.promise_clock.refunds import Holidays
from rules.promise_clock.told_dates import delay_notices

MEANINGS = {ClockState.SILENCE_CONSENTS: Statement.CONSENTS, ClockState.SILENCE_CANCELS: Statement.CANCELS}


def silence_after(
    facts: ClockFacts, rules: CountryRules, revised_on: date | None, today: date, holidays: Holidays
) -> Silence | None:
    """Return what silence would mean if a notice with this date reached the customer today.

    None where a notice can say nothing of it any more: the line counts as cancelled, or it has left.
    """
    if not rules.option_notice:
        return NO_CHANGE
    facts = replace(facts, cannot_meet=False)
    before = stand(facts, rules, today, holidays)
    notices = delay_notices((*facts.notices, ClockNotice(today, revised_on)))
    silence = silence_of(stand(replace(facts, notices=notices), rules, today, holidays))
    return silence and replace(silence, through=before.deadline)


def silence_of(standing: Standing) -> Silence | None:
    """Return what silence means where a line stands so in a country with option notices; None: nothing can be said."""
    if (meaning := MEANINGS.get(standing.state)) is not None:
        return Silence(meaning, standing.deadline)
    agreed = standing.state in (ClockState.EXTENDED, ClockState.OPEN_ENDED)
    return NO_CHANGE if agreed else None


def rights_of(rules: CountryRules) -> Rights:
    """Return the rights that a notice names: of a refund's days, only those that a law gives in calendar days."""
    by_law = "refund_days" not in rules.house_choices and rules.refund_unit is DayUnit.CALENDAR
    return Rights(rules.choices_at_once, rules.refund_days if by_law else None, rules.refund_corrected)


def order_silence(lines: Iterable[Silence | None]) -> Silence | None:
    """Return what silence means for an order: the most that can happen to any of its lines, by the first day for it."""
    known = [silence for silence in lines if silence is not None]
    for meaning, choose in ((Statement.CANCELS, min), (Statement.CONSENTS, max), (Statement.NOTHING, max)):
        those = [silence for silence in known if silence.meaning is meaning]
        if those:
            days = [silence.by for silence in those if silence.by is not None]
            last_days = [silence.through for silence in known if silence.through is not None]
            return Silence(meaning, choose(days, default=None), min(last_days, default=None))
    return None
