"""Social posts about products that are back, or running low: what they are, and whether they are still true."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from models.enums import PostKind
from models.inventory import StockStatus
from models.orders import ProductFacts
from models.posts import ProductStock
from models.quantities import Quantity
from tasks.context import Context
from tasks.orders.order_rows import PRODUCT_COLUMNS
from tasks.replenishment.reorder_list import find_low_stock
from tasks.tables import AVAILABILITIES, PRODUCTS

RESTOCK_WINDOW = timedelta(days=1)
"""How long it is news that a product is back."""


def stocked_products(context: Context, connection: Connection) -> list[ProductStock]:
    """Return the products worth a post: back after many orders waited for them, or selling with few left."""
    back = _restocked(context, connection)
    said = {one.product.id for one in back}
    low = (ProductStock(one.product, PostKind.LOW, one.free_quantity) for one in find_low_stock(context, connection))
    return back + [one for one in low if one.product.id not in said]


def _restocked(context: Context, connection: Connection) -> list[ProductStock]:
    query = (
        select(AVAILABILITIES.c.free_quantity, AVAILABILITIES.c.waited, *PRODUCT_COLUMNS)
        .select_from(AVAILABILITIES.join(PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id))
        .where(
            AVAILABILITIES.c.state == StockStatus.IN_STOCK,
            AVAILABILITIES.c.since > context.started_at - RESTOCK_WINDOW,
            AVAILABILITIES.c.waited >= context.policy.restock.post_orders,
        )
        .order_by(AVAILABILITIES.c.waited.desc(), AVAILABILITIES.c.product_id)
    )
    return [
        ProductStock(ProductFacts(*product), PostKind.BACK, left, waited)
        for left, waited, *product in connection.execute(query)
    ]


def stale_stock_posts(connection: Connection, posts: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the ids of posts whose product is sold out by now, or has another number left than they say."""
    query = select(AVAILABILITIES.c.product_id, AVAILABILITIES.c.free_quantity).where(
        AVAILABILITIES.c.product_id.in_({row["product_id"] for row in posts}),
        AVAILABILITIES.c.state == StockStatus.IN_STOCK,
    )
    left = {row.product_id: row.free_quantity for row in connection.execute(query)}
    return {row["id"] for row in posts if not _still_true(row, left.get(row["product_id"], 0))}


def _still_true(row: Mapping[str, Any], left: Quantity) -> bool:
    # That a product is back stays true while some are left; "nearly gone" is about the very number.
    return 0 < left == row["left"] if row["kind"] == PostKind.LOW else left > 0
