"""What the storefront tells of a product, and until when."""

from dataclasses import dataclass
from datetime import datetime

from models.inventory import ProductAvailability
from models.orders import ProductFacts


@dataclass(frozen=True, slots=True)
class StorefrontNotice:
    """What a shopper is told of a product: no date that has passed, and of the quantity no more than is to be said."""

    product: ProductFacts
    available: ProductAvailability
    """`left` is 0 where nothing is said of it."""
    set_at: datetime
    valid_until: datetime
    """From this moment on nobody may be shown it."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of the storefront's files."""

    notices: int
    """Products that a new order would not get from stock."""
    written: int
    """Files that are new or other than before."""
    removed: int
    """Files of products that are back, or of which nothing is known any more."""
    left_out: int
    """Products in `stock.json` alone, for their ids are too long to name a file."""
