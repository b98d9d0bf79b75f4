"""By when the money of a cancelled line goes back, and what a late refund costs more."""

from collections.abc import Callable
from datetime import date, timedelta

from models.policy.promise_clock import CountryRules, DayUnit
from models.promise_clock import ClockFacts, ClockState, Duty, Standing

Holidays = Callable[[date], bool]
"""Returns whether a day is a public holiday of the country."""
WEEKEND = 5


def is_working_day(day: date, holidays: Holidays) -> bool:
    """Return whether a day is from Monday to Friday and no holiday."""
    return day.weekday() < WEEKEND and not holidays(day)


def add_working_days(day: date, count: int, holidays: Holidays) -> date:
    """Return the day that is so many working days later; the day itself is not counted."""
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, holidays)
    return day


def next_working_day(day: date, holidays: Holidays) -> date:
    """Return a day, or the next working day where it is none."""
    return day if is_working_day(day, holidays) else add_working_days(day, 1, holidays)


def refund_standing(
    vested_on: date,
    facts: ClockFacts,
    rules: CountryRules,
    today: date,
    holidays: Holidays,
    days: int | None = None,
) -> Standing:
    """Return the standing of a line whose money goes back; the right to it vested on a day. `days`: not the rule's."""
    if (words := rules.refund_by_payment.get(facts.payment)) is not None:
        return Standing(ClockState.CANCELLED, Duty.CANCEL_AND_REFUND, None, words)
    if days is None and rules.refund_unit is DayUnit.WORKING:
        due = add_working_days(vested_on, rules.refund_days, holidays)
        rule = f"{rules.refund_days} working days after the right to a refund vested"
    else:
        count = rules.refund_days if days is None else days
        due, rule = vested_on + timedelta(days=count), f"{count} days after the customer said so"
    if today > due and rules.refund_surcharge:
        return _with_surcharge(due, rules, today)
    return Standing(ClockState.CANCELLED, Duty.CANCEL_AND_REFUND, due, rule)


def _with_surcharge(due: date, rules: CountryRules, today: date) -> Standing:
    for surcharge in rules.refund_surcharge:
        until = None if surcharge.up_to_days is None else due + timedelta(days=surcharge.up_to_days)
        if until is None or today <= until:
            when = "from then on" if until is None else f"until {surcharge.up_to_days} days beyond the deadline"
            rule = f"{surcharge.percent} % more {when}"
            return Standing(ClockState.CANCELLED, Duty.REFUND_WITH_SURCHARGE, until, rule)
    return Standing(ClockState.CANCELLED, Duty.CANCEL_AND_REFUND, due)
