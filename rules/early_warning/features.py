"""What of an order counts on a morning, in numbers, and in words for staff; all of it was known on that morning."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from rules.delays.working_days import Calendar
from rules.early_warning.columns import NEVER, UNKNOWN, Columns, Days, Flags, Numbers
from rules.early_warning.statistics import Counts, known

LATEST = 30
"""Days by which an order may differ from the usual before more of them count no more."""


class WorkingDays:
    """How many working days there are before each day of a range."""

    def __init__(self, calendar: Calendar, first: int, last: int) -> None:
        self._first = first
        start = date.fromordinal(first)
        self._before = np.array([calendar.days_late(start, date.fromordinal(day)) for day in range(first, last + 1)])

    def between(self, first: Days, last: Days) -> Numbers:
        """Count the working days from `first` to `last`, both included."""
        top = len(self._before) - 1
        upto = np.clip(last - self._first, 0, top), np.clip(first - 1 - self._first, 0, top)
        found: Numbers = (self._before[upto[0]] - self._before[upto[1]]).astype(np.float64)
        return found


@dataclass(frozen=True)
class Rows:
    """Orders on mornings on which they were still out, and what was known then of all orders.

    Each column is computed once: the words of each order look at it again.
    """

    orders: Columns
    days: Days
    """The morning of each."""
    before: Days
    """Days from the morning to the promise."""
    working: WorkingDays
    known: dict[str, Numbers]

    @classmethod
    def of(cls, orders: Columns, days: Days, working: WorkingDays, counts: Counts) -> "Rows":
        """Return rows with their statistics."""
        before = orders.promised - days
        return cls(orders, days, before, working, known(counts, orders, days, before))

    @cached_property
    def handed(self) -> Flags:
        """Whether the carrier has it."""
        return (self.orders.shipped < self.days) & ~self.orders.is_ship

    @cached_property
    def not_handed(self) -> Flags:
        """Whether the carrier is still to get it."""
        return ~self.handed & ~self.orders.is_ship

    @cached_property
    def has_ship_by(self) -> Flags:
        """Whether it is known when it was to be handed over."""
        return self.orders.ship_by < NEVER

    @cached_property
    def has_scan(self) -> Flags:
        """Whether a scan of it is known."""
        return self.orders.scanned < self.days

    @cached_property
    def carrier_days(self) -> Numbers:
        """The days since the hand-over; 0 before it."""
        return np.where(self.handed, self.days - self.orders.shipped, 0).astype(np.float64)

    @cached_property
    def scanless_days(self) -> Numbers:
        """The days since the last scan; 0 without one."""
        return np.where(self.has_scan, self.days - self.orders.scanned, 0).astype(np.float64)

    @cached_property
    def handed_late_days(self) -> Numbers:
        """The days by which the hand-over missed its day, negative where it was earlier; 0 where one is not known."""
        late = np.clip(self.orders.shipped - self.orders.ship_by, -10, 20)
        return np.where(self.handed & self.has_ship_by, late, 0).astype(np.float64)

    @cached_property
    def overdue_days(self) -> Numbers:
        """The days since the hand-over was due; 0 after it, or where its day is not known."""
        late = np.clip(self.days - self.orders.ship_by, -5, 20)
        return np.where(~self.handed & self.has_ship_by, late, 0).astype(np.float64)

    @cached_property
    def past_usual_days(self) -> Numbers:
        """The days with the carrier beyond what is usual for where it goes; 0 before the hand-over."""
        return np.where(self.handed, np.clip(self.carrier_days - self.known["usual_lane"], -LATEST, LATEST), 0)

    @cached_property
    def slack_days(self) -> Numbers:
        """The days that would be left after the usual time of the carrier; 0 once it has it."""
        left = np.clip(self.orders.deadline - self.days - self.known["usual_lane"], -LATEST, LATEST)
        return np.where(self.not_handed, left, 0)

    @cached_property
    def working_days_before(self) -> Numbers:
        """The working days up to the promise, both days included."""
        return self.working.between(self.days, self.orders.promised)


def log_odds(share: Numbers) -> Numbers:
    """Return the log-odds of shares; 0.2 and 99.8 % are the outermost."""
    inner = np.clip(share, 0.002, 0.998)
    found: Numbers = np.log(inner / (1 - inner))
    return found


def _share(name: str, than: str | None = None) -> Callable[[Rows], Numbers]:
    """Return the feature of a share, or of how it differs from another one."""
    if than is None:
        return lambda rows: log_odds(rows.known[name])
    return lambda rows: log_odds(rows.known[name]) - log_odds(rows.known[than])


def _pace(name: str, than: str | None = None) -> Callable[[Rows], Numbers]:
    """Return the feature of a pace: 0 where as many orders came as was to be expected."""
    if than is None:
        return lambda rows: np.log(rows.known[name])
    return lambda rows: np.log(rows.known[name]) - np.log(rows.known[than])


def _log(values: Numbers | Days) -> Numbers:
    found: Numbers = np.log1p(np.maximum(values, 0))
    return found


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of an order on a morning."""

    name: str
    reason: str
    """The reason it is a part of."""
    of: Callable[[Rows], Numbers]


FEATURES = (
    Feature("days_before", "time", lambda rows: rows.before.astype(np.float64)),
    Feature("working_days_before", "time", lambda rows: rows.working_days_before),
    Feature("working_days_left", "time", lambda rows: rows.working.between(rows.days, rows.orders.deadline - 1)),
    Feature("promised_days", "way", lambda rows: _log(rows.orders.promised - rows.orders.placed)),
    Feature("pieces", "size", lambda rows: _log(rows.orders.pieces - 1)),
    Feature("lines", "size", lambda rows: _log(rows.orders.lines - 1)),
    Feature("not_handed", "way", lambda rows: rows.not_handed.astype(np.float64)),
    Feature("overdue_days", "way", lambda rows: rows.overdue_days),
    Feature("handed_late_days", "way", lambda rows: rows.handed_late_days),
    Feature("slack_days", "way", lambda rows: rows.slack_days),
    Feature("age", "way", lambda rows: _log(rows.days - rows.orders.placed)),
    Feature("age_90", "way", _share("age_90")),
    Feature("age_year", "way", _share("age_year")),
    Feature("carrier_days", "way", lambda rows: _log(rows.carrier_days)),
    Feature("past_usual_days", "way", lambda rows: rows.past_usual_days),
    Feature("place_late", "place", _share("place_out", "out_year")),
    Feature("late_90", "season", _share("late_90")),
    Feature("late_30", "season", _share("late_30")),
    Feature("late_14", "season", _share("late_14")),
    Feature("out_90", "season", _share("out_90")),
    Feature("out_30", "season", _share("out_30")),
    Feature("overdue_14", "season", _share("overdue_14")),
    Feature("pace_7", "pace", _pace("pace_7")),
    Feature("pace_14", "pace", _pace("pace_14")),
    Feature("pace_28", "pace", _pace("pace_28")),
    Feature("place_pace", "pace", _pace("place_pace", "pace_28")),
    Feature("carrier_late", "carrier", _share("carrier_out", "out_year")),
    Feature("carrier_pace", "carrier", _pace("carrier_pace", "pace_14")),
    Feature("vendor_late", "vendor", _share("vendor_late", "late_year")),
    Feature("has_scan", "scan", lambda rows: rows.has_scan.astype(np.float64)),
    Feature("scanless_days", "scan", lambda rows: _log(rows.scanless_days)),
    Feature(
        "status_late",
        "scan",
        lambda rows: np.where(rows.orders.status == UNKNOWN, 0, _share("status_late", "out_year")(rows)),
    ),
)
"""In the order of a model's weights."""
VERSION = 1
"""Count it up with each change of FEATURES: a stored model has the weights of its own ones."""


def build(rows: Rows) -> Numbers:
    """Return the features of rows, a column each."""
    return np.stack([feature.of(rows) for feature in FEATURES], axis=1)
