"""What is decided about an order: how late it is, what to say and offer, and on which channels."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from models.early_warning import Likelihood
from models.enums import ChangeKind, Channel, RemedyKind, SkipReason
from models.experiments import Wording
from models.orders import LineFacts, OrderFacts, ProductFacts
from models.promise_clock import NO_CHANGE, NO_RIGHTS, Rights, Silence
from models.shipments import Parcel


@dataclass(frozen=True, slots=True)
class LateLine:
    """A late order line: its days late, and its expected date (None: unknown)."""

    line: LineFacts
    days: int
    expected_on: date | None
    known_days: int | None = None
    """Of `days`, those that are known before the promise has passed; None: all, because no estimate is among them."""

    @property
    def days_known(self) -> int:
        """Return by how many days it is known to be late."""
        return self.days if self.known_days is None else self.known_days

    @property
    def is_known(self) -> bool:
        """Return whether it is known to be late at all: by a fact, or because its promise has passed."""
        return self.known_days is None or self.known_days > 0


@dataclass(frozen=True, slots=True)
class LikelyDelay:
    """What a customer is warned of: nothing is known of a delay yet, and one is likely."""

    likelihood: Likelihood
    from_on: date
    """The promised day: it may still come by it."""
    to_on: date
    """The day up to which it may take."""


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
    likely: LikelyDelay | None = None
    """Set where the lines of `late` are not known to be late, and only likely to be."""


@dataclass(frozen=True, slots=True)
class Substitutes:
    """The products that could replace a late line's, the most similar first."""

    line: LineFacts
    products: tuple[ProductFacts, ...]


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount with its code for the shop system; it has either `percent` or `amount`."""

    kind: RemedyKind
    code: str
    currency: str
    expires_on: date
    value: Decimal
    """The most that it can cost the shop, counted against the budget."""
    percent: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer's address on one channel, or the reason why the channel is skipped."""

    channel: Channel
    address: str | None
    not_before: datetime | None = None
    skip: SkipReason | None = None
    valid_until: datetime | None = None
    """When quiet hours begin, after which the message must not arrive; None: there are none."""
    country: str = ""
    """The country whose number gets a text; empty where it is not known, and for a mail."""
    says_stop: bool = False
    """Whether the policy has a text to this country say how to stop texts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A notice about one order: what to say, with which remedy, on which channels, and why."""

    delay: Delay
    change: ChangeKind
    message: str
    """The message's folder in templates/messages: `week`, `fortnight`, ..., or `late_again` for a renewed notice."""
    revision: int
    contacts: tuple[Contact, ...]
    why: str
    """One plain sentence for staff."""
    held_back: tuple[Contact, ...] = ()
    """Usable contacts that the customer's preference leaves out; used if no message can be rendered for the others."""
    told_date: date | None = None
    """The communicated date that does not hold any more; None where there is none, or the notice is not about it."""
    substitutes: tuple[Substitutes, ...] = ()
    discount: Discount | None = None
    parcels: tuple[Parcel, ...] = ()
    """The parcels in which the order is sent; empty: it is sent at once, or not planned."""
    silence: Silence | None = NO_CHANGE
    """What it means if the customer does not answer this notice; None: it cannot say anything of it."""
    rights: Rights = NO_RIGHTS
    """What the law of the customer's country gives beside waiting."""
    note: str = ""
    """The personal note of staff that goes with it; empty: none."""
    note_id: str | None = None
    show_offer: bool = True
    """False where the law requires consent for an offer in a service mail; then the order page shows it."""
    wording: Wording | None = None
    """Which of two wordings its customer reads; None: no trial of the message runs."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the assessment of an order found: its bucket, the day of its next check, and a plan if there is one."""

    bucket: str
    """A bucket of the policy, `on_time`, `closed`, or `future` for an order not placed yet."""
    next_check_on: date
    delay: Delay | None = None
    plan: Plan | None = None
    limited: bool = False
    """Whether a run's limit leaves its notice to a later run."""
    held: bool = False
    """Whether staff hold the order, so that its notice waits for its release."""
    no_notice_reason: str = ""
    """Why a late order gets no notice; empty where there is a plan, or nothing is late."""
