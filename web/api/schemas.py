"""What the JSON API returns. Amounts and quantities are texts, days and moments as ISO 8601 writes them."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.customers import Act, ChoiceState, Headline


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

    code: str = Field(description="from the list in docs/marketing.md")
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
        description="`open`, `ready`, `packed`, `sent`, `arrived`, `cancelled`, `cancel_requested`, `swapped` or "
        "`swap_requested`"
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


class WithdrawView(Option):
    """To withdraw from the contract, also after delivery."""

    lines: list[str]
    refund: str | None = Field(description="null: the prices are not known here")
    includes_shipping: bool
    until: date | None = Field(description="the last day; null: something has not arrived yet")


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
    withdraw: WithdrawView | None


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
