"""Correct what is said by what came of earlier forecasts: a slope and an offset, after Platt (1999)."""

from dataclasses import dataclass

import numpy as np

from rules.early_warning.columns import Days, Flags, Numbers
from rules.early_warning.logistic import fit_logistic

HALF_LIFE_DAYS = 180
"""After so many days a forecast counts half."""
PRIOR = np.array([5.0, 5.0])
"""How firmly the slope is held to 1, and its change by day to 0, while few forecasts are known."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Said log-odds become slope times them plus offset, and so much more for each day before the promise."""

    slope: float = 1.0
    offset: float = 0.0
    by_day: float = 0.0

    def apply(self, log_odds: Numbers, before: Days) -> Numbers:
        """Return the corrected log-odds."""
        found: Numbers = self.slope * log_odds + self.offset + self.by_day * before
        return found


def fit_calibration(log_odds: Numbers, late: Flags, days: Days, before: Days, as_of: int) -> Calibration:
    """Fit to past forecasts whose end is known; `days` are their mornings, `before` the days up to the promise."""
    if not len(log_odds):
        return Calibration()
    weights = 0.5 ** ((as_of - days) / HALF_LIFE_DAYS)
    features = np.column_stack((log_odds, before.astype(np.float64)))
    fit = fit_logistic(features, late.astype(np.float64), PRIOR, np.array([1.0, 0.0]), case_weights=weights)
    # A slope below 0 would turn the order around: then nothing but the offset was learnt.
    return Calibration(max(float(fit.weights[0]), 0.0), fit.offset, float(fit.weights[1]))
