"""Which lines leave in which parcel: a list for people, and rows for the warehouse."""

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

LISTED = ("order_id", "parcels", "days_saved", "extra_cost", "value", "currency", "why", "planned_at")
COLUMNS = ("order", "parcel", "parcels", "line", "product", "quantity", "place", "ships_on", "ship_with")


def list_split_orders(context: Context, as_of: date) -> list[dict[str, Any]]:
    """Return the orders that are sent in parts and still have a line to send, by the day of their first parcel."""
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
        remaining = plan_remaining(context, connection, [row["order_id"] for row in rows], as_of)
    plans = [plan_as_data(dict(row), remaining.get(row["order_id"], ())) for row in rows]
    return sorted(plans, key=lambda plan: (plan["parcels"][0]["ships_on"] or "", plan["order_id"]))


def packing_rows(context: Context, connection: Connection, as_of: date) -> list[tuple[Any, ...]]:
    """Return what is still to be packed of orders whose lines are ready on different days, a row in COLUMNS each.

    `parcel` counts an order's parcels from 1, `parcels` is how many it has: 1 where it waits for all. `ships_on` is
    None where it is unknown. A line that lies at several places has a row for each.
    """
    needed = wanted_pieces_clause(context.end_of(as_of))
    is_of_line = and_(ALLOCATIONS.c.order_id == ORDER_LINES.c.order_id, ALLOCATIONS.c.line == ORDER_LINES.c.number)
    query = (
        select(SHIPPING_PLANS.c.order_id, SHIPPING_PLANS.c.parcels)
        .add_columns(*(ORDER_LINES.c[name] for name in ("number", "product_id", "ship_with")))
        .add_columns(func.coalesce(ALLOCATIONS.c.quantity, needed).label("quantity"), ALLOCATIONS.c.place)
        .select_from(
            SHIPPING_PLANS.join(ORDER_LINES, ORDER_LINES.c.order_id == SHIPPING_PLANS.c.order_id)
            .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
            .outerjoin(ALLOCATIONS, is_of_line)
        )
        .where(ships_from_us_filter(context, as_of), func.coalesce(ALLOCATIONS.c.cover, "") != Coverage.PACKED)
    )
    rows = [packed for row in connection.execute(query) for packed in _rows_by_parcel(row)]
    return sorted(rows, key=lambda row: (row[0], row[1], natural_key(row[3]), row[6], row[5]))


def _rows_by_parcel(row: Any) -> list[tuple[Any, ...]]:
    parcels = [parcel_from_data(data) for data in row.parcels]
    line = row.number, row.product_id, as_number(row.quantity), row.place or ""
    return [
        (row.order_id, number, len(parcels), *line, parcel.ships_on, row.ship_with)
        for number, parcel in enumerate(parcels, 1)
        if row.number in parcel.lines
    ]
