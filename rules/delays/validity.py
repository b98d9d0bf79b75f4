"""Until which day the words of a notice stay true while no fact changes."""

from collections.abc import Iterator
from datetime import date, timedelta

from models.decisions import Plan


def holds_through(plan: Plan, next_check_on: date) -> date:
    """Return the last day on which a plan's words are the same as on its own day, unless a fact changes.

    It is never too late; it may be too early, because words are rendered again and compared before they leave on a
    later day. `next_check_on` is the first day on which the order could have a change.
    """
    as_of = plan.delay.as_of
    return max(as_of, min((next_check_on - timedelta(days=1), *_last_days(plan))))


def _last_days(plan: Plan) -> Iterator[date]:
    """Yield the last days of what the words state: dates, parcels, offers, what silence means."""
    if plan.substitutes:
        yield plan.delay.as_of  # whether a substitute is late in other orders depends on the day
    for late in plan.delay.late:
        # Without an expected date, the days late grow each day.
        yield late.expected_on or plan.delay.as_of
    for line in plan.delay.on_time:
        yield line.promised_on
        if line.expected_on is not None:
            yield line.expected_on
    for parcel in plan.parcels:
        if parcel.ships_on is not None:
            yield parcel.ships_on
    if plan.discount is not None:
        yield plan.discount.expires_on
    if plan.silence is not None and plan.silence.through is not None:
        yield plan.silence.through
