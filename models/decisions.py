"""What is decided of an order: how late it is, and what is to be said and offered, to whom and by which way."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from models.enums import ChangeKind, Channel, RemedyKind, SkipReason
from models.orders import LineFacts, OrderFacts, ProductFacts
from models.shipments import Parcel


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
    """The late lines, as the order lists them."""
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
    skip: SkipReason | None = None
    valid_until: datetime | None = None
    """When a message still under way would come too late in the day; None: any time will do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said about one order, with what remedy, by which channels, and why."""

    delay: Delay
    change: ChangeKind
    message: str
    """The message's folder: `week`, `fortnight`, ..., or `late_again` for a renewed notice."""
    revision: int
    contacts: tuple[Contact, ...]
    why: str
    """One plain sentence for staff."""
    held_back: tuple[Contact, ...] = ()
    """Usable contacts that the customer's preference leaves out; used if no contact's words can be rendered."""
    told_date: date | None = None
    """The date told before that does not hold any more; None where none was told, or it is not what this is about."""
    substitutes: tuple[Substitutes, ...] = ()
    discount: Discount | None = None
    parcels: tuple[Parcel, ...] = ()
    """How the order is sent, where it comes in parts; empty: at once, or nobody decided."""
    show_offer: bool = True
    """False where the law wants consent before a service mail may carry an offer; then the order page shows it."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one look at an order found: where it stands, when to look again, and what to say, if anything."""

    bucket: str
    """A bucket of the policy, `on_time`, `closed`, or `future` for an order not placed yet."""
    next_check_on: date
    delay: Delay | None = None
    plan: Plan | None = None
    limited: bool = False
    """Whether there is something to say that a run's limit leaves to a later one."""
    no_notice_reason: str = ""
    """Why nothing is said about a late order; empty where there is a plan, or nothing is late."""
