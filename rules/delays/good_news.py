"""When a delay that was told is over, is shorter than told, or has a date at last: the customer hears of it."""

from datetime import date, timedelta

from models.decisions import Delay, LateLine
from models.enums import ChangeKind
from models.orders import LineFacts, NoticeLine, OrderFacts
from models.policy.policy import ON_TIME, Policy
from rules.delays.delays import bucket_for, expected_date, is_in_stock, lapsed_on, late_line, open_lines
from rules.delays.working_days import Calendar


def good_news(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> tuple[ChangeKind, Delay] | None:
    """Say what became better since the customer was told; None where nothing did, or nothing was told.

    A first date for what had none is told plainly, also by shops that leave good news unsaid: it may be a bad one.
    The delay names every open line that was told or is late, with the days that are left of it: none, where the
    promise can be kept after all.
    """
    if order.told is None or order.told.assumed:
        return None
    told = {(one.number, one.promised_on): one for one in order.told.lines}
    lines = open_lines(order, as_of)
    heard = [(line, told[key]) for line in lines if (key := (line.number, line.promised_on)) in told]
    better = {found for line, before in heard if (found := _better(line, before, as_of, policy))}
    if not policy.restock.good_news:
        better &= {ChangeKind.DATED}
    if not better:
        return None
    delay = _delay(order, as_of, lines, {line.number for line, _ in heard}, policy, calendar)
    return next(news for news in (ChangeKind.READY, ChangeKind.DATED, ChangeKind.EARLIER) if news in better), delay


def _better(line: LineFacts, before: NoticeLine, as_of: date, policy: Policy) -> ChangeKind | None:
    day = expected_date(line, as_of)
    if line.ready and policy.restock.good_news:
        now = LateLine(line, 0, day)
        back = is_in_stock(now, policy) and lapsed_on(now, before, as_of, policy)
        return ChangeKind.READY if back or not before.ready else None
    if day is None:
        return None
    if before.expected_on is None:
        return ChangeKind.DATED
    return ChangeKind.EARLIER if day <= before.expected_on - timedelta(days=policy.restock.earlier_days) else None


def _delay(
    order: OrderFacts,
    as_of: date,
    lines: tuple[LineFacts, ...],
    heard: set[str],
    policy: Policy,
    calendar: Calendar,
) -> Delay:
    late = {line.number: found for line in lines if (found := late_line(line, as_of, calendar))}
    named = [
        late.get(line.number) or LateLine(line, 0, expected_date(line, as_of))
        for line in lines
        if line.number in late or line.number in heard
    ]
    dates = [one.expected_on for one in named]
    days = max(one.days for one in named)
    bucket = bucket_for(days, policy)
    return Delay(
        order=order,
        as_of=as_of,
        days=days,
        bucket=bucket.name if bucket else ON_TIME,
        expected_on=None if None in dates else max(day for day in dates if day is not None),
        late=tuple(named),
        on_time=tuple(line for line in lines if line.number not in late and line.number not in heard),
    )
