"""Select an order with its customer, watch, lines and products, and turn the rows into facts: a function per table."""

from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from operator import attrgetter
from typing import Any

from sqlalchemy import CTE, Column, Connection, Label, Select, Table, and_, func, select

from models.date_basis import basis_from_data
from models.enums import Promise
from models.inventory import DateSource
from models.orders import CustomerFacts, LastNotice, LineFacts, LineKey, NoticeLine, OrderFacts, ProductFacts, Shipment
from models.reasons import DelayReason
from rules.delays.line_order import natural_key
from rules.early_warning.facts import DateStanding, date_standing, known_with_parcels
from rules.promise_clock.regions import region_of
from rules.shipments.holds import effective_date, held_lines
from tasks.context import Context
from tasks.orders.filters import CLOSED_FILTER, CURRENT_DATE_FILTER, EXPECTED_ON_CLAUSE
from tasks.tables import (
    CUSTOMERS,
    EXPECTED_DATES,
    ORDER_INSTRUCTIONS,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    SHIPPING_PLANS,
    WATCHES,
)

PROMISED_COLUMNS = [
    ORDER_LINES.c.promised_on,
    *(ORDERS.c[name] for name in ("placed_at", "paid_at", "shipping_method")),
    ORDER_LINES.c.promise,
    func.coalesce(ORDERS.c.country, CUSTOMERS.c.country).label("country"),
]
"""What a line's promise is computed from, in the order of `Context.promised_day`; the query joins CUSTOMERS."""
PRODUCT_COLUMNS: list[Column[Any]] = [PRODUCTS.c[field.name] for field in fields(ProductFacts)]
"""The columns of ProductFacts, in its order."""
IN_STOCK_CLAUSE = and_(EXPECTED_DATES.c.source == DateSource.STOCK, EXPECTED_DATES.c.basis.is_not(None)).label(
    "all_in_stock"
)
"""The SQL of a line of which all pieces are in stock: only then does a date from stock have a basis."""


def _labelled(prefix: str, table: Table, names: Iterable[str]) -> list[Label[Any]]:
    return [table.c[name].label(f"{prefix}_{name}") for name in names]


ORDER_FACTS_COLUMNS = [
    *PROMISED_COLUMNS,
    *_labelled("order", ORDERS, ("id", "cancelled_at", "currency", "shipping_fee", "url", "unpaid", "postcode")),
    SHIPPING_PLANS.c.parcels.label("planned_parcels"),
    *(ORDER_INSTRUCTIONS.c[name] for name in ("held_at", "held_by", "critical_at")),
    *_labelled("customer", CUSTOMERS, (field.name for field in fields(CustomerFacts))),
    *_labelled("watch", WATCHES, ("version", "next_check_on", "bucket", "revision")),
    *_labelled("watch", WATCHES, ("baseline_revision", "baseline_on", "baseline_lines", "baseline_to")),
    *_labelled("line", ORDER_LINES, ("number", "quantity", "price", "shipped", "cancelled", "returned", "packed")),
    *_labelled("line", ORDER_LINES, ("shipped_at", "delivered_at", "cancelled_at", "delay_reason", "exclusion")),
    EXPECTED_ON_CLAUSE.label("line_expected_on"),
    ORDER_LINES.c.expected_source.label("line_expected_source"),
    EXPECTED_DATES.c.in_stock.label("stored_date_in_stock"),
    *_labelled("stored_date", EXPECTED_DATES, ("source", "basis")),
    IN_STOCK_CLAUSE,
    CLOSED_FILTER.label("line_closed"),
    func.coalesce(ORDER_LINES.c.ended, ORDERS.c.ended).label("line_ended"),
    *_labelled("product", PRODUCTS, (*(field.name for field in fields(ProductFacts)), "vendor_id", "drop_shipped")),
]
OrderRow: Any = namedtuple("OrderRow", [column.name for column in ORDER_FACTS_COLUMNS])  # type: ignore[misc]  # computed
"""A row of `select_orders`; a field of SQLAlchemy's own rows takes ten times as long to read."""
_promised_values = attrgetter(*(column.name for column in PROMISED_COLUMNS))
_customer_values = attrgetter(*(f"customer_{field.name}" for field in fields(CustomerFacts)))
_product_values = attrgetter(*(f"product_{field.name}" for field in fields(ProductFacts)))


@dataclass(frozen=True, slots=True)
class WatchedOrder:
    """An order with its watch as it was read; a later write compares the watch's version."""

    order: OrderFacts
    version: int
    next_check_on: date
    bucket: str | None
    notices: tuple[LastNotice, ...] = ()
    """What its present customer was told, by revision; the last one is `order.told`."""

    def with_notices(self, notices: Sequence[LastNotice]) -> "WatchedOrder":
        """Return the order with the notices that have left, after the delay that staff left untold, if any."""
        told = tuple(sorted((*self.notices, *notices), key=attrgetter("revision")))
        return replace(self, order=replace(self.order, told=told[-1] if told else None), notices=told)

    def with_only(self, notices: Sequence[LastNotice]) -> "WatchedOrder":
        """Return the order as if only these notices had left; the delay that staff left untold stays."""
        baseline = tuple(notice for notice in self.notices if notice.assumed)
        return replace(self, notices=baseline).with_notices(notices)

    def before(self, revision: int) -> "WatchedOrder":
        """Return the order as it was when a notice of this revision was written, with today's facts."""
        earlier = tuple(notice for notice in self.notices if notice.revision < revision)
        order = replace(self.order, told=earlier[-1] if earlier else None, revision=revision - 1)
        return replace(self, order=order, notices=earlier)


def select_orders(page: CTE) -> Select[Any]:
    """Return the SELECT of the orders whose ids a CTE lists: a row for each line, one for an order without lines."""
    return select(*ORDER_FACTS_COLUMNS).select_from(
        page.join(ORDERS, ORDERS.c.id == page.c.id)
        .join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .outerjoin(WATCHES, WATCHES.c.order_id == ORDERS.c.id)
        .outerjoin(SHIPPING_PLANS, SHIPPING_PLANS.c.order_id == ORDERS.c.id)
        .outerjoin(ORDER_INSTRUCTIONS, ORDER_INSTRUCTIONS.c.order_id == ORDERS.c.id)
        .outerjoin(ORDER_LINES, ORDER_LINES.c.order_id == ORDERS.c.id)
        .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        .outerjoin(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
    )


def load_order_rows(connection: Connection, query: Select[Any]) -> list[Any]:
    """Return the rows of a `select_orders`, each an OrderRow."""
    return list(map(OrderRow._make, connection.execute(query)))


def watched_order(
    context: Context,
    rows: Sequence[Any],
    shipments: Mapping[LineKey, Sequence[Shipment]],
    reasons: Mapping[LineKey, DelayReason],
) -> WatchedOrder:
    """Return an order from the rows of its lines; `shipments` and `reasons` are by order id and line number."""
    row = rows[0]
    held_until = held_lines(row.planned_parcels or ())
    line_rows = sorted(
        (row for row in rows if row.line_number is not None), key=lambda row: natural_key(row.line_number)
    )
    lines = [
        _line(
            context,
            row,
            held_until,
            shipments.get((row.order_id, row.line_number), ()),
            reasons.get((row.order_id, row.line_number)),
        )
        for row in line_rows
    ]
    order = OrderFacts(
        id=row.order_id,
        placed_on=row.placed_at.astimezone(context.zone).date(),
        customer=CustomerFacts(*_customer_values(row)),
        lines=known_with_parcels(lines, held_until) if held_until else tuple(lines),
        currency=row.order_currency or context.shop.currency,
        shipping_fee=row.order_shipping_fee,
        cancelled_on=context.day(row.order_cancelled_at),
        url=row.order_url,
        unpaid=row.order_unpaid,
        revision=row.watch_revision or 0,
        country=row.country,
        postcode=row.order_postcode,
        held_by=None if row.held_at is None else row.held_by or "staff",
        critical=row.critical_at is not None,
    )
    if any(line.estimated for line in order.lines) and _law_asks_for_notice(context, order):
        order = replace(order, lines=tuple(replace(line, estimated=False) for line in order.lines))
    next_check_on = row.watch_next_check_on or date.max
    watched = WatchedOrder(order, row.watch_version or 0, next_check_on, row.watch_bucket)
    baseline = _baseline(row)
    return watched.with_notices(baseline) if baseline else watched


def _law_asks_for_notice(context: Context, order: OrderFacts) -> bool:
    """Return whether a law wants a notice before the promise has passed: then an estimate is known well enough."""
    country = order.country or context.shop.country
    return context.policy.promise_clock.rules_of(country, region_of(country, order.postcode)).option_notice


def _baseline(row: Any) -> tuple[LastNotice, ...]:
    """Return the delay that staff left untold, where the order's present customer had it then."""
    if not row.watch_baseline_revision or row.watch_baseline_to not in (None, row.customer_id):
        return ()
    lines = tuple(map(NoticeLine.from_data, row.watch_baseline_lines))
    return (LastNotice(row.watch_baseline_revision, row.watch_baseline_on, lines, row.watch_baseline_to, assumed=True),)


def _line(
    context: Context,
    row: Any,
    held_until: Mapping[str, date | None],
    shipments: Sequence[Shipment],
    reason: DelayReason | None,
) -> LineFacts:
    expected_on, ready = _expected(context, row, held_until)
    standing = _standing(context, row)
    return LineFacts(
        number=row.line_number,
        product=ProductFacts(*_product_values(row)),
        quantity=row.line_quantity,
        promise=Promise(row.promise),
        promised_on=promised_day(context, row),
        price=row.line_price,
        expected_on=expected_on,
        shipped_on=context.day(row.line_shipped_at),
        delivered_on=context.day(row.line_delivered_at),
        cancelled_on=context.day(row.line_cancelled_at),
        ready=ready,
        in_stock=bool(row.all_in_stock),
        shipped=row.line_shipped,
        cancelled=row.line_cancelled,
        returned=row.line_returned,
        packed=row.line_packed,
        shipments=tuple(shipments),
        closed=bool(row.line_closed),
        ended=row.line_ended,
        reason=reason,
        exclusion=row.line_exclusion,
        estimated=standing.estimated,
        stated_on=standing.stated_on,
        assured=standing.assured,
    )


def _standing(context: Context, row: Any) -> DateStanding:
    """Return how far a line's expected date can be relied on; without one of Forewarn's the shop states it.

    Goods that come to the warehouse leave it after the days that receiving and packing take.
    """
    if row.stored_date_source is not None:
        basis, transit = basis_from_data(row.stored_date_basis), context.promises.transit
        standing = date_standing(DateSource(row.stored_date_source), basis, Promise(row.promise))
        if standing.stated_on is None or row.product_drop_shipped:
            return standing
        return replace(standing, stated_on=transit.ship_date(transit.available_date(standing.stated_on)))
    return date_standing(DateSource(row.line_expected_source or DateSource.SHOP), None, Promise(row.promise))


def _expected(context: Context, row: Any, held_until: Mapping[str, date | None]) -> tuple[date | None, bool]:
    """Return when a line is expected, and whether it is ready.

    Without a date computed by Forewarn it is the date of the shop's system, which knows by itself what a line waits
    for. A line held for a parcel is expected with it, and ready when the parcel is.
    """
    if row.stored_date_in_stock is None:
        return context.expected_day(row.line_expected_on, row.placed_at), False
    if row.line_number not in held_until or row.line_shipped_at is not None:
        return row.line_expected_on, bool(row.stored_date_in_stock)
    return effective_date(row.line_expected_on, held_until[row.line_number]), False


def promised_day(context: Context, row: Any) -> date:
    """Return the day promised for a line, from a row that has PROMISED_COLUMNS."""
    return context.promised_day(*_promised_values(row))
