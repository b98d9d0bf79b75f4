"""Store how orders and lines end without a date from the source: deleted, of quantity 0, done, virtual or gone."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, case, func, or_, select

from sources.contract import Fact, LineRow, OrderRow
from tasks.db.sql import in_list
from tasks.tables import ORDER_LINES, PRODUCTS

# The reasons of the column `ended`.
ZERO, DELETED, GONE = "quantity 0", "deleted at the source", "gone from the source"
DONE, VIRTUAL = "done, says the source", "never sent"
NO_LINES, NOT_OPEN = "the source has no line of the order any more", "not among the source's open orders any more"
CANCELLED_REASONS = (ZERO, DELETED)
"""Reasons that count as cancelled from the day on which an import first sees them."""


def to_row(fact: Fact, day_start: datetime, virtual_products: Set[str]) -> dict[str, Any]:
    """Return the columns of a fact.

    An order or line that ends without a date is cancelled at `day_start`. Lines of `virtual_products` are virtual.
    """
    row = dict(vars(fact))
    if isinstance(fact, LineRow):
        row["virtual"] = fact.virtual or fact.product_id in virtual_products
    if isinstance(fact, LineRow | OrderRow):
        row["ended"] = _end_reason(row)
        del row["deleted"]
        if row["ended"] in CANCELLED_REASONS and row["cancelled_at"] is None:
            row["cancelled_at"] = day_start
    return row


def _end_reason(row: Mapping[str, Any]) -> str | None:
    if row["deleted"]:
        return DELETED
    if row.get("quantity") == 0:
        return ZERO
    if row["done"]:
        return DONE
    return VIRTUAL if row.get("virtual") else None


def keep_first_cancelled_at(table: Table, excluded: Any) -> dict[str, Any]:
    """Return the assignment by which an upsert keeps the earliest day on which an undated cancellation was seen.

    `excluded` holds the new values of the upsert. Empty for tables without the column `ended`.
    """
    if "ended" not in table.c:
        return {}
    same_reason = and_(
        or_(*(excluded.ended == reason for reason in CANCELLED_REASONS)), table.c.ended == excluded.ended
    )
    stored_is_earlier = and_(same_reason, table.c.cancelled_at <= excluded.cancelled_at)
    return {"cancelled_at": case((stored_is_earlier, table.c.cancelled_at), else_=excluded.cancelled_at)}


def find_virtual_products(connection: Connection, products: Set[str]) -> set[str]:
    """Return those of the products that are never sent."""
    query = select(PRODUCTS.c.id).where(in_list(connection, PRODUCTS.c.id, products), PRODUCTS.c.virtual)
    return set(connection.execute(query).scalars())


def count_uncancelled_lines(connection: Connection, orders: Set[str]) -> int:
    """Return how many lines of the orders are not cancelled themselves."""
    of_orders = (in_list(connection, ORDER_LINES.c.order_id, orders), ORDER_LINES.c.cancelled_at.is_(None))
    return connection.execute(select(func.count()).select_from(ORDER_LINES).where(*of_orders)).scalar_one()
