"""Values of allocation and expected dates: what open lines need, what covers it, and when it arrives."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from models.date_basis import DateBasis
from models.quantities import Quantity

MAX_DAYS_AHEAD = 2 * 365
"""Days after an order, or from today where there is no order, beyond which a date is a placeholder for "unknown",
such as 31 December 2099."""


def known_day(day: date | None, since: date) -> date | None:
    """Return a date given by a shop, a vendor or staff; None for a placeholder over MAX_DAYS_AHEAD after `since`."""
    return day if day is not None and (day - since).days <= MAX_DAYS_AHEAD else None


class DateSource(StrEnum):
    """Who states when a line is expected, in order of precedence: the first source with a date wins."""

    STAFF = "staff"
    CARRIER = "carrier"
    VENDOR = "vendor"
    """The vendor's response to a purchase request."""
    STOCK = "stock"
    INBOUND = "inbound"
    """An inbound delivery, corrected by the vendor's usual lateness."""
    FORECAST = "forecast"
    """The vendor's usual lead time, where no delivery is known."""
    SHOP = "shop"
    """The shop's own system, which states only the date."""


class Coverage(StrEnum):
    """What covers a part of a line."""

    STOCK = "stock"
    INBOUND = "inbound"
    PACKED = "packed"
    """Packed for the line already, and no longer counted as stock."""
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True)
class LineDemand:
    """What an open order line needs of one product."""

    order: str
    line: str
    quantity: Quantity
    """Pieces that are neither packed nor sent."""
    promised_on: date
    placed_at: datetime
    priority: int = 0
    time_critical: bool = False
    country: str = ""
    """Destination: ISO code."""
    packed: Quantity = 0
    told_in_stock: bool = False
    """Whether the customer was told that it is in stock: no line of the same priority takes it away again."""


@dataclass(frozen=True, slots=True)
class SupplyLot:
    """Pieces of one product on hand at a place, or due there with one delivery."""

    cover: Coverage
    place: str
    quantity: Quantity
    available_on: date | None
    """The day from which they can be packed; None: unknown."""
    inbound: str = ""
    """The inbound delivery's id; empty for stock."""


@dataclass(frozen=True, slots=True)
class AllocationPart:
    """A part of a line's quantity, and what covers it."""

    order: str
    line: str
    quantity: Quantity
    cover: Coverage
    place: str = ""
    inbound: str = ""
    ships_on: date | None = None
    arrives_on: date | None = None


@dataclass(frozen=True, slots=True)
class ExpectedDate:
    """When a line is expected to leave or to arrive, as was promised; with its source and its probability."""

    source: DateSource
    expected_on: date | None
    """The day shown to the customer; None: unknown."""
    why: str
    """One plain sentence for staff."""
    earliest_on: date | None = None
    latest_on: date | None = None
    probability: float | None = None
    """Probability, from 0 to 1, that `expected_on` is kept, as of the day it was computed; None: unknown."""
    basis: DateBasis | None = None
    """What the day was computed from: it stands until the basis changes or the day passes."""


class StockStatus(StrEnum):
    """Whether a shopper who orders now gets a product from stock."""

    IN_STOCK = "in_stock"
    BACKORDER = "backorder"
    """Not in stock, and expected."""
    OUT_OF_STOCK = "out_of_stock"
    """Not in stock, and no date is known."""


@dataclass(frozen=True, slots=True)
class ProductAvailability:
    """What a new order for a product would get, after all open orders got theirs."""

    product: str
    state: StockStatus
    free_quantity: Quantity
    """Pieces free: in stock, or else of the first delivery that has some."""
    expected_on: date | None = None
    latest_on: date | None = None
