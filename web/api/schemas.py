"""What the JSON API takes and returns. Amounts and quantities are texts, days and moments as ISO 8601 writes them."""

from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import unquote

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from models.customers import Act, ChoiceState, Headline

MAX_TEXT_CHARS, MAX_PART_CHARS = 500, 3_000


def _storable(text: str) -> str:
    """Return a text that every database stores; raises ValueError for any other."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text with NUL or half a surrogate pair cannot be stored")
    return text


def _decoded(part: str) -> str:
    """Return a part of a path, of which `web/api/guards.py` leaves the percent-encoding; raises ValueError."""
    try:
        return _storable(unquote(part, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("percent-encoded UTF-8 is right") from None


def _whole(number: object) -> object:
    """Return a number of a JSON body; raises ValueError for a text or a truth value, which pydantic would convert."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("a whole number is right")  # noqa: TRY004 - pydantic wants it
    return number


Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[str, Field(strict=True, max_length=MAX_TEXT_CHARS, pattern=r"^[^\x00]*$"), AfterValidator(_storable)]
Id = Annotated[str, Path(min_length=1, max_length=MAX_PART_CHARS), AfterValidator(_decoded)]
"""An id in a path."""
Number = Annotated[int, Path(ge=1, le=1_000_000, description="the choice's number in its order")]


class View(BaseModel):
    """Something that is returned."""

    model_config = ConfigDict(frozen=True)


class Problem(View):
    """Why a request was refused."""

    error: str = Field(description="one sentence in English, for developers")


class ProductView(View):
    """A product."""

    id: str
    name: str
    category: str | None
    url: str | None
    image: str | None


class ReasonView(View):
    """Why a line is late."""

    code: str = Field(description="from the list in docs/choices.md")
    texts: dict[str, str] = Field(description="the shop's own words by language, if any")


class ItemView(View):
    """A line of the order."""

    line: str
    product: ProductView
    quantity: str
    promise: Literal["ship", "deliver"] = Field(description="what was promised by `promised_on`")
    promised_on: date
    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    days_late: int
    status: str = Field(
        description="`open`, `ready`, `sent`, `arrived`, `cancelled`, `cancel_requested` or `swap_requested`"
    )
    reason: ReasonView | None
    price: str | None


class ShipmentView(View):
    """The tracking of a parcel that has left."""

    id: str
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    shipped_on: date | None
    delivered_on: date | None


class ParcelView(View):
    """Items that come together."""

    leaves_on: date | None = Field(description="null: it has left, or no day is known")
    items: list[ItemView]
    shipments: list[ShipmentView]


class MessageView(View):
    """A message that was sent to the customer, without its words."""

    id: str
    channel: str
    sent_at: datetime


class ChoiceView(View):
    """A choice that was made."""

    id: str = Field(description="its reference, as 1041-C1")
    order: str
    number: int
    act: Act
    state: ChoiceState
    made_at: datetime
    made_by: Literal["customer", "staff"]
    lines: list[str]
    product: str | None = Field(description="the substitute")
    quantity: str | None
    expected_on: date | None = Field(description="the date that the customer agreed to wait for")
    refund: str | None = Field(description="what the customer was told to get back")
    price_difference: str | None = Field(description="above 0: the customer would pay more, and is asked first")
    currency: str
    offer: str | None
    code: str | None = Field(description="the code of the discount that was accepted")
    notice: str | None = Field(description="the last notice that had left: what the choice answers")
    reserved_until: datetime | None
    undo_until: datetime | None
    changed_at: datetime | None


class Option(View):
    """What can be chosen now: send `option` and `stated` back with the choice."""

    option: str = Field(description="its key; empty where there is only one")
    stated: str = Field(description="digest of what the customer was shown; if it has changed, nothing is recorded")


class WaitOption(Option):
    """To wait until a date."""

    until: date | None = Field(description="null: no date is known")


class ShipOption(Option):
    """To have sent now what is ready."""

    lines: list[str]


class SwapView(Option):
    """To take a product in stock in place of a late one."""

    line: str
    product: ProductView
    quantity: str
    price_difference: str | None


class CancelView(Option):
    """To cancel lines."""

    lines: list[str]
    refund: str | None = Field(description="null: the prices are not known here")
    includes_shipping: bool


class OfferOption(Option):
    """To accept the discount for the wait."""

    offer: str
    kind: str
    percent: str | None
    amount: str | None
    value: str
    expires_on: date


class OpenView(View):
    """What the customer may choose now; null or empty: not offered."""

    acts: list[Act]
    too_late: bool = Field(description="the warehouse has taken all that is open")
    wait: WaitOption | None
    ship: ShipOption | None
    swaps: list[SwapView]
    cancels: list[CancelView]
    offer: OfferOption | None


class OrderView(View):
    """An order as its customer may see it; without name and address."""

    id: str
    version: int = Field(description="send it back with a choice; it changes with each one")
    placed_on: date
    language: str | None
    currency: str
    headline: Headline
    promised_on: date | None
    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    days_late: int
    reason: ReasonView | None
    parcels: list[ParcelView]
    messages: list[MessageView]
    choices: list[ChoiceView] = Field(description="those made so far, the newest first")
    open: OpenView


class Conflict(Problem):
    """Why a choice was not recorded, and how the order is now."""

    order: OrderView
    standing: ChoiceView | None = Field(None, description="the choice that was faster")


class NewChoice(BaseModel):
    """A choice to record, as the customer was shown it."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["wait", "ship", "swap", "cancel", "offer"]
    option: Text = Field("", description="key of the option; empty for `wait`, `ship` and `offer`")
    version: Whole = Field(ge=0, le=1_000_000, description="`version` of the order as it was shown")
    stated: Text = Field(description="`stated` of the option as it was shown")
    made_by: Literal["customer", "staff"] = Field("customer", description="staff: recorded on the phone")


class Closing(BaseModel):
    """Why a choice is done or refused."""

    model_config = ConfigDict(extra="forbid")

    why: Text = Field("", description="kept in the ledger")


class ChoiceList(View):
    """A page of choices, the oldest first."""

    choices: list[ChoiceView]
    next: str | None = Field(description="send it as `after` for the next page; null: this is the last one")


class LinkView(View):
    """A new link. Its address is returned only now."""

    id: str
    url: str
    expires_at: datetime


class RevokedView(View):
    """How many links were revoked."""

    revoked: int
