"""Social posts: the products that drafts are about, and what staff write and decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from models.enums import PostKind
from models.messages import Picture
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


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes a post or decides about it."""

    name: str
    person_id: str | None = None
    """On the desk; None: by the command line."""


@dataclass(frozen=True, slots=True)
class PostWords:
    """What staff write: a post as it is saved."""

    text: str
    networks: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict)
    """By network: a text of its own, in place of `text`."""
    publish_at: datetime | None = None
    """In UTC; None: as soon as it is approved."""
    picture: Picture | None = None
    """None: the picture stays as it is."""
    without_picture: bool = False
    """Whether the picture it has is taken away."""
    description: str = ""
    """A new description of the picture it has; empty: it stays."""

    def text_on(self, network: str) -> str:
        """Return the text for a network."""
        return self.texts.get(network) or self.text
