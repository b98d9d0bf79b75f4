"""Make the orders due whose facts have changed, and create watches for new orders."""

from collections.abc import Mapping, Set
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, literal, select, update

from tasks.db.outbox import UNSENT_FILTER
from tasks.db.sql import in_list, insert, lock_ordered
from tasks.orders.filters import open_filter
from tasks.tables import ALLOCATIONS, NOTICES, OFFERS, ORDER_LINES, ORDERS, OUTBOX, WATCHES


def mark_orders_due(
    connection: Connection,
    table: str,
    inserted: set[tuple[str, ...]],
    updated: set[tuple[str, ...]],
    as_of: date,
    day_over: datetime,
) -> None:
    """Make the orders behind changed rows due on a day that ends at `day_over`.

    Changes of products, stock, receipts and vendors make none due: they act through an order's expected dates. But a
    notice that has not left and names such a product, or offers it, or waits for such a delivery, is checked again. A
    new customer has no orders yet.
    """
    if table in ("products", "stock") and updated:
        recheck_notices_about(connection, {key[0] for key in updated}, offered_only=table == "stock")
    if table == "inbound" and updated:
        changed_deliveries = in_list(connection, ALLOCATIONS.c.inbound_id, {key[0] for key in updated})
        recheck_unsent(connection, select(ALLOCATIONS.c.order_id).where(changed_deliveries))
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


def touch_orders(connection: Connection, orders: Set[str]) -> None:
    """Move the version of orders: a notice that has not left is checked again, and no run writes what it read before.

    The orders are locked until the transaction ends.
    """
    if orders:
        touched = update(WATCHES).where(_locked_in_order(connection, orders))
        connection.execute(touched.values(version=WATCHES.c.version + 1))


def lock_orders(connection: Connection, orders: Set[str]) -> None:
    """Lock the watches of orders until the transaction ends, in the order in which every transaction locks them.

    For a transaction that changes them by more than one statement.
    """
    connection.execute(select(WATCHES.c.order_id).where(_locked_in_order(connection, orders)))


def _locked_in_order(connection: Connection, orders: Set[str]) -> ColumnElement[bool]:
    return lock_ordered(connection, WATCHES.c.order_id, in_list(connection, WATCHES.c.order_id, orders))


def move_versions(connection: Connection, versions: Mapping[str, int]) -> set[str]:
    """Move the version of the orders that still have the given one; return their ids."""
    moved = set()
    for order, version in sorted(versions.items()):
        same = update(WATCHES).where(WATCHES.c.order_id == order, WATCHES.c.version == version)
        if connection.execute(same.values(version=WATCHES.c.version + 1)).rowcount == 1:
            moved.add(order)
    return moved


def recheck_notices_about(connection: Connection, products: Set[str], *, offered_only: bool = False) -> None:
    """Have notices checked again before they leave that offer one of these products or, by default, also name it."""
    if not products or connection.execute(select(OUTBOX.c.id).where(UNSENT_FILTER).limit(1)).first() is None:
        return
    unsent = select(NOTICES.c.order_id, NOTICES.c.revision).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
    unsent_notices = unsent.where(UNSENT_FILTER).subquery()
    same_notice = and_(OFFERS.c.order_id == unsent_notices.c.order_id, OFFERS.c.revision == unsent_notices.c.revision)
    offers = select(OFFERS.c.order_id, OFFERS.c.products).join(unsent_notices, same_notice)
    orders = {order for order, offered in connection.execute(offers) if not products.isdisjoint(offered)}
    if not offered_only:
        lines = select(ORDER_LINES.c.order_id).where(in_list(connection, ORDER_LINES.c.product_id, products))
        named = select(unsent_notices.c.order_id).where(unsent_notices.c.order_id.in_(lines))
        orders |= set(connection.execute(named).scalars())
    touch_orders(connection, orders)


def recheck_unsent(connection: Connection, orders: Select[tuple[str]]) -> int:
    """Have the unsent notices about some orders checked again before they leave; return how many orders have some."""
    unsent = select(NOTICES.c.order_id).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id).where(UNSENT_FILTER)
    found = set(connection.execute(unsent.where(NOTICES.c.order_id.in_(orders))).scalars())
    touch_orders(connection, found)
    return len(found)


def recheck_message(connection: Connection, message: str) -> None:
    """Have the notices of a message that have not left checked again: its words changed.

    Before one leaves it is written again. Where that gives other words it does not leave, and the next run writes the
    new one.
    """
    unsent = select(NOTICES.c.order_id).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
    found = connection.execute(unsent.where(UNSENT_FILTER, NOTICES.c.message == message)).scalars()
    touch_orders(connection, set(found))


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
