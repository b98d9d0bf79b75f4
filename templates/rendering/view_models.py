"""Define the values whose fields a template may use; the annotations document them in docs/marketing.md."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from models.enums import RemedyKind
from models.quantities import Quantity


class View:
    """A value whose fields a template may use; it cannot be printed as a whole."""

    __slots__ = ()

    def __str__(self) -> str:
        """Raise TypeError: a reader would see Python's own notation."""
        name = type(self).__name__.removesuffix("View").lower()
        raise TypeError(f"{name} cannot be printed as a whole: print one of its fields")


@dataclass(frozen=True, slots=True)
class ProductView(View):
    """A product."""

    name: Annotated[str, "its name, at most 200 characters"]
    url: Annotated[str | None, "its page"]
    image: Annotated[str | None, "address of its picture"]
    category: Annotated[str | None, "name of its category"]
    category_url: Annotated[str | None, "the category's page"]
    price: Annotated[Decimal | None, "price of one unit"]
    currency: Annotated[str, "ISO 4217, as `EUR`"]


@dataclass(frozen=True, slots=True)
class ShipmentView(View):
    """A parcel on its way. Each field may be empty, but never all of them."""

    carrier: Annotated[str, "name of the carrier"]
    number: Annotated[str, "tracking number"]
    url: Annotated[str | None, "tracking page"]


@dataclass(frozen=True, slots=True)
class ItemView(View):
    """An order line."""

    product: Annotated[ProductView, "the product that was ordered"]
    quantity: Annotated[Quantity, "pieces that the customer still waits for; may be a fraction"]
    ordered: Annotated[Quantity, "pieces that were ordered"]
    is_partial: Annotated[bool, "`quantity` and `ordered` differ"]
    ships: Annotated[bool, "the promise is to ship by a date, not to arrive by it"]
    promised_on: Annotated[date, "the promised date"]
    expected_on: Annotated[date | None, "the date now expected; empty: not known"]
    ready: Annotated[bool, "in stock and set aside for the customer"]
    shipments: Annotated[tuple[ShipmentView, ...], "its parcels on their way"]
    reason: Annotated[str | None, "why it is late, a clause such as `our supplier is late`; empty: not known"]


@dataclass(frozen=True, slots=True)
class OrderView(View):
    """An order."""

    id: Annotated[str, "the order's number"]
    placed_on: Annotated[date, "the day on which it was placed"]
    url: Annotated[str, "the order's page"]


@dataclass(frozen=True, slots=True)
class ChoicesView(View):
    """What a customer may choose on the order page. Each field is a page's address, or empty: it is not offered."""

    wait: Annotated[str | None, "keep the order and wait"]
    ship: Annotated[str | None, "send now what is in stock; empty unless it waits for the rest"]
    swap: Annotated[str | None, "take a substitute; empty unless the message offers one"]
    cancel: Annotated[str | None, "cancel late items or the order, with a full refund"]
    offer: Annotated[str | None, "see the discount; empty unless there is one"]


@dataclass(frozen=True, slots=True)
class ParcelView(View):
    """Items that ship together."""

    items: Annotated[tuple[ItemView, ...], "what is in it"]
    ships_on: Annotated[date | None, "the date by which it ships; empty: not known"]


@dataclass(frozen=True, slots=True)
class SubstituteView(View):
    """Products in stock that could replace a late item."""

    item: Annotated[ItemView, "the late item"]
    products: Annotated[tuple[ProductView, ...], "what could replace it"]


@dataclass(frozen=True, slots=True)
class DiscountView(View):
    """A discount on the customer's next order: a percentage or an amount."""

    kind: Annotated[RemedyKind, "`shipping_discount` or `future_discount`"]
    code: Annotated[str, "the code to enter at the checkout"]
    percent: Annotated[Decimal | None, "10 is ten percent"]
    amount: Annotated[Decimal | None, "an amount of money"]
    value: Annotated[Decimal, "the most it is worth"]
    currency: Annotated[str, "ISO 4217, as `EUR`"]
    expires_on: Annotated[date, "the last day on which it is valid"]


@dataclass(frozen=True, slots=True)
class AnswerView(View):
    """What a customer chose on the order page. Moments are in the shop's time zone."""

    reference: Annotated[str, "its number, as `1041-C1`"]
    act: Annotated[str, "`wait`, `ship`, `swap`, `cancel` or `offer`"]
    made_at: Annotated[datetime, "when it was made"]
    items: Annotated[tuple[str, ...], "the names of the items it is about, at most 24"]
    more: Annotated[int, "how many items there are beside those"]
    product: Annotated[ProductView | None, "the product in stock that takes the late one's place"]
    expected_on: Annotated[date | None, "the date to wait for; empty: not known"]
    refund: Annotated[Decimal | None, "what the customer gets back; empty: the shop tells it"]
    refund_by: Annotated[date, "the day by which it is paid"]
    price_difference: Annotated[Decimal | None, "how much more the product costs; empty: not known"]
    currency: Annotated[str, "ISO 4217, as `EUR`"]
    reserved_until: Annotated[datetime | None, "until when the product is reserved"]
    undo_until: Annotated[datetime | None, "until when it can be taken back; empty: not any more"]


@dataclass(frozen=True, slots=True)
class SenderView(View):
    """The sender of the shop's messages."""

    name: Annotated[str, "name of the sender"]
    email: Annotated[str, "address of the sender"]
    reply_to: Annotated[str | None, "address for answers"]


@dataclass(frozen=True, slots=True)
class HelpView(View):
    """How a customer reaches the shop, in the language of the message."""

    email: Annotated[str, "address of customer service"]
    phone: Annotated[str | None, "its phone number"]
    hours: Annotated[str | None, "opening hours"]


@dataclass(frozen=True, slots=True)
class LinksView(View):
    """The shop's own pages."""

    home: Annotated[str, "the home page"]
    help: Annotated[str | None, "the help page"]
    new_link: Annotated[str | None, "the page that mails a new link to an order; empty: the shop has no order pages"]


@dataclass(frozen=True, slots=True)
class BrandView(View):
    """How the shop looks and signs, in the language of the message."""

    logo: Annotated[str | None, "address of the logo"]
    logo_dark: Annotated[str | None, "address of the logo for dark screens"]
    legal: Annotated[str | None, "the legal footer"]
    imprint_url: Annotated[str | None, "the page with the legal notice"]
    privacy_url: Annotated[str | None, "the page about privacy"]


@dataclass(frozen=True, slots=True)
class ShopView(View):
    """The shop, as in `shop.toml`, without its vendors and its data source."""

    name: Annotated[str, "the shop's name; in texts `sms_name`, where there is one"]
    zone: Annotated[str, "time zone, as `Europe/Berlin`"]
    locale: Annotated[str, "language, as `pt_BR`"]
    country: Annotated[str, "ISO 3166, as `DE`"]
    currency: Annotated[str, "ISO 4217, as `EUR`"]
    sender: Annotated[SenderView, "the sender of messages"]
    help: Annotated[HelpView, "how to reach the shop"]
    links: Annotated[LinksView, "the shop's own pages"]
    brand: Annotated[BrandView, "logo and legal footer"]
