"""Fit the regression to past mornings, and its calibration to what it would have said on them."""

from dataclasses import dataclass

import numpy as np

from models.early_warning import HORIZON
from rules.early_warning.calibration import Calibration, fit_calibration
from rules.early_warning.columns import NEVER, Columns, Days, Flags, Numbers
from rules.early_warning.features import FEATURES, Rows, WorkingDays, build
from rules.early_warning.logistic import Logistic, fit_logistic
from rules.early_warning.statistics import PastCounts

PENALTY = 10.0
"""Of the squared weights of features of one scale; as if some ten cases had said that a feature does not matter."""
OF_THE_MORNING = np.array([feature.reason in ("season", "pace") for feature in FEATURES])
"""Features that all orders of a morning have alike."""
FOLD_DAYS = 14
"""Each fortnight is foretold by what was learnt before it, and what was said then teaches the calibration."""
FOLDS_DAYS = 546
"""Days of fortnights: three half-lives of the calibration."""
MAX_ROWS = 200_000
MAX_FOLD_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Examples:
    """Past orders on mornings on which they were still out, and whether they ended late."""

    order: Days
    days: Days
    before: Days
    known_on: Days
    """The first morning on which its end was known."""
    late: Flags
    features: Numbers


@dataclass(frozen=True, slots=True)
class Fit:
    """A regression on features that were brought to one scale."""

    logistic: Logistic
    centre: Numbers
    scale: Numbers

    def log_odds(self, features: Numbers) -> Numbers:
        """Return the log-odds of each row, before the calibration."""
        return self.logistic.log_odds((features - self.centre) / self.scale)

    def rescaled(self, centre: Numbers, scale: Numbers) -> Logistic:
        """Return the regression for features of another scale."""
        weights = self.logistic.weights / self.scale
        return Logistic(self.logistic.offset + float(weights @ (centre - self.centre)), weights * scale)


def examples(orders: Columns, counts: PastCounts, working: WorkingDays, as_of: int) -> Examples:
    """Return the mornings 0 to HORIZON days before their promise of all orders whose end is known."""
    gone = np.minimum(orders.ends, orders.cancelled)
    known = (orders.deadline <= as_of) & (orders.cancelled >= orders.deadline) & (orders.placed < NEVER)
    order, before = np.divmod(np.arange(len(orders) * (HORIZON + 1)), HORIZON + 1)
    days = orders.promised[order] - before
    out = known[order] & (orders.placed[order] < days) & (gone[order] >= days)
    order, before, days = (values[out] for values in (order, before, days))
    # The latest orders, with all of their mornings, where there are too many.
    if len(order) > MAX_ROWS:
        first = order[len(order) - MAX_ROWS]
        order, before, days = (values[order > first] for values in (order, before, days))
    taken = scanned_as_seen(orders, order, days)
    features = build(Rows.of(taken, days, working, counts))
    late = (orders.ends >= orders.deadline)[order]
    return Examples(order, days, before, orders.deadline[order], late, features)


def scanned_as_seen(orders: Columns, order: Days, days: Days) -> Columns:
    """Return the order of each row with the last scan that had been seen by its morning."""
    taken = orders.take(order)
    scanned, status = np.full(len(order), NEVER), np.full(len(order), -1)
    if any(orders.seen):
        for row, (n, day) in enumerate(zip(order.tolist(), days.tolist(), strict=True)):
            for scan in orders.seen[n]:
                if scan.morning.toordinal() <= day:
                    scanned[row] = scan.last_scan_on.toordinal()
                    status[row] = orders.status_codes.get(scan.status or "", -1)
    taken.scanned[:] = scanned
    taken.status[:] = status
    return taken


def fit(features: Numbers, late: Flags, days: Days, before: Fit | None = None) -> Fit:
    """Fit the regression to rows; `days` are their mornings. It is found sooner from an earlier one, `before`.

    What all orders of a morning have alike was seen once a morning, not once an order: its penalty is as many times
    higher. Else a few weeks of many orders would seem to prove what a season does.
    """
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    penalty = np.where(OF_THE_MORNING, PENALTY * len(days) / len(np.unique(days)), PENALTY)
    logistic = fit_logistic(
        (features - centre) / scale,
        late.astype(np.float64),
        penalty,
        np.zeros(len(scale)),
        start=None if before is None else before.rescaled(centre, scale),
    )
    return Fit(logistic, centre, scale)


def calibrate(rows: Examples, as_of: int, min_late: int, folds: dict[int, Fit]) -> Calibration:
    """Foretell each past fortnight by what was known before it, and fit the calibration to what was said.

    `folds` keeps the regressions by the fortnight's first day. What was known before a day does not change, so a replay
    of many mornings fits each once.
    """
    first = max(int(rows.days.min()), as_of - FOLDS_DAYS)
    said, chosen, last = [], [], None
    for start in range(first - first % FOLD_DAYS + FOLD_DAYS, as_of, FOLD_DAYS):
        fold = (rows.days >= start) & (rows.days < start + FOLD_DAYS)
        if not fold.any():
            continue
        if start not in folds:
            past = np.flatnonzero(rows.known_on <= start)
            if len(np.unique(rows.order[past[rows.late[past]]])) < min_late:
                continue
            past = past[-MAX_FOLD_ROWS:]
            folds[start] = fit(rows.features[past], rows.late[past], rows.days[past], last)
        last = folds[start]
        said.append(folds[start].log_odds(rows.features[fold]))
        chosen.append(np.flatnonzero(fold))
    if not said:
        return Calibration()
    at = np.concatenate(chosen)
    return fit_calibration(np.concatenate(said), rows.late[at], rows.days[at], rows.before[at], as_of)
