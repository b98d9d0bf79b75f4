"""TODO."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, update

from tasks.orders.told import load_told_notices
from tasks.tables import WATCHES


def restore_told_state(connection: Connection, orders: set[str], changed: set[str], as_of: date) -> None:
    """Put right what customers of orders were told, after notices of theirs ended without reaching them.

    Orders in `changed` are looked at again on `as_of`; the others when their day comes or a fact changes.
    """
    if not orders:
        return
    # The rows are taken before they are read: a run that owes more at this moment comes first, or starts over.
    mine = update(WATCHES).where(WATCHES.c.order_id == bindparam("key")).values(version=WATCHES.c.version + 1)
    connection.execute(mine, [{"key": order} for order in sorted(orders)])
    reached = {one.order_id: one for one in load_told_notices(connection, orders)}
    names = ("revision", "told_on", "lines", "customer_id")
    rows = [
        {"key": order, **{f"new_{name}": getattr(reached.get(order), name, None) for name in names}}
        for order in sorted(orders)
    ]
    put_right = update(WATCHES).where(WATCHES.c.order_id == bindparam("key"))
    told: dict[str, Any] = {"told_revision": bindparam("new_revision"), "told_on": bindparam("new_told_on")}
    told |= {"told_lines": bindparam("new_lines"), "told_to": bindparam("new_customer_id")}
    told["told_assumed"] = False
    connection.execute(put_right.values(**told), rows)
    if changed:
        due = update(WATCHES).where(WATCHES.c.order_id.in_(changed)).values(next_check_on=as_of)
        connection.execute(due)
