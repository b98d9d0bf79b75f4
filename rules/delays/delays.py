"""When an order is late, by how many days and in which bucket, and what of that its customer does not know yet."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from models.decisions import Delay, LateLine
from models.enums import ChangeKind, Promise
from models.orders import LineFacts, NoticeLine, OrderFacts
from models.policy.policy import ON_TIME, Bucket, Policy
from rules.delays.buckets import bucket_for_days, severity
from rules.delays.working_days import Calendar
from rules.early_warning.facts import known_date


def is_open(line: LineFacts, as_of: date) -> bool:
    """Return True while pieces of a line are still owed to the customer, on a day."""
    is_over = any(day is not None and day <= as_of for day in closed_on(line))
    return not line.closed and not is_over and line.owed(as_of) > 0


def closed_on(line: LineFacts) -> tuple[date | None, ...]:
    """Return the dates of shipment, delivery and cancellation, each of which closes a line; None if unknown."""
    kept_on = (line.delivered_on,) if line.promise is Promise.DELIVER else (line.shipped_on, line.delivered_on)
    return (*kept_on, line.cancelled_on)


def open_lines(order: OrderFacts, as_of: date) -> tuple[LineFacts, ...]:
    """Return the lines that are open on a day; none of a cancelled order."""
    if order.cancelled_on is not None and order.cancelled_on <= as_of:
        return ()
    return tuple(line for line in order.lines if is_open(line, as_of))


def expected_date(line: LineFacts, as_of: date) -> date | None:
    """Return the date on which a line is expected; None where it is unknown, or has passed."""
    return line.expected_on if line.expected_on is not None and line.expected_on >= as_of else None


def late_line(line: LineFacts, as_of: date, calendar: Calendar) -> LateLine | None:
    """Return how late an open line is, counted to its expected date or else to today; None where it is not late.

    Until the promise has passed, only those of its days are known that do not rest on an estimate.
    """
    expected_on = expected_date(line, as_of)
    counted_to = expected_on or as_of
    if counted_to <= line.promised_on:
        return None
    days = calendar.days_late(line.promised_on, counted_to)
    if as_of > line.promised_on or not line.estimated:
        return LateLine(line, days, expected_on)
    known_on = min(known_date(line) or line.promised_on, counted_to)
    return LateLine(line, days, expected_on, known_days=max(0, calendar.days_late(line.promised_on, known_on)))


def delay_of(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Delay | None:
    """Return how late an order is on a day: as late as its latest line, in the bucket of those days.

    None where it is unpaid, or not late enough for the policy's first bucket.
    """
    if order.unpaid:
        return None
    lines = open_lines(order, as_of)
    late_lines = [late for line in lines if (late := late_line(line, as_of, calendar))]
    days = max((late.days for late in late_lines), default=0)
    bucket = bucket_for_days(days, policy)
    if bucket is None:
        return None
    late_numbers = {late.line.number for late in late_lines}
    return Delay(
        order=order,
        as_of=as_of,
        days=days,
        bucket=bucket.name,
        expected_on=last_expected_date(late_lines),
        late=tuple(late_lines),
        on_time=tuple(line for line in lines if line.number not in late_numbers),
    )


def last_expected_date(late_lines: Iterable[LateLine]) -> date | None:
    """Return the day by which all late lines are expected; None where the date of any is unknown."""
    dates = [late.expected_on for late in late_lines]
    return None if None in dates else max(day for day in dates if day is not None)


def change_of(delay: Delay, policy: Policy) -> ChangeKind | None:
    """Return what about a delay its customer does not know yet; None where they were told all of it.

    * A date that was communicated is a promise: when it slips, passes or becomes unknown, that is a change.
    * An unknown date that stays unknown is no change until the delay reaches a worse bucket.
    * A line that has arrived is no bad news, however late it is; `good_news` reports it.
    * Where staff left a delay uncommunicated when the shop went live, the next change is a first notice.
    * A delay that rests on an estimate is none until it is known, or the promise has passed. Nor was anything told of a
      delay where the customer was only warned.
    """
    last_notice = delay.order.told
    if last_notice is None or last_notice.warned:
        return ChangeKind.FIRST if known_bucket(delay, policy) else None
    change = _change_since_notice(delay, policy)
    return ChangeKind.FIRST if change is not None and last_notice.assumed else change


def _change_since_notice(delay: Delay, policy: Policy) -> ChangeKind | None:
    pairs = [(late, noticed) for late, noticed in _with_notice_lines(delay) if noticed or late.is_known]
    known = [noticed for _, noticed in pairs if noticed is not None]
    waiting = [(late, noticed) for late, noticed in pairs if noticed is None or not is_in_stock(late, policy)]
    bucket = bucket_for_days(max((late.days for late, _ in waiting), default=0), policy)
    if known and bucket:
        worst_known = max(severity(noticed.bucket, policy) for noticed in known)
        if severity(bucket.name, policy) > worst_known:
            return ChangeKind.WORSE
    if lapsed := _lapsed_dates(waiting, delay.as_of, policy):
        return ChangeKind.PASSED if min(lapsed) < delay.as_of else ChangeKind.SLIPPED
    new_buckets = (bucket_for_days(late.days_known, policy) for late, noticed in waiting if noticed is None)
    return ChangeKind.ANOTHER if any(bucket is not None and bucket.notify for bucket in new_buckets) else None


def known_bucket(delay: Delay, policy: Policy) -> Bucket | None:
    """Return the bucket of the days that an order is known to be late; None where they are too few for the first one.

    Days of an estimate are not known before the promise has passed.
    """
    return bucket_for_days(max(late.days_known for late in delay.late), policy)


def is_in_stock(late: LateLine, policy: Policy) -> bool:
    """Return True where a line is in stock with a day on which it can leave, and the policy reports good news.

    A line in stock without such a day should have left already, and the reason why it did not is unknown.
    """
    return policy.restock.good_news and late.line.ready and late.expected_on is not None


def began_on(delay: Delay) -> date:
    """Return the day on which a delay began, or will begin: the first one after the earliest broken promise."""
    return min(late.line.promised_on for late in delay.late) + timedelta(days=1)


def lapsed_date(delay: Delay, policy: Policy) -> date | None:
    """Return the earliest communicated date that does not hold any more; None where all hold."""
    return min(_lapsed_dates(_with_notice_lines(delay), delay.as_of, policy), default=None)


def _with_notice_lines(delay: Delay) -> list[tuple[LateLine, NoticeLine | None]]:
    """Pair each late line with what the last notice says of it; None for a line that has a new promise since."""
    noticed = {line.number: line for line in delay.order.told.lines} if delay.order.told else {}
    pairs = ((late, noticed.get(late.line.number)) for late in delay.late)
    return [(late, line if line and line.promised_on == late.line.promised_on else None) for late, line in pairs]


def _lapsed_dates(pairs: Iterable[tuple[LateLine, NoticeLine | None]], as_of: date, policy: Policy) -> list[date]:
    lapsed = (lapsed_on(late, noticed, as_of, policy) for late, noticed in pairs if noticed is not None)
    return [day for day in lapsed if day is not None]


def lapsed_on(late: LateLine, noticed: NoticeLine, as_of: date, policy: Policy) -> date | None:
    """Return the communicated date of a line where it has passed, slipped or become unknown; None where it holds.

    A date slips by `contact.slip_days` of the policy or more.
    """
    day = noticed.expected_on
    if day is None:
        return None
    slipped_from = day + timedelta(days=policy.contact.slip_days)
    holds = day >= as_of and late.expected_on is not None and late.expected_on < slipped_from
    return None if holds else day


def notice_lines(delay: Delay, policy: Policy) -> tuple[NoticeLine, ...]:
    """Return what a notice about a delay says of each late line."""
    lines = []
    for late in delay.late:
        if delay.likely:
            owed = late.line.owed(delay.as_of)
            warned = NoticeLine(
                late.line.number, late.line.promised_on, None, ON_TIME, late.line.ready, owed, warned=True
            )
            lines.append(warned)
            continue
        bucket = bucket_for_days(late.days, policy)
        lines.append(
            NoticeLine(
                late.line.number,
                late.line.promised_on,
                late.expected_on,
                bucket.name if bucket else ON_TIME,
                late.line.ready,
                late.line.owed(delay.as_of),
            )
        )
    return tuple(lines)


def late_dates(order: OrderFacts, as_of: date) -> set[tuple[str, date, date | None]]:
    """Return number, promised date and expected date of each line that is late on a day."""
    return {
        (number, promised_on, expected_on)
        for number, promised_on, expected_on in _open_dates(order, as_of)
        if (expected_on or as_of) > promised_on
    }


def _open_dates(order: OrderFacts, as_of: date) -> set[tuple[str, date, date | None]]:
    return {(line.number, line.promised_on, expected_date(line, as_of)) for line in open_lines(order, as_of)}


def still_true(noticed: Collection[NoticeLine], order: OrderFacts, as_of: date) -> bool:
    """Return True where a notice is still true on a day.

    Each of its lines is open with the same dates, as many pieces owed, and in stock if it says so; and it leaves out
    no late line. The policy plays no part: a notice stays true when the shop changes its buckets. A warning is true
    while all that it names is open and its promise stands.
    """
    if order.unpaid:
        return False
    owed = {line.number: line.owed(as_of) for line in order.lines}
    if any(line.owed is not None and line.owed != owed.get(line.number) for line in noticed):
        return False
    not_ready = {line.number for line in order.lines if not line.ready}
    if any(line.ready and line.number in not_ready for line in noticed):
        return False
    if any(line.warned for line in noticed):
        standing = {
            (number, promised_on) for number, promised_on, _ in _open_dates(order, as_of) if promised_on >= as_of
        }
        return {(line.number, line.promised_on) for line in noticed} <= standing
    noticed_dates = {(line.number, line.promised_on, line.expected_on) for line in noticed}
    return late_dates(order, as_of) <= noticed_dates <= _open_dates(order, as_of)
