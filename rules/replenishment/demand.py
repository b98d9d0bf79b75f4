"""Estimate a product's daily demand: its mean, its spread, and its demand pattern."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.float64]

ADI, CV2 = 1.32, 0.49
"""Syntetos & Boylan's limits: average demand interval in days, and squared coefficient of variation of the sizes."""
MIN_DAYS, MIN_SALES = 28, 3
"""With fewer days of history, or fewer days with a sale, the pattern cannot be estimated."""
STOPPED_DAYS, STOPPED_PROBABILITY = 60, 0.001
"""A product without a sale for so many days has stopped, where such a pause is less probable than this."""
CROSTON_ALPHA = 0.1
"""The smoothing constant of Croston's averages: the value of Croston (1972) and of most libraries."""
CROSTON_MEMORY = round((2 - CROSTON_ALPHA) / CROSTON_ALPHA)
"""The number of sales that averages with that constant effectively rest on."""


class Pattern(StrEnum):
    """The demand pattern of a product: Syntetos & Boylan's four, and three where none of them applies."""

    SMOOTH = "smooth"
    ERRATIC = "erratic"
    """Sold on most days, in very uneven quantities."""
    INTERMITTENT = "intermittent"
    """Sold on few days, in similar quantities."""
    LUMPY = "lumpy"
    """Sold on few days, in very uneven quantities."""
    FEW = "few"
    """Too few sales, or days, to estimate a pattern."""
    STOPPED = "stopped"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Demand:
    """The demand for a product, in pieces a day."""

    pattern: Pattern
    days: int
    """Days of history."""
    mean: float = 0.0
    sd: float = 0.0
    """Standard deviation of one day's pieces."""
    effective_days: float = 1.0
    """The number of days that the mean effectively rests on."""


def estimate_demand(sold: Sequence[float]) -> Demand:
    """Estimate a product's demand from the pieces sold on each day, oldest first.

    A history shorter than the policy's begins with the product's first sale. The patterns are those of Syntetos, Boylan
    & Croston, "On the categorization of demand patterns", Journal of the Operational Research Society 56 (2005).
    """
    pieces = np.asarray(sold, dtype=np.float64)
    sale_days = np.flatnonzero(pieces)
    if not sale_days.size:
        return Demand(Pattern.NONE, pieces.size)
    if _has_stopped(pieces.size, sale_days):
        return Demand(Pattern.STOPPED, pieces.size)
    if pieces.size < MIN_DAYS or sale_days.size < MIN_SALES:
        return _short_history(pieces)
    return _by_pattern(pieces)


def _short_history(pieces: Days) -> Demand:
    # A short history is padded to MIN_DAYS, because one first sale does not mean the same again every day.
    padded = np.concatenate([np.zeros(max(0, MIN_DAYS - pieces.size)), pieces])
    return Demand(Pattern.FEW, pieces.size, float(padded.mean()), float(padded.std(ddof=1)), padded.size)


def _has_stopped(days: int, sale_days: npt.NDArray[np.intp]) -> bool:
    active_days = int(sale_days[-1]) + 1
    pause = days - active_days
    if pause < STOPPED_DAYS:
        return False
    return sale_days.size < MIN_SALES or (1 - sale_days.size / active_days) ** pause < STOPPED_PROBABILITY


def _by_pattern(pieces: Days) -> Demand:
    # A first day with a sale is left out: the history begins there because of the sale, which would bias the mean.
    counted = pieces[1:] if pieces[0] else pieces
    sizes = counted[counted > 0]
    interval, size_cv2 = counted.size / sizes.size, float(sizes.var() / sizes.mean() ** 2)
    pattern = PATTERNS[interval >= ADI, size_cv2 >= CV2]
    mean = MEANS[pattern](counted)
    is_croston = MEANS[pattern] is croston_sba
    effective_days = min(counted.size, CROSTON_MEMORY * interval) if is_croston else counted.size
    sd = float(np.sqrt(np.square(counted - mean).sum() / (counted.size - 1)))
    return Demand(pattern, pieces.size, mean, sd, effective_days)


def croston_sba(pieces: Days) -> float:
    """Return the mean pieces a day of intermittent demand; at least one day must have a sale.

    Croston's method divides the smoothed size of a sale by the smoothed days between sales, both started with their
    first value. Syntetos & Boylan correct its bias: "The accuracy of intermittent demand estimates", International
    Journal of Forecasting 21 (2005), 303-314.
    """
    sale_days = np.flatnonzero(pieces)
    size = _smoothed(pieces[sale_days])
    days_between = _smoothed(np.diff(sale_days, prepend=-1))
    return (1 - CROSTON_ALPHA / 2) * size / days_between


def _smoothed(values: npt.NDArray[Any]) -> float:
    smoothed = float(values[0])
    for value in values[1:].tolist():
        smoothed += CROSTON_ALPHA * (value - smoothed)
    return smoothed


def _average(pieces: Days) -> float:
    return float(pieces.mean())


PATTERNS = {
    (False, False): Pattern.SMOOTH,
    (False, True): Pattern.ERRATIC,
    (True, False): Pattern.INTERMITTENT,
    (True, True): Pattern.LUMPY,
}
"""By whether the interval reaches ADI, and whether the sizes' variation reaches CV2."""
MEANS: dict[Pattern, Callable[[Days], float]] = {
    Pattern.SMOOTH: _average,
    Pattern.ERRATIC: _average,
    Pattern.INTERMITTENT: croston_sba,
    Pattern.LUMPY: croston_sba,
}
