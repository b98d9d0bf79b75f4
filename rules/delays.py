"""When an order is late, by how many days, in which bucket, and whether that is news."""

from datetime import date, timedelta

from models.policy import Bucket, Policy
from models.values import Delay, LateLine, LineFacts, News, OrderFacts, Promise
from rules.working_days import Calendar


def is_open(line: LineFacts, as_of: date) -> bool:
    """Say whether a line still awaits what was promised, on a day."""
    return not any(day is not None and day <= as_of for day in _ends(line))


def _ends(line: LineFacts) -> tuple[date | None, ...]:
    kept = (line.delivered_on,) if line.promise is Promise.DELIVER else (line.shipped_on, line.delivered_on)
    return (*kept, line.cancelled_on)


def open_lines(order: OrderFacts, as_of: date) -> tuple[LineFacts, ...]:
    """Return the lines still open on a day; none of a cancelled order."""
    if order.cancelled_on is not None and order.cancelled_on <= as_of:
        return ()
    return tuple(line for line in order.lines if is_open(line, as_of))


def expected(line: LineFacts, as_of: date) -> date | None:
    """Return the date a line is expected; None once that date has passed: it is then as good as unknown."""
    return line.expected_on if line.expected_on is not None and line.expected_on >= as_of else None


def late_line(line: LineFacts, as_of: date, calendar: Calendar) -> LateLine | None:
    """Say how late an open line is; None where it can still come on time."""
    day = expected(line, as_of)
    if (day or as_of) <= line.promised_on:
        return None
    return LateLine(line, calendar.days_late(line.promised_on, day or as_of), day)


def bucket_for(days: int, policy: Policy) -> Bucket | None:
    """Return the bucket of so many days late; None below the first."""
    return next((bucket for bucket in reversed(policy.bucket) if days >= bucket.from_days), None)


def delay_of(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Delay | None:
    """Say how late an order is on a day: as late as its latest line; None where it is not."""
    lines = open_lines(order, as_of)
    late = [found for line in lines if (found := late_line(line, as_of, calendar))]
    bucket = bucket_for(max((one.days for one in late), default=0), policy)
    if bucket is None:
        return None
    late.sort(key=lambda one: (-one.days, one.line.number))
    dates = [one.expected_on for one in late]
    behind = {one.line.number for one in late}
    return Delay(
        order=order,
        as_of=as_of,
        days=late[0].days,
        bucket=bucket.name,
        expected_on=None if None in dates else max(day for day in dates if day is not None),
        late=tuple(late),
        on_time=tuple(line for line in lines if line.number not in behind),
    )


def news(delay: Delay, policy: Policy) -> News | None:
    """Say what about a delay the customer does not know yet; None where they were told all of it.

    A told date is a promise renewed: when it slips, passes or turns unknown, that is news. An unknown date that
    stays unknown is not, until the delay reaches a worse bucket.
    """
    told = delay.order.told
    if told is None:
        return News.FIRST
    order = [bucket.name for bucket in policy.bucket]
    # A bucket that the policy no longer has cannot be compared: the customer was told of some delay, and that holds.
    if told.bucket in order and order.index(delay.bucket) > order.index(told.bucket):
        return News.WORSE
    if told.expected_on is None:
        return None
    if told.expected_on < delay.as_of:
        return News.PASSED
    slip = timedelta(days=policy.contact.slip_days)
    if delay.expected_on is None or delay.expected_on >= told.expected_on + slip:
        return News.SLIPPED
    return None
