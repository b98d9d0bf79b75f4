"""What is known of an order, of its customer and of its products: frozen, without a database behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from models.enums import Promise
from models.quantities import Quantity, normalized, plain

LineKey = tuple[str, str]
"""An order's id and the number of one of its lines."""
READY, OWED = "ready", "owed "
"""How a told line says that it was ready, and for how many pieces its customer waits."""


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
class Shipment:
    """The pieces of a line in one parcel; its days are dates in the shop's zone."""

    id: str
    quantity: Quantity
    packed_on: date | None = None
    shipped_on: date | None = None
    delivered_on: date | None = None
    cancelled_on: date | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None

    def counts(self, as_of: date) -> bool:
        """Say whether the parcel was not called off by a day."""
        return not _by(self.cancelled_on, as_of)

    def left(self, as_of: date) -> bool:
        """Say whether it had left by a day."""
        return self.counts(as_of) and (_by(self.shipped_on, as_of) or _by(self.delivered_on, as_of))

    def delivered(self, as_of: date) -> bool:
        """Say whether it had arrived by a day."""
        return self.counts(as_of) and _by(self.delivered_on, as_of)


def _by(day: date | None, as_of: date) -> bool:
    return day is not None and day <= as_of


@dataclass(frozen=True, slots=True)
class LineFacts:
    """An order line; its days are dates in the shop's zone.

    The methods count pieces as `tasks/orders/owed_pieces.py` does in SQL: the greater number of the pieces that the
    line tells and those of its parcels.
    """

    number: str
    product: ProductFacts
    quantity: Quantity
    promise: Promise
    promised_on: date
    price: Decimal | None = None
    expected_on: date | None = None
    shipped_on: date | None = None
    delivered_on: date | None = None
    cancelled_on: date | None = None
    ready: bool = False
    """All that is still to leave lies in stock, or packed, for this order, and is expected to leave."""
    in_stock: bool = False
    """The same, whether or not it is expected to leave."""
    shipped: Quantity = 0
    cancelled: Quantity = 0
    returned: Quantity = 0
    """Pieces that came back; they are among those that left."""
    packed: Quantity = 0
    shipments: tuple[Shipment, ...] = ()
    closed: bool = False
    """Nothing of it is outstanding, whatever its dates say: its source says so, or it is never sent."""
    ended: str | None = None
    """Why it is closed or cancelled, where no date of the source says so."""

    @property
    def ordered(self) -> Quantity:
        """Return the pieces ordered and not cancelled."""
        return max(0, self.quantity - self.cancelled)

    def sent(self, as_of: date) -> Quantity:
        """Return the pieces that left by a day."""
        if _by(self.shipped_on, as_of) or _by(self.delivered_on, as_of):
            return self.ordered
        return max(self.shipped, self.returned, sum(one.quantity for one in self.shipments if one.left(as_of)))

    def owed(self, as_of: date) -> Quantity:
        """Return the pieces of which what was promised, to ship or to deliver, has not happened by a day."""
        if _by(self.cancelled_on, as_of) or _by(self.delivered_on, as_of):
            return 0
        if self.promise is Promise.SHIP:
            return max(0, self.ordered - self.sent(as_of))
        delivered = sum(one.quantity for one in self.shipments if one.delivered(as_of))
        return max(0, self.ordered - max(self.returned, delivered))

    def packed_by(self, as_of: date) -> Quantity:
        """Return the pieces that are packed on a day and have not left."""
        if _by(self.cancelled_on, as_of):
            return 0
        waiting = (one for one in self.shipments if one.counts(as_of) and not one.left(as_of))
        packed = max(self.packed, sum(one.quantity for one in waiting if _by(one.packed_on, as_of)))
        return max(0, min(packed, self.ordered - self.sent(as_of)))

    def under_way(self, as_of: date) -> tuple[Shipment, ...]:
        """Return the parcels that left by a day and have not arrived."""
        if _by(self.delivered_on, as_of):
            return ()
        return tuple(one for one in self.shipments if one.left(as_of) and not one.delivered(as_of))


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """What a customer was told of one late line: the promise it broke, the new date (None: unknown), its bucket."""

    number: str
    promised_on: date
    expected_on: date | None
    bucket: str
    ready: bool = False
    """Whether they know that it is there and can go."""
    owed: Quantity | None = None
    """For how many pieces they know that they wait; None where an older version did not note it."""

    def as_data(self) -> list[str | None]:
        """Return it as the ledger keeps it."""
        known = None if self.expected_on is None else self.expected_on.isoformat()
        more = [*([READY] if self.ready else []), *([] if self.owed is None else [f"{OWED}{plain(self.owed)}"])]
        return [self.number, self.promised_on.isoformat(), known, self.bucket, *more]

    @classmethod
    def from_data(cls, data: Sequence[str | None]) -> Self:
        """Return what the ledger kept."""
        number, promised_on, expected_on, bucket, *more = data
        owed = next((normalized(Decimal(one.removeprefix(OWED))) for one in more if one and one.startswith(OWED)), None)
        known = date.fromisoformat(expected_on) if expected_on else None
        return cls(str(number), date.fromisoformat(str(promised_on)), known, str(bucket), READY in more, owed)


@dataclass(frozen=True, slots=True)
class LastNotice:
    """What the customer was last told of an order, line by line, and on which day."""

    revision: int
    told_on: date
    lines: tuple[NoticeLine, ...]
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
    told: LastNotice | None = None
    """What its customer knows: nothing, where the order was another's when it was told."""
    unpaid: bool = False
    """It waits for its payment: nothing of it is late."""
    revision: int = 0
    """The highest revision of the promise written down so far, told or not."""
