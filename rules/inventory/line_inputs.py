"""A line that waits, with what is said of it, what it got, and what that means for its day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from models.enums import Promise
from models.inventory import AllocationPart, Coverage, DateSource, ExpectedDate
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate, describe, keep_shown_date, shown_dates
from rules.inventory.transit import TransitTimes

ACCEPTED = "accepted"
"""By which a vendor's answer stands in an expectation's basis."""


@dataclass(frozen=True, slots=True)
class DateInputs:
    """A line that waits: what was promised, and what everybody says about it."""

    promise: Promise
    promised_on: date
    quantity: Quantity
    """Pieces that have not left."""
    country: str = ""
    said: Mapping[DateSource, date] = field(default_factory=dict)
    """Dates as the shop's facts give them, by who says so."""
    answer: InboundDate | None = None
    """When the goods are there that a vendor accepted to supply for this line."""
    accepted: Quantity = 0
    """How many of its pieces those are."""
    drop_shipped: bool = False
    stocked: bool = False
    """Whether the shop's facts have stock, or a delivery, of the product at all."""
    lead_days: int | None = None
    """The vendor's usual lead time."""
    vendor_country: str | None = None
    foreseen: date | None = None
    """The day once reckoned by that lead time, where somebody else was believed since, whose day has passed."""
    standing: ExpectedDate | None = None
    """What was believed so far."""

    def stands(self, source: DateSource) -> ExpectedDate | None:
        """Return what was believed so far, if it was believed because of this source."""
        return self.standing if self.standing is not None and self.standing.source is source else None


@dataclass(frozen=True, slots=True)
class DateCase:
    """A line, the pieces it got, and the deliveries they come with."""

    line: DateInputs
    pieces: Sequence[AllocationPart]
    coming: Mapping[str, InboundDate]
    journey: TransitTimes
    as_of: date

    def words(self) -> str:
        return describe(self.pieces, self.line.quantity, self.coming)

    def answer(self) -> InboundDate | None:
        """Return the vendor's answer, with the day that was shown of it as long as that stands."""
        answer = self.line.answer
        shown = shown_dates([self.line.stands(DateSource.VENDOR)])
        return None if answer is None else keep_shown_date(ACCEPTED, answer, shown, self.as_of)

    def day(self, ready_on: date | None, *, direct: bool = False) -> date | None:
        """Return the day on which what is at hand on a day does what was promised: leaves, or arrives.

        `direct` goods leave from the vendor's door on that very day.
        """
        leaves_on = ready_on if direct else self.journey.leaves(ready_on)
        if self.line.promise is Promise.SHIP:
            return leaves_on
        return self.journey.arrives(leaves_on, self.line.country)

    def days(self, *covers: Coverage) -> list[date | None]:
        """Return the days on which the pieces with some covers do what was promised."""
        to_ship = self.line.promise is Promise.SHIP
        return [one.ships_on if to_ship else one.arrives_on for one in self.pieces if one.cover in covers]

    def inbounds(self) -> set[str]:
        return {one.inbound for one in self.pieces if one.cover is Coverage.INBOUND}

    def how_many(self, *covers: Coverage) -> Quantity:
        return sum(one.quantity for one in self.pieces if one.cover in covers)
