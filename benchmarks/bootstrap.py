"""How sure a share is: resample the weeks in which orders were promised, because late orders come in bouts."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
DRAWS = 1_000
OUTER = (2.5, 97.5)
"""Percentiles between which 95 of 100 draws lie."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with the interval in which 95 of 100 resamples lie."""

    value: float
    low: float
    high: float


class Weeks:
    """Resamples of weeks, the same for all numbers that are compared."""

    def __init__(self, weeks: Sequence[Hashable], seed: int = 0) -> None:
        self._number = {week: n for n, week in enumerate(sorted(set(weeks), key=str))}
        count = len(self._number)
        self._draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS).astype(float)

    def ratio(
        self, weeks: Sequence[Hashable], hits: Sequence[float] | Numbers, of: Sequence[float] | Numbers
    ) -> Measured:
        """Return the sum of hits among the sum of `of`; a row each."""
        at = [self._number[week] for week in weeks]
        counts = [np.bincount(at, np.asarray(values, float), len(self._number)) for values in (hits, of)]
        value = counts[0].sum() / max(counts[1].sum(), 1e-12)
        drawn = (self._draws @ counts[0]) / np.maximum(self._draws @ counts[1], 1e-12)
        return Measured(float(value), *(float(each) for each in np.percentile(drawn, OUTER)))

    def total(self, weeks: Sequence[Hashable], values: Sequence[float] | Numbers) -> Measured:
        """Return the sum of values, a row each."""
        counts = np.bincount([self._number[week] for week in weeks], np.asarray(values, float), len(self._number))
        low, high = np.percentile(self._draws @ counts, OUTER)
        return Measured(float(counts.sum()), float(low), float(high))

    def weighted(self, weeks: Sequence[Hashable], measure: Callable[[Numbers], float]) -> Measured:
        """Return a measure of rows that have weights: once each, or as often as their week was drawn."""
        at = np.array([self._number[week] for week in weeks])
        drawn = [measure(draw[at]) for draw in self._draws[: DRAWS // 5]]
        low, high = np.nanpercentile(drawn, OUTER)
        return Measured(measure(np.ones(len(at))), float(low), float(high))
