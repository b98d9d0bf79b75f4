"""What the expected date of one open line is computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeGuard

from models.enums import Promise
from models.inventory import AllocationPart, Coverage, DateSource, ExpectedDate
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate, describe, keep_shown_date, shown_dates
from rules.inventory.transit import TransitTimes

ACCEPTED = "accepted"
"""The id of a vendor's response in the basis of an expected date."""


@dataclass(frozen=True, slots=True)
class DateInputs:
    """An open line: what was promised, and what each source states about it."""

    promise: Promise
    promised_on: date
    quantity: Quantity
    """Pieces that have not left."""
    country: str = ""
    stated: Mapping[DateSource, date] = field(default_factory=dict)
    """Dates in the shop's data, by who states them."""
    vendor_response: InboundDate | None = None
    """When the goods come that a vendor accepted to supply for this line."""
    accepted: Quantity = 0
    """How many of its pieces the vendor accepted."""
    drop_shipped: bool = False
    stocked: bool = False
    """Whether the shop's data have stock, or a delivery, of the product at all."""
    lead_days: int | None = None
    """The vendor's usual lead time."""
    vendor_country: str | None = None
    first_forecast: date | None = None
    """The day first computed from the lead time, where another source was followed since and its day has passed."""
    previous: ExpectedDate | None = None
    """The expected date in the ledger."""

    def previous_from(self, source: DateSource) -> ExpectedDate | None:
        """Return the expected date in the ledger if it came from this source."""
        return self.previous if self.previous is not None and self.previous.source is source else None


@dataclass(frozen=True, slots=True)
class DateCase:
    """A line, the parts it was allocated, and the dates of the deliveries they come with."""

    line: DateInputs
    parts: Sequence[AllocationPart]
    inbound_dates: Mapping[str, InboundDate]
    transit: TransitTimes
    as_of: date

    def describe_coverage(self) -> str:
        return describe(self.parts, self.line.quantity, self.inbound_dates)

    def shown_vendor_response(self) -> InboundDate | None:
        """Return the vendor's response, with the day that was shown for it as long as that stands."""
        if self.line.vendor_response is None:
            return None
        shown = shown_dates([self.line.previous_from(DateSource.VENDOR)])
        return keep_shown_date(ACCEPTED, self.line.vendor_response, shown, self.as_of)

    def fulfilment_date(self, available_on: date | None, *, direct: bool = False) -> date | None:
        """Return the day on which goods that can be packed from a day on leave, or arrive, as was promised.

        `direct` goods leave the vendor on that very day.
        """
        ships_on = available_on if direct else self.transit.ship_date(available_on)
        if self.line.promise is Promise.SHIP:
            return ships_on
        return self.transit.arrival_date(ships_on, self.line.country)

    def fulfilment_dates(self, *covers: Coverage) -> list[date | None]:
        """Return the days on which the parts with these covers leave, or arrive, as was promised."""
        is_to_ship = self.line.promise is Promise.SHIP
        return [part.ships_on if is_to_ship else part.arrives_on for part in self.parts if part.cover in covers]

    def inbound_parts(self) -> list[AllocationPart]:
        return [part for part in self.parts if part.cover is Coverage.INBOUND]

    def quantity_by(self, *covers: Coverage) -> Quantity:
        return sum(part.quantity for part in self.parts if part.cover in covers)


def all_dated(dates: list[date | None]) -> TypeGuard[list[date]]:
    """Say whether no date in a list is unknown."""
    return None not in dates
