"""What a shopper may be told of a product, given what is known of it."""

from dataclasses import replace
from datetime import date

from models.inventory import ProductAvailability, StockStatus
from models.policy.supply import StorefrontPolicy


def shown_to_shoppers(found: ProductAvailability, today: date, policy: StorefrontPolicy) -> ProductAvailability:
    """Return what may be said today: a date that has passed is unknown, and so is when the product comes."""
    bare = replace(found, left=0, expected_on=None, latest_on=None)
    if found.state is not StockStatus.BACKORDER:
        return bare
    if found.expected_on is None or found.expected_on < today:
        return replace(bare, state=StockStatus.OUT_OF_STOCK)
    return replace(
        found,
        left=found.left if 0 < found.left <= policy.show_left else 0,
        latest_on=found.latest_on if found.latest_on and found.latest_on > found.expected_on else None,
    )
