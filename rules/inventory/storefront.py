"""What a product page may show of a product's availability."""

from dataclasses import replace
from datetime import date

from models.inventory import ProductAvailability, StockStatus
from models.policy.supply import StorefrontPolicy


def shown_to_shoppers(available: ProductAvailability, today: date, policy: StorefrontPolicy) -> ProductAvailability:
    """Return what may be shown today: a backorder whose date is unknown or has passed counts as out of stock."""
    bare = replace(available, free_quantity=0, expected_on=None, latest_on=None)
    if available.state is not StockStatus.BACKORDER:
        return bare
    if available.expected_on is None or available.expected_on < today:
        return replace(bare, state=StockStatus.OUT_OF_STOCK)
    is_range = available.latest_on is not None and available.latest_on > available.expected_on
    return replace(
        available,
        free_quantity=available.free_quantity if 0 < available.free_quantity <= policy.show_left else 0,
        latest_on=available.latest_on if is_range else None,
    )
