"""The ledger's supply side: what covers each line, when it is expected, what is told of products and asked of vendors.

Like the rest of the ledger it points at the shop's facts, and never back.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import Money, moment, pieces


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
    """When a line is expected, who says so and since when; a newer one ends it, and both are kept."""

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
    """All of the line lies in stock for it."""
    basis: str = ""
    """The facts it rests on, such as the inbound deliveries and what was promised of them: while they stay, the date
    told stays too, until it passes, though the reckoning of another day would move it back."""
    why: str = Field(sa_column=Column(Text, nullable=False))
    set_at: datetime = moment(nullable=False)
    set_by: str
    """The run that reckoned it, or the person who said it."""
    ended_at: datetime | None = moment()


class Availability(SQLModel, table=True):
    """What a shopper must know of a product: the fact behind its notice in the storefront."""

    product_id: str = Field(primary_key=True)
    state: str = Field(index=True)
    left: Quantity = pieces()
    expected_on: date | None = None
    latest_on: date | None = None
    waiting: int = 0
    """Open orders that wait for it."""
    waited: int = 0
    """How many waited for it when it came back."""
    since: datetime = moment(nullable=False)
    """When the state began."""
    set_at: datetime = moment(nullable=False, index=True)
    """When it was last found to be so; its notice holds from then for as long as the policy says."""


class ShippingPlanRow(SQLModel, table=True):
    """Whether an order is sent in parts or at once, with the reckoning; decided anew when a date changes."""

    __tablename__ = "shipping_plan"

    order_id: str = Field(primary_key=True)
    version: int = 0
    parcels: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    """Of each parcel its lines and the day it leaves."""
    days_gained: int
    extra_cost: Decimal = Field(sa_column=Column(Money, nullable=False))
    value: Decimal = Field(sa_column=Column(Money, nullable=False))
    currency: str
    why: str = Field(sa_column=Column(Text, nullable=False))
    planned_at: datetime = moment(nullable=False)


class StockLevel(SQLModel, table=True):
    """How much of a product must be there, and when to order more."""

    __tablename__ = "stock_level"

    product_id: str = Field(primary_key=True)
    safety_stock: Quantity = pieces()
    reorder_point: Quantity = pieces()
    order_quantity: Quantity = pieces()
    """Pieces to order now; 0: enough is there or coming."""
    available: Quantity = pieces()
    """On hand and inbound, less what open lines want."""
    demand_a_day: float
    demand_sd: float
    lead_days: float
    lead_sd: float
    method: str
    why: str = Field(sa_column=Column(Text, nullable=False))
    set_at: datetime = moment(nullable=False)
