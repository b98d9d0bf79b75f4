"""Which of an order's notices count for a line: the one that first names a date, and each that names a later one."""

from collections.abc import Iterable, Iterator

from models.promise_clock import ClockNotice


def delay_notices(notices: Iterable[ClockNotice]) -> tuple[ClockNotice, ...]:
    """Return the notices that tell of a delay, in the order of their days.

    An order's notice repeats what is known of a line whenever another line slips: that gives no new delay, and takes
    nothing back that the customer agreed to. A notice that did not count leaves its place to the next one.
    """
    return tuple(_delays(sorted(notices, key=lambda each: each.given_on)))


def _delays(notices: Iterable[ClockNotice]) -> Iterator[ClockNotice]:
    last: ClockNotice | None = None
    for notice in notices:
        if last is not None and not _is_later(notice, last):
            continue
        if notice.counts:
            last = notice
        yield notice


def _is_later(notice: ClockNotice, last: ClockNotice) -> bool:
    """Return whether a notice names a later date than the last one, or none where that named one."""
    if last.revised_on is None:
        return False
    return notice.revised_on is None or notice.revised_on > last.revised_on
