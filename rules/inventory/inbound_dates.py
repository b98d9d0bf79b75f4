"""By when goods that a vendor promised are at hand, with the vendor's habit of being late reckoned in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from models.inventory import AllocationPart, Coverage, ExpectedDate, known_day
from models.quantities import Quantity, plain
from rules.inventory.transit import TransitTimes
from rules.inventory.vendor_lateness import VendorLateness

DAY_SHOWN = re.compile(r"(.+?) for (\d{4}-\d\d-\d\d) by (\d{4}-\d\d-\d\d)(?:, |$)")


@dataclass(frozen=True, slots=True)
class InboundDate:
    """The days on which goods that a vendor promised can be packed, and how likely the first of these is kept."""

    ready_on: date | None
    """At the policy's quantile; None: nobody can say."""
    earliest_on: date | None
    latest_on: date | None
    probability: float | None
    why: str
    """A clause that follows "the delivery"."""
    promised_on: date | None = None


class InboundDates:
    """What vendors promised, as it stands on one day; a vendor's promise for a day is reckoned once."""

    def __init__(self, habits: VendorLateness, journey: TransitTimes, as_of: date) -> None:
        self._habits, self._journey, self._as_of = habits, journey, as_of
        self._known: dict[tuple[str | None, str | None, date, bool], InboundDate] = {}

    def coming(
        self, vendor: str | None, country: str | None, promised_on: date | None, *, direct: bool = False
    ) -> InboundDate:
        """Say when goods are at hand that a vendor of a country promised for a day; `direct`: at the vendor's door."""
        if (promised_on := known_day(promised_on, self._as_of)) is None:
            return InboundDate(None, None, None, None, "which has no date")
        key = vendor, country, promised_on, direct
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._reckoned(*key)
        return found

    def revised(self, vendor: str | None, country: str | None, promised_on: date, now_for: date) -> InboundDate:
        """Say when goods are at hand that were promised for one day, and by now for another.

        Habits tell how late a vendor is after its first word: a later one it may well keep. So of both the later day
        counts; where the habits know no such delay, and where it is an earlier one, that is the word to judge by.
        """
        first, then = (self.coming(vendor, country, day) for day in (promised_on, now_for))
        if now_for <= promised_on or first.ready_on is None or then.promised_on is None:
            return then
        their = self._journey.at_hand(now_for, country)
        ready_on, earliest_on, latest_on = (
            None if day is None or their is None else max(day, their)
            for day in (first.ready_on, first.earliest_on, first.latest_on)
        )
        why = f"now promised for {now_for}, at first {first.why}"
        return InboundDate(ready_on, earliest_on, latest_on, first.probability, why, now_for)

    def _reckoned(self, vendor: str | None, country: str | None, promised_on: date, direct: bool) -> InboundDate:  # noqa: FBT001 - part of the key
        found = self._habits.forecast(vendor, promised_on, self._as_of)
        step = self._journey.handed_over if direct else self._journey.at_hand
        expected, earliest, latest = (
            step(day, country) for day in (found.expected_on, found.earliest_on, found.latest_on)
        )
        return InboundDate(expected, earliest, latest, found.probability, found.why, promised_on)


def basis(coming: Mapping[str, InboundDate]) -> str:
    """Say what a line's day was reckoned from, as "D1 for 2026-12-03 by 2026-12-08": id, promised, at hand."""
    return ", ".join(f"{key} for {one.promised_on} by {one.ready_on}" for key, one in sorted(coming.items()))


def shown_dates(standing: Iterable[ExpectedDate | None]) -> dict[tuple[str, date], date]:
    """Return by when customers were told that goods are there, by their id and the day the vendor promised."""
    found = (part for one in standing if one is not None for part in DAY_SHOWN.finditer(one.basis))
    return {(key, date.fromisoformat(on)): date.fromisoformat(by) for key, on, by in (part.groups() for part in found)}


def keep_shown_date(key: str, coming: InboundDate, shown: Mapping[tuple[str, date], date], as_of: date) -> InboundDate:
    """Keep the day that was shown until it passes or the vendor promises another; an earlier one is taken at once.

    A delivery that stays out is expected a little later each morning, and habits change with each one that comes: a
    customer told of each of those days would be told every day.
    """
    day = shown.get((key, coming.promised_on)) if coming.promised_on else None
    if day is None or day < as_of or (coming.ready_on is not None and coming.ready_on <= day):
        return coming
    return replace(coming, ready_on=day, probability=None)


def describe(pieces: Sequence[AllocationPart], whole: Quantity, coming: Mapping[str, InboundDate]) -> str:
    """Say of how many pieces what covers them, as "5 of 7 in stock; 2 of 7 with delivery D12, promised for ..."."""
    said = []
    if packed := _sum(pieces, Coverage.PACKED):
        said.append(_of(packed, whole, "packed"))
    if stock := _sum(pieces, Coverage.STOCK):
        said.append(_of(stock, whole, "in stock"))
    said += [
        _of(one.quantity, whole, f"with delivery {one.inbound}, {coming[one.inbound].why}")
        for one in pieces
        if one.cover is Coverage.INBOUND
    ]
    if nothing := _sum(pieces, Coverage.NOTHING):
        said.append(_of(nothing, whole, "neither in stock nor on the way"))
    return "; ".join(said)


def _sum(pieces: Sequence[AllocationPart], cover: Coverage) -> Quantity:
    return sum(one.quantity for one in pieces if one.cover is cover)


def _of(n: Quantity, whole: Quantity, where: str) -> str:
    return where if n == whole == 1 else f"{plain(n)} of {plain(whole)} {where}"
