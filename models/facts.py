"""What is known of an order, of its customer and of its products: frozen, without a database behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from models.values import PostKind, Promise


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """A product, as far as a message or a choice needs it."""

    id: str
    name: str
    category: str | None = None
    price: Decimal | None = None
    url: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """A customer, as far as reaching them needs it."""

    id: str
    name: str
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    locale: str | None = None
    zone: str | None = None
    prefers: str | None = None
    sms_consent: bool = False
    marketing_consent: bool = False
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class LineFacts:
    """An order line; its days are dates in the shop's zone."""

    number: str
    product: ProductFacts
    quantity: int
    promise: Promise
    promised_on: date
    price: Decimal | None = None
    expected_on: date | None = None
    shipped_on: date | None = None
    delivered_on: date | None = None
    cancelled_on: date | None = None
    ready: bool = False
    """All of it lies in stock for this order."""
    closed: bool = False
    """Nothing of it is outstanding, whatever its dates say: its source says so, or it is never sent."""
    ended: str | None = None
    """Why it is closed or cancelled, where no date of the source says so."""


@dataclass(frozen=True, slots=True)
class ToldLine:
    """What a customer was told of one late line: the promise it broke, the new date (None: unknown), its bucket."""

    number: str
    promised_on: date
    expected_on: date | None
    bucket: str
    ready: bool = False
    """Whether they know that it is there and can go."""

    def as_data(self) -> list[str | None]:
        """Return it as the ledger keeps it."""
        known = None if self.expected_on is None else self.expected_on.isoformat()
        return [self.number, self.promised_on.isoformat(), known, self.bucket, *(["ready"] if self.ready else [])]

    @classmethod
    def from_data(cls, data: Sequence[str | None]) -> Self:
        """Return what the ledger kept."""
        number, promised_on, expected_on, bucket, *ready = data
        known = date.fromisoformat(expected_on) if expected_on else None
        return cls(str(number), date.fromisoformat(str(promised_on)), known, str(bucket), bool(ready))


@dataclass(frozen=True, slots=True)
class Told:
    """What the customer was last told of an order, line by line, and on which day."""

    revision: int
    told_on: date
    lines: tuple[ToldLine, ...]
    customer: str | None = None
    """Who was told; None where the ledger does not know."""
    assumed: bool = False
    """Whether no message said so: staff left the delay untold on purpose when the shop went live."""


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order with its customer, its lines and what was last told; amounts are in `currency`."""

    id: str
    placed_on: date
    customer: CustomerFacts
    lines: tuple[LineFacts, ...]
    """In the order's own order: 1, 2, 10."""
    currency: str
    shipping_fee: Decimal | None = None
    cancelled_on: date | None = None
    url: str | None = None
    told: Told | None = None
    """What its customer knows: nothing, where the order was another's when it was told."""
    revision: int = 0
    """The highest revision of the promise written down so far, told or not."""


@dataclass(frozen=True, slots=True)
class ProductDelay:
    """A product that is late in many orders: what a social post is about. Holds nothing of any customer."""

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
    """A product that is back, or running low: what the other social posts are about."""

    product: ProductFacts
    kind: PostKind
    left: int
    """Pieces free for new orders."""
    orders: int = 0
    """Orders that waited for it."""
