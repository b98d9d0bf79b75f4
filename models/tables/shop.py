"""The shop's facts, as imported from its own systems. Each import may overwrite them."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import UtcTime, flag, moment, money, pieces, source_digest


class Customer(SQLModel, table=True):
    """A customer of the shop."""

    id: str = Field(primary_key=True)
    name: str
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    locale: str | None = None
    zone: str | None = None
    prefers: str | None = None
    sms_consent: bool = False
    sms_consent_source: str | None = None
    sms_consent_at: datetime | None = moment()
    marketing_consent: bool = False
    marketing_consent_source: str | None = None
    marketing_consent_at: datetime | None = moment()
    opted_out: bool = False
    opted_out_source: str | None = None
    opted_out_at: datetime | None = moment()
    source_digest: int | None = source_digest()


class OptOut(SQLModel, table=True):
    """An address of a customer who opted out, in the normalized form that messages use."""

    __tablename__ = "opt_out"

    customer_id: str = Field(primary_key=True)
    address: str = Field(primary_key=True, index=True)


class Product(SQLModel, table=True):
    """A product of the shop."""

    id: str = Field(primary_key=True)
    name: str
    category: str | None = Field(default=None, index=True)
    price: Decimal | None = money()
    url: str | None = None
    image: str | None = None
    vendor_id: str | None = Field(default=None, index=True)
    drop_shipped: bool = False
    safety_stock: Quantity | None = pieces(nullable=True)
    virtual: bool = flag()
    source_digest: int | None = source_digest()


class Vendor(SQLModel, table=True):
    """A vendor of the shop."""

    id: str = Field(primary_key=True)
    name: str
    email: str | None = None
    lead_days: int | None = None
    country: str | None = None
    source_digest: int | None = source_digest()


class Order(SQLModel, table=True):
    """An order of a customer."""

    __tablename__ = "orders"

    id: str = Field(primary_key=True)
    customer_id: str = Field(index=True)
    placed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    cancelled_at: datetime | None = moment()
    currency: str | None = None
    shipping_fee: Decimal | None = money()
    url: str | None = None
    priority: int = 0
    shipping_preference: str | None = None
    recipient: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    done: bool = flag()
    ended: str | None = None
    """Why it counts as cancelled or done when the source has no date for it."""
    unpaid: bool = False
    paid_at: datetime | None = moment()
    shipping_method: str | None = None
    seller_credit: bool = flag()
    source_digest: int | None = source_digest()


class OrderLine(SQLModel, table=True):
    """A line of an order: one product, with its own promise."""

    __tablename__ = "order_line"
    # Shipped lines of a product add up over the years; the index finds its open lines without reading them, by order.
    __table_args__ = (Index("ix_order_line_product", "product_id", "shipped_at", "order_id"),)

    order_id: str = Field(primary_key=True)
    number: str = Field(primary_key=True)
    product_id: str
    quantity: Quantity = pieces()
    price: Decimal | None = money()
    promise: str
    promised_on: date | None = None
    expected_on: date | None = None
    shipped_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    cancelled_at: datetime | None = moment()
    expected_source: str | None = None
    time_critical: bool = False
    ship_with: str | None = None
    shipped: Quantity = pieces(default=0)
    cancelled: Quantity = pieces(default=0)
    returned: Quantity = pieces(default=0)
    packed: Quantity = pieces(default=0)
    done: bool = flag()
    virtual: bool = flag()
    """Whether it is never shipped, because the line or its product is virtual."""
    ended: str | None = None
    """Why it counts as cancelled or done when the source has no date for it."""
    delay_reason: str | None = None
    exclusion: str | None = None
    ship_by: date | None = None
    ships_from: str | None = None
    carrier: str | None = None
    service: str | None = None
    tracked_at: datetime | None = moment()
    tracked_status: str | None = None
    source_digest: int | None = source_digest()


class Shipment(SQLModel, table=True):
    """The pieces of one order line in one parcel."""

    order_id: str = Field(primary_key=True)
    number: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    quantity: Quantity = pieces()
    packed_at: datetime | None = moment()
    shipped_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    cancelled_at: datetime | None = moment()
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    service: str | None = None
    tracked_at: datetime | None = moment()
    tracked_status: str | None = None
    source_digest: int | None = source_digest()


class Stock(SQLModel, table=True):
    """The pieces of a product at one location, and how many of them open orders will take."""

    product_id: str = Field(primary_key=True)
    location: str = Field(primary_key=True)
    on_hand: Quantity = pieces()
    allocated: Quantity | None = pieces(nullable=True)
    source_digest: int | None = source_digest()


class Inbound(SQLModel, table=True):
    """An expected receipt of a product from a vendor."""

    __table_args__ = (Index("ix_inbound_vendor", "vendor_id", "promised_on"),)

    id: str = Field(primary_key=True)
    product_id: str = Field(index=True)
    vendor_id: str | None = None
    quantity: Quantity = pieces()
    promised_on: date | None = None
    expected_on: date | None = None
    received_at: datetime | None = moment()
    ordered_at: datetime | None = moment()
    location: str | None = None
    delay_reason: str | None = None
    source_digest: int | None = source_digest()


class IncompleteImport(SQLModel, table=True):
    """An import that is running or has failed. The rows are deleted when an import completes."""

    __tablename__ = "incomplete_import"

    id: str = Field(primary_key=True)
    heartbeat_at: datetime = moment(nullable=False)
    failed: bool = flag()
