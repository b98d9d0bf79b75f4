"""What the storefront tells of products, read from the ledger."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from models.inventory import ProductAvailability, StockStatus
from models.orders import ProductFacts
from models.storefront import StorefrontNotice
from rules.inventory.storefront import shown_to_shoppers
from tasks.context import Context
from tasks.tables import AVAILABILITIES, PRODUCTS

SHORT = AVAILABILITIES.c.state != StockStatus.IN_STOCK
"""Which products a new order would not get from stock."""
PAGE = 2000


def list_notices(
    context: Context, connection: Connection, now: datetime, *which: ColumnElement[bool]
) -> Iterator[StorefrontNotice]:
    """Yield what holds now of each product, by its id; what was not renewed in time is left out."""
    found = (
        select(AVAILABILITIES, PRODUCTS.c.name, PRODUCTS.c.url, PRODUCTS.c.image)
        .join(PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id)
        .where(AVAILABILITIES.c.set_at > now - _valid(context), *which)
        .order_by(AVAILABILITIES.c.product_id)
        .execution_options(yield_per=PAGE)
    )
    for row in connection.execute(found).mappings():
        yield _notice(context, row, now)


def find_notice(context: Context, connection: Connection, product: str, now: datetime) -> StorefrontNotice | None:
    """Return what holds now of one product; None where it is not known, or nothing is known of it any more."""
    return next(list_notices(context, connection, now, AVAILABILITIES.c.product_id == product), None)


def _notice(context: Context, row: RowMapping, now: datetime) -> StorefrontNotice:
    found = ProductAvailability(
        row["product_id"], StockStatus(row["state"]), row["left"], row["expected_on"], row["latest_on"]
    )
    available = shown_to_shoppers(found, now.astimezone(context.zone).date(), context.policy.storefront)
    until = row["set_at"] + _valid(context)
    return StorefrontNotice(
        product=ProductFacts(row["product_id"], row["name"], url=row["url"], image=row["image"]),
        available=available,
        set_at=row["set_at"],
        # A copy of it, that nobody renews, must not outlive its date.
        valid_until=min(until, context.end_of(available.expected_on)) if available.expected_on else until,
    )


def _valid(context: Context) -> timedelta:
    return timedelta(hours=context.policy.storefront.valid_hours)
