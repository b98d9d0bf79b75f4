"""Compare what was said with what came: by tenth, by month, and whether it is off so far that it must not decide."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WINDOW_DAYS = 60
"""The last days that count for whether what is said is off."""
OFF_POINTS = 10.0
"""Points of 100 by which what is said may differ from what comes."""
LEAST_ORDERS = 50
"""Orders below which nothing is said about it."""
LOOKED_BEFORE = range(6)
"""The days before the promise on which it counts; earlier mornings would outweigh those on which customers are told."""
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of an order on a morning, and whether it came so."""

    order_id: str
    morning: date
    days_before: int
    known_on: date
    """The day from which it is known whether the order was late."""
    probability: float
    """What the model said, whatever decided."""
    late: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Forecasts of one tenth or of one month: what was said on average, and what share came late."""

    key: str
    said: float
    came: float
    cases: int
    orders: int

    @property
    def off(self) -> float:
        """Return by how many points of 100 more was said than came."""
        return 100 * (self.said - self.came)


@dataclass(frozen=True, slots=True)
class Drift:
    """How far what was said lately was off."""

    orders: int
    off_points: float | None
    """Points of 100 that were said more than came; None: too few orders to say."""

    @property
    def drifted(self) -> bool:
        """Whether it is too far off to decide by."""
        return self.off_points is not None and abs(self.off_points) > OFF_POINTS


@dataclass(frozen=True, slots=True)
class Tally:
    """Forecasts whose end is known, added up."""

    cases: int = 0
    orders: int = 0
    said: float = 0.0
    """The sum of the probabilities."""
    late: int = 0


def judge(lately: Tally) -> Drift:
    """Return how far the forecasts were off whose end became known in the last days."""
    if lately.orders < LEAST_ORDERS:
        return Drift(lately.orders, None)
    return Drift(lately.orders, compared("", lately).off)


def compared(key: str, tally: Tally) -> Compared:
    """Return what was said on average, and what share came late."""
    return Compared(key, tally.said / tally.cases, tally.late / tally.cases, tally.cases, tally.orders)


def tenth_words(tenth: int) -> str:
    """Return the name of a tenth of what was said, the lowest is 0."""
    return f"{10 * tenth} to {10 * tenth + 10}"


def said_lately(said: Iterable[Said], as_of: date) -> Tally:
    """Add up the forecasts whose end became known in the last days."""
    since = as_of - timedelta(days=WINDOW_DAYS)
    lately = [one for one in said if since < one.known_on <= as_of and one.days_before in LOOKED_BEFORE]
    orders = len({one.order_id for one in lately})
    # Added up in one order, the mean is the same whatever the order of rows is.
    probabilities = sum(sorted(one.probability for one in lately))
    return Tally(len(lately), orders, probabilities, sum(one.late for one in lately))
