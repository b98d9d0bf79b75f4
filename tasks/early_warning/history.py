"""Read from the ledger how past orders went, and what is known of open ones."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from models.early_warning import PastOrder, SeenScan
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.early_warning.lines import PastLine, past_line
from tasks.orders.order_rows import PROMISED_COLUMNS
from tasks.tables import CUSTOMERS, ORDER_FORECASTS, ORDER_LINES, ORDERS, PRODUCTS, SHIPMENTS

MAX_ORDERS = 200_000
"""The newest orders, from which the model is learnt: more would teach it little, and take memory."""
REMEMBERED_DAYS = 1_826
PAGE_ROWS = 5_000
POSTCODE_AREA = 2
"""The first characters of a postcode name an area, where the shop does not say the region."""
OrderKey = tuple[str, date, str]
LINE_COLUMNS = [
    *(ORDER_LINES.c[name] for name in ("order_id", "number", "quantity", "cancelled", "shipped_at", "delivered_at")),
    *(ORDER_LINES.c[name] for name in ("ship_by", "ships_from", "carrier", "service", "tracked_at", "tracked_status")),
    ORDER_LINES.c.cancelled_at.label("line_cancelled_at"),
    ORDERS.c.cancelled_at.label("order_cancelled_at"),
    ORDERS.c.region,
    ORDERS.c.postcode,
    PRODUCTS.c.vendor_id,
    *(
        SHIPMENTS.c[name].label(f"parcel_{name}")
        for name in ("id", "quantity", "shipped_at", "delivered_at", "cancelled_at")
    ),
    *(SHIPMENTS.c[name].label(f"parcel_{name}") for name in ("carrier", "service", "tracked_at", "tracked_status")),
]


def load_past_orders(context: Context, connection: Connection) -> list[PastOrder]:
    """Return the newest orders placed before the day, with their ends; those still out are among them."""
    since = _first_placed(context, connection)
    seen = _seen_scans(connection, since)
    before = context.start_of(context.as_of)
    newest = and_(ORDERS.c.placed_at >= since, ORDERS.c.placed_at < before)
    past = list(_orders(context, connection, _select(newest)))
    if not seen:
        return past
    return [replace(each, seen=seen.get((each.order_id, each.promised_on, each.promise), ())) for each in past]


def load_open_orders(context: Context, connection: Connection, ids: Sequence[str]) -> dict[str, list[PastOrder]]:
    """Return what is known of orders with these ids that are still out, by id; a row for each promised day.

    A scan of today counts as one of yesterday: the rules know nothing of today, and it is better known than forgotten.
    """
    found: dict[str, list[PastOrder]] = {}
    for each in _orders(context, connection, _select(in_list(connection, ORDERS.c.id, ids))):
        if is_out(each, context.as_of):
            found.setdefault(each.order_id, []).append(scanned_before(each, context.as_of))
    return found


def is_out(order: PastOrder, as_of: date) -> bool:
    """Return whether an order was still out on a morning."""
    gone = (day for day in (order.ended_on, order.cancelled_on) if day is not None)
    return order.placed_on < as_of and not any(day < as_of for day in gone)


def scanned_before(order: PastOrder, as_of: date) -> PastOrder:
    """Return an order whose last scan is one of the days before."""
    if order.last_scan_on is None or order.last_scan_on < as_of:
        return order
    return replace(order, last_scan_on=as_of - timedelta(days=1))


def _first_placed(context: Context, connection: Connection) -> datetime:
    """Return the moment from which orders are read."""
    newest = select(ORDERS.c.placed_at).where(ORDERS.c.placed_at < context.start_of(context.as_of))
    cut = connection.execute(newest.order_by(ORDERS.c.placed_at.desc()).offset(MAX_ORDERS).limit(1)).scalar()
    earliest = context.start_of(context.as_of - timedelta(days=REMEMBERED_DAYS))
    return earliest if cut is None else max(cut, earliest)


def _select(which: ColumnElement[bool]) -> Select[Any]:
    """Return the SELECT of lines with their parcels, a row for each parcel; what has no end that is known is left out.

    A line that is done without a date ended on a day that nobody knows.
    """
    known = or_(ORDER_LINES.c.delivered_at.is_not(None), and_(~ORDER_LINES.c.done, ~ORDERS.c.done))
    of_line = and_(SHIPMENTS.c.order_id == ORDER_LINES.c.order_id, SHIPMENTS.c.number == ORDER_LINES.c.number)
    tables = (
        ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .outerjoin(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .outerjoin(SHIPMENTS, of_line)
    )
    sent = and_(~ORDER_LINES.c.virtual, ORDERS.c.unpaid.is_(False), known)
    return (
        select(*PROMISED_COLUMNS, *LINE_COLUMNS)
        .select_from(tables)
        .where(which, sent)
        .order_by(ORDER_LINES.c.order_id, ORDER_LINES.c.number, SHIPMENTS.c.id)
    )


def _orders(context: Context, connection: Connection, query: Select[Any]) -> Iterator[PastOrder]:
    # For this statement alone: a connection with this option reads every later one by a cursor, and writes by none.
    rows = connection.execute(query, execution_options={"yield_per": PAGE_ROWS})
    for _, of_order in groupby(rows, key=attrgetter("order_id")):
        lines = [past_line(context, list(of_line)) for _, of_line in groupby(of_order, key=attrgetter("number"))]
        sent = [line for line in lines if line is not None]
        by_promise = sorted({(line.promise, line.promised_on) for line in sent})
        for promise, promised_on in by_promise:
            yield _past_order([line for line in sent if (line.promise, line.promised_on) == (promise, promised_on)])


def _past_order(lines: Sequence[PastLine]) -> PastOrder:
    """Return the lines of an order that were promised for one day as one."""
    first = lines[0]
    owed = [line for line in lines if line.cancelled_on is None]
    row = first.row
    carried = next((line for line in owed if line.shipped_on is None), owed[-1] if owed else first)
    scans = [(line.last_scan_on, line.scan_status) for line in owed if line.last_scan_on and line.ended_on is None]
    last_scan_on, scan_status = min(scans, key=lambda scan: scan[0], default=(None, None))
    return PastOrder(
        order_id=row.order_id,
        promised_on=first.promised_on,
        placed_on=first.placed_on,
        promise=first.promise,
        shipped_on=_last(line.shipped_on for line in owed),
        ship_by=min((line.row.ship_by for line in lines if line.row.ship_by), default=None),
        region=row.region or (row.postcode or "").strip().upper()[:POSTCODE_AREA] or None,
        country=row.country or "",
        carrier=carried.carrier,
        service=carried.service,
        ships_from=next((line.row.ships_from for line in lines if line.row.ships_from), None),
        vendor=next((line.row.vendor_id for line in lines if line.row.vendor_id), None),
        last_scan_on=last_scan_on,
        scan_status=scan_status,
        pieces=max(1, math.ceil(sum(line.ordered for line in lines))),
        lines=len(lines),
        ended_on=_last(line.ended_on for line in owed),
        cancelled_on=None if owed else max(line.cancelled_on for line in lines if line.cancelled_on),
    )


def _last(days: Iterable[date | None]) -> date | None:
    """Return the last of days; None where any is missing, or there is none."""
    found = list(days)
    return None if not found or None in found else max(day for day in found if day is not None)


def _seen_scans(connection: Connection, since: datetime) -> dict[OrderKey, tuple[SeenScan, ...]]:
    """Return the last scans as past mornings knew them: the shop's data have the newest ones only.

    Only mornings with another scan than the one before them are kept, and equal ones once.
    """
    names = ("order_id", "promised_on", "promise", "morning", "last_scan_on", "scan_status")
    key = [ORDER_FORECASTS.c[name] for name in names[:4]]
    query = (
        select(*(ORDER_FORECASTS.c[name] for name in names))
        .join(ORDERS, ORDERS.c.id == ORDER_FORECASTS.c.order_id)
        .where(ORDER_FORECASTS.c.last_scan_on.is_not(None), ORDERS.c.placed_at >= since)
        .order_by(*key)
    )
    scans: dict[SeenScan, SeenScan] = {}
    found: dict[OrderKey, tuple[SeenScan, ...]] = {}
    for order, promised_on, promise, *values in connection.execute(query, execution_options={"yield_per": PAGE_ROWS}):
        scan, before = SeenScan(*values), found.get((order, promised_on, promise), ())
        if not before or (before[-1].last_scan_on, before[-1].status) != (scan.last_scan_on, scan.status):
            found[order, promised_on, promise] = (*before, scans.setdefault(scan, scan))
    return found
