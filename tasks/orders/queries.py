"""Find the orders that are due, and load orders with all that their evaluation needs: one query for a page."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select, tuple_

from models.enums import State
from tasks.context import Context
from tasks.db.sharding import ALL, Shard
from tasks.db.sql import in_list
from tasks.orders.choices import close_lines, load_closed_lines
from tasks.orders.order_rows import WatchedOrder, load_order_rows, select_orders, watched_order
from tasks.orders.reasons import load_reasons
from tasks.orders.shipments import load_shipments
from tasks.orders.told import NOTICES_WITH_STATE, load_told
from tasks.tables import NOTICES, ORDER_LINES, ORDERS, OUTBOX, WATCHES

UNDECIDED_STATES = (State.HELD, State.SENDING)


def find_due_orders(
    context: Context, connection: Connection, as_of: date, after: WatchedOrder | None, limit: int, shard: Shard = ALL
) -> list[WatchedOrder]:
    """Return the next page of a shard's orders that are due on a day, with their facts.

    The query reads the due orders alone, however many are open. See `select_due_page` for what is due.
    """
    page = select_due_page(as_of, after, limit, shard).cte("page")
    query = select_orders(page).order_by(page.c.next_check_on, page.c.id, ORDER_LINES.c.number)
    return _load(context, connection, query)


def select_due_page(as_of: date, after: WatchedOrder | None, limit: int, shard: Shard = ALL) -> Select[Any]:
    """Return the SELECT of the ids of a page of due orders, by the day of their check.

    An order is due from `next_check_on`, unless one of its notices is held or is being sent: until that has ended, it
    is not known what the customer was told.
    """
    page = select(WATCHES.c.order_id.label("id"), WATCHES.c.next_check_on).where(
        WATCHES.c.next_check_on <= as_of, decided_filter(), shard.contains(WATCHES.c.order_id)
    )
    if after is not None:
        page = page.where(tuple_(WATCHES.c.next_check_on, WATCHES.c.order_id) > (after.next_check_on, after.order.id))
    return page.order_by(WATCHES.c.next_check_on, WATCHES.c.order_id).limit(limit)


def decided_filter() -> ColumnElement[bool]:
    """Return the SQL of watches of which no notice is held or being sent."""
    undecided = (
        select(NOTICES.c.id)
        .select_from(NOTICES_WITH_STATE)
        .where(
            NOTICES.c.order_id == WATCHES.c.order_id,
            OUTBOX.c.settled_at.is_(None),
            OUTBOX.c.state.in_(UNDECIDED_STATES),
        )
    )
    # An order without a revision has no notice. With this said, PostgreSQL looks the others up; it would compare every
    # order of the page with every held notice, because its statistics know nothing of what is seconds old.
    return or_(WATCHES.c.revision == 0, ~undecided.exists())


def list_orders(context: Context, connection: Connection, as_of: date, after: str, limit: int) -> list[WatchedOrder]:
    """Return the next page of all orders placed by a day, due or not, by id."""
    page = (
        select(ORDERS.c.id)
        .where(ORDERS.c.id > after, ORDERS.c.placed_at < context.end_of(as_of))
        .order_by(ORDERS.c.id)
        .limit(limit)
        .cte("page")
    )
    return _load(context, connection, select_orders(page).order_by(page.c.id, ORDER_LINES.c.number))


def get_orders(context: Context, connection: Connection, ids: Sequence[str]) -> list[WatchedOrder]:
    """Return the orders with these ids, by id; an unknown id is left out."""
    return _load(context, connection, _select_by_id(connection, ids))


def get_order_as_sold(context: Context, connection: Connection, order: str) -> WatchedOrder | None:
    """Return an order as its shop has it, also what its customer has cancelled or swapped; None if unknown."""
    orders = get_orders_as_sold(context, connection, [order])
    return orders[0] if orders else None


def get_orders_as_sold(context: Context, connection: Connection, ids: Sequence[str]) -> list[WatchedOrder]:
    """Return orders as their shop has them, by id; an unknown id is left out."""
    return _load_as_sold(context, connection, _select_by_id(connection, ids))


def _select_by_id(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    page = select(ORDERS.c.id).where(in_list(connection, ORDERS.c.id, ids)).cte("page")
    return select_orders(page).order_by(page.c.id, ORDER_LINES.c.number)


def _load(context: Context, connection: Connection, query: Select[Any]) -> list[WatchedOrder]:
    orders = _load_as_sold(context, connection, query)
    closed = load_closed_lines(connection, {watched.order.id for watched in orders})
    return [close_lines(watched, closed, context.as_of) for watched in orders]


def _load_as_sold(context: Context, connection: Connection, query: Select[Any]) -> list[WatchedOrder]:
    rows = load_order_rows(connection, query)
    shipments = load_shipments(context, connection, {row.order_id for row in rows})
    reasons = load_reasons(connection, rows)
    by_order = groupby(rows, key=attrgetter("order_id"))
    orders = [watched_order(context, list(order_rows), shipments, reasons) for _, order_rows in by_order]
    revised = {
        watched.order.id: (watched.order.customer.id, watched.order.customer.email)
        for watched in orders
        if watched.order.revision
    }
    told = load_told(context, connection, revised)
    return [watched.with_notices(told[watched.order.id]) if watched.order.id in told else watched for watched in orders]
