"""Find the orders that a run must look at, a page and a query at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import CTE, Column, Connection, Row, Select, Table, and_, func, select, tuple_

from models.enums import Promise, State
from models.inventory import DateSource
from models.orders import CustomerFacts, LastNotice, LineFacts, NoticeLine, OrderFacts, ProductFacts, Shipment
from rules.delays.line_order import natural_key
from rules.shipments.holds import held_lines
from tasks.context import Context
from tasks.db.sharding import ALL, Shard
from tasks.db.sql import in_list
from tasks.orders.filters import CLOSED_FILTER, CURRENT_DATE_FILTER, EXPECTED_ON_CLAUSE
from tasks.orders.shipments import load_shipments
from tasks.orders.told import told_to_customers
from tasks.tables import CUSTOMERS, EXPECTED_DATES, NOTICES, ORDER_LINES, ORDERS, PRODUCTS, SHIPPING_PLANS, WATCHES


def _same(table: Table, value: type[Any]) -> list[Column[Any]]:
    return [table.c[field.name] for field in fields(value)]


PROMISED_COLUMNS = [
    ORDER_LINES.c.promised_on,
    *(ORDERS.c[name] for name in ("placed_at", "paid_at", "shipping_method")),
    ORDER_LINES.c.promise,
    func.coalesce(ORDERS.c.country, CUSTOMERS.c.country).label("country"),
]
"""What a line's promise is worked out from, in the order of `Desk.promised_day`; wants CUSTOMERS joined."""
PROMISE = 4
"""The place of `promise` among them."""
IN_STOCK_CLAUSE = and_(EXPECTED_DATES.c.source == DateSource.STOCK, EXPECTED_DATES.c.basis != "").label("lies_ready")
"""The SQL of a line of which all pieces lie in stock: only of those has stock's word a basis."""


# The positions in a row, in the order in which _facts selects them.
CUSTOMER = _same(CUSTOMERS, CustomerFacts)
PRODUCT = _same(PRODUCTS, ProductFacts)
WATCH = [
    WATCHES.c[name]
    for name in (
        "version",
        "next_check_on",
        "bucket",
        "revision",
        "told_revision",
        "told_on",
        "told_lines",
        "told_to",
        "told_assumed",
    )
]
ORDER = [
    *(ORDERS.c[name] for name in ("id", "placed_at", "cancelled_at", "currency", "shipping_fee", "url", "unpaid")),
    SHIPPING_PLANS.c.parcels,
]
LINE = [
    ORDER_LINES.c.number,
    *PROMISED_COLUMNS,
    *(ORDER_LINES.c[name] for name in ("quantity", "price", "shipped", "cancelled", "returned", "packed")),
    EXPECTED_ON_CLAUSE,
    *(ORDER_LINES.c[name] for name in ("shipped_at", "delivered_at", "cancelled_at")),
    EXPECTED_DATES.c.in_stock,
    IN_STOCK_CLAUSE,
    CLOSED_FILTER.label("closed"),
    func.coalesce(ORDER_LINES.c.ended, ORDERS.c.ended).label("ended"),
]
_ends = [len(ORDER), len(CUSTOMER), len(WATCH), len(LINE), len(PRODUCT)]
_cuts = [slice(sum(_ends[:i]), sum(_ends[: i + 1])) for i in range(len(_ends))]
IN_ORDER, IN_CUSTOMER, IN_WATCH, IN_LINE, IN_PRODUCT = _cuts


def promised_day(context: Context, row: Row[Any]) -> date:
    """Return the day promised for a line, of a row that has PROMISED."""
    return context.promised_day(*(getattr(row, column.name) for column in PROMISED_COLUMNS))


@dataclass(frozen=True, slots=True)
class WatchedOrder:
    """An order with the state of its watch when it was read, which a later compare-and-set compares."""

    order: OrderFacts
    version: int
    next_check_on: date
    bucket: str | None
    told: LastNotice | None = None
    """What was last told of the order, whosever it was then."""


def find_due_orders(
    context: Context, connection: Connection, as_of: date, after: WatchedOrder | None, limit: int, shard: Shard = ALL
) -> list[WatchedOrder]:
    """Return the next page of a shard's orders with possible news on a day; costs what is due, not what is open.

    An order with a notice that is held stays due: only the verdict on that one says what its customer was told.
    """
    held = select(NOTICES.c.id).where(NOTICES.c.order_id == WATCHES.c.order_id, NOTICES.c.state == State.HELD)
    page = select(WATCHES.c.order_id.label("id"), WATCHES.c.next_check_on.label("look")).where(
        WATCHES.c.next_check_on <= as_of, ~held.exists(), shard.contains(WATCHES.c.order_id)
    )
    if after is not None:
        page = page.where(tuple_(WATCHES.c.next_check_on, WATCHES.c.order_id) > (after.next_check_on, after.order.id))
    page = page.order_by(WATCHES.c.next_check_on, WATCHES.c.order_id).limit(limit)
    found = page.cte("page")
    return _read(context, connection, _facts(found).order_by(found.c.look, found.c.id, ORDER_LINES.c.number))


def list_orders(context: Context, connection: Connection, as_of: date, after: str, limit: int) -> list[WatchedOrder]:
    """Return the next page of all orders placed by a day, for looking without writing."""
    page = (
        select(ORDERS.c.id)
        .where(ORDERS.c.id > after, ORDERS.c.placed_at < context.end_of(as_of))
        .order_by(ORDERS.c.id)
        .limit(limit)
        .cte("page")
    )
    return _read(context, connection, _facts(page).order_by(page.c.id, ORDER_LINES.c.number))


def get_orders(context: Context, connection: Connection, ids: Sequence[str]) -> list[WatchedOrder]:
    """Return orders by their ids."""
    page = select(ORDERS.c.id).where(in_list(connection, ORDERS.c.id, ids)).cte("page")
    return _read(context, connection, _facts(page).order_by(page.c.id, ORDER_LINES.c.number))


def _facts(page: CTE) -> Select[Any]:
    return select(*ORDER, *CUSTOMER, *WATCH, *LINE, *PRODUCT).select_from(
        page.join(ORDERS, ORDERS.c.id == page.c.id)
        .join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .outerjoin(WATCHES, WATCHES.c.order_id == ORDERS.c.id)
        .outerjoin(SHIPPING_PLANS, SHIPPING_PLANS.c.order_id == ORDERS.c.id)
        .outerjoin(ORDER_LINES, ORDER_LINES.c.order_id == ORDERS.c.id)
        .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        .outerjoin(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
    )


def _read(context: Context, connection: Connection, query: Select[Any]) -> list[WatchedOrder]:
    rows = connection.execute(query).all()
    parcels = load_shipments(context, connection, {row[0] for row in rows})
    orders = groupby(rows, key=itemgetter(0))
    return _with_told(connection, [_watched(context, list(lines), parcels) for _, lines in orders])


def _with_told(connection: Connection, found: list[WatchedOrder]) -> list[WatchedOrder]:
    """Leave out what another customer was told of an order that changed hands since."""
    others = [one.order for one in found if one.told and one.told.customer not in (None, one.order.customer.id)]
    if not others:
        return found
    told = dict.fromkeys((order.id for order in others), None) | told_to_customers(connection, others)
    return [
        replace(one, order=replace(one.order, told=told[one.order.id])) if one.order.id in told else one
        for one in found
    ]


def _watched(
    context: Context, rows: list[Row[Any]], parcels: Mapping[tuple[str, str], Sequence[Shipment]]
) -> WatchedOrder:
    first = rows[0]
    number, placed_at, cancelled_at, currency, fee, url, unpaid, choice = first[IN_ORDER]
    version, look, bucket, revision, told_revision, told_on, told_lines, told_to, assumed = first[IN_WATCH]
    told = None
    if told_revision:
        told = LastNotice(told_revision, told_on, tuple(map(NoticeLine.from_data, told_lines)), told_to, bool(assumed))
    wait = held_lines(choice or ())
    facts = OrderFacts(
        id=number,
        placed_on=placed_at.astimezone(context.zone).date(),
        customer=CustomerFacts(*first[IN_CUSTOMER]),
        lines=tuple(
            _line(
                context, row[IN_LINE], ProductFacts(*row[IN_PRODUCT]), wait, parcels.get((number, row[IN_LINE][0]), ())
            )
            for row in _in_display_order(rows)
        ),
        currency=currency or context.shop.currency,
        shipping_fee=fee,
        cancelled_on=context.day(cancelled_at),
        url=url,
        told=told,
        unpaid=unpaid,
        revision=revision or 0,
    )
    return WatchedOrder(facts, version or 0, look or date.max, bucket, told)


def _in_display_order(rows: list[Row[Any]]) -> list[Row[Any]]:
    """Return the rows of an order's lines as the order lists them; none of an order without lines."""
    return sorted((row for row in rows if row[IN_LINE][0] is not None), key=lambda row: natural_key(row[IN_LINE][0]))


def _line(
    context: Context,
    row: Row[Any],
    product: ProductFacts,
    wait: Mapping[str, date | None],
    parcels: Sequence[Shipment],
) -> LineFacts:
    found: list[Any]
    number, *found = row
    promised, (quantity, price, *pieces) = (
        found[: len(PROMISED_COLUMNS)],
        found[len(PROMISED_COLUMNS) : len(PROMISED_COLUMNS) + 6],
    )
    expected_on, shipped, delivered, cancelled, ready, lies_ready, closed, ended = found[len(PROMISED_COLUMNS) + 6 :]
    if ready is None:  # without an expectation of ours: the shop's own date
        expected_on = context.expected_day(expected_on, promised[1])
    # Of a line without an expectation of ours, the shop's system knows by itself what it waits for.
    if number in wait and shipped is None and ready is not None:
        until, ready = wait[number], False
        # What lies ready has no day of its own any more when its time is over: it waits for the parcel, and no longer.
        expected_on = until and max(expected_on or until, until)
    return LineFacts(
        number=number,
        product=product,
        quantity=quantity,
        promise=Promise(promised[PROMISE]),
        promised_on=context.promised_day(*promised),
        price=price,
        expected_on=expected_on,
        shipped_on=context.day(shipped),
        delivered_on=context.day(delivered),
        cancelled_on=context.day(cancelled),
        ready=bool(ready),
        in_stock=bool(lies_ready),
        **dict(zip(("shipped", "cancelled", "returned", "packed"), pieces, strict=True)),
        shipments=tuple(parcels),
        closed=bool(closed),
        ended=ended,
    )
