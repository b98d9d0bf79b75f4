"""List the products to order, by urgency, and the products of which few are left."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from models.inventory import StockStatus
from models.orders import ProductFacts
from models.quantities import Quantity
from rules.replenishment.levels import ProductLevel, sorted_by_urgency
from tasks.context import Context
from tasks.orders.filters import not_packed_filter
from tasks.orders.order_rows import PRODUCT_COLUMNS
from tasks.orders.owed_pieces import not_yet_filter, wanted_pieces_clause
from tasks.tables import AVAILABILITIES, INBOUNDS, ORDER_LINES, ORDERS, PRODUCTS, STOCK_LEVELS, STOCKS, VENDORS

LEVEL_COLUMNS = [STOCK_LEVELS.c[field.name] for field in fields(ProductLevel)]


@dataclass(frozen=True, slots=True)
class StockPosition:
    """A product with its stock level, and the pieces that its available quantity consists of."""

    name: str
    vendor: str | None
    on_hand: Quantity
    inbound: Quantity
    waiting: Quantity
    """Pieces that open lines need."""
    next_delivery_on: date | None
    level: ProductLevel


@dataclass(frozen=True, slots=True)
class LowStock:
    """A product that sells and is low in stock."""

    product: ProductFacts
    free_quantity: Quantity
    demand_a_day: float


def reorder_list(
    context: Context, connection: Connection, as_of: date, *, everything: bool = False
) -> list[StockPosition]:
    """Return the products to order now, or all of them, in the order in which they run out."""
    vendor = vendor_of_product()
    joined = STOCK_LEVELS.join(PRODUCTS, PRODUCTS.c.id == STOCK_LEVELS.c.product_id).outerjoin(
        VENDORS, VENDORS.c.id == vendor
    )
    columns = [PRODUCTS.c.name, func.coalesce(VENDORS.c.name, vendor), *position_columns(context, as_of)]
    query = select(*columns, *LEVEL_COLUMNS).select_from(joined)
    if not everything:
        query = query.where(STOCK_LEVELS.c.order_quantity > 0)
    positions = {}
    for name, vendor_name, on_hand, inbound, waiting, next_delivery_on, *values in connection.execute(query):
        level = ProductLevel(*values)
        positions[level.product_id] = StockPosition(
            name, vendor_name, on_hand, inbound, waiting, next_delivery_on, level
        )
    levels = sorted_by_urgency(position.level for position in positions.values())
    return [positions[level.product_id] for level in levels]


def find_low_stock(context: Context, connection: Connection) -> list[LowStock]:
    """Return the products that sell and are low in stock, the best-selling first."""
    free = AVAILABILITIES.c.free_quantity
    few_left = and_(free >= 1, free <= context.policy.restock.post_left)
    query = (
        select(free, STOCK_LEVELS.c.demand_a_day, *PRODUCT_COLUMNS)
        .select_from(
            AVAILABILITIES.join(STOCK_LEVELS, STOCK_LEVELS.c.product_id == AVAILABILITIES.c.product_id).join(
                PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id
            )
        )
        .where(AVAILABILITIES.c.state == StockStatus.IN_STOCK, few_left, STOCK_LEVELS.c.demand_a_day > 0)
        .order_by(STOCK_LEVELS.c.demand_a_day.desc(), AVAILABILITIES.c.product_id)
    )
    return [
        LowStock(ProductFacts(*product), free_quantity, demand_a_day)
        for free_quantity, demand_a_day, *product in connection.execute(query)
    ]


def vendor_of_product() -> ColumnElement[Any]:
    """Return the SQL of a product's vendor; where it has none, that of its newest delivery."""
    known_since = func.coalesce(
        *(INBOUNDS.c[name] for name in ("ordered_at", "received_at", "promised_on", "expected_on"))
    )
    of_newest_delivery = (
        select(INBOUNDS.c.vendor_id)
        .where(INBOUNDS.c.product_id == PRODUCTS.c.id, INBOUNDS.c.vendor_id.is_not(None))
        .order_by(known_since.desc().nulls_last(), INBOUNDS.c.id.desc())
        .limit(1)
        .correlate(PRODUCTS)
        .scalar_subquery()
    )
    return func.coalesce(PRODUCTS.c.vendor_id, of_newest_delivery).label("vendor_id")


def position_columns(context: Context, as_of: date) -> list[ColumnElement[Any]]:
    """Return the SQL of a product's pieces on hand, inbound and waiting, and of the day of its next delivery."""
    end = context.end_of(as_of)
    is_inbound = and_(INBOUNDS.c.product_id == PRODUCTS.c.id, not_yet_filter(INBOUNDS.c.received_at, end))
    due_on = func.coalesce(INBOUNDS.c.expected_on, INBOUNDS.c.promised_on)
    queries = {
        "on_hand": select(func.coalesce(func.sum(STOCKS.c.on_hand), 0)).where(STOCKS.c.product_id == PRODUCTS.c.id),
        "inbound": select(func.coalesce(func.sum(INBOUNDS.c.quantity), 0)).where(is_inbound),
        "waiting": select(func.coalesce(func.sum(wanted_pieces_clause(end)), 0))
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(ORDER_LINES.c.product_id == PRODUCTS.c.id, not_packed_filter(context, as_of)),
        "next_delivery_on": select(func.min(due_on)).where(is_inbound, due_on >= as_of),
    }
    return [query.correlate(PRODUCTS).scalar_subquery().label(name) for name, query in queries.items()]
