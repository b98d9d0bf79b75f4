"""Tables of the supply side: allocation, expected dates, availability, shipping plans and stock levels.

Like the rest of the ledger they refer to the shop's data by id, and never the other way round.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import Money, moment, pieces

TO_ORDER = text("order_quantity > 0")
"""Products to order now; written out, because SQLite uses a partial index for the same words only."""


class Allocation(SQLModel, table=True):
    """A part of a line's quantity, and what covers it now: stock at a place, an inbound delivery, or nothing."""

    __table_args__ = (Index("ix_allocation_product", "product_id"),)

    order_id: str = Field(primary_key=True)
    line: str = Field(primary_key=True)
    part: int = Field(primary_key=True)
    product_id: str
    quantity: Quantity = pieces()
    cover: str
    place: str = ""
    inbound_id: str = ""
    ships_on: date | None = None
    arrives_on: date | None = None


class ExpectedDateRow(SQLModel, table=True):
    """The expected date of a line, with its source. A new row ends the one before it; both are kept."""

    __tablename__ = "expected_date"
    __table_args__ = (
        Index(
            "ix_expected_date_current",
            "order_id",
            "line",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_expected_date_line", "order_id", "line", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    order_id: str
    line: str
    source: str
    expected_on: date | None = None
    earliest_on: date | None = None
    latest_on: date | None = None
    probability: float | None = None
    in_stock: bool = False
    """All of the line is in stock, and leaves from there."""
    basis: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """What the date was computed from, as models/date_basis.py writes it: while it stays, the date stays until it
    passes."""
    why: str = Field(sa_column=Column(Text, nullable=False))
    set_at: datetime = moment(nullable=False)
    set_by: str
    """The id of the run that computed it, or the person who set it."""
    ended_at: datetime | None = moment()


class Availability(SQLModel, table=True):
    """What a new order for a product would get: the fact behind its storefront notice."""

    product_id: str = Field(primary_key=True)
    state: str = Field(index=True)
    free_quantity: Quantity = pieces()
    expected_on: date | None = None
    latest_on: date | None = None
    waiting: int = 0
    """Open orders that wait for it."""
    waited: int = 0
    """How many orders waited for it when it came back."""
    since: datetime = moment(nullable=False)
    """When the state began."""
    set_at: datetime = moment(nullable=False, index=True)
    """When it was last confirmed; its storefront notice is valid from then for as long as the policy says."""


class ShippingPlanRow(SQLModel, table=True):
    """Whether an order is sent in parts or at once; planned again when a date changes."""

    __tablename__ = "shipping_plan"

    order_id: str = Field(primary_key=True)
    version: int = 0
    parcels: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    """For each parcel its lines, the day on which it leaves, and the lines held for it."""
    days_saved: int
    extra_cost: Decimal = Field(sa_column=Column(Money, nullable=False))
    value: Decimal = Field(sa_column=Column(Money, nullable=False))
    currency: str
    why: str = Field(sa_column=Column(Text, nullable=False))
    planned_at: datetime = moment(nullable=False)


class StockLevel(SQLModel, table=True):
    """A product's safety stock, reorder point and order quantity."""

    __tablename__ = "stock_level"
    __table_args__ = (Index("ix_stock_level_order", "product_id", sqlite_where=TO_ORDER, postgresql_where=TO_ORDER),)

    product_id: str = Field(primary_key=True)
    safety_stock: Quantity = pieces()
    reorder_point: Quantity = pieces()
    order_quantity: Quantity = pieces()
    """Pieces to order now; 0: enough are on hand or inbound."""
    available: Quantity = pieces()
    """On hand and inbound, less what open lines need."""
    demand_a_day: float
    demand_sd: float
    lead_days: float
    lead_sd: float
    method: str
    """The demand pattern."""
    why: str = Field(sa_column=Column(Text, nullable=False))
    set_at: datetime = moment(nullable=False)
