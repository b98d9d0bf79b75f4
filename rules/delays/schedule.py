"""The first day on which there could be news, so that nobody looks before it."""

from collections.abc import Iterator
from datetime import date, timedelta

from models.orders import LastNotice, LineFacts, OrderFacts
from models.policy.policy import Policy
from rules.delays.delays import closed_on, expected_date, open_lines
from rules.delays.working_days import Calendar

NEVER = date.max
DAY = timedelta(days=1)


def next_check_date(
    order: OrderFacts, told: LastNotice | None, as_of: date, policy: Policy, calendar: Calendar
) -> date:
    """Return the first day after `as_of` on which an order could have news if no fact changes; NEVER if it cannot."""
    lines = open_lines(order, as_of)
    days: list[date | None] = [day for line in lines for day in _change_dates(line, as_of, policy, calendar)]
    days += [order.cancelled_on, *(day for line in lines for day in closed_on(line))]
    parcels = [parcel for line in lines for parcel in line.shipments]
    days += [day for one in parcels for day in (one.packed_on, one.shipped_on, one.delivered_on, one.cancelled_on)]
    days += [one.expected_on + DAY for one in told.lines if one.expected_on] if told else []
    return min((day for day in days if day is not None and day > as_of), default=NEVER)


def _change_dates(line: LineFacts, as_of: date, policy: Policy, calendar: Calendar) -> Iterator[date]:
    """Yield the days on which a line becomes late, later by a bucket, or of unknown date."""
    day = expected_date(line, as_of)
    if day is not None and day > line.promised_on:
        yield day + DAY
        return
    yield line.promised_on + DAY  # no working day, it may be: the line has no date from then on, and is 0 days late
    yield from (calendar.day_when(line.promised_on, bucket.from_days) for bucket in policy.bucket)
