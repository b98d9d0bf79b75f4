"""How well forecasts were kept, and whom they would have warned."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_replay import Look, Method, Stage
from models.policy.supply import ForecastPolicy
from rules.inventory.vendor_lateness import LatenessDistribution

TENTHS = tuple(round(0.1 * n, 2) for n in range(1, 10))
LIKELIHOODS = tuple(round(0.05 * n, 2) for n in range(1, 19))
WARNING = (Method.VENDOR, Method.LEGS)
"""The methods that are asked whom they would have warned."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well one method forecast at one stage; days, and shares from 0 to 1."""

    stage: Stage
    method: Method
    looks: int
    """Of them those where every method had all its dates; the shares and days that follow are theirs."""
    no_date: float
    """The share of all the stage's looks where this method had no date to show."""
    kept: float
    """The share that came by the date shown to customers."""
    in_range: float
    """The share that came within the range shown to staff."""
    wide: float
    """The range's mean width."""
    pinball: dict[float, float]
    """The mean loss at each likelihood: days, weighed by how likely the date was to be kept."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Whom a method would have warned before the day promised, where customers are told at a likelihood's date."""

    method: Method
    likelihood: float
    told: int
    of_late: float
    """The share of the late orders that were told."""
    false: float
    """The share of those told that were not late after all."""
    of_others: float
    """The share of the orders that were not late that were told."""
    days_before: float
    """The median of the days from the first telling to the day promised, of the late."""


@dataclass(frozen=True, slots=True)
class Month:
    """How often the dates of a first morning were kept, of what was bought in a month."""

    month: date
    looks: int
    kept: float
    in_range: float


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage's looks where every method had a range: dates by look, method and share; days after the promise."""

    dates: NDArray[np.float64]
    came: NDArray[np.int64]
    months: NDArray[np.object_]
    undated: NDArray[np.float64]
    """Of all looks, the share without a date, by method."""


class Scores:
    """Takes every look of a replay, and says what they were worth."""

    def __init__(self, forecasting: ForecastPolicy, late: int) -> None:
        self.late = late
        self.shown = (forecasting.low, forecasting.quantile, forecasting.high)
        self.shares = tuple(sorted({*TENTHS, *self.shown}))
        self.slips: dict[str, int] = {}
        self._looks: list[tuple[Stage, date, int]] = []
        self._dates: list[list[list[float]]] = []
        self._early = {method: defaultdict[str, list[tuple[int, float, float]]](list) for method in WARNING}

    def take(self, look: Look) -> None:
        """Take in one look at an order whose end is known."""
        order, slip = look.order, look.order.slip
        assert slip is not None
        self.slips[order.id] = slip
        for stage in look.stages:
            self._looks.append((stage, order.bought_on.replace(day=1), slip))
            self._dates.append([_days(look.slips[method], self.shares) for method in Method])
        left = (order.promised_on - look.morning).days
        for method, early in self._early.items():
            if left > 0:
                slips = look.slips[method]
                known = float(slips.shares[-1]) if len(slips.shares) else 0.0
                early[order.id].append((left, slips.probability(self.late - 1), known))

    def table(self) -> list[Score]:
        """Return a score for each stage and method, over the looks where every method had a range."""
        return [score for stage in Stage for found in (self._of(stage),) for score in self._scored(stage, found)]

    def kept(self, stage: Stage, method: Method) -> list[float]:
        """Return how often a method's date of each of `shares` was kept."""
        found = self._of(stage)
        return [float(share) for share in (found.came[:, None] <= found.dates[:, _nth(method)]).mean(axis=0)]

    def months(self, method: Method) -> list[Month]:
        """Return how often the dates that a method gave on the first morning were kept, by the month of the order."""
        found = self._of(Stage.BOUGHT)
        low, day, high = self._range(found, method)
        kept, within = found.came <= day, (low <= found.came) & (found.came <= high)
        months = [(month, found.months == month) for month in sorted(set(found.months))]
        return [Month(month, int(of.sum()), float(kept[of].mean()), float(within[of].mean())) for month, of in months]

    def warned(self, method: Method, likelihood: float) -> Warned:
        """Return whom a method would have warned: the date of that likelihood is known, and late by days enough."""
        first = {
            order: max(days)
            for order, looks in self._early[method].items()
            if (days := [left for left, in_time, known in looks if in_time < likelihood - 1e-9 <= known])
        }
        late = {order for order, slip in self.slips.items() if slip >= self.late}
        right = late & first.keys()
        wrong = len(first) - len(right)
        return Warned(
            method,
            likelihood,
            len(first),
            len(right) / max(1, len(late)),
            wrong / max(1, len(first)),
            wrong / max(1, len(self.slips) - len(late)),
            float(np.median([first[order] for order in right] or [0])),
        )

    def _scored(self, stage: Stage, found: _Stage) -> list[Score]:
        scores = []
        for method in Method:
            low, day, high = self._range(found, method)
            within = (low <= found.came) & (found.came <= high)
            scores.append(
                Score(
                    stage,
                    method,
                    len(found.came),
                    float(found.undated[_nth(method)]),
                    float((found.came <= day).mean()),
                    float(within.mean()),
                    float((high - low).mean()),
                    {
                        share: pinball(share, found.came, found.dates[:, _nth(method), self.shares.index(share)])
                        for share in sorted({0.5, *self.shown})
                    },
                )
            )
        return scores

    def _of(self, stage: Stage) -> _Stage:
        of = [n for n, look in enumerate(self._looks) if look[0] is stage]
        dates = np.array([self._dates[n] for n in of])
        _, quantile, high = (self.shares.index(share) for share in self.shown)
        whole = ~np.isnan(dates[:, :, : high + 1]).any(axis=(1, 2))
        came, months = (np.array([self._looks[n][m] for n in of])[whole] for m in (2, 1))
        return _Stage(dates[whole], came, months, np.isnan(dates[:, :, quantile]).mean(axis=0))

    def _range(self, found: _Stage, method: Method) -> tuple[NDArray[np.float64], ...]:
        return tuple(found.dates[:, _nth(method), self.shares.index(share)] for share in self.shown)


def pinball(share: float, came: NDArray[np.int64], said: NDArray[np.float64]) -> float:
    """Return the mean loss of dates that were to be kept with a likelihood (Koenker and Bassett 1978), in days."""
    over = came - said
    return float(np.maximum(share * over, (share - 1) * over).mean())


def _nth(method: Method) -> int:
    return list(Method).index(method)


def _days(slips: LatenessDistribution, shares: tuple[float, ...]) -> list[float]:
    return [np.nan if days is None else days for days in map(slips.quantile, shares)]
