"""Score forecasts: how often their dates were kept, and which orders they would have warned of."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_replay import ForecastSample, Method, Stage
from models.policy.supply import ForecastPolicy
from rules.inventory.lateness_distribution import LatenessDistribution

TENTHS = tuple(round(0.1 * n, 2) for n in range(1, 10))
PROBABILITIES = tuple(round(0.05 * n, 2) for n in range(1, 19))
WARNING = (Method.VENDOR, Method.LEGS)
"""The methods whose warnings are counted."""


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one method at one stage, in days and in shares from 0 to 1."""

    stage: Stage
    method: Method
    samples: int
    """The samples for which every method had all its dates; all but `no_date` is measured on these."""
    no_date: float
    """The share of all the stage's samples without a date to show."""
    kept: float
    """The share of orders that days_late by the date shown to customers."""
    in_range: float
    """The share of orders that days_late within the range shown to staff."""
    range_days: float
    """The mean width of the range."""
    pinball: dict[float, float]
    """The mean pinball loss at each probability, in days."""


@dataclass(frozen=True, slots=True)
class Warned:
    """The orders that a method would have warned of before the promised day, by its date of one probability."""

    method: Method
    probability: float
    told: int
    of_late: float
    """The share of late orders with a warning."""
    false: float
    """The share of warnings for orders that were not late."""
    of_others: float
    """The share of orders that were not late with a warning."""
    days_before: float
    """The median of the days from the first warning to the promised day, of late orders."""


@dataclass(frozen=True, slots=True)
class Month:
    """How often the dates of the first morning were kept, for orders of one month."""

    month: date
    samples: int
    kept: float
    in_range: float


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage's samples with a range by every method."""

    dates: NDArray[np.float64]
    """Days after the promise, by sample, method and share."""
    days_late: NDArray[np.int64]
    """Of the delivery, by sample."""
    months: NDArray[np.object_]
    undated: NDArray[np.float64]
    """The share of all samples without a date, by method."""


class Scores:
    """Collects the samples of a replay, and scores them."""

    def __init__(self, forecasting: ForecastPolicy, late: int) -> None:
        self.late = late
        self.shown = (forecasting.low, forecasting.quantile, forecasting.high)
        self.shares = tuple(sorted({*TENTHS, *self.shown}))
        self.days_late: dict[str, int] = {}
        self._samples: list[tuple[Stage, date, int]] = []
        self._dates: list[list[list[float]]] = []
        self._early = {method: defaultdict[str, list[tuple[int, float, float]]](list) for method in WARNING}

    def add(self, sample: ForecastSample) -> None:
        """Add one sample of an order whose delivery is known."""
        order, days_late = sample.order, sample.order.days_late
        assert days_late is not None
        self.days_late[order.id] = days_late
        for stage in sample.stages:
            self._samples.append((stage, order.bought_on.replace(day=1), days_late))
            self._dates.append([_days(sample.lateness[method], self.shares) for method in Method])
        days_before = (order.promised_on - sample.morning).days
        for method, early in self._early.items():
            if days_before > 0:
                lateness = sample.lateness[method]
                known = float(lateness.cumulative[-1]) if len(lateness.cumulative) else 0.0
                early[order.id].append((days_before, lateness.probability(self.late - 1), known))

    def table(self) -> list[Score]:
        """Return a score for each stage and method, over the samples with a range by every method."""
        return [score for stage in Stage for score in self._scores_of(stage, self._of(stage))]

    def kept(self, stage: Stage, method: Method) -> list[float]:
        """Return the share of kept dates of a method, for each of `shares`."""
        samples = self._of(stage)
        return [float(share) for share in (samples.days_late[:, None] <= samples.dates[:, _nth(method)]).mean(axis=0)]

    def months(self, method: Method) -> list[Month]:
        """Return how often a method's dates of the first morning were kept, by the month of the order."""
        samples = self._of(Stage.BOUGHT)
        low, day, high = self._range(samples, method)
        kept, within = samples.days_late <= day, (low <= samples.days_late) & (samples.days_late <= high)
        months = [(month, samples.months == month) for month in sorted(set(samples.months))]
        return [Month(month, int(of.sum()), float(kept[of].mean()), float(within[of].mean())) for month, of in months]

    def warned(self, method: Method, probability: float) -> Warned:
        """Return the orders that a method would have warned of: its date of that probability is late by `late` days."""
        first = self.first_warnings(method, probability)
        late = {order for order, days_late in self.days_late.items() if days_late >= self.late}
        warned_late = late & first.keys()
        false_warnings = len(first) - len(warned_late)
        return Warned(
            method,
            probability,
            len(first),
            len(warned_late) / max(1, len(late)),
            false_warnings / max(1, len(first)),
            false_warnings / max(1, len(self.days_late) - len(late)),
            float(np.median([first[order] for order in warned_late] or [0])),
        )

    def first_warnings(self, method: Method, probability: float) -> dict[str, int]:
        """Return the days before the promise on which a method would first have warned of each order."""
        return {
            order: max(days)
            for order, forecasts in self._early[method].items()
            if (
                days := [
                    days_before for days_before, in_time, known in forecasts if in_time < probability - 1e-9 <= known
                ]
            )
        }

    def _scores_of(self, stage: Stage, samples: _Stage) -> list[Score]:
        scores = []
        for method in Method:
            low, day, high = self._range(samples, method)
            within = (low <= samples.days_late) & (samples.days_late <= high)
            scores.append(
                Score(
                    stage,
                    method,
                    len(samples.days_late),
                    float(samples.undated[_nth(method)]),
                    float((samples.days_late <= day).mean()),
                    float(within.mean()),
                    float((high - low).mean()),
                    {
                        share: pinball(
                            share, samples.days_late, samples.dates[:, _nth(method), self.shares.index(share)]
                        )
                        for share in sorted({0.5, *self.shown})
                    },
                )
            )
        return scores

    def _of(self, stage: Stage) -> _Stage:
        of = [n for n, (of_stage, *_) in enumerate(self._samples) if of_stage is stage]
        dates = np.array([self._dates[n] for n in of])
        _, quantile, high = (self.shares.index(share) for share in self.shown)
        complete = ~np.isnan(dates[:, :, : high + 1]).any(axis=(1, 2))
        days_late, months = (np.array([self._samples[n][m] for n in of])[complete] for m in (2, 1))
        return _Stage(dates[complete], days_late, months, np.isnan(dates[:, :, quantile]).mean(axis=0))

    def _range(self, samples: _Stage, method: Method) -> tuple[NDArray[np.float64], ...]:
        return tuple(samples.dates[:, _nth(method), self.shares.index(share)] for share in self.shown)


def pinball(share: float, days_late: NDArray[np.int64], forecast: NDArray[np.float64]) -> float:
    """Return the mean pinball loss of dates of one probability (Koenker and Bassett 1978), in days."""
    over = days_late - forecast
    return float(np.maximum(share * over, (share - 1) * over).mean())


def _nth(method: Method) -> int:
    return list(Method).index(method)


def _days(lateness: LatenessDistribution, shares: tuple[float, ...]) -> list[float]:
    return [np.nan if days is None else days for days in map(lateness.quantile, shares)]
