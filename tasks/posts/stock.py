"""Find products that are back in stock or nearly sold out, and check that posts about them are still true."""

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
"""How long after its return a product is worth a post."""


def stocked_products(context: Context, connection: Connection) -> list[ProductStock]:
    """Return the products worth a post: back in stock after many orders waited, or selling and nearly sold out."""
    back = _restocked(context, connection)
    back_ids = {stock.product.id for stock in back}
    low = (ProductStock(low.product, PostKind.LOW, low.free_quantity) for low in find_low_stock(context, connection))
    return back + [stock for stock in low if stock.product.id not in back_ids]


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
    """Return the ids of posts whose product is sold out, or of which another number is left than they state."""
    query = select(AVAILABILITIES.c.product_id, AVAILABILITIES.c.free_quantity).where(
        AVAILABILITIES.c.product_id.in_({row["product_id"] for row in posts}),
        AVAILABILITIES.c.state == StockStatus.IN_STOCK,
    )
    left = {row.product_id: row.free_quantity for row in connection.execute(query)}
    return {row["id"] for row in posts if not _still_true(row, left.get(row["product_id"], 0))}


def _still_true(row: Mapping[str, Any], left: Quantity) -> bool:
    # A post that a product is back is true while some are left; one that it is nearly sold out states the number.
    states_number = row["kind"] == PostKind.LOW and row["left"] is not None
    return 0 < left == row["left"] if states_number else left > 0
