"""Values of the storefront: what product pages show, and what publishing did."""

from dataclasses import dataclass
from datetime import datetime

from models.inventory import ProductAvailability
from models.orders import ProductFacts


@dataclass(frozen=True, slots=True)
class StorefrontNotice:
    """What a shopper is shown of a product: no date that has passed, and a quantity only where the policy allows it."""

    product: ProductFacts
    available: ProductAvailability
    """`free_quantity` is 0 where no quantity is shown."""
    set_at: datetime
    valid_until: datetime
    """The moment from which the notice must not be shown any more."""


@dataclass(frozen=True, slots=True)
class Published:
    """Counts of what publishing wrote and removed."""

    notices: int
    """Products that a new order would not get from stock."""
    written: int
    """Files that are new or changed."""
    removed: int
    """Files of products that are back in stock, or no longer known."""
    left_out: int
    """Products in `stock.json` only, because their ids are too long for a file name."""
