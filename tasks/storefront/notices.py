"""Read the storefront's notices from the ledger."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from models.inventory import ProductAvailability, StockStatus
from models.orders import ProductFacts
from models.storefront import StorefrontNotice
from rules.inventory.storefront import shown_to_shoppers
from tasks.context import Context
from tasks.tables import AVAILABILITIES, PRODUCTS

SHORT_FILTER = AVAILABILITIES.c.state != StockStatus.IN_STOCK
"""The SQL of a product that a new order would not get from stock."""
PAGE_SIZE = 2000


def list_notices(
    context: Context, connection: Connection, now: datetime, *filters: ColumnElement[bool]
) -> Iterator[StorefrontNotice]:
    """Yield the notices that are valid now, by product id."""
    query = (
        select(AVAILABILITIES, PRODUCTS.c.name, PRODUCTS.c.url, PRODUCTS.c.image)
        .join(PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id)
        .where(AVAILABILITIES.c.set_at > now - _validity(context), *filters)
        .order_by(AVAILABILITIES.c.product_id)
        .execution_options(yield_per=PAGE_SIZE)
    )
    for row in connection.execute(query).mappings():
        yield _notice(context, row, now)


def find_notice(context: Context, connection: Connection, product: str, now: datetime) -> StorefrontNotice | None:
    """Return the notice of one product; None where the product is unknown, or its notice is no longer valid."""
    return next(list_notices(context, connection, now, AVAILABILITIES.c.product_id == product), None)


def _notice(context: Context, row: RowMapping, now: datetime) -> StorefrontNotice:
    stored = ProductAvailability(
        row["product_id"], StockStatus(row["state"]), row["free_quantity"], row["expected_on"], row["latest_on"]
    )
    available = shown_to_shoppers(stored, now.astimezone(context.zone).date(), context.policy.storefront)
    valid_until = row["set_at"] + _validity(context)
    if available.expected_on:
        # A copy that is never renewed must not outlive its date.
        valid_until = min(valid_until, context.end_of(available.expected_on))
    product = ProductFacts(row["product_id"], row["name"], url=row["url"], image=row["image"])
    return StorefrontNotice(product, available, row["set_at"], valid_until)


def _validity(context: Context) -> timedelta:
    return timedelta(hours=context.policy.storefront.valid_hours)
