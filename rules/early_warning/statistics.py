"""What was counted in the days before a morning: how many were late, still out, and brought by the carrier."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.early_warning import HORIZON
from rules.early_warning.columns import NEVER, Codes, Columns, Days, Flags, Numbers
from rules.early_warning.rolling import Rolling
from rules.early_warning.survival import AGES, HANDED, TO_SHIP, Survival, leg_of

SCALE = 2**20
"""Parts of an expected arrival: whole numbers add up to the same whatever their order is."""
YEAR = 365


@dataclass(frozen=True, slots=True)
class Window:
    """Events of a group in the last `days`."""

    events: str
    group: str
    days: int


WINDOWS = {
    "late_year": Window("late", "kind", YEAR),
    "late_90": Window("late", "kind", 90),
    "late_30": Window("late", "kind", 30),
    "late_14": Window("late", "kind", 14),
    "out_year": Window("out", "kind", YEAR),
    "out_90": Window("out", "kind", 90),
    "out_30": Window("out", "kind", 30),
    "overdue_year": Window("overdue", "kind", YEAR),
    "overdue_14": Window("overdue", "kind", 14),
    "pace_28": Window("pace", "kind", 28),
    "pace_14": Window("pace", "kind", 14),
    "pace_7": Window("pace", "kind", 7),
    "usual_all": Window("usual", "kind", 180),
    "usual_place": Window("place_usual", "place", 180),
    "usual_lane": Window("lane_usual", "lane", 180),
    "place_out": Window("place_out", "place", YEAR),
    "place_pace": Window("place_pace", "place", 28),
    "carrier_out": Window("carrier_out", "carrier", YEAR),
    "carrier_pace": Window("carrier_pace", "carrier", 14),
    "vendor_late": Window("vendor_late", "vendor", YEAR),
    "status_late": Window("status", "status", YEAR),
    "base_year": Window("base", "days_before", YEAR),
    "base_90": Window("base", "days_before", 90),
}
"""By name; each is a number of hits among a number of cases. The groups are those of the columns, and others."""

Totals = tuple[Days, Days]
"""Hits and cases, for each row."""


class Counts(Protocol):
    """Where the totals of rows come from: all of the past, or the tables of one morning."""

    @property
    def survival(self) -> Survival: ...

    def totals(self, name: str, codes: Codes, days: Days) -> Totals: ...


def _before_code(kind: Codes, days_before: Days) -> Codes:
    """Return the code of a kind of promise and a number of days before it."""
    return kind * (HORIZON + 1) + days_before


class PastCounts:
    """The events of past orders; each counts from the first morning on which it was known."""

    def __init__(self, orders: Columns, survival: Survival, as_of: int) -> None:
        self.survival = survival
        self._as_of = as_of
        self._events: dict[str, tuple[Rolling, Rolling]] = {}
        self._add_lateness(orders)
        self._add_carriers(orders)
        self._add_scans(orders)

    def totals(self, name: str, codes: Codes, days: Days) -> Totals:
        """Return the hits and cases of each row's group in the days before its morning."""
        window = WINDOWS[name]
        hits, cases = self._events[window.events]
        return hits.total(codes, days - window.days, days), cases.total(codes, days - window.days, days)

    def _add(self, name: str, groups: Codes, days: Days, hits: Days | Flags, cases: Days) -> None:
        self._events[name] = Rolling(groups, days, hits.astype(np.int64)), Rolling(groups, days, cases)

    def _add_lateness(self, orders: Columns) -> None:
        groups, gone = orders.groups, np.minimum(orders.ends, orders.cancelled)
        late = orders.ends >= orders.deadline
        # What counts as late is known for all orders of a promised day at once, on the morning of the deadline. The
        # day before it is the day of the event.
        known_on, known = orders.deadline - 1, (orders.cancelled >= orders.deadline) & (orders.deadline <= self._as_of)
        out = known & (gone >= orders.promised - 1) & (orders.placed < orders.promised - 1)
        self._share("late", groups["kind"], known_on, late, known)
        self._share("vendor_late", groups["vendor"], known_on, late, known)
        self._share("out", groups["kind"], known_on, late, out)
        self._share("place_out", groups["place"], known_on, late, out)
        self._share("carrier_out", groups["carrier"], known_on, late, out)

        due = (orders.cancelled > orders.promised) & (orders.promised < self._as_of)
        self._share("overdue", groups["kind"], orders.promised, orders.ends > orders.promised, due)

        rows, before = np.divmod(np.arange(len(orders) * (HORIZON + 1)), HORIZON + 1)
        morning = orders.promised[rows] - before
        was_out = known[rows] & (gone[rows] >= morning) & (orders.placed[rows] < morning)
        rows, before = rows[was_out], before[was_out]
        base = _before_code(groups["kind"][rows], before)
        self._add("base", base, known_on[rows], late[rows], np.ones(len(rows), np.int64))

    def _share(self, name: str, groups: Codes, days: Days, late: Flags, counted: Flags) -> None:
        self._add(name, groups[counted], days[counted], late[counted], np.ones(int(counted.sum()), np.int64))

    def _add_carriers(self, orders: Columns) -> None:
        start = np.where(orders.is_ship, orders.placed, orders.shipped)
        began, gone = start < NEVER, np.minimum(np.minimum(orders.ends, orders.cancelled), self._as_of)
        came = began & (orders.ends < NEVER)
        days = np.clip(orders.ends - start, 0, None)[came]
        for name, group in (("usual", "kind"), ("place_usual", "place"), ("lane_usual", "lane")):
            self._add(name, orders.groups[group][came], orders.ends[came], days, np.ones(len(days), np.int64))

        row, day, expected = self._expected(orders, start, began, gone)
        rows, ended = np.concatenate((row, np.flatnonzero(came))), np.concatenate((day, orders.ends[came]))
        hits = np.concatenate((np.zeros(len(row), np.int64), np.full(len(days), SCALE)))
        cases = np.concatenate((expected, np.zeros(len(days), np.int64)))
        for name, group in (("pace", "kind"), ("place_pace", "place"), ("carrier_pace", "carrier")):
            self._add(name, orders.groups[group][rows], ended, hits, cases)

    def _expected(self, orders: Columns, start: Days, began: Flags, gone: Days) -> tuple[Days, Days, Days]:
        """Return, for each order and each day on which it might have ended, the parts of an end that were expected.

        Of one that never arrives no end is expected after AGES days: its days would be without number.
        """
        from_day = np.maximum(start, self.survival.first_day)
        until = np.minimum(np.minimum(gone + 1, self._as_of), start + AGES)
        length = np.where(began, np.clip(until - from_day, 0, None), 0)
        row = np.repeat(np.arange(len(orders)), length)
        day = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + from_day[row]
        legs, parts = np.where(orders.is_ship, TO_SHIP, HANDED)[row], np.zeros(len(row), np.int64)
        for leg in (HANDED, TO_SHIP):
            of_leg = legs == leg
            hazard = self.survival.hazard(leg, day[of_leg], (day - start[row])[of_leg])
            parts[of_leg] = np.rint(hazard * SCALE).astype(np.int64)
        return row, day, parts

    def _add_scans(self, orders: Columns) -> None:
        seen = [(n, scan) for n, scans in enumerate(orders.seen) for scan in scans if scan.status]
        row = np.array([n for n, _ in seen], np.int64)
        codes = np.array([orders.status_codes[scan.status or ""] for _, scan in seen], np.int64)
        known = (orders.cancelled >= orders.deadline)[row] & (orders.deadline[row] <= self._as_of)
        late = (orders.ends >= orders.deadline)[row]
        self._share("status", codes, orders.deadline[row] - 1, late, known)


@dataclass(frozen=True, slots=True)
class MorningCounts:
    """The totals of every group on one morning: as much as the ledger keeps of the past."""

    survival: Survival
    tables: dict[str, tuple[Days, Days]]
    """Hits and cases by code; a last row of zeros is for what is UNKNOWN."""

    @classmethod
    def of(cls, past: PastCounts, sizes: dict[str, int], morning: int) -> "MorningCounts":
        """Return what is known on a morning; `sizes` are the numbers of codes by group."""
        tables = {}
        for name, window in WINDOWS.items():
            codes = np.arange(sizes[window.group])
            hits, cases = past.totals(name, codes, np.full(len(codes), morning))
            tables[name] = np.append(hits, 0), np.append(cases, 0)
        return cls(past.survival.on(morning), tables)

    def totals(self, name: str, codes: Codes, days: Days) -> Totals:
        """Return the hits and cases of each row's group."""
        hits, cases = self.tables[name]
        return hits[codes], cases[codes]


@dataclass(frozen=True, slots=True)
class Rate:
    """A statistic: hits among cases, with `prior` cases more that went like its parent."""

    parent: str | float
    prior: float = 20.0
    scale: int = 1


RATES = {
    "late_year": Rate(0.05),
    "late_90": Rate("late_year"),
    "late_30": Rate("late_90"),
    "late_14": Rate("late_30"),
    "out_year": Rate(0.3),
    "out_90": Rate("out_year"),
    "out_30": Rate("out_90"),
    "overdue_year": Rate(0.1),
    "overdue_14": Rate("overdue_year"),
    "pace_28": Rate(1.0, 10.0, SCALE),
    "pace_14": Rate(1.0, 10.0, SCALE),
    "pace_7": Rate(1.0, 10.0, SCALE),
    "usual_all": Rate(7.0, 1.0),
    "usual_place": Rate("usual_all", 10.0),
    "usual_lane": Rate("usual_place", 10.0),
    "place_out": Rate("out_year"),
    "place_pace": Rate("pace_28", 10.0, SCALE),
    "carrier_out": Rate("out_year"),
    "carrier_pace": Rate("pace_14", 10.0, SCALE),
    "vendor_late": Rate("late_year"),
    "status_late": Rate("out_year"),
    "base_year": Rate("out_year"),
    "base_90": Rate("base_year", 10.0),
}
"""By the name of its window, parents first."""


PLACED = ("place", "vendor")
"""Groups of an order that are known when it is placed."""


def known(counts: Counts, orders: Columns, days: Days, days_before: Days) -> dict[str, Numbers]:
    """Return what was known on each row's morning, by name."""
    codes = orders.groups | {"status": orders.status, "days_before": _before_code(orders.groups["kind"], days_before)}
    legs = leg_of(orders.is_ship, orders.shipped < days)
    # Who carries it, and by what lane, may not be known before the hand-over.
    named = {name: flags & ((legs == HANDED) | (name in PLACED)) for name, flags in orders.named.items()}
    values: dict[str, Numbers] = {}
    for name, rate in RATES.items():
        group = WINDOWS[name].group
        parent = values[rate.parent] if isinstance(rate.parent, str) else np.full(len(days), rate.parent)
        hits, cases = counts.totals(name, codes[group], days)
        values[name] = (hits / rate.scale + rate.prior * parent) / (cases / rate.scale + rate.prior)
        if group in named:
            values[name] = np.where(named[group], values[name], parent)
    start = np.where(legs == HANDED, orders.shipped, orders.placed)
    for memory, name in enumerate(("age_90", "age_year")):
        values[name] = counts.survival.still_out(memory, legs, days, days - start, orders.deadline - start)
    return values
