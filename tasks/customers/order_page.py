"""Load an order's page: what its customer sees and may choose, computed from the ledger as it is now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select

from models.customers import OrderPage
from models.enums import GOOD_CHANGES
from models.orders import LineFacts, OrderFacts
from models.promise_clock import NO_CHANGE, NO_RIGHTS, Silence
from models.shipments import Parcel
from rules.customers.headlines import headline
from rules.customers.page_items import DateRange, LineOutlook, page_parcels
from rules.customers.standing import closing_choices
from rules.delays.delays import change_of, delay_of, open_lines
from rules.delays.good_news import good_news
from rules.early_warning.facts import is_assured
from rules.early_warning.likely import may_come
from rules.promise_clock.clock import stand
from rules.promise_clock.public_holidays import public_holidays
from rules.promise_clock.silence import order_silence, rights_of, silence_of
from tasks.context import Context
from tasks.customers.open_choices import load_open_choices
from tasks.customers.order_now import OrderNow, load_order_now
from tasks.customers.sent_messages import load_sent_messages
from tasks.promise_clock.facts import load_line_clocks
from tasks.shipments.remaining import remaining_parcels
from tasks.tables import EXPECTED_DATES

CURRENT_DATES = select(*(EXPECTED_DATES.c[name] for name in ("line", "expected_on", "earliest_on", "latest_on"))).where(
    EXPECTED_DATES.c.order_id == bindparam("order"), EXPECTED_DATES.c.ended_at.is_(None)
)


def load_order_page(context: Context, connection: Connection, order_id: str, as_of: date, now: datetime) -> OrderPage:
    """Return the page of an order; raises ForewarnError where it is unknown."""
    context = context.with_run(context.run_id, as_of, now)
    return page_of(context, connection, load_order_now(context, connection, order_id, as_of))


def page_of(context: Context, connection: Connection, order: OrderNow) -> OrderPage:
    """Return the page of an order as it was loaded on the context's day."""
    order_id, as_of = order.sold.id, order.as_of
    may_be_late = _may_be_late(order)
    outlook = _outlook(context, connection, order, may_be_late)
    latest = max(order.late, key=lambda late: late.days, default=None)
    last = next((late.line.number for late in order.late if late.expected_on == order.expected_on), "")
    earliest_on, latest_on = outlook.ranges.get(last, (None, None))
    if may_be_late:
        earliest_on, latest_on = may_come(may_be_late, as_of, context.policy, context.calendar)
    customer = order.sold.customer
    return OrderPage(
        order_id=order.sold.id,
        placed_on=order.sold.placed_on,
        customer_id=customer.id,
        customer_name=customer.name,
        locale=customer.locale,
        currency=order.sold.currency,
        headline=headline(
            order.sold,
            order.late,
            order.choices,
            as_of,
            good_news=_is_good_news(context, order),
            may_be_late=bool(may_be_late),
        ),
        expected_on=order.expected_on,
        earliest_on=earliest_on,
        latest_on=latest_on,
        promised_on=latest.line.promised_on if latest else None,
        days_late=latest.days if latest else 0,
        reason=outlook.reasons.get(latest.line.number) if latest else None,
        parcels=page_parcels(order.sold, outlook, as_of),
        messages=load_sent_messages(connection, order_id, customer),
        choices=order.choices,
        open=load_open_choices(context, connection, order),
        notice_id=order.last_notice[0] if order.last_notice else None,
        silence=_silence(context, connection, order),
        rights=rights_of(order.rules) if order.late else NO_RIGHTS,
    )


def _silence(context: Context, connection: Connection, order: OrderNow) -> Silence | None:
    """Return what silence means now, by the notices that have left; only a few countries let it mean anything."""
    if not order.rules.option_notice or not order.late:
        return NO_CHANGE
    late = {late.line.number for late in order.late}
    clocks = load_line_clocks(context, connection, [order.sold.id], order.as_of)[order.sold.id]
    holidays = public_holidays(order.rules.holidays)
    told = (replace(clock.facts, cannot_meet=False) for clock in clocks if clock.line.number in late)
    return order_silence(silence_of(stand(facts, order.rules, order.as_of, holidays)) for facts in told)


def _outlook(
    context: Context, connection: Connection, order: OrderNow, may_be_late: Sequence[LineFacts]
) -> LineOutlook:
    return LineOutlook(
        late={late.line.number: late for late in order.late if late.is_known},
        closing=closing_choices(order.choices),
        reasons={line.number: line.reason for line in order.owed.lines if line.reason is not None},
        ranges=_load_ranges(connection, order.owed, order.as_of),
        likely=frozenset(line.number for line in may_be_late),
        planned=_load_planned(context, connection, order),
    )


def _load_planned(context: Context, connection: Connection, order: OrderNow) -> tuple[Parcel, ...]:
    """Return the parcels still to leave of an order that is sent in several."""
    if len(order.to_send) < 2:
        return ()
    return remaining_parcels(context, connection, [order.owed.id], order.as_of).get(order.owed.id, ())


def _load_ranges(connection: Connection, order: OrderFacts, as_of: date) -> dict[str, DateRange]:
    """Return between which days lines are expected, by number; a line that waits for a parcel has no such range."""
    expected = {line.number: line.expected_on for line in order.lines if line.expected_on is not None}
    return {
        row.line: (max(row.earliest_on, as_of), row.latest_on)
        for row in connection.execute(CURRENT_DATES, {"order": order.id})
        if row.earliest_on and row.latest_on and expected.get(row.line) == row.expected_on
        if max(row.earliest_on, as_of) < row.latest_on and row.expected_on >= as_of
    }


def _may_be_late(order: OrderNow) -> tuple[LineFacts, ...]:
    """Return the lines that may be late, where nothing of an order is known to be, and nothing of a delay was told.

    They are those of a warning whose promise stands, and those that are late by an estimate alone; without those of
    which the carrier or staff say that they come as promised.
    """
    told = order.owed.told
    if any(late.is_known for late in order.late) or (told is not None and not told.warned):
        return ()
    warned = {(line.number, line.promised_on) for line in told.lines if line.warned} if told else set()
    estimated = {late.line.number for late in order.late}
    return tuple(
        line
        for line in open_lines(order.owed, order.as_of)
        if not is_assured(line, order.as_of)
        and (
            line.number in estimated or ((line.number, line.promised_on) in warned and line.promised_on >= order.as_of)
        )
    )


def _is_good_news(context: Context, order: OrderNow) -> bool:
    """Return whether what was told last was good and still holds, or something has become better since."""
    if order.owed.told is None or order.owed.told.assumed:
        return False
    delay = delay_of(order.owed, order.as_of, context.policy, context.calendar)
    if delay is not None and change_of(delay, context.policy) is not None:
        return False
    told_good = order.last_notice is not None and order.last_notice[1] in GOOD_CHANGES
    news = good_news(order.owed, order.as_of, context.policy, context.calendar)
    return told_good or (news is not None and news[0] in GOOD_CHANGES)
