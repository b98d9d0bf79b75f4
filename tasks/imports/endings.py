"""Orders and lines that end without a date of their source: what is written of them, and why."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, case, func, or_, select

from sources.contract import Fact, LineRow, OrderRow
from tasks.db.sql import in_list
from tasks.tables import ORDER_LINES, PRODUCTS

ZERO, DELETED, GONE = "quantity 0", "deleted at the source", "gone from the source"
DONE, VIRTUAL = "done, says the source", "never sent"
NO_LINES, NOT_OPEN = "the source names no line of the order any more", "not among the source's open orders any more"
CANCELLED = (ZERO, DELETED)


def as_stored(fact: Fact, day: datetime, virtual: Set[str]) -> dict[str, Any]:
    """Return the columns of a fact; `day` is when it ends where it says so without a date, `virtual` are products."""
    row = dict(vars(fact))
    if isinstance(fact, LineRow):
        row["virtual"] = fact.virtual or fact.product_id in virtual
    if isinstance(fact, LineRow | OrderRow):
        row["ended"] = _cancellation_reason(row)
        del row["deleted"]
        if row["ended"] in CANCELLED and row["cancelled_at"] is None:
            row["cancelled_at"] = day
    return row


def _cancellation_reason(row: Mapping[str, Any]) -> str | None:
    ends = ((row["deleted"], DELETED), (row.get("quantity") == 0, ZERO), (row["done"], DONE))
    return next((why for ended, why in (*ends, (row.get("virtual"), VIRTUAL)) if ended), None)


def first_end(into: Table, excluded: Any) -> dict[str, Any]:
    """Return the SQL by which what ended without a date keeps the earliest day on which that was seen."""
    if "ended" not in into.c:
        return {}
    again = and_(or_(*(excluded.ended == why for why in CANCELLED)), into.c.ended == excluded.ended)
    earlier = and_(again, into.c.cancelled_at <= excluded.cancelled_at)
    return {"cancelled_at": case((earlier, into.c.cancelled_at), else_=excluded.cancelled_at)}


def virtual_among(connection: Connection, products: Set[str]) -> set[str]:
    """Return those products that are never sent."""
    query = select(PRODUCTS.c.id).where(in_list(connection, PRODUCTS.c.id, products), PRODUCTS.c.virtual)
    return set(connection.execute(query).scalars())


def lines_of(connection: Connection, orders: Set[str]) -> int:
    """Return how many lines orders have that are not cancelled themselves."""
    mine = (in_list(connection, ORDER_LINES.c.order_id, orders), ORDER_LINES.c.cancelled_at.is_(None))
    return connection.execute(select(func.count()).select_from(ORDER_LINES).where(*mine)).scalar_one()
