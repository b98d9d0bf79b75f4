"""Values of split shipments: an order's open lines, its parcels, and the plan that was chosen."""

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
    """The first day on which all of it can leave; None: unknown."""
    leave_by: date
    """The last day on which it may leave to keep its promise."""
    time_critical: bool = False
    ship_with: str | None = None
    """Lines with the same mark leave in one parcel."""
    promise: Promise = Promise.SHIP


@dataclass(frozen=True, slots=True)
class OrderToSend:
    """An order's open lines, and its customer's preference."""

    lines: tuple[LineToSend, ...]
    currency: str
    soonest: date
    """The day on which a parcel leaves that is packed today; all lines that can leave by then share one `ships_on`."""
    preference: ShippingPreference | None = None
    country: str = ""
    """Destination: ISO code."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Lines of an order that leave together."""

    lines: tuple[str, ...]
    ships_on: date | None
    """None: a line in it has no date."""


@dataclass(frozen=True, slots=True)
class ShippingPlan:
    """Whether an order is sent in parts or at once, with cost and value of the choice."""

    parcels: tuple[Parcel, ...]
    """In the order in which they leave."""
    days_saved: int
    """Days by which the first parcel leaves earlier than the whole order would; 0 where all leaves at once."""
    extra_cost: Decimal
    currency: str
    value: Decimal
    """What the days saved are worth to the customer by the policy, in `currency`."""
    why: str
    """One plain sentence, as "send 2 of 3 lines now: 6 days earlier for 4.90 EUR more"."""
