"""Notices that have not left, by the address that they would go to."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from tasks.db.outbox import UNSENT_FILTER
from tasks.db.sql import in_list
from tasks.orders.due import touch_orders
from tasks.tables import NOTICES, OUTBOX


def recheck_waiting(connection: Connection, addresses: Collection[str]) -> None:
    """Have the notices that wait to go to addresses checked again before they leave."""
    if addresses:
        of_orders = select(NOTICES.c.order_id).select_from(NOTICES.join(OUTBOX, OUTBOX.c.id == NOTICES.c.id))
        waiting = of_orders.where(UNSENT_FILTER, in_list(connection, NOTICES.c.address, addresses))
        touch_orders(connection, set(connection.execute(waiting).scalars()))
