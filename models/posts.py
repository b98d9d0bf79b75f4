"""The products that social posts are about."""

from dataclasses import dataclass
from datetime import date

from models.enums import PostKind
from models.orders import ProductFacts
from models.quantities import Quantity


@dataclass(frozen=True, slots=True)
class ProductDelay:
    """A product that is late in many orders. Holds no data of customers."""

    product: ProductFacts
    as_of: date
    orders: int
    days: int
    """The median days late of those orders."""
    expected_on: date | None
    bucket: str
    kind: PostKind = PostKind.LATE


@dataclass(frozen=True, slots=True)
class ProductStock:
    """A product that is back in stock, or nearly sold out."""

    product: ProductFacts
    kind: PostKind
    left: Quantity
    """Pieces free for new orders."""
    orders: int = 0
    """Orders that waited for it."""
