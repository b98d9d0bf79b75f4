"""How a product sells: how many a day, how unevenly, and how long that has been known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.float64]

ADI, CV2 = 1.32, 0.49
"""Syntetos & Boylan: days between two sales, and unevenness of their sizes, from which another method is better."""
FEW_DAYS, FEW_SALES = 28, 3
"""With fewer days of history, or fewer days on which something sold, there is no habit to learn."""
QUIET_DAYS, CHANCE = 60, 0.001
"""A product that sold nothing for so many days has stopped, unless it has a habit that makes such a pause likelier."""
CROSTON_ALPHA = 0.1
"""How much the newest sale counts in Croston's averages: what Croston (1972) and most libraries take."""
CROSTON_MEMORY = round((2 - CROSTON_ALPHA) / CROSTON_ALPHA)
"""How many sales averages with that weight remember."""


class Pattern(StrEnum):
    """How the demand for a product comes: the four kinds of Syntetos & Boylan, and what is none of them."""

    SMOOTH = "smooth"
    ERRATIC = "erratic"
    """Sold on most days, in very uneven quantities."""
    INTERMITTENT = "intermittent"
    """Sold on few days, a like quantity each time."""
    LUMPY = "lumpy"
    """Sold on few days, in very uneven quantities."""
    FEW = "few"
    """Too few sales, or days, to know."""
    STOPPED = "stopped"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Demand:
    """Pieces sold a day."""

    pattern: Pattern
    days: int
    """Days of history."""
    mean: float = 0.0
    sd: float = 0.0
    """Of one day's pieces."""
    known: float = 1.0
    """How many days' worth of knowledge the mean rests on."""


def estimate_demand(sold: Sequence[float]) -> Demand:
    """Learn a product's demand from the pieces sold on each day, oldest first.

    A history shorter than the policy's begins with the product's first sale. Patterns: Syntetos, Boylan & Croston, "On
    the categorization of demand patterns", Journal of the Operational Research Society 56 (2005).
    """
    pieces = np.asarray(sold, dtype=np.float64)
    on = np.flatnonzero(pieces)
    if not on.size:
        return Demand(Pattern.NONE, pieces.size)
    if _stopped(pieces.size, on):
        return Demand(Pattern.STOPPED, pieces.size)
    if pieces.size < FEW_DAYS or on.size < FEW_SALES:
        return _few(pieces)
    return _demand_pattern(pieces)


def _few(pieces: Days) -> Demand:
    # As if a short history had been FEW_DAYS long: a first sale is no promise of the same again tomorrow.
    padded = np.concatenate([np.zeros(max(0, FEW_DAYS - pieces.size)), pieces])
    return Demand(Pattern.FEW, pieces.size, float(padded.mean()), float(padded.std(ddof=1)), padded.size)


def _stopped(days: int, on: npt.NDArray[np.intp]) -> bool:
    active = int(on[-1]) + 1
    pause = days - active
    return pause >= QUIET_DAYS and (on.size < FEW_SALES or (1 - on.size / active) ** pause < CHANCE)


def _demand_pattern(pieces: Days) -> Demand:
    # A first day that sold is left out: it is the first because it sold, and would make every product look brisker.
    counted = pieces[1:] if pieces[0] else pieces
    sizes = counted[counted > 0]
    between, uneven = counted.size / sizes.size, float(sizes.var() / sizes.mean() ** 2)
    pattern = PATTERNS[between >= ADI, uneven >= CV2]
    mean = MEANS[pattern](counted)
    known = min(counted.size, CROSTON_MEMORY * between) if MEANS[pattern] is croston_sba else counted.size
    sd = float(np.sqrt(np.square(counted - mean).sum() / (counted.size - 1)))
    return Demand(pattern, pieces.size, mean, sd, known)


def croston_sba(pieces: Days) -> float:
    """Return the mean pieces a day of a demand that comes on some days only; at least one day must have sold.

    Croston's method: the smoothed size of a sale over the smoothed days between sales, both begun with their first
    value. Syntetos & Boylan correct its bias: "The accuracy of intermittent demand estimates", International Journal of
    Forecasting 21 (2005), 303-314.
    """
    on = np.flatnonzero(pieces)
    size = _smoothed(pieces[on])
    days_between = _smoothed(np.diff(on, prepend=-1))
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
"""By whether sales are far between, and whether their sizes are uneven."""
MEANS: dict[Pattern, Callable[[Days], float]] = {
    Pattern.SMOOTH: _average,
    Pattern.ERRATIC: _average,
    Pattern.INTERMITTENT: croston_sba,
    Pattern.LUMPY: croston_sba,
}
