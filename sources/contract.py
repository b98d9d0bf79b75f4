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
    reason_code_or_none,
)

MAX_NUMBER = 2**31 - 1
MAX_KEY_LENGTH = 200
"""Characters. PostgreSQL's index entries are limited to about 2,700 bytes."""
Key = Annotated[Text, Field(max_length=MAX_KEY_LENGTH)]
ReasonCode = Annotated[Text | None, BeforeValidator(reason_code_or_none)]
Currency = Annotated[Upper, Field(pattern=r"^[A-Z]{3}$")]
Scan = Annotated[Key, BeforeValidator(lower)]
"""What a carrier's scan says. Carriers have words of their own: an unknown one is kept."""
SCANNED_AT = "when the carrier scanned it last: long without a scan, it is likely to be late"
SCAN = "what that scan says, in the carrier's words, such as `in_transit`; not case-sensitive, any word is accepted"
SERVICE = "the carrier's service, such as `express`"
# The message for a value that does not match a pattern.
PATTERN_MESSAGES = {
    "^[A-Z]{3}$": "a currency's three letters, such as EUR, are right",
}


class Fact(BaseModel):
    """A row of a table of facts."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CustomerRow(Fact):
    """A person who ordered."""

    id: Key = Field(description="the customer's key, used by orders")
    name: TextOrEmpty = Field("", description="name for the greeting; blank: a greeting without a name")
    email: Text | None = Field(None, description="mail address")
    phone: Text | None = Field(None, description="phone number for texts; without a country code, one of `country`")
    country: Country | None = Field(
        None, description="ISO 3166 code of two letters, such as DE; UK is read as GB, EL as GR"
    )
    locale: Text | None = Field(None, description="language of messages, such as pt_BR; by default the shop's")
    zone: ZoneName | None = Field(
        None, description="time zone for quiet hours, such as Europe/Berlin; by default the shop's"
    )
    prefers: Annotated[Literal["email", "sms"], BeforeValidator(lower)] | None = Field(
        None, description="`email` or `sms`, if the customer chose one"
    )
    sms_consent: Flag = Field(default=False, description="the customer consented to texts")
    sms_consent_source: Text | None = Field(
        None, description="how the customer last gave or withdrew it, such as `checkout`; shown, and kept for proof"
    )
    sms_consent_at: Moment | None = Field(None, description="when the customer last gave or withdrew it")
    marketing_consent: Flag = Field(default=False, description="the customer consented to offers by mail")
    marketing_consent_source: Text | None = Field(
        None, description="how the customer last gave or withdrew it, such as `newsletter form`"
    )
    marketing_consent_at: Moment | None = Field(None, description="when the customer last gave or withdrew it")
    opted_out: Flag = Field(default=False, description="the customer wants no messages about orders")
    opted_out_source: Text | None = Field(None, description="how the customer said so, such as `phone`")
    opted_out_at: Moment | None = Field(None, description="when the customer said so")


class ProductRow(Fact):
    """A product that the shop sells."""

    id: Key = Field(description="the product's key, used by lines and stock")
    name: Text = Field(description="the name that customers see")
    category: Key | None = Field(None, description="a substitute is of the same category")
    price: Amount | None = Field(None, description="today's price of one piece, in the shop's currency")
    url: Text | None = Field(None, description="the product's page; by default the shop's link for products")
    image: Text | None = Field(None, description="URL of a picture")
    vendor_id: Key | None = Field(None, description="`id` of the vendor that supplies it")
    drop_shipped: Flag = Field(default=False, description="the vendor sends it directly to the customer")
    safety_stock: Pieces | None = Field(
        None, ge=0, le=MAX_NUMBER, description="safety stock in pieces, if the shop sets it; by default it is computed"
    )
    virtual: Flag = Field(default=False, description="never sent: a gift card, a service, a download")


class OrderRow(Fact):
    """What one customer ordered at one time."""

    id: Key = Field(description="the order's number that the customer sees")
    customer_id: Key = Field(description="`id` of a customer")
    placed_at: Moment = Field(description="when the order was placed")
    cancelled_at: Moment | None = Field(None, description="when the whole order was cancelled")
    currency: Currency | None = Field(None, description="ISO 4217 code, such as EUR; by default the shop's")
    shipping_fee: Amount | None = Field(None, description="paid for shipping, in the order's currency")
    url: Text | None = Field(
        None, description="the customer's page for the order; by default the shop's link for orders"
    )
    priority: WholeOrZero = Field(
        0, ge=-MAX_NUMBER, le=MAX_NUMBER, description="priority for stock: orders with a higher number come first"
    )
    shipping_preference: Annotated[Literal["complete", "available"], BeforeValidator(lower)] | None = Field(
        None,
        description="`complete`: in one parcel; `available`: each line when it is ready; blank: the policy decides",
    )
    recipient: Text | None = Field(None, description="name on the parcel; by default the customer's")
    street: Text | None = Field(None, description="street and number of the delivery address")
    postcode: Text | None = Field(None, description="postcode of the delivery address")
    city: Text | None = Field(None, description="town of the delivery address")
    region: Key | None = Field(
        None, description="state, province or other region of the delivery address, such as RJ: how late it comes there"
    )
    country: Country | None = Field(
        None, description="ISO 3166 code of the delivery address; by default the customer's"
    )
    done: Flag = Field(default=False, description="nothing of it is outstanding, and no date says since when")
    deleted: Flag = Field(default=False, description="deleted in the shop's system: it counts as cancelled")
    unpaid: Flag = Field(default=False, description="waits for payment; until it is paid, none of it is late")
    paid_at: Moment | None = Field(
        None, description="when it was paid, if it is paid before it ships: its promise counts from then"
    )
    shipping_method: Annotated[Key, BeforeValidator(lower)] | None = Field(
        None, description="shipping method, not case-sensitive: the policy's `ship_within` gives a promise by it"
    )
    seller_credit: Flag = Field(
        default=False, description="the customer asked the shop itself for credit: some laws give more time then"
    )


class LineRow(Fact):
    """One product of an order, with its own promise."""

    order_id: Key = Field(description="`id` of an order")
    number: Key = Field(description="the line's number in the order; with `order_id` it is the key")
    product_id: Key = Field(description="`id` of a product")
    quantity: Pieces = Field(
        ge=0,
        le=MAX_NUMBER,
        description="pieces ordered, whole or fractional, such as 1.5 metres; 0: the line is cancelled",
    )
    price: Amount | None = Field(None, description="paid for one piece, in the order's currency")
    promise: Annotated[Literal["ship", "deliver"], BeforeValidator(lower)] = Field(
        description="what was promised by `promised_on`: to `ship` or to `deliver`"
    )
    promised_on: Day | None = Field(
        None, description="the date promised to the customer; over two years after the order: no date"
    )
    expected_on: Day | None = Field(
        None, description="the date now expected; blank, or over two years after the order, such as 2099-12-31: unknown"
    )
    shipped_at: Moment | None = Field(None, description="when it left")
    delivered_at: Moment | None = Field(None, description="when it arrived")
    cancelled_at: Moment | None = Field(None, description="when the line was cancelled")
    expected_source: Annotated[Literal["carrier", "vendor", "staff"], BeforeValidator(lower)] | None = Field(
        None, description="source of `expected_on`: `carrier`, `vendor` or `staff`; blank: the shop's system"
    )
    time_critical: Flag = Field(
        default=False, description="time-critical: of little use when late, such as a birthday present"
    )
    ship_with: Key | None = Field(None, description="lines of an order with the same value ship in one parcel")
    shipped: PiecesOrZero = Field(0, ge=0, le=MAX_NUMBER, description="pieces shipped so far, if not all of them")
    cancelled: PiecesOrZero = Field(
        0,
        ge=0,
        le=MAX_NUMBER,
        description="pieces cancelled, or refunded before they shipped; `quantity` includes them",
    )
    returned: PiecesOrZero = Field(0, ge=0, le=MAX_NUMBER, description="pieces returned; `shipped` includes them")
    packed: PiecesOrZero = Field(
        0,
        ge=0,
        le=MAX_NUMBER,
        description="pieces packed and not handed over yet; `on_hand` no longer includes them",
    )
    done: Flag = Field(default=False, description="nothing of it is outstanding, and no date says since when")
    deleted: Flag = Field(default=False, description="deleted in the shop's system: it counts as cancelled")
    virtual: Flag = Field(
        default=False, description="never sent, like the product's `virtual`; one of the two is enough"
    )
    delay_reason: ReasonCode = Field(
        None, description="why it is late, a code such as `quality_check`: [reasons](marketing.md#reasons)"
    )
    exclusion: Annotated[Key, BeforeValidator(lower)] | None = Field(
        None,
        description="kind of sale that a law leaves out, such as `cod` or `custom_made`: the policy's `exclusions` and "
        "`withdrawal_exclusions`",
    )
    ship_by: Day | None = Field(None, description="the date by which it must leave to arrive as promised")
    ships_from: Key | None = Field(None, description="where it ships from: a warehouse, a seller, a region")
    carrier: Key | None = Field(
        None, description="the carrier of the whole line, such as DHL; of parcels, see `shipments.sql`"
    )
    service: Key | None = Field(None, description=SERVICE)
    tracked_at: Moment | None = Field(None, description=SCANNED_AT)
    tracked_status: Scan | None = Field(None, description=SCAN)


class ShipmentRow(Fact):
    """The pieces of one order line in one parcel. A parcel with several lines has one row for each."""

    order_id: Key = Field(description="`id` of an order")
    number: Key = Field(description="`number` of one of its lines")
    id: Key = Field(description="the parcel's id; with `order_id` and `number` it is the row's key")
    quantity: Pieces = Field(ge=0, le=MAX_NUMBER, description="pieces of the line in the parcel")
    packed_at: Moment | None = Field(None, description="when it was packed; `on_hand` no longer includes its pieces")
    shipped_at: Moment | None = Field(None, description="when it left")
    delivered_at: Moment | None = Field(None, description="when it arrived")
    cancelled_at: Moment | None = Field(
        None, description="when the parcel was cancelled; from then on it does not count"
    )
    carrier: Text | None = Field(None, description="the carrier, such as DHL")
    tracking_number: Text | None = Field(None, description="the carrier's tracking number")
    tracking_url: Text | None = Field(
        None, description="the carrier's tracking page; shown only if it begins with https://"
    )
    service: Key | None = Field(None, description=SERVICE)
    tracked_at: Moment | None = Field(None, description=SCANNED_AT)
    tracked_status: Scan | None = Field(None, description=SCAN)


class StockRow(Fact):
    """The quantity of a product at one location, and how much of it is allocated."""

    product_id: Key = Field(description="`id` of a product")
    location: Key = Field(description="location; with `product_id` it is the key")
    on_hand: Pieces = Field(ge=-MAX_NUMBER, le=MAX_NUMBER, description="pieces at the location")
    allocated: Pieces | None = Field(
        None, ge=0, le=MAX_NUMBER, description="pieces of `on_hand` that open orders will take"
    )


class InboundRow(Fact):
    """An expected delivery of a product from a vendor."""

    id: Key = Field(description="the delivery's key")
    product_id: Key = Field(description="`id` of a product")
    vendor_id: Key | None = Field(None, description="`id` of a vendor")
    quantity: Pieces = Field(gt=0, le=MAX_NUMBER, description="pieces of the delivery")
    promised_on: Day | None = Field(None, description="the date that the vendor promised")
    expected_on: Day | None = Field(None, description="the date now expected")
    received_at: Moment | None = Field(None, description="when it was received")
    ordered_at: Moment | None = Field(None, description="when it was ordered from the vendor")
    location: Key | None = Field(None, description="where it will be stored; blank: the first location that has stock")
    delay_reason: ReasonCode = Field(
        None, description="why it is late, a code such as `customs`, for the lines that wait for it"
    )


class VendorRow(Fact):
    """A company that the shop buys from."""

    id: Key = Field(description="the vendor's key")
    name: Text = Field(description="the vendor's name")
    email: Text | None = Field(None, description="address for purchase requests")
    lead_days: Whole | None = Field(None, ge=0, le=MAX_NUMBER, description="usual number of days from order to receipt")
    country: Country | None = Field(
        None, description="ISO 3166 code; its public holidays are not working days of the vendor"
    )


class RedemptionRow(Fact):
    """One order that was paid with a discount code of Forewarn. Leave out codes that Forewarn did not give."""

    code: Annotated[Upper, Field(min_length=1, max_length=MAX_KEY_LENGTH)] = Field(
        description="the code, as `WAIT-7KTM-4XTR-9CHP`, in upper or lower case"
    )
    order_id: Key = Field(
        description="number of the order that was paid with it: not the late one; it need not be among the orders"
    )
    redeemed_at: Moment = Field(description="when it was used")
    amount: Amount | None = Field(None, description="what it took off, in `currency`; blank: not known")
    currency: Currency | None = Field(None, description="ISO 4217 code, such as EUR; by default the code's own")


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
    "redemptions": RedemptionRow,
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
    "redemptions": ("code", "order_id"),
}
