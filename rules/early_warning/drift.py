"""Compare what was said with what came: by tenth, by month, and whether it is off so far that it must not decide."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
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


def judge(said: Iterable[Said], as_of: date) -> Drift:
    """Return how far the forecasts were off whose end became known in the last days."""
    since = as_of - timedelta(days=WINDOW_DAYS)
    lately = [one for one in said if since < one.known_on <= as_of and one.days_before in LOOKED_BEFORE]
    if len({one.order_id for one in lately}) < LEAST_ORDERS:
        return Drift(len({one.order_id for one in lately}), None)
    whole = _compared("", lately)
    return Drift(whole.orders, whole.off)


def by_tenth(said: Iterable[Said]) -> list[Compared]:
    """Return what was said and came in each tenth of what was said, the lowest first."""
    groups: dict[int, list[Said]] = defaultdict(list)
    for one in said:
        if one.days_before in LOOKED_BEFORE:
            groups[min(int(one.probability * TENTHS), TENTHS - 1)].append(one)
    return [_compared(f"{10 * n} to {10 * n + 10}", groups[n]) for n in sorted(groups)]


def by_month(said: Iterable[Said]) -> list[Compared]:
    """Return what was said and came in each month of mornings, the oldest first."""
    groups: dict[str, list[Said]] = defaultdict(list)
    for one in said:
        if one.days_before in LOOKED_BEFORE:
            groups[f"{one.morning:%Y-%m}"].append(one)
    return [_compared(month, groups[month]) for month in sorted(groups)]


def _compared(key: str, said: Sequence[Said]) -> Compared:
    # Added up in one order, the mean is the same whatever the order of rows is.
    probabilities = sum(sorted(one.probability for one in said))
    late = sum(one.late for one in said)
    orders = len({one.order_id for one in said})
    return Compared(key, probabilities / len(said), late / len(said), len(said), orders)
