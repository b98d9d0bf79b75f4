"""Make the orders due whose facts have changed, and create watches for new orders."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, case, literal, select, update

from sources.deduplicate import RowKey
from tasks.db.sql import in_list, insert, lock_ordered
from tasks.orders.filters import open_filter
from tasks.tables import ORDER_LINES, ORDERS, WATCHES


def mark_orders_due(
    connection: Connection, table: str, inserted: set[RowKey], updated: set[RowKey], as_of: date, day_over: datetime
) -> None:
    """Make the orders behind changed rows due on a day that ends at `day_over`.

    Changes of products, stock, receipts and vendors make none due: they act through an order's expected dates. Nor
    does a new customer, who has no orders yet.
    """
    if table == "customers" and updated:
        orders_of_customers = select(ORDERS.c.id).where(
            in_list(connection, ORDERS.c.customer_id, {key[0] for key in updated})
        )
        _pull_forward(connection, WATCHES.c.order_id.in_(orders_of_customers), as_of)
    if table in ("orders", "lines", "shipments") and (changed := {key[0] for key in inserted | updated}):
        _pull_forward(connection, in_list(connection, WATCHES.c.order_id, changed), as_of)
        _create_watches(connection, changed, as_of, day_over)


def mark_due(connection: Connection, orders: set[str], as_of: date) -> None:
    """Make orders due on a day whose expected dates have changed."""
    if orders:
        _pull_forward(connection, in_list(connection, WATCHES.c.order_id, orders), as_of)


def _create_watches(connection: Connection, orders: set[str], as_of: date, day_over: datetime) -> None:
    open_orders = (
        select(ORDER_LINES.c.order_id, literal(0), literal(as_of), literal(0))
        .distinct()
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        # By the id of ORDERS: by that of the lines, PostgreSQL compares every order of the ledger with the whole list.
        .where(in_list(connection, ORDERS.c.id, orders), open_filter(day_over))
    )
    watch = insert(connection, WATCHES).from_select(["order_id", "version", "next_check_on", "revision"], open_orders)
    connection.execute(watch.on_conflict_do_nothing())


def _pull_forward(connection: Connection, which: Any, as_of: date) -> None:
    # The version changes even where the order is due already, so that a run which read the old facts cannot record it.
    sooner = case((WATCHES.c.next_check_on > as_of, as_of), else_=WATCHES.c.next_check_on)
    pull_forward = update(WATCHES).where(lock_ordered(connection, WATCHES.c.order_id, which))
    connection.execute(pull_forward.values(next_check_on=sooner, version=WATCHES.c.version + 1))
