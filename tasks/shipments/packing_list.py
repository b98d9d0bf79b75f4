"""What leaves in which parcel: a list for people, and rows for the warehouse."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, select

from models.inventory import Coverage
from models.quantities import as_number
from rules.delays.line_order import natural_key
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.orders.owed_pieces import wanted_pieces_clause
from tasks.shipments.ready_lines import ships_from_us_filter
from tasks.shipments.remaining import SPLIT_FILTER, parcel_from_data, plan_as_data, plan_remaining
from tasks.tables import ALLOCATIONS, ORDER_LINES, ORDERS, PRODUCTS, SHIPPING_PLANS

LISTED = ("order_id", "parcels", "days_gained", "extra_cost", "value", "currency", "why", "planned_at")
COLUMNS = ("order", "parcel", "parcels", "line", "product", "quantity", "place", "ships_on", "ship_with")


def find_parcels(context: Context, as_of: date) -> list[dict[str, Any]]:
    """Return the orders that are to be sent in parts and have a line to send yet, what leaves first on top."""
    open_line = (
        select(ORDER_LINES.c.number)
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id).join(
                PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id
            )
        )
        .where(ORDER_LINES.c.order_id == SHIPPING_PLANS.c.order_id, ships_from_us_filter(context, as_of))
        .correlate(SHIPPING_PLANS)
    )
    query = select(*(SHIPPING_PLANS.c[name] for name in LISTED)).where(SPLIT_FILTER, open_line.exists())
    with read_only(context.engine) as connection:
        rows = list(connection.execute(query).mappings())
        left = plan_remaining(context, connection, [row["order_id"] for row in rows], as_of)
    found = [plan_as_data(dict(row), left.get(row["order_id"], ())) for row in rows]
    return sorted(found, key=lambda one: (one["parcels"][0]["ships_on"] or "", one["order_id"]))


def packing_rows(context: Context, connection: Connection, as_of: date) -> list[tuple[Any, ...]]:
    """Return by COLUMNS every piece to be sent of orders whose lines are ready on different days, parcel by parcel.

    `parcels` is how many the order is sent in, 1 where it waits for all; `ships_on` is empty where nobody knows.
    A line that lies at several places has a row for each.
    """
    wanted = wanted_pieces_clause(context.end_of(as_of))
    pieces = and_(ALLOCATIONS.c.order_id == ORDER_LINES.c.order_id, ALLOCATIONS.c.line == ORDER_LINES.c.number)
    query = (
        select(
            SHIPPING_PLANS.c.order_id,
            SHIPPING_PLANS.c.parcels,
            ORDER_LINES.c.number,
            ORDER_LINES.c.product_id,
            ORDER_LINES.c.ship_with,
        )
        .add_columns(
            func.coalesce(ALLOCATIONS.c.quantity, wanted).label("quantity"),
            ALLOCATIONS.c.place,
        )
        .select_from(
            SHIPPING_PLANS.join(ORDER_LINES, ORDER_LINES.c.order_id == SHIPPING_PLANS.c.order_id)
            .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
            .outerjoin(ALLOCATIONS, pieces)
        )
        .where(ships_from_us_filter(context, as_of), func.coalesce(ALLOCATIONS.c.cover, "") != Coverage.PACKED)
    )
    rows = []
    for row in connection.execute(query):
        parcels = [parcel_from_data(one) for one in row.parcels]
        for nth, parcel in enumerate(parcels, 1):
            if row.number in parcel.lines:
                said = (
                    row.number,
                    row.product_id,
                    as_number(row.quantity),
                    row.place or "",
                    parcel.ships_on,
                    row.ship_with,
                )
                rows.append((row.order_id, nth, len(parcels), *said))
    return sorted(rows, key=lambda row: (row[0], row[1], natural_key(row[3]), row[6]))
