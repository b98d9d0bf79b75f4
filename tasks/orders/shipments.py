"""Load the parcels of orders."""

from collections import defaultdict
from collections.abc import Set

from sqlalchemy import Connection, select

from models.orders import Shipment
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.tables import SHIPMENTS


def load_shipments(context: Context, connection: Connection, orders: Set[str]) -> dict[tuple[str, str], list[Shipment]]:
    """Return the parcels of orders, by order id and line number."""
    by_line: dict[tuple[str, str], list[Shipment]] = defaultdict(list)
    moments = (SHIPMENTS.c[name] for name in ("packed_at", "shipped_at", "delivered_at", "cancelled_at"))
    tracking = (SHIPMENTS.c[name] for name in ("carrier", "tracking_number", "tracking_url"))
    query = select(SHIPMENTS.c.order_id, SHIPMENTS.c.number, SHIPMENTS.c.id, SHIPMENTS.c.quantity, *moments, *tracking)
    query = query.where(in_list(connection, SHIPMENTS.c.order_id, orders)).order_by(*SHIPMENTS.primary_key)
    for order, line, key, quantity, packed, shipped, delivered, cancelled, *tracking_values in connection.execute(
        query
    ):
        days = (context.day(packed), context.day(shipped), context.day(delivered), context.day(cancelled))
        by_line[order, line].append(Shipment(key, quantity, *days, *tracking_values))
    return by_line
