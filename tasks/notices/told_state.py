"""Correct the record of what customers were last told, after notices ended without reaching them."""

from datetime import date

from sqlalchemy import Connection, bindparam, update

from tasks.orders.told import load_told_notices
from tasks.tables import WATCHES


def restore_told_state(connection: Connection, orders: set[str], changed: set[str], as_of: date) -> None:
    """Record for each order the last notice that reached its customer, or none; see `REACHED_FILTER`.

    Orders in `changed` become due on `as_of`; the others are checked on their day, or when a fact changes.
    """
    if not orders:
        return
    _lock_watches(connection, orders)
    last_notices = {notice.order_id: notice for notice in load_told_notices(connection, orders)}
    rows = []
    for order in sorted(orders):
        notice = last_notices.get(order)
        rows.append(
            {
                "watched_order": order,
                "new_told_revision": notice.revision if notice else None,
                "new_told_on": notice.told_on if notice else None,
                "new_told_lines": notice.lines if notice else None,
                "new_told_to": notice.customer_id if notice else None,
            }
        )
    columns = ("told_revision", "told_on", "told_lines", "told_to")
    restore = (
        update(WATCHES)
        .where(WATCHES.c.order_id == bindparam("watched_order"))
        .values(told_assumed=False, **{name: bindparam(f"new_{name}") for name in columns})
    )
    connection.execute(restore, rows)
    if changed:
        connection.execute(update(WATCHES).where(WATCHES.c.order_id.in_(changed)).values(next_check_on=as_of))


def _lock_watches(connection: Connection, orders: set[str]) -> None:
    """Lock the orders' watches until the transaction ends.

    Their new version makes a run that read them before fail its compare-and-set, so that it reads them again.
    """
    next_version = (
        update(WATCHES).where(WATCHES.c.order_id == bindparam("watched_order")).values(version=WATCHES.c.version + 1)
    )
    connection.execute(next_version, [{"watched_order": order} for order in sorted(orders)])
