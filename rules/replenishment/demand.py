"""How a product sells: how many a day, how unevenly, and how long that has been known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.float64]

ADI, CV2 = 1.32, 0.49
"""Syntetos & Boylan: days between two sales, and unevenness of their sizes, from which another method is better."""
FEW_DAYS, FEW_SALES = 28, 3
"""With fewer days of history, or fewer days on which something sold, there is no habit to learn."""
QUIET_DAYS, CHANCE = 60, 0.001
"""A product that sold nothing for so many days has stopped, unless it has a habit that makes such a pause likelier."""
CROSTON_MEMORY = 19
"""How many sales Croston's averages remember: (2 - a) / a for smoothing by a = 0.1, as in statsforecast."""


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


def demand(sold: Sequence[float]) -> Demand:
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
    return _habit(pieces)


def _few(pieces: Days) -> Demand:
    # As if a short history had been FEW_DAYS long: a first sale is no promise of the same again tomorrow.
    padded = np.concatenate([np.zeros(max(0, FEW_DAYS - pieces.size)), pieces])
    return Demand(Pattern.FEW, pieces.size, float(padded.mean()), float(padded.std(ddof=1)), padded.size)


def _stopped(days: int, on: npt.NDArray[np.intp]) -> bool:
    active = int(on[-1]) + 1
    pause = days - active
    return pause >= QUIET_DAYS and (on.size < FEW_SALES or (1 - on.size / active) ** pause < CHANCE)


def _habit(pieces: Days) -> Demand:
    # A first day that sold is left out: it is the first because it sold, and would make every product look brisker.
    counted = pieces[1:] if pieces[0] else pieces
    sizes = counted[counted > 0]
    between, uneven = counted.size / sizes.size, float(sizes.var() / sizes.mean() ** 2)
    pattern = PATTERNS[between >= ADI, uneven >= CV2]
    mean = MEANS[pattern](counted)
    known = min(counted.size, CROSTON_MEMORY * between) if MEANS[pattern] is _croston else counted.size
    sd = float(np.sqrt(np.square(counted - mean).sum() / (counted.size - 1)))
    return Demand(pattern, pieces.size, mean, sd, known)


def _croston(pieces: Days) -> float:
    """Return the mean of intermittent demand by Croston's method with the correction of Syntetos & Boylan (2005)."""
    # Loading it takes seconds; shops whose products sell every day never wait for it.
    from statsforecast.models import CrostonSBA

    return float(CrostonSBA().forecast(y=pieces, h=1)["mean"][0])


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
    Pattern.INTERMITTENT: _croston,
    Pattern.LUMPY: _croston,
}
