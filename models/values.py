"""The values that decisions are made of: frozen, without a database behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

from models.supply import Parcel


class Channel(StrEnum):
    """A way to reach people; each has one door."""

    EMAIL = "email"
    SMS = "sms"
    X = "x"


class Promise(StrEnum):
    """What was promised by the promised date."""

    SHIP = "ship"
    DELIVER = "deliver"


class State(StrEnum):
    """Where a notice or a post stands in its life."""

    HELD = "held"
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"


class News(StrEnum):
    """Why there is something to say that was not said yet."""

    FIRST = "first"
    """Nothing was told so far."""
    WORSE = "worse"
    """The order moved into a later bucket."""
    SLIPPED = "slipped"
    """The date is now later than the one told, or has become unknown."""
    PASSED = "passed"
    """The date told has passed and the order is still open."""
    ANOTHER = "another"
    """A line is late that was on time when we wrote, or that has a new promise since."""
    READY = "ready"
    """Good news: what was told to be late is there for the order, and can go."""
    EARLIER = "earlier"
    """Good news: the date is earlier than the one told, by enough to say so."""


GOOD = (News.READY, News.EARLIER)


class RemedyKind(StrEnum):
    """What may be offered for the wait."""

    HANDLING_DATE = "handling_date"
    """Nothing is said: the shop moves the handling date that it shows."""
    SUBSTITUTE = "substitute"
    SHIPPING_DISCOUNT = "shipping_discount"
    FUTURE_DISCOUNT = "future_discount"


class PostKind(StrEnum):
    """What a social post is about."""

    LATE = "late"
    """A product late in many orders."""
    BACK = "back"
    """A product in stock again that many orders waited for."""
    LOW = "low"
    """A product that sells, of which few are left."""


class Skip(StrEnum):
    """Why a notice is not sent; the words staff read."""

    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    NO_HOUR = "no_hour"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    CHANGED = "changed"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"
    TOO_OLD = "too_old"


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


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order with its customer, its lines and what was last told; amounts are in `currency`."""

    id: str
    placed_on: date
    customer: CustomerFacts
    lines: tuple[LineFacts, ...]
    currency: str
    shipping_fee: Decimal | None = None
    cancelled_on: date | None = None
    url: str | None = None
    told: Told | None = None
    revision: int = 0
    """The highest revision of the promise written down so far, told or not."""


@dataclass(frozen=True, slots=True)
class LateLine:
    """A late order line: how many days, and the date now expected (None: unknown)."""

    line: LineFacts
    days: int
    expected_on: date | None


@dataclass(frozen=True, slots=True)
class Delay:
    """How late an order is on one day: as late as its latest line."""

    order: OrderFacts
    as_of: date
    days: int
    bucket: str
    expected_on: date | None
    """The day by which the last late line is expected; None where any late line's date is unknown."""
    late: tuple[LateLine, ...]
    """The late lines, latest first."""
    on_time: tuple[LineFacts, ...]
    """The open lines that can still come on time."""


@dataclass(frozen=True, slots=True)
class Substitutes:
    """What could take a late line's place, nearest first."""

    line: LineFacts
    products: tuple[ProductFacts, ...]


@dataclass(frozen=True, slots=True)
class Discount:
    """Money off, with the code that a shop system honours; `percent` or `amount`, never both."""

    kind: RemedyKind
    code: str
    currency: str
    expires_on: date
    value: Decimal
    """The most it can cost the shop, counted against the caps."""
    percent: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach the customer, or the reason why it is not one."""

    channel: Channel
    address: str | None
    not_before: datetime | None = None
    skip: Skip | None = None
    valid_until: datetime | None = None
    """When a message still under way would come too late in the day; None: any time will do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said about one order, with what remedy, by which channels, and why."""

    delay: Delay
    news: News
    message: str
    """The message's folder: `week`, `fortnight`, ..., or `late_again` for a renewed notice."""
    revision: int
    contacts: tuple[Contact, ...]
    why: str
    """One plain sentence for staff."""
    told_date: date | None = None
    """The date told before that does not hold any more; None where none was told, or it is not what this is about."""
    substitutes: tuple[Substitutes, ...] = ()
    discount: Discount | None = None
    parcels: tuple[Parcel, ...] = ()
    """How the order is sent, where it comes in parts; empty: at once, or nobody decided."""
    show_offer: bool = True
    """False where the law wants consent before a service mail may carry an offer; then the order page shows it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at an order found: where it stands, when to look again, and what to say, if anything."""

    bucket: str
    """A bucket of the policy, `on_time`, `closed`, or `future` for an order not placed yet."""
    look_again_on: date
    delay: Delay | None = None
    plan: Plan | None = None
    quiet: str = ""
    """Why nothing is said about a late order; empty where there is a plan, or nothing is late."""


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
class Attachment:
    """A file that goes with a mail: its name, its media type, its bytes."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ProductStock:
    """A product that is back, or running low: what the other social posts are about."""

    product: ProductFacts
    kind: PostKind
    left: int
    """Pieces free for new orders."""
    orders: int = 0
    """Orders that waited for it."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words ready to leave by one channel."""

    id: str
    """The id of the notice or post, which the door hands to the provider as its reference."""
    channel: Channel
    to: str
    """The address or number; empty for a post."""
    text: str
    """The text mail, the SMS, or the post."""
    locale: str = "en"
    subject: str = ""
    html: str = ""
    to_name: str = ""
    category: str = ""
    """The message's folder; holds nothing of any person."""
    valid_until: datetime | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider answered when it took a message."""

    reference: str
    """The provider's own id of the message."""
    detail: Mapping[str, str] = field(default_factory=dict)
