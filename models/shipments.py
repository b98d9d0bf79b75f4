"""TODO."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from models.enums import Promise


class ShippingPreference(StrEnum):
    """How an order's customer wants it sent."""

    COMPLETE = "complete"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class LineToSend:
    """An open line of an order, as far as packing needs it; it leaves whole."""

    number: str
    ships_on: date | None
    """The day from which all of it can leave; None: nobody knows."""
    leave_by: date
    """The last day on which it may leave to keep its promise."""
    time_critical: bool = False
    ship_with: str | None = None
    """Lines with the same mark leave in one parcel."""
    promise: Promise = Promise.SHIP


@dataclass(frozen=True, slots=True)
class OrderToSend:
    """An order's open lines, and what its customer wants."""

    lines: tuple[LineToSend, ...]
    currency: str
    soonest: date
    """The day on which a parcel leaves that is packed today; all lines that leave by then have one `ships_on`."""
    preference: ShippingPreference | None = None
    country: str = ""
    """Where it goes: ISO code."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Lines of an order that leave together."""

    lines: tuple[str, ...]
    ships_on: date | None
    """None: not before something that has no date is there."""


@dataclass(frozen=True, slots=True)
class ShippingPlan:
    """Whether an order is sent in parts or at once, and the reckoning behind it."""

    parcels: tuple[Parcel, ...]
    """In the order in which they leave."""
    days_gained: int
    """Days by which the first parcel leaves earlier than all at once; 0 where it is all at once."""
    extra_cost: Decimal
    currency: str
    value: Decimal
    """What the policy reckons the days are worth to the customer."""
    why: str
    """One plain sentence, as "send 2 of 3 lines now: 6 days earlier for 4.90 EUR more"."""
