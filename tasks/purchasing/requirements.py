"""Gather what open lines want from vendors, what was asked of them, and how each vendor takes it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from models.inventory import Cover
from models.purchasing import Asked, Need
from models.quantities import Quantity
from rules.purchasing import Line, still_needed
from tasks.context import Desk
from tasks.db.sql import reading
from tasks.orders.filters import still_unsent
from tasks.orders.owed_pieces import wanted_pieces
from tasks.runs.records import Now
from tasks.tables import ALLOCATIONS, CUSTOMERS, LINES, ORDERS, PRODUCTS, PURCHASED, REQUESTS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What open lines want from vendors, and what was asked for them before."""

    needs: tuple[Need, ...]
    asked: Mapping[Line, Sequence[Asked]]


def still_wanted(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a paid line of which pieces have not left at a day's end; wants ORDERS joined."""
    return and_(ORDERS.c.unpaid.is_(False), still_unsent(day_over))


def same_product() -> ColumnElement[bool]:
    """Return the SQL of a line that still wants the product it was asked for with; wants LINES and PURCHASED joined."""
    return LINES.c.product_id == PURCHASED.c.product_id


def wanted(desk: Desk, now: Now) -> Wanted:
    """Return what is wanted from vendors on a day, of every open line."""
    with reading(desk.engine) as connection:
        return _wanted(connection, desk.end_of(now.as_of))


def shrunk(desk: Desk, connection: Connection, request: str, as_of: date) -> dict[str, Quantity]:
    """Return the lines that want fewer pieces than a request asks for: how many they want still, by the line's id."""
    orders = select(PURCHASED.c.order_id).where(PURCHASED.c.request_id == request)
    found = _wanted(connection, desk.end_of(as_of), ORDERS.c.id.in_(orders))
    needs = {
        (one.order, one.line, one.product, one.drop_shipped): one.quantity if one.addressed else 0
        for one in found.needs
    }
    query = select(PURCHASED, REQUESTS.c.vendor_id).join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id)
    fewer = {}
    for row in connection.execute(query.where(REQUESTS.c.id == request, PURCHASED.c.answer.is_(None))):
        need = needs.get((row.order_id, row.line, row.product_id, row.drop_shipped), 0)
        this = Asked(row.vendor_id, row.quantity, row.nth)
        left = still_needed(need, this, found.asked.get((row.order_id, row.line), ()))
        if left < row.quantity:
            fewer[row.id] = left
    return fewer


def _wanted(connection: Connection, day_over: datetime, *which: ColumnElement[bool]) -> Wanted:
    still, pieces = and_(still_wanted(day_over), *which), wanted_pieces(day_over)
    needs = (*_backordered(connection, still, pieces), *_drop_shipped(connection, still, pieces))
    return Wanted(needs, _asked(connection, still))


def _backordered(connection: Connection, still: ColumnElement[bool], pieces: ColumnElement[Quantity]) -> Iterator[Need]:
    key = (LINES.c.order_id, LINES.c.number, LINES.c.product_id, PRODUCTS.c.vendor_id)
    query = (
        select(*key, pieces.label("wanted"), func.sum(ALLOCATIONS.c.quantity))
        .select_from(ALLOCATIONS)
        .join(LINES, and_(LINES.c.order_id == ALLOCATIONS.c.order_id, LINES.c.number == ALLOCATIONS.c.line))
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
        .where(ALLOCATIONS.c.cover == Cover.NOTHING, PRODUCTS.c.vendor_id.is_not(None), ~PRODUCTS.c.drop_shipped)
        .where(ALLOCATIONS.c.product_id == LINES.c.product_id, still)
        .group_by(*key)
    )
    for order, line, product, vendor, quantity, uncovered in connection.execute(query):
        # The line may be of fewer pieces than when it was allocated.
        yield Need(order, line, product, vendor, min(quantity, uncovered))


def _drop_shipped(
    connection: Connection, still: ColumnElement[bool], pieces: ColumnElement[Quantity]
) -> Iterator[Need]:
    name = func.coalesce(ORDERS.c.recipient, CUSTOMERS.c.name)
    addressed = and_(*(func.coalesce(one, "") != "" for one in (name, ORDERS.c.street, ORDERS.c.city)))
    query = (
        select(LINES.c.order_id, LINES.c.number, LINES.c.product_id, PRODUCTS.c.vendor_id, pieces, addressed)
        .select_from(LINES)
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
        .where(PRODUCTS.c.drop_shipped, PRODUCTS.c.vendor_id.is_not(None), still)
    )
    for order, line, product, vendor, quantity, has_address in connection.execute(query):
        yield Need(order, line, product, vendor, quantity, drop_shipped=True, addressed=bool(has_address))


def _asked(connection: Connection, still: ColumnElement[bool]) -> dict[Line, list[Asked]]:
    pieces = case((same_product(), PURCHASED.c.quantity), else_=0)  # of another product they spare none of this one
    found: dict[Line, list[Asked]] = defaultdict(list)
    query = (
        select(PURCHASED.c.order_id, PURCHASED.c.line, REQUESTS.c.vendor_id)
        .add_columns(pieces, PURCHASED.c.nth, PURCHASED.c.answer)
        .select_from(PURCHASED)
        .join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id)
        .join(LINES, and_(LINES.c.order_id == PURCHASED.c.order_id, LINES.c.number == PURCHASED.c.line))
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .where(still)
    )
    for order, line, *asked in connection.execute(query):
        found[order, line].append(Asked(*asked))
    return found
