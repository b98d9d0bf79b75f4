"""The values of the supply side: what is wanted, what there is, by when it can be there, and what follows from it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from models.quantities import Quantity

MAX_DAYS_AHEAD = 2 * 365
"""Days after an order, or from today where there is no order, beyond which a date is a way to write that none is known,
such as 31 December 2099."""


def known_day(day: date | None, since: date) -> date | None:
    """Return a date that a shop, a vendor or staff gave; None where it is a placeholder: over LONGEST after `since`."""
    return day if day is not None and (day - since).days <= MAX_DAYS_AHEAD else None


class DateSource(StrEnum):
    """Who says when a line is expected; the first of them that says anything is believed."""

    STAFF = "staff"
    CARRIER = "carrier"
    VENDOR = "vendor"
    """The vendor's answer to a purchase request."""
    STOCK = "stock"
    INBOUND = "inbound"
    """An inbound delivery, with the vendor's habit of being late reckoned in."""
    FORECAST = "forecast"
    """No delivery is known: the vendor's usual lead time."""
    SHOP = "shop"
    """The shop's own system, which says no more than the date."""


class Coverage(StrEnum):
    """What a piece of a line is covered by."""

    STOCK = "stock"
    INBOUND = "inbound"
    PACKED = "packed"
    """It is packed for the line, and no stock counts it any more."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class LineDemand:
    """What an open order line wants of one product."""

    order: str
    line: str
    quantity: Quantity
    """Pieces that are neither packed nor sent."""
    promised_on: date
    placed_at: datetime
    priority: int = 0
    time_critical: bool = False
    country: str = ""
    """Where it goes: ISO code."""
    packed: Quantity = 0
    told_ready: bool = False
    """Whether its customer knows that it lies ready: that is not taken back for another of the same priority."""


@dataclass(frozen=True, slots=True)
class SupplyLot:
    """Pieces of one product that are there, or come to a place by a day."""

    cover: Coverage
    place: str
    quantity: Quantity
    ready_on: date | None
    """The day from which they can be packed; None: nobody knows."""
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
    """When a line is expected (to leave, or to arrive, as was promised), who says so, and how sure it is."""

    source: DateSource
    expected_on: date | None
    """The day shown to the customer; None: unknown."""
    why: str
    """One plain sentence for staff."""
    earliest_on: date | None = None
    latest_on: date | None = None
    probability: float | None = None
    """How likely it was to be there by `expected_on` when that was reckoned, from 0 to 1; None: nobody can say."""
    basis: str = ""
    """What it was reckoned from, as promises of deliveries: while that stays, so does the day, until it has passed."""


class StockStatus(StrEnum):
    """What a shopper who orders now must know of a product."""

    IN_STOCK = "in_stock"
    BACKORDER = "backorder"
    """Not there, and expected."""
    OUT_OF_STOCK = "out_of_stock"
    """Not there, and nobody knows when."""


@dataclass(frozen=True, slots=True)
class ProductAvailability:
    """What a new order for a product would get, after all open orders had theirs."""

    product: str
    state: StockStatus
    left: Quantity
    """Pieces free: in stock, or else of the first delivery that has some."""
    expected_on: date | None = None
    latest_on: date | None = None
