"""What a customer sees of an order and may choose: values of the order page, the JSON API and the ledger."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from models.orders import ProductFacts, Shipment
from models.promise_clock import NO_CHANGE, NO_RIGHTS, Rights, Silence
from models.quantities import Quantity
from models.reasons import DelayReason as DelayReason

LINK_PLACEHOLDER = "order-link-placeholder"
"""Stands in the stored words of a message where its link's token is filled in as it is sent; just as long."""


class Act(StrEnum):
    """What a customer may choose; also the last part of the page's address."""

    WAIT = "wait"
    SHIP = "ship"
    SWAP = "swap"
    CANCEL = "cancel"
    OFFER = "offer"
    WITHDRAW = "withdraw"
    """The right to withdraw from a contract made at a distance, without a reason, also after delivery."""


ENDS_CONTRACT = (Act.CANCEL, Act.WITHDRAW)
"""Acts after which the customer gets the money back."""
CLOSES_LINES = (Act.SWAP, *ENDS_CONTRACT)
"""Acts after which their lines are not owed any more."""


class MailKind(StrEnum):
    """A message to a single customer that is no notice and about no choice."""

    NEW_LINK = "new_link"
    AGAIN = "again"
    """A notice that staff sent again, by another channel or to another address."""
    NOTE = "staff_note"
    """A personal note of staff that was sent by itself."""


class ChoiceState(StrEnum):
    """Where a choice stands."""

    REQUESTED = "requested"
    """The shop still has to act on it."""
    DONE = "done"
    """The shop has done what was asked, or nothing had to be done."""
    REPLACED = "replaced"
    """A later choice of the customer takes its place."""
    UNDONE = "undone"
    """The customer, or staff for them, took it back in time."""
    REFUSED = "refused"
    """The shop could not do it: the goods had left, or the substitute was gone."""


STANDING = (ChoiceState.REQUESTED, ChoiceState.DONE)


class Headline(StrEnum):
    """Which sentence opens the page."""

    LATE = "late"
    PART_LATE = "part_late"
    NO_DATE = "no_date"
    GOOD_NEWS = "good_news"
    MAY_BE_LATE = "may_be_late"
    """Nothing is known of a delay; one is likely, or expected by an estimate alone."""
    ON_TIME = "on_time"
    SENT = "sent"
    """All of it is on its way, and it is not known to have arrived."""
    ARRIVED = "arrived"
    CANCEL_REQUESTED = "cancel_requested"
    """All that was to come is cancelled by the customer, and the shop has not confirmed it yet."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PageItem:
    """A line of the order as its customer sees it."""

    number: str
    product: ProductFacts
    quantity: Quantity
    """Pieces still owed; of a line that is closed, the pieces ordered."""
    ships: bool
    """The promise is to ship by a date, not to arrive by it."""
    promised_on: date
    expected_on: date | None
    days_late: int
    """0 where it is not late."""
    earliest_on: date | None = None
    latest_on: date | None = None
    status: str = "open"
    """`open`, `ready`, `packed`, `sent`, `arrived`, `cancelled`, `cancel_requested`, `swap_requested` or `swapped`."""
    reason: DelayReason | None = None
    price: Decimal | None = None
    may_be_late: bool = False
    """Nothing is known of a delay, and one is likely or expected by an estimate alone."""


@dataclass(frozen=True, slots=True)
class PageParcel:
    """Items that come together: a parcel on its way, or one still to leave."""

    items: tuple[PageItem, ...]
    leaves_on: date | None = None
    """None: it has left, or no day is known."""
    shipments: tuple[Shipment, ...] = ()
    """Its tracking links, once it left."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that has left to the customer."""

    number: int
    id: str
    channel: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CancelOption:
    """Lines that can be cancelled together, and what the customer gets back."""

    key: str
    """`late`, `all`, or the number of a line: the form's value."""
    lines: tuple[str, ...]
    names: tuple[str, ...]
    refund: Decimal | None
    """None: the prices are not known here; the shop tells the amount."""
    includes_shipping: bool = False
    whole_order: bool = False
    """Nothing of the order is left afterwards, and nothing of it has been sent."""


@dataclass(frozen=True, slots=True)
class WithdrawOption:
    """The lines that a customer can withdraw from, together."""

    lines: tuple[str, ...]
    names: tuple[str, ...]
    refund: Decimal | None
    """None: the prices are not known here."""
    includes_shipping: bool
    until: date | None
    """The last day; None: something has not arrived yet."""
    days: int
    """Days that the right lasts from when the last of it arrives."""


@dataclass(frozen=True, slots=True)
class SwapOption:
    """A product in stock that can replace a late line's."""

    key: str
    """`LINE:PRODUCT`: the form's value."""
    line: str
    late_product: ProductFacts
    product: ProductFacts
    quantity: Quantity
    price_difference: Decimal | None
    """Above 0: the customer would pay more, and is asked first. None: the prices cannot be compared."""


@dataclass(frozen=True, slots=True)
class DiscountOption:
    """A discount that is the customer's for the wait."""

    offer_id: str
    kind: str
    code: str
    percent: Decimal | None
    amount: Decimal | None
    value: Decimal
    expires_on: date


@dataclass(frozen=True, slots=True)
class OpenChoices:
    """What a customer may choose now. An act without an option is not offered."""

    wait_until: date | None = None
    may_wait: bool = False
    ship_now: tuple[str, ...] = ()
    """The numbers of the lines that can leave now, where others have to wait."""
    swaps: tuple[SwapOption, ...] = ()
    cancels: tuple[CancelOption, ...] = ()
    discount: DiscountOption | None = None
    withdraw: WithdrawOption | None = None
    too_late: bool = False
    """The warehouse has taken all that is open: nothing can be changed here any more."""

    @property
    def acts(self) -> tuple[Act, ...]:
        """Return the acts that are offered, as the page lists them."""
        offered = {
            Act.WAIT: self.may_wait,
            Act.SHIP: bool(self.ship_now),
            Act.SWAP: bool(self.swaps),
            Act.CANCEL: bool(self.cancels),
            Act.OFFER: self.discount is not None,
            Act.WITHDRAW: self.withdraw is not None,
        }
        return tuple(act for act, is_offered in offered.items() if is_offered)


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice that was made, as the ledger has it."""

    id: str
    order_id: str
    number: int
    act: Act
    state: ChoiceState
    made_at: datetime
    made_by: str
    lines: tuple[str, ...] = ()
    product: ProductFacts | None = None
    quantity: Quantity | None = None
    """Pieces of the substitute; None where none was chosen."""
    expected_on: date | None = None
    refund: Decimal | None = None
    refunds_shipping: bool = False
    """Whether the shipping fee is part of the refund."""
    price_difference: Decimal | None = None
    currency: str = ""
    reserved_until: datetime | None = None
    undo_until: datetime | None = None
    """Until when the customer can take it back; None: not any more."""
    changed_at: datetime | None = None
    changed_by: str | None = None
    notice_id: str | None = None
    discount: DiscountOption | None = None
    why: str = ""
    """The reason that the customer gave afterwards, if any."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Everything on one order's page."""

    order_id: str
    placed_on: date
    customer_id: str
    customer_name: str
    locale: str | None
    """The customer's language; None: not known."""
    currency: str
    headline: Headline
    expected_on: date | None
    """When the last late line is expected; None: not known, or nothing is late."""
    earliest_on: date | None
    latest_on: date | None
    promised_on: date | None
    days_late: int
    reason: DelayReason | None
    parcels: tuple[PageParcel, ...]
    """In the order in which they come; a cancelled or replaced item is in the last one, which has no day."""
    messages: tuple[SentMessage, ...]
    choices: tuple[Choice, ...]
    """Those made so far, the newest first."""
    open: OpenChoices
    notice_id: str | None = None
    """The last notice that has left to the customer: what a choice answers."""
    silence: Silence | None = NO_CHANGE
    """What it means if the customer does not answer; None: nothing can be said of it."""
    rights: Rights = NO_RIGHTS
    """What the law gives the customer beside waiting, while something is late."""

    @property
    def version(self) -> int:
        """Return how many choices were made: a form that was made at an earlier version is answered with a conflict."""
        return len(self.choices)
