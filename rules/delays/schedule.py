"""Compute the first day on which an order could have a change, so that no run evaluates it before."""

from collections.abc import Iterator
from datetime import date, timedelta

from models.orders import LastNotice, LineFacts, OrderFacts
from models.policy.policy import Policy
from rules.delays.delays import closed_on, expected_date, open_lines
from rules.delays.working_days import Calendar
from rules.early_warning.decision import next_morning
from rules.early_warning.facts import known_date

NEVER = date.max
"""The next check of an order that cannot have a change unless its facts change."""
DAY = timedelta(days=1)


def next_check_date(
    order: OrderFacts, last_notice: LastNotice | None, as_of: date, policy: Policy, calendar: Calendar
) -> date:
    """Return the first day after `as_of` on which an order could have a change while its facts stay as they are.

    NEVER where there is no such day.
    """
    lines = open_lines(order, as_of)
    days: list[date | None] = [order.cancelled_on]
    for line in lines:
        days += _change_dates(line, as_of, policy, calendar)
        days += closed_on(line)
        if last_notice is None:
            days.append(next_morning(line.promised_on, as_of, policy.warning, calendar))
        for parcel in line.shipments:
            days += [parcel.packed_on, parcel.shipped_on, parcel.delivered_on, parcel.cancelled_on]
    if last_notice:
        days += [line.expected_on + DAY for line in last_notice.lines if line.expected_on]
    return min((day for day in days if day is not None and day > as_of), default=NEVER)


def _change_dates(line: LineFacts, as_of: date, policy: Policy, calendar: Calendar) -> Iterator[date]:
    """Yield the days on which a line becomes late, reaches a worse bucket, or its expected date passes."""
    expected_on = expected_date(line, as_of)
    if expected_on is not None and expected_on > line.promised_on:
        yield expected_on + DAY
        if known_date(line) == expected_on:
            return
        # What is only an estimate is told when the promise has passed.
        yield line.promised_on + DAY
        return
    # On a day off the line is 0 working days late, but its promise is broken and its date unknown from then on.
    yield line.promised_on + DAY
    yield from (calendar.day_when(line.promised_on, bucket.from_days) for bucket in policy.bucket)
