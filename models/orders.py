"""The facts of orders, customers, products and parcels, and what customers were told: values without a database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from models.early_warning import Likelihood
from models.enums import Promise
from models.quantities import Quantity, normalized, plain
from models.reasons import DelayReason

LineKey = tuple[str, str]
"""An order's id and the number of one of its lines."""
READY, WARNED, OWED = "ready", "may be late", "owed "
"""How a stored notice line records that it was ready, may be late, and how many pieces were owed."""


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """A product, with what messages and decisions need."""

    id: str
    name: str
    category: str | None = None
    price: Decimal | None = None
    url: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """A customer, with what is needed to contact them."""

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
        """Return False where the parcel was cancelled by a day."""
        return not _by(self.cancelled_on, as_of)

    def left(self, as_of: date) -> bool:
        """Return whether it had left by a day."""
        return self.counts(as_of) and (_by(self.shipped_on, as_of) or _by(self.delivered_on, as_of))

    def delivered(self, as_of: date) -> bool:
        """Return whether it had arrived by a day."""
        return self.counts(as_of) and _by(self.delivered_on, as_of)


def _by(day: date | None, as_of: date) -> bool:
    return day is not None and day <= as_of


@dataclass(frozen=True, slots=True)
class LineFacts:
    """An order line; its days are dates in the shop's zone.

    The methods count pieces as `tasks/orders/owed_pieces.py` does in SQL: where the line's own figure and the sum of
    its parcels differ, the greater one counts.
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
    """All that is still to leave is in stock or packed for this order, and expected to leave."""
    in_stock: bool = False
    """The same, whether or not it is expected to leave."""
    shipped: Quantity = 0
    cancelled: Quantity = 0
    returned: Quantity = 0
    """Pieces that came back; they are among the shipped ones."""
    packed: Quantity = 0
    shipments: tuple[Shipment, ...] = ()
    closed: bool = False
    """Nothing of it is owed, whatever its dates are: its source says so, or it is a line that is never sent."""
    ended: str | None = None
    """Why it is closed or cancelled, where no date of the source says so."""
    reason: DelayReason | None = None
    """Why it is late; None: not known."""
    exclusion: str | None = None
    """The kind of sale that a law leaves out, as `cod`; None: none that is known."""
    estimated: bool = False
    """Whether nobody states `expected_on`: it is computed from how things usually go."""
    stated_on: date | None = None
    """Of an estimated date: the day on which it leaves if its vendor keeps its word; None: its vendor states no day."""
    assured: bool = False
    """Whether `expected_on` is what the carrier or staff say of this very line."""

    @property
    def ordered(self) -> Quantity:
        """Return the pieces ordered and not cancelled."""
        return max(0, self.quantity - self.cancelled)

    def sent(self, as_of: date) -> Quantity:
        """Return the pieces that left by a day."""
        if _by(self.shipped_on, as_of) or _by(self.delivered_on, as_of):
            return self.ordered
        return max(self.shipped, self.returned, sum(parcel.quantity for parcel in self.shipments if parcel.left(as_of)))

    def owed(self, as_of: date) -> Quantity:
        """Return the pieces that are not shipped, or not delivered, by a day: whichever was promised."""
        if _by(self.cancelled_on, as_of) or _by(self.delivered_on, as_of):
            return 0
        if self.promise is Promise.SHIP:
            return max(0, self.ordered - self.sent(as_of))
        delivered = sum(parcel.quantity for parcel in self.shipments if parcel.delivered(as_of))
        return max(0, self.ordered - max(self.returned, delivered))

    def packed_by(self, as_of: date) -> Quantity:
        """Return the pieces that are packed by a day and have not left."""
        if _by(self.cancelled_on, as_of):
            return 0
        not_left = (parcel for parcel in self.shipments if parcel.counts(as_of) and not parcel.left(as_of))
        packed = max(self.packed, sum(parcel.quantity for parcel in not_left if _by(parcel.packed_on, as_of)))
        return max(0, min(packed, self.ordered - self.sent(as_of)))

    def under_way(self, as_of: date) -> tuple[Shipment, ...]:
        """Return the parcels that left by a day and have not arrived."""
        if _by(self.delivered_on, as_of):
            return ()
        return tuple(parcel for parcel in self.shipments if parcel.left(as_of) and not parcel.delivered(as_of))


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """What a notice says of a late line: the promised date, the expected date (None: unknown), and the bucket."""

    number: str
    promised_on: date
    expected_on: date | None
    bucket: str
    ready: bool = False
    """Whether the notice says that the goods are in stock and can leave."""
    owed: Quantity | None = None
    """The pieces that the notice says are owed; None where an older version did not record them."""
    warned: bool = False
    """Whether the notice says only that it may be late: then it tells no date and no bucket."""

    def as_data(self) -> list[str | None]:
        """Return the line as the ledger stores it."""
        known = None if self.expected_on is None else self.expected_on.isoformat()
        flags = [name for name, is_set in ((READY, self.ready), (WARNED, self.warned)) if is_set]
        more = [*flags, *([] if self.owed is None else [f"{OWED}{plain(self.owed)}"])]
        return [self.number, self.promised_on.isoformat(), known, self.bucket, *more]

    @classmethod
    def from_data(cls, data: Sequence[str | None]) -> Self:
        """Return the line from what the ledger stores."""
        number, promised_on, expected_on, bucket, *more = data
        owed = next((normalized(Decimal(one.removeprefix(OWED))) for one in more if one and one.startswith(OWED)), None)
        known = date.fromisoformat(expected_on) if expected_on else None
        promised = date.fromisoformat(str(promised_on))
        return cls(str(number), promised, known, str(bucket), READY in more, owed, WARNED in more)


@dataclass(frozen=True, slots=True)
class LastNotice:
    """The last notice about an order: its lines, its day and its recipient."""

    revision: int
    told_on: date
    lines: tuple[NoticeLine, ...]
    customer: str | None = None
    """The customer who got it; None where the ledger does not say."""
    assumed: bool = False
    """Whether there was no message: staff left the delay uncommunicated on purpose when the shop went live."""
    in_doubt: bool = False
    """Whether it is unknown if it arrived: then no good news is told that the customer may not understand."""

    @property
    def warned(self) -> bool:
        """Return whether it was a warning: nothing of a delay was told as known."""
        return any(line.warned for line in self.lines)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How likely those lines of an order are to be late that were promised for one day."""

    promise: Promise
    promised_on: date
    likelihood: Likelihood

    def covers(self, line: LineFacts) -> bool:
        """Return whether a line is among them."""
        return (line.promise, line.promised_on) == (self.promise, self.promised_on)


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order with its customer, its lines and its last notice; amounts are in `currency`."""

    id: str
    placed_on: date
    customer: CustomerFacts
    lines: tuple[LineFacts, ...]
    """Sorted by number: 1, 2, 10."""
    currency: str
    shipping_fee: Decimal | None = None
    cancelled_on: date | None = None
    url: str | None = None
    told: LastNotice | None = None
    """The last notice that has left to its present customer; None where there is none, or another customer got it."""
    unpaid: bool = False
    """It waits for its payment, so that nothing of it is late."""
    revision: int = 0
    """The highest revision of the promise recorded so far, communicated or not."""
    country: str | None = None
    """ISO code of where it goes: its own country, or its customer's; None: neither is known."""
    postcode: str | None = None
    """Of its own address."""
    outlook: tuple[Outlook, ...] = ()
    """How likely it is to be late, as of the morning that is looked at; empty where nothing can be said."""
    held_by: str | None = None
    """The person of the staff who holds it: nothing about it leaves; None: nobody does."""
    critical: bool = False
    """Staff say that it is time-critical: its customer is told from the first day late on."""
