"""When goods that a vendor promised can be packed, corrected by the vendor's usual lateness."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from models.date_basis import InboundBasis, InboundPromise
from models.inventory import AllocationPart, Coverage, ExpectedDate, known_day
from models.quantities import Quantity, plain
from rules.inventory.transit import TransitTimes
from rules.inventory.vendor_lateness import VendorLateness


@dataclass(frozen=True, slots=True)
class InboundDate:
    """The first day on which promised goods can be packed, the range around it, and its probability (0 to 1)."""

    available_on: date | None
    """At the policy's quantile; None: unknown."""
    earliest_on: date | None
    latest_on: date | None
    probability: float | None
    why: str
    """A clause that follows "the delivery"."""
    promised_on: date | None = None


class InboundDates:
    """Dates of inbound goods as of one day; each promise of a vendor for a day is predicted once."""

    def __init__(self, lateness: VendorLateness, transit: TransitTimes, as_of: date) -> None:
        self._lateness, self._transit, self._as_of = lateness, transit, as_of
        self._predicted: dict[tuple[str | None, str | None, date, bool], InboundDate] = {}

    def date_of(
        self, vendor: str | None, country: str | None, promised_on: date | None, *, direct: bool = False
    ) -> InboundDate:
        """Return when goods can be packed that a vendor of a country promised for a day.

        `direct` goods are ready on the day of handover, because the vendor sends them to the customer itself.
        """
        if (promised_on := known_day(promised_on, self._as_of)) is None:
            return InboundDate(None, None, None, None, "which has no date")
        key = vendor, country, promised_on, direct
        if key not in self._predicted:
            self._predicted[key] = self._predict(*key)
        return self._predicted[key]

    def date_of_revised(
        self, vendor: str | None, country: str | None, promised_on: date, revised_to: date
    ) -> InboundDate:
        """Return when the goods of a postponed delivery can be packed.

        The vendor's lateness is measured from its first promise; it may well keep a later one. So the later day of
        both counts. Where no such lateness was observed, or the new day is an earlier one, the new day is predicted
        from like a first promise.
        """
        by_first, by_revised = (self.date_of(vendor, country, day) for day in (promised_on, revised_to))
        if revised_to <= promised_on or by_first.available_on is None or by_revised.promised_on is None:
            return by_revised
        if_kept = self._transit.available_date(revised_to, country)
        available_on, earliest_on, latest_on = (
            None if day is None or if_kept is None else max(day, if_kept)
            for day in (by_first.available_on, by_first.earliest_on, by_first.latest_on)
        )
        why = f"now promised for {revised_to}, at first {by_first.why}"
        return InboundDate(available_on, earliest_on, latest_on, by_first.probability, why, revised_to)

    def _predict(self, vendor: str | None, country: str | None, promised_on: date, direct: bool) -> InboundDate:  # noqa: FBT001 - part of the key
        predicted = self._lateness.predict_date(vendor, promised_on, self._as_of)
        step = self._transit.handover_date if direct else self._transit.available_date
        available_on, earliest_on, latest_on = (
            step(day, country) for day in (predicted.expected_on, predicted.earliest_on, predicted.latest_on)
        )
        return InboundDate(available_on, earliest_on, latest_on, predicted.probability, predicted.why, promised_on)


def inbound_basis(inbound_dates: Mapping[str, InboundDate]) -> InboundBasis:
    """Return the basis of a date that rests on deliveries, or on a vendor's response, by their ids."""
    return InboundBasis(
        tuple(
            InboundPromise(key, inbound.promised_on, inbound.available_on)
            for key, inbound in sorted(inbound_dates.items())
        )
    )


def shown_dates(previous: Iterable[ExpectedDate | None]) -> dict[tuple[str, date], date]:
    """Return the first packing days behind dates that were shown, by delivery id and promised day."""
    bases = (expected.basis for expected in previous if expected is not None)
    promises = (promise for basis in bases if isinstance(basis, InboundBasis) for promise in basis.promises)
    return {
        (promise.id, promise.promised_on): promise.available_on
        for promise in promises
        if promise.promised_on is not None and promise.available_on is not None
    }


def keep_shown_date(key: str, inbound: InboundDate, shown: Mapping[tuple[str, date], date], as_of: date) -> InboundDate:
    """Keep the day that was shown until it passes or the vendor promises another; take an earlier day at once.

    The prediction for an awaited delivery moves a little later each morning, and the vendor's lateness changes with
    each receipt. Without this rule a customer would be told a new day every day.
    """
    day = shown.get((key, inbound.promised_on)) if inbound.promised_on else None
    if day is None or day < as_of or (inbound.available_on is not None and inbound.available_on <= day):
        return inbound
    return replace(inbound, available_on=day, probability=None)


def describe(parts: Sequence[AllocationPart], line_quantity: Quantity, inbound_dates: Mapping[str, InboundDate]) -> str:
    """Return what covers a line's pieces, as "5 of 7 in stock; 2 of 7 with delivery D12, promised for ..."."""
    clauses = []
    if packed := _quantity(parts, Coverage.PACKED):
        clauses.append(_share(packed, line_quantity, "packed"))
    if stock := _quantity(parts, Coverage.STOCK):
        clauses.append(_share(stock, line_quantity, "in stock"))
    clauses += [
        _share(part.quantity, line_quantity, f"with delivery {part.inbound}, {inbound_dates[part.inbound].why}")
        for part in parts
        if part.cover is Coverage.INBOUND
    ]
    if uncovered := _quantity(parts, Coverage.UNCOVERED):
        clauses.append(_share(uncovered, line_quantity, "neither in stock nor on the way"))
    return "; ".join(clauses)


def _quantity(parts: Sequence[AllocationPart], cover: Coverage) -> Quantity:
    return sum(part.quantity for part in parts if part.cover is cover)


def _share(quantity: Quantity, line_quantity: Quantity, covered_by: str) -> str:
    if quantity == line_quantity == 1:
        return covered_by
    return f"{plain(quantity)} of {plain(line_quantity)} {covered_by}"
