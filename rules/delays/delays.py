"""When an order is late, by how many days, in which bucket, and whether that is news."""

import math
from collections.abc import Collection, Iterable
from datetime import date, timedelta

from models.decisions import Delay, LateLine
from models.enums import ChangeKind, Promise
from models.orders import LineFacts, NoticeLine, OrderFacts
from models.policy.policy import ON_TIME, Bucket, Policy
from rules.delays.working_days import Calendar


def is_open(line: LineFacts, as_of: date) -> bool:
    """Say whether a line still awaits what was promised, on a day."""
    over = any(day is not None and day <= as_of for day in closed_on(line))
    return not line.closed and not over and line.owed(as_of) > 0


def closed_on(line: LineFacts) -> tuple[date | None, ...]:
    """Return the days on which a line stops being open, as far as they are known."""
    kept = (line.delivered_on,) if line.promise is Promise.DELIVER else (line.shipped_on, line.delivered_on)
    return (*kept, line.cancelled_on)


def open_lines(order: OrderFacts, as_of: date) -> tuple[LineFacts, ...]:
    """Return the lines still open on a day; none of a cancelled order."""
    if order.cancelled_on is not None and order.cancelled_on <= as_of:
        return ()
    return tuple(line for line in order.lines if is_open(line, as_of))


def expected_date(line: LineFacts, as_of: date) -> date | None:
    """Return the date a line is expected; None once that date has passed: it is then as good as unknown."""
    return line.expected_on if line.expected_on is not None and line.expected_on >= as_of else None


def late_line(line: LineFacts, as_of: date, calendar: Calendar) -> LateLine | None:
    """Say how late an open line is; None where it can still come on time."""
    day = expected_date(line, as_of)
    if (day or as_of) <= line.promised_on:
        return None
    return LateLine(line, calendar.days_late(line.promised_on, day or as_of), day)


def bucket_for(days: int, policy: Policy) -> Bucket | None:
    """Return the bucket of so many days late; None below the first."""
    return next((bucket for bucket in reversed(policy.bucket) if days >= bucket.from_days), None)


def delay_of(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Delay | None:
    """Say how late an order is on a day: as late as its latest line; None where it is not."""
    if order.unpaid:
        return None
    lines = open_lines(order, as_of)
    late = [found for line in lines if (found := late_line(line, as_of, calendar))]
    bucket = bucket_for(max((one.days for one in late), default=0), policy)
    if bucket is None:
        return None
    dates = [one.expected_on for one in late]
    behind = {one.line.number for one in late}
    return Delay(
        order=order,
        as_of=as_of,
        days=max(one.days for one in late),
        bucket=bucket.name,
        expected_on=None if None in dates else max(day for day in dates if day is not None),
        late=tuple(late),
        on_time=tuple(line for line in lines if line.number not in behind),
    )


def change_of(delay: Delay, policy: Policy) -> ChangeKind | None:
    """Say what about a delay the customer does not know yet; None where they were told all of it.

    A told date is a promise renewed: when it slips, passes or turns unknown, that is news. An unknown date that
    stays unknown is not, until the delay reaches a worse bucket. A line that arrived is no bad news, however late it
    is: `good_news` tells of it. Where staff left a delay untold on purpose,
    the first change since is the first that the customer hears.
    """
    told = delay.order.told
    if told is None:
        return ChangeKind.FIRST
    change = _change(delay, policy)
    return ChangeKind.FIRST if change is not None and told.assumed else change


def _change(delay: Delay, policy: Policy) -> ChangeKind | None:
    pairs = _communicated_date(delay)
    heard = [before for _, before in pairs if before is not None]
    waiting = [(one, before) for one, before in pairs if before is None or not is_in_stock(one, policy)]
    bucket = bucket_for(max((one.days for one, _ in waiting), default=0), policy)
    if heard and bucket and _rank(bucket.name, policy) > max(_rank(before.bucket, policy) for before in heard):
        return ChangeKind.WORSE
    if broken := _broken(waiting, delay.as_of, policy):
        return ChangeKind.PASSED if min(broken) < delay.as_of else ChangeKind.SLIPPED
    new = (bucket_for(one.days, policy) for one, before in waiting if before is None)
    return ChangeKind.ANOTHER if any(bucket is not None and bucket.notify for bucket in new) else None


def is_in_stock(one: LateLine, policy: Policy) -> bool:
    """Say whether a line lies in stock with a day on which it can go, and the shop tells such good news.

    What lies in stock without a day did not leave in time: nobody knows what keeps it.
    """
    return policy.restock.good_news and one.line.ready and one.expected_on is not None


def began_on(delay: Delay) -> date:
    """Return the day on which a delay began, or will: the first one after the earliest promise that is not kept."""
    return min(one.line.promised_on for one in delay.late) + timedelta(days=1)


def lapsed_date(delay: Delay, policy: Policy) -> date | None:
    """Return the first date told that does not hold any more."""
    return min(_broken(_communicated_date(delay), delay.as_of, policy), default=None)


def _communicated_date(delay: Delay) -> list[tuple[LateLine, NoticeLine | None]]:
    """Pair each late line with what was told of it; a line with a new promise since was told nothing."""
    told = {one.number: one for one in delay.order.told.lines} if delay.order.told else {}
    pairs = ((one, told.get(one.line.number)) for one in delay.late)
    return [(one, before if before and before.promised_on == one.line.promised_on else None) for one, before in pairs]


def _broken(pairs: Iterable[tuple[LateLine, NoticeLine | None]], as_of: date, policy: Policy) -> list[date]:
    found = (lapsed_on(one, before, as_of, policy) for one, before in pairs if before is not None)
    return [day for day in found if day is not None]


def lapsed_on(one: LateLine, before: NoticeLine, as_of: date, policy: Policy) -> date | None:
    """Return the date told of a line where it has passed, slipped or become unknown; None where it stands."""
    day, slip = before.expected_on, timedelta(days=policy.contact.slip_days)
    if day is None or (day >= as_of and one.expected_on is not None and one.expected_on < day + slip):
        return None
    return day


def _rank(bucket: str, policy: Policy) -> float:
    """Return how bad a bucket is; nothing is worse than one that the policy has no more: some delay was told."""
    names = [ON_TIME, *(one.name for one in policy.bucket)]
    return names.index(bucket) if bucket in names else math.inf


def told_lines(delay: Delay, policy: Policy) -> tuple[NoticeLine, ...]:
    """Return what a notice about a delay tells of each late line."""
    return tuple(
        NoticeLine(
            one.line.number,
            one.line.promised_on,
            one.expected_on,
            bucket.name if bucket else ON_TIME,
            one.line.ready,
            one.line.owed(delay.as_of),
        )
        for one in delay.late
        for bucket in (bucket_for(one.days, policy),)
    )


def late_dates(order: OrderFacts, as_of: date) -> set[tuple[str, date, date | None]]:
    """Return number, promised and expected date of each line late on a day."""
    return {
        (number, promised_on, day)
        for number, promised_on, day in _current_line(order, as_of)
        if (day or as_of) > promised_on
    }


def _current_line(order: OrderFacts, as_of: date) -> set[tuple[str, date, date | None]]:
    return {(line.number, line.promised_on, expected_date(line, as_of)) for line in open_lines(order, as_of)}


def still_true(said: Collection[NoticeLine], order: OrderFacts, as_of: date) -> bool:
    """Say whether words are still true on a day: every line stands as they say, and they leave out none that is late.

    As many pieces of a line must still be owed as they say. No policy plays a part: a notice is not untrue because the
    shop changed its mind about buckets.
    """
    if order.unpaid:
        return False
    told = {(one.number, one.promised_on, one.expected_on) for one in said}
    owed = {line.number: line.owed(as_of) for line in order.lines}
    if any(one.owed is not None and one.owed != owed.get(one.number) for one in said):
        return False
    unready = {line.number for line in order.lines if not line.ready}
    kept = not any(one.ready and one.number in unready for one in said)
    return kept and late_dates(order, as_of) <= told <= _current_line(order, as_of)
