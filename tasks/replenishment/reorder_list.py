"""List what to order and how urgently, and the products of which few are left."""

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

LEVEL = [STOCK_LEVELS.c[field.name] for field in fields(ProductLevel)]


@dataclass(frozen=True, slots=True)
class StockPosition:
    """A product with its level, and the pieces behind what is available."""

    name: str
    vendor: str | None
    on_hand: Quantity
    inbound: Quantity
    waiting: Quantity
    next_on: date | None
    level: ProductLevel


@dataclass(frozen=True, slots=True)
class LowStock:
    """A product that sells, and of which few pieces are left to promise."""

    product: ProductFacts
    left: Quantity
    demand_a_day: float


def reorder_list(
    context: Context, connection: Connection, as_of: date, *, everything: bool = False
) -> list[StockPosition]:
    """Return the products to order now, or all of them, those that run out first before the others."""
    vendor = vendor_of_product()
    joined = STOCK_LEVELS.join(PRODUCTS, PRODUCTS.c.id == STOCK_LEVELS.c.product_id).outerjoin(
        VENDORS, VENDORS.c.id == vendor
    )
    query = select(PRODUCTS.c.name, func.coalesce(VENDORS.c.name, vendor), *pieces(context, as_of), *LEVEL)
    query = query.select_from(joined)
    if not everything:
        query = query.where(STOCK_LEVELS.c.order_quantity > 0)
    found = {}
    for name, by, on_hand, inbound, waiting, next_on, *kept in connection.execute(query):
        one = ProductLevel(*kept)
        found[one.product_id] = StockPosition(name, by, on_hand, inbound, waiting, next_on, one)
    return [found[one.product_id] for one in sorted_by_urgency(position.level for position in found.values())]


def find_low_stock(context: Context, connection: Connection) -> list[LowStock]:
    """Return the products that sell and of which few are left to promise, the briskest first."""
    few = and_(AVAILABILITIES.c.left >= 1, AVAILABILITIES.c.left <= context.policy.restock.post_left)
    query = (
        select(AVAILABILITIES.c.left, STOCK_LEVELS.c.demand_a_day, *PRODUCT_COLUMNS)
        .select_from(
            AVAILABILITIES.join(STOCK_LEVELS, STOCK_LEVELS.c.product_id == AVAILABILITIES.c.product_id).join(
                PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id
            )
        )
        .where(AVAILABILITIES.c.state == StockStatus.IN_STOCK, few, STOCK_LEVELS.c.demand_a_day > 0)
        .order_by(STOCK_LEVELS.c.demand_a_day.desc(), AVAILABILITIES.c.product_id)
    )
    return [LowStock(ProductFacts(*product), left, a_day) for left, a_day, *product in connection.execute(query)]


def vendor_of_product() -> ColumnElement[Any]:
    """Return the SQL of a product's vendor; where it has none, of its newest delivery's."""
    since = func.coalesce(*(INBOUNDS.c[name] for name in ("ordered_at", "received_at", "promised_on", "expected_on")))
    newest = (
        select(INBOUNDS.c.vendor_id)
        .where(INBOUNDS.c.product_id == PRODUCTS.c.id, INBOUNDS.c.vendor_id.is_not(None))
        .order_by(since.desc().nulls_last(), INBOUNDS.c.id.desc())
        .limit(1)
        .correlate(PRODUCTS)
        .scalar_subquery()
    )
    return func.coalesce(PRODUCTS.c.vendor_id, newest).label("vendor_id")


def pieces(context: Context, as_of: date) -> list[ColumnElement[Any]]:
    """Return the SQL of a product's pieces on hand, inbound and wanted by open lines, and its next delivery's day."""
    coming = and_(INBOUNDS.c.product_id == PRODUCTS.c.id, not_yet_filter(INBOUNDS.c.received_at, context.end_of(as_of)))
    day = func.coalesce(INBOUNDS.c.expected_on, INBOUNDS.c.promised_on)
    waiting = (
        select(func.coalesce(func.sum(wanted_pieces_clause(context.end_of(as_of))), 0))
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(ORDER_LINES.c.product_id == PRODUCTS.c.id, not_packed_filter(context, as_of))
    )
    found = {
        "on_hand": select(func.coalesce(func.sum(STOCKS.c.on_hand), 0)).where(STOCKS.c.product_id == PRODUCTS.c.id),
        "inbound": select(func.coalesce(func.sum(INBOUNDS.c.quantity), 0)).where(coming),
        "waiting": waiting,
        "next_on": select(func.min(day)).where(coming, day >= as_of),
    }
    return [query.correlate(PRODUCTS).scalar_subquery().label(name) for name, query in found.items()]
