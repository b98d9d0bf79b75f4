"""The columns that a shop's SELECTs return: one model for each table. docs/sources.md is generated from it."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from models.fields import Country
from sources.coercion import (
    Amount,
    Day,
    Flag,
    Moment,
    Pieces,
    PiecesOrZero,
    Text,
    TextOrEmpty,
    Upper,
    Whole,
    WholeOrZero,
    ZoneName,
    lower,
)

MAX_NUMBER = 2**31 - 1
MAX_KEY_LENGTH = 200
"""Characters. PostgreSQL's index entries are limited to about 2,700 bytes."""
Key = Annotated[Text, Field(max_length=MAX_KEY_LENGTH)]
Currency = Annotated[Upper, Field(pattern=r"^[A-Z]{3}$")]
# The message for a value that does not match a pattern.
PATTERN_MESSAGES = {
    "^[A-Z]{3}$": "a currency's three letters, such as EUR, are right",
}


class Fact(BaseModel):
    """A row of a table of facts."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CustomerRow(Fact):
    """A person who ordered."""

    id: Key = Field(description="the customer's key, as orders name it")
    name: TextOrEmpty = Field("", description="how to address them; blank: greeted without a name")
    email: Text | None = Field(None, description="mail address")
    phone: Text | None = Field(None, description="number for texts; without a country code it belongs to `country`")
    country: Country | None = Field(None, description="ISO 3166 code of two letters, as DE; UK is read as GB, EL as GR")
    locale: Text | None = Field(None, description="language to write in, as pt_BR; else the shop's")
    zone: ZoneName | None = Field(None, description="time zone, as Europe/Berlin, for quiet hours; else the shop's")
    prefers: Annotated[Literal["email", "sms"], BeforeValidator(lower)] | None = Field(
        None, description="`email` or `sms`, where the customer chose one"
    )
    sms_consent: Flag = Field(default=False, description="agreed to texts")
    marketing_consent: Flag = Field(default=False, description="agreed to offers by mail")
    opted_out: Flag = Field(default=False, description="wants no messages about orders")


class ProductRow(Fact):
    """A thing the shop sells."""

    id: Key = Field(description="the product's key, as lines and stock name it")
    name: Text = Field(description="what customers know it by")
    category: Key | None = Field(None, description="substitutes are looked for within it")
    price: Amount | None = Field(None, description="today's price of one, in the shop's currency")
    url: Text | None = Field(None, description="its page; else the shop's link for products")
    image: Text | None = Field(None, description="address of a picture")
    vendor_id: Key | None = Field(None, description="`id` of the vendor who supplies it")
    drop_shipped: Flag = Field(default=False, description="its vendor sends it to the customer directly")
    safety_stock: Pieces | None = Field(
        None, ge=0, le=MAX_NUMBER, description="pieces held back, where the shop sets them itself; else worked out"
    )
    virtual: Flag = Field(default=False, description="never sent: a gift card, a service, a download")


class OrderRow(Fact):
    """What one customer asked for at one time."""

    id: Key = Field(description="the order's number, as the customer knows it")
    customer_id: Key = Field(description="`id` of a customer")
    placed_at: Moment = Field(description="when it was placed")
    cancelled_at: Moment | None = Field(None, description="when the whole order was cancelled")
    currency: Currency | None = Field(None, description="ISO 4217 code, as EUR; else the shop's")
    shipping_fee: Amount | None = Field(None, description="paid for shipping, in the order's currency")
    url: Text | None = Field(None, description="the customer's page of the order; else the shop's link for orders")
    priority: WholeOrZero = Field(
        0, ge=-MAX_NUMBER, le=MAX_NUMBER, description="who gets stock first: a higher number goes before"
    )
    shipping_preference: Annotated[Literal["complete", "available"], BeforeValidator(lower)] | None = Field(
        None, description="`complete`: in one parcel; `available`: each line as it is ready; blank: the shop decides"
    )
    recipient: Text | None = Field(None, description="name on the parcel; else the customer's")
    street: Text | None = Field(None, description="street and number of the delivery address")
    postcode: Text | None = Field(None, description="postcode of the delivery address")
    city: Text | None = Field(None, description="town of the delivery address")
    country: Country | None = Field(None, description="ISO 3166 code of the delivery address; else the customer's")
    done: Flag = Field(default=False, description="nothing of it is outstanding, and no date says since when")
    deleted: Flag = Field(default=False, description="deleted in the shop's system: it counts as cancelled")
    unpaid: Flag = Field(default=False, description="waits for its payment: until it is paid, nothing of it is late")
    paid_at: Moment | None = Field(
        None, description="when it was paid, where it had to be paid before it is sent: its promise counts from then"
    )
    shipping_method: Annotated[Key, BeforeValidator(lower)] | None = Field(
        None, description="how it is sent, in any case: the policy's `ship_within` gives a promise by it"
    )


class LineRow(Fact):
    """One product of an order, with its own promise."""

    order_id: Key = Field(description="`id` of an order")
    number: Key = Field(description="which line of the order; with `order_id` it is the key")
    product_id: Key = Field(description="`id` of a product")
    quantity: Pieces = Field(
        ge=0,
        le=MAX_NUMBER,
        description="pieces ordered, whole or fractional, as 1.5 metres; 0: the line counts as cancelled",
    )
    price: Amount | None = Field(None, description="paid for one piece, in the order's currency")
    promise: Annotated[Literal["ship", "deliver"], BeforeValidator(lower)] = Field(
        description="what was promised by `promised_on`: to `ship` or to `deliver`"
    )
    promised_on: Day | None = Field(
        None, description="the date promised to the customer; over two years after the order: none"
    )
    expected_on: Day | None = Field(
        None, description="the date now expected; blank, or over two years after the order, as 2099-12-31: not known"
    )
    shipped_at: Moment | None = Field(None, description="when it left")
    delivered_at: Moment | None = Field(None, description="when it arrived")
    cancelled_at: Moment | None = Field(None, description="when the line was cancelled")
    expected_source: Annotated[Literal["carrier", "vendor", "staff"], BeforeValidator(lower)] | None = Field(
        None, description="who says `expected_on`: `carrier`, `vendor` or `staff`; blank: the shop's system"
    )
    time_critical: Flag = Field(default=False, description="of little use when late, as a birthday present")
    ship_with: Key | None = Field(None, description="lines of an order with the same mark leave in one parcel")
    shipped: PiecesOrZero = Field(
        0, ge=0, le=MAX_NUMBER, description="pieces that left so far, where it was not all of them"
    )
    cancelled: PiecesOrZero = Field(
        0, ge=0, le=MAX_NUMBER, description="pieces cancelled, or refunded before they left; they count in `quantity`"
    )
    returned: PiecesOrZero = Field(
        0, ge=0, le=MAX_NUMBER, description="pieces that came back; they count in `shipped` as well"
    )
    packed: PiecesOrZero = Field(
        0,
        ge=0,
        le=MAX_NUMBER,
        description="pieces packed and not handed over yet: `on_hand` does not count them any more",
    )
    done: Flag = Field(default=False, description="nothing of it is outstanding, and no date says since when")
    deleted: Flag = Field(default=False, description="deleted in the shop's system: it counts as cancelled")
    virtual: Flag = Field(default=False, description="never sent, as its product's `virtual`; one of them is enough")


class ShipmentRow(Fact):
    """The pieces of one order line in one parcel: a parcel of several lines has a row for each."""

    order_id: Key = Field(description="`id` of an order")
    number: Key = Field(description="`number` of one of its lines")
    id: Key = Field(description="the parcel's key; with `order_id` and `number` it is the row's")
    quantity: Pieces = Field(ge=0, le=MAX_NUMBER, description="pieces of the line in it")
    packed_at: Moment | None = Field(None, description="when it was packed: its pieces left `on_hand`")
    shipped_at: Moment | None = Field(None, description="when it left")
    delivered_at: Moment | None = Field(None, description="when it arrived")
    cancelled_at: Moment | None = Field(None, description="when it was called off: from then on it counts for nothing")
    carrier: Text | None = Field(None, description="who brings it, as DHL")
    tracking_number: Text | None = Field(None, description="the carrier's number of it")
    tracking_url: Text | None = Field(
        None, description="the carrier's page of it; only an address that begins with https:// is shown"
    )


class StockRow(Fact):
    """How many of a product lie at one place, and how many of them are spoken for."""

    product_id: Key = Field(description="`id` of a product")
    location: Key = Field(description="where; with `product_id` it is the key")
    on_hand: Pieces = Field(ge=-MAX_NUMBER, le=MAX_NUMBER, description="pieces there")
    allocated: Pieces | None = Field(None, ge=0, le=MAX_NUMBER, description="pieces of them that open orders will take")


class InboundRow(Fact):
    """An expected receipt of a product from a vendor."""

    id: Key = Field(description="the receipt's key")
    product_id: Key = Field(description="`id` of a product")
    vendor_id: Key | None = Field(None, description="`id` of a vendor")
    quantity: Pieces = Field(gt=0, le=MAX_NUMBER, description="pieces coming")
    promised_on: Day | None = Field(None, description="the date the vendor promised")
    expected_on: Day | None = Field(None, description="the date now expected")
    received_at: Moment | None = Field(None, description="when it came in")
    ordered_at: Moment | None = Field(None, description="when it was ordered from the vendor")
    location: Key | None = Field(None, description="where it will lie; blank: the first place that has stock")


class VendorRow(Fact):
    """Whom the shop buys from."""

    id: Key = Field(description="the vendor's key")
    name: Text = Field(description="the vendor's name")
    email: Text | None = Field(None, description="whom to ask")
    lead_days: Whole | None = Field(None, ge=0, le=MAX_NUMBER, description="days from order to receipt, as a rule")
    country: Country | None = Field(None, description="ISO 3166 code; its public holidays are no working days there")


# In the order of an import: a table follows the tables that it references.
CONTRACT: dict[str, type[Fact]] = {
    "customers": CustomerRow,
    "products": ProductRow,
    "orders": OrderRow,
    "lines": LineRow,
    "shipments": ShipmentRow,
    "vendors": VendorRow,
    "stock": StockRow,
    "inbound": InboundRow,
}
REQUIRED_TABLES = ("customers", "products", "orders", "lines")
# (table, column) -> the table that must have the id. Rows with unknown references are rejected.
REFERENCES = {
    ("orders", "customer_id"): "customers",
    ("lines", "order_id"): "orders",
    ("lines", "product_id"): "products",
    ("shipments", "order_id"): "orders",
}
KEYS = dict.fromkeys(CONTRACT, ("id",)) | {
    "lines": ("order_id", "number"),
    "stock": ("product_id", "location"),
    "shipments": ("order_id", "number", "id"),
}
