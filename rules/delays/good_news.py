"""Find what became better since the last notice: goods have arrived, a date is earlier, or is known at last."""

from datetime import date, timedelta

from models.decisions import Delay, LateLine
from models.enums import ChangeKind
from models.orders import LineFacts, NoticeLine, OrderFacts
from models.policy.policy import ON_TIME, Policy
from rules.delays.buckets import bucket_for_days
from rules.delays.delays import expected_date, is_in_stock, lapsed_on, last_expected_date, late_line, open_lines
from rules.delays.working_days import Calendar

BY_IMPORTANCE = (ChangeKind.READY, ChangeKind.DATED, ChangeKind.EARLIER)


def good_news(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> tuple[ChangeKind, Delay] | None:
    """Return what became better since the last notice, and the delay to report; None where nothing did.

    A first date is reported also where the policy's `restock.good_news` is off: it may be a bad one. The delay names
    each open line that the last notice named or that is late, with its days late: 0 where the promise can be kept.
    """
    if order.told is None or order.told.assumed:
        return None
    noticed = {(line.number, line.promised_on): line for line in order.told.lines}
    lines = open_lines(order, as_of)
    pairs = [(line, noticed[key]) for line in lines if (key := (line.number, line.promised_on)) in noticed]
    changes = {change for line, notice in pairs if (change := _improvement(line, notice, as_of, policy))}
    if not policy.restock.good_news:
        changes &= {ChangeKind.DATED}
    if not changes:
        return None
    delay = _delay(order, as_of, lines, {line.number for line, _ in pairs}, policy, calendar)
    return next(change for change in BY_IMPORTANCE if change in changes), delay


def _improvement(line: LineFacts, noticed: NoticeLine, as_of: date, policy: Policy) -> ChangeKind | None:
    """Return what became better about a line since a notice."""
    expected_on = expected_date(line, as_of)
    if line.ready and policy.restock.good_news:
        current = LateLine(line, 0, expected_on)
        has_new_date = is_in_stock(current, policy) and lapsed_on(current, noticed, as_of, policy)
        return ChangeKind.READY if has_new_date or not noticed.ready else None
    if expected_on is None:
        return None
    if noticed.expected_on is None:
        return ChangeKind.DATED
    early_enough = noticed.expected_on - timedelta(days=policy.restock.earlier_days)
    return ChangeKind.EARLIER if expected_on <= early_enough else None


def _delay(
    order: OrderFacts,
    as_of: date,
    lines: tuple[LineFacts, ...],
    noticed: set[str],
    policy: Policy,
    calendar: Calendar,
) -> Delay:
    """Return the delay of the lines that are late or that the last notice named, by their numbers."""
    late = {line.number: found for line in lines if (found := late_line(line, as_of, calendar))}
    reported = [
        late.get(line.number) or LateLine(line, 0, expected_date(line, as_of))
        for line in lines
        if line.number in late or line.number in noticed
    ]
    days = max(line.days for line in reported)
    bucket = bucket_for_days(days, policy)
    return Delay(
        order=order,
        as_of=as_of,
        days=days,
        bucket=bucket.name if bucket else ON_TIME,
        expected_on=last_expected_date(reported),
        late=tuple(reported),
        on_time=tuple(line for line in lines if line.number not in late and line.number not in noticed),
    )
