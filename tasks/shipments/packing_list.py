"""What leaves in which parcel: a list for people, and rows for the warehouse."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, select

from models.inventory import Cover
from models.quantities import as_number
from rules.delays.line_order import natural
from tasks.context import Desk
from tasks.db.sql import reading
from tasks.orders.owed_pieces import wanted_pieces
from tasks.shipments.ready_lines import in_parcels
from tasks.shipments.remaining import IN_PARTS, as_left, from_data, leaving
from tasks.tables import ALLOCATIONS, CHOICES, LINES, ORDERS, PRODUCTS

LISTED = ("order_id", "parcels", "days_gained", "extra_cost", "worth", "currency", "why", "decided_at")
COLUMNS = ("order", "parcel", "parcels", "line", "product", "quantity", "place", "ships_on", "together")


def listed(desk: Desk, as_of: date) -> list[dict[str, Any]]:
    """Return the orders that are to be sent in parts and have a line to send yet, what leaves first on top."""
    open_line = (
        select(LINES.c.number)
        .select_from(
            LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id).join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
        )
        .where(LINES.c.order_id == CHOICES.c.order_id, in_parcels(desk, as_of))
        .correlate(CHOICES)
    )
    query = select(*(CHOICES.c[name] for name in LISTED)).where(IN_PARTS, open_line.exists())
    with reading(desk.engine) as connection:
        rows = list(connection.execute(query).mappings())
        left = leaving(desk, connection, [row["order_id"] for row in rows], as_of)
    found = [as_left(dict(row), left.get(row["order_id"], ())) for row in rows]
    return sorted(found, key=lambda one: (one["parcels"][0]["ships_on"] or "", one["order_id"]))


def to_pack(desk: Desk, connection: Connection, as_of: date) -> list[tuple[Any, ...]]:
    """Return by COLUMNS every piece to be sent of orders whose lines are ready on different days, parcel by parcel.

    `parcels` is how many the order is sent in, 1 where it waits for all; `ships_on` is empty where nobody knows.
    A line that lies at several places has a row for each.
    """
    wanted = wanted_pieces(desk.end_of(as_of))
    pieces = and_(ALLOCATIONS.c.order_id == LINES.c.order_id, ALLOCATIONS.c.line == LINES.c.number)
    query = (
        select(CHOICES.c.order_id, CHOICES.c.parcels, LINES.c.number, LINES.c.product_id, LINES.c.together)
        .add_columns(
            func.coalesce(ALLOCATIONS.c.quantity, wanted).label("quantity"),
            ALLOCATIONS.c.place,
        )
        .select_from(
            CHOICES.join(LINES, LINES.c.order_id == CHOICES.c.order_id)
            .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
            .outerjoin(ALLOCATIONS, pieces)
        )
        .where(in_parcels(desk, as_of), func.coalesce(ALLOCATIONS.c.cover, "") != Cover.PACKED)
    )
    rows = []
    for row in connection.execute(query):
        parcels = [from_data(one) for one in row.parcels]
        for nth, parcel in enumerate(parcels, 1):
            if row.number in parcel.lines:
                said = (
                    row.number,
                    row.product_id,
                    as_number(row.quantity),
                    row.place or "",
                    parcel.ships_on,
                    row.together,
                )
                rows.append((row.order_id, nth, len(parcels), *said))
    return sorted(rows, key=lambda row: (row[0], row[1], natural(row[3]), row[6]))
