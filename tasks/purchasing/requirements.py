"""Gather what open lines want from vendors, what was asked of them, and how each vendor takes it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from models.inventory import Coverage
from models.purchasing import PriorRequest, Requirement
from models.quantities import Quantity
from rules.purchasing import Line, remaining_need
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.orders.filters import unsent_filter
from tasks.orders.owed_pieces import wanted_pieces_clause
from tasks.tables import ALLOCATIONS, CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS, PURCHASE_LINES, PURCHASE_REQUESTS


@dataclass(frozen=True, slots=True)
class Requirements:
    """What open lines want from vendors, and what was asked for them before."""

    needs: tuple[Requirement, ...]
    asked: Mapping[Line, Sequence[PriorRequest]]


def wanted_filter(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a paid line of which pieces have not left at a day's end; wants ORDERS joined."""
    return and_(ORDERS.c.unpaid.is_(False), unsent_filter(day_over))


def same_product_filter() -> ColumnElement[bool]:
    """Return the SQL of a line that still wants the product it was asked for with; wants LINES and PURCHASED joined."""
    return ORDER_LINES.c.product_id == PURCHASE_LINES.c.product_id


def load_requirements(context: Context) -> Requirements:
    """Return what is wanted from vendors on a day, of every open line."""
    with read_only(context.engine) as connection:
        return _wanted(connection, context.end_of(context.as_of))


def reduced_lines(context: Context, connection: Connection, request: str, as_of: date) -> dict[str, Quantity]:
    """Return the lines that want fewer pieces than a request asks for: how many they want still, by the line's id."""
    orders = select(PURCHASE_LINES.c.order_id).where(PURCHASE_LINES.c.request_id == request)
    found = _wanted(connection, context.end_of(as_of), ORDERS.c.id.in_(orders))
    needs = {
        (one.order, one.line, one.product, one.drop_shipped): one.quantity if one.addressed else 0
        for one in found.needs
    }
    query = select(PURCHASE_LINES, PURCHASE_REQUESTS.c.vendor_id).join(
        PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id
    )
    fewer = {}
    for row in connection.execute(query.where(PURCHASE_REQUESTS.c.id == request, PURCHASE_LINES.c.answer.is_(None))):
        need = needs.get((row.order_id, row.line, row.product_id, row.drop_shipped), 0)
        this = PriorRequest(row.vendor_id, row.quantity, row.attempt)
        left = remaining_need(need, this, found.asked.get((row.order_id, row.line), ()))
        if left < row.quantity:
            fewer[row.id] = left
    return fewer


def _wanted(connection: Connection, day_over: datetime, *which: ColumnElement[bool]) -> Requirements:
    still, pieces = and_(wanted_filter(day_over), *which), wanted_pieces_clause(day_over)
    needs = (*_backordered(connection, still, pieces), *_drop_shipped(connection, still, pieces))
    return Requirements(needs, _prior_requests(connection, still))


def _backordered(
    connection: Connection, still: ColumnElement[bool], pieces: ColumnElement[Quantity]
) -> Iterator[Requirement]:
    key = (ORDER_LINES.c.order_id, ORDER_LINES.c.number, ORDER_LINES.c.product_id, PRODUCTS.c.vendor_id)
    query = (
        select(*key, pieces.label("wanted"), func.sum(ALLOCATIONS.c.quantity))
        .select_from(ALLOCATIONS)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == ALLOCATIONS.c.order_id, ORDER_LINES.c.number == ALLOCATIONS.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .where(ALLOCATIONS.c.cover == Coverage.NOTHING, PRODUCTS.c.vendor_id.is_not(None), ~PRODUCTS.c.drop_shipped)
        .where(ALLOCATIONS.c.product_id == ORDER_LINES.c.product_id, still)
        .group_by(*key)
    )
    for order, line, product, vendor, quantity, uncovered in connection.execute(query):
        # The line may be of fewer pieces than when it was allocated.
        yield Requirement(order, line, product, vendor, min(quantity, uncovered))


def _drop_shipped(
    connection: Connection, still: ColumnElement[bool], pieces: ColumnElement[Quantity]
) -> Iterator[Requirement]:
    name = func.coalesce(ORDERS.c.recipient, CUSTOMERS.c.name)
    addressed = and_(*(func.coalesce(one, "") != "" for one in (name, ORDERS.c.street, ORDERS.c.city)))
    query = (
        select(
            ORDER_LINES.c.order_id,
            ORDER_LINES.c.number,
            ORDER_LINES.c.product_id,
            PRODUCTS.c.vendor_id,
            pieces,
            addressed,
        )
        .select_from(ORDER_LINES)
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .where(PRODUCTS.c.drop_shipped, PRODUCTS.c.vendor_id.is_not(None), still)
    )
    for order, line, product, vendor, quantity, has_address in connection.execute(query):
        yield Requirement(order, line, product, vendor, quantity, drop_shipped=True, addressed=bool(has_address))


def _prior_requests(connection: Connection, still: ColumnElement[bool]) -> dict[Line, list[PriorRequest]]:
    pieces = case(
        (same_product_filter(), PURCHASE_LINES.c.quantity), else_=0
    )  # of another product they spare none of this one
    found: dict[Line, list[PriorRequest]] = defaultdict(list)
    query = (
        select(PURCHASE_LINES.c.order_id, PURCHASE_LINES.c.line, PURCHASE_REQUESTS.c.vendor_id)
        .add_columns(pieces, PURCHASE_LINES.c.attempt, PURCHASE_LINES.c.answer)
        .select_from(PURCHASE_LINES)
        .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(still)
    )
    for order, line, *asked in connection.execute(query):
        found[order, line].append(PriorRequest(*asked))
    return found
