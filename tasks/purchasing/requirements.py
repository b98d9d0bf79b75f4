"""Load the pieces that open lines need from vendors, and what was requested for them before."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from models.inventory import Coverage
from models.purchasing import PriorRequest, Requirement
from models.quantities import Quantity
from rules.purchasing import Line, remaining_need
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.orders.choices import closed_by_choice_filter
from tasks.orders.filters import unsent_filter
from tasks.orders.owed_pieces import wanted_pieces_clause
from tasks.tables import ALLOCATIONS, CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS, PURCHASE_LINES, PURCHASE_REQUESTS


@dataclass(frozen=True, slots=True)
class Requirements:
    """The pieces that open lines need from vendors, and what was requested for them before."""

    needs: tuple[Requirement, ...]
    requested: Mapping[Line, Sequence[PriorRequest]]


def wanted_filter(day_end: datetime) -> ColumnElement[bool]:
    """Return the filter of paid lines with pieces that have not shipped by the end of a day. Join ORDERS.

    A line that its customer has cancelled or swapped is requested from no vendor.
    """
    return and_(ORDERS.c.unpaid.is_(False), unsent_filter(day_end), ~closed_by_choice_filter())


def same_product_filter() -> ColumnElement[bool]:
    """Return the filter of lines that still order the product they were requested with.

    Join ORDER_LINES and PURCHASE_LINES.
    """
    return ORDER_LINES.c.product_id == PURCHASE_LINES.c.product_id


def load_requirements(context: Context) -> Requirements:
    """Return what every open line needs from its vendor on the context's day."""
    with read_only(context.engine) as connection:
        return _load(connection, context.end_of(context.as_of))


def reduced_lines(context: Context, connection: Connection, request: str) -> dict[str, Quantity]:
    """Return the pieces still needed, by purchase line id, for the lines that need fewer than the request names."""
    orders = select(PURCHASE_LINES.c.order_id).where(PURCHASE_LINES.c.request_id == request)
    requirements = _load(connection, context.end_of(context.as_of), ORDERS.c.id.in_(orders))
    needs = {
        (need.order, need.line, need.product, need.drop_shipped): need.quantity if need.addressed else 0
        for need in requirements.needs
    }
    query = select(PURCHASE_LINES, PURCHASE_REQUESTS.c.vendor_id).join(
        PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id
    )
    reduced = {}
    for row in connection.execute(query.where(PURCHASE_REQUESTS.c.id == request, PURCHASE_LINES.c.response.is_(None))):
        need = needs.get((row.order_id, row.line, row.product_id, row.drop_shipped), 0)
        this = PriorRequest(row.vendor_id, row.quantity, row.attempt)
        remaining = remaining_need(need, this, requirements.requested.get((row.order_id, row.line), ()))
        if remaining < row.quantity:
            reduced[row.id] = remaining
    return reduced


def _load(connection: Connection, day_end: datetime, *filters: ColumnElement[bool]) -> Requirements:
    open_lines, pieces = and_(wanted_filter(day_end), *filters), wanted_pieces_clause(day_end)
    needs = (*_backordered(connection, open_lines, pieces), *_drop_shipped(connection, open_lines, pieces))
    return Requirements(needs, _prior_requests(connection, open_lines))


def _backordered(
    connection: Connection, open_lines: ColumnElement[bool], pieces: ColumnElement[Quantity]
) -> Iterator[Requirement]:
    """Yield what the allocation of the shop's own lines could not cover."""
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
        .where(ALLOCATIONS.c.cover == Coverage.UNCOVERED, PRODUCTS.c.vendor_id.is_not(None), ~PRODUCTS.c.drop_shipped)
        .where(ALLOCATIONS.c.product_id == ORDER_LINES.c.product_id, open_lines)
        .group_by(*key)
    )
    for order, line, product, vendor, quantity, uncovered in connection.execute(query):
        # The line may have fewer pieces than when it was allocated.
        yield Requirement(order, line, product, vendor, min(quantity, uncovered))


def _drop_shipped(
    connection: Connection, open_lines: ColumnElement[bool], pieces: ColumnElement[Quantity]
) -> Iterator[Requirement]:
    """Yield what vendors ship to the customer directly."""
    name = func.coalesce(ORDERS.c.recipient, CUSTOMERS.c.name)
    addressed = and_(*(func.coalesce(part, "") != "" for part in (name, ORDERS.c.street, ORDERS.c.city)))
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
        .where(PRODUCTS.c.drop_shipped, PRODUCTS.c.vendor_id.is_not(None), open_lines)
    )
    for order, line, product, vendor, quantity, has_address in connection.execute(query):
        yield Requirement(order, line, product, vendor, quantity, drop_shipped=True, addressed=bool(has_address))


def _prior_requests(connection: Connection, open_lines: ColumnElement[bool]) -> dict[Line, list[PriorRequest]]:
    # Pieces of another product that was requested earlier cover nothing of this one.
    pieces = case((same_product_filter(), PURCHASE_LINES.c.quantity), else_=0)
    requests: dict[Line, list[PriorRequest]] = defaultdict(list)
    query = (
        select(PURCHASE_LINES.c.order_id, PURCHASE_LINES.c.line, PURCHASE_REQUESTS.c.vendor_id)
        .add_columns(pieces, PURCHASE_LINES.c.attempt, PURCHASE_LINES.c.response)
        .select_from(PURCHASE_LINES)
        .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(open_lines)
    )
    for order, line, *request in connection.execute(query):
        requests[order, line].append(PriorRequest(*request))
    return requests
