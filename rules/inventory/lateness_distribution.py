"""The distribution of how many days late deliveries come, estimated from deliveries received and still awaited."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LatenessDistribution:
    """The probability that a delivery comes so many days late or fewer; early deliveries are late by negative days.

    The three arrays have one entry for each lateness that was observed.
    """

    days_late: NDArray[np.int64]
    """Ascending."""
    cumulative: NDArray[np.float64]
    """The probability of that lateness or less. The last is below 1 by the share of deliveries never seen to come."""
    observed_count: NDArray[np.int64]
    """How many received deliveries, of all vendors, were at least that late."""

    def given_at_least(self, days_late: int) -> "LatenessDistribution":
        """Return the distribution for a delivery that cannot come less than `days_late` late any more.

        Of n deliveries observed to be that late, the next one is no later than the worst of them with probability
        n/(n+1), because each of the n+1 is as likely to be the worst. So one extreme delivery does not set the pattern.
        """
        start = int(np.searchsorted(self.days_late, days_late))
        if start == len(self.days_late):
            return LatenessDistribution(self.days_late[start:], self.cumulative[start:], self.observed_count[start:])
        before_start, n = self.cumulative[start - 1] if start else 0.0, int(self.observed_count[start])
        cumulative = (self.cumulative[start:] - before_start) / (1 - before_start) * n / (n + 1)
        return LatenessDistribution(self.days_late[start:], cumulative, self.observed_count[start:])

    def quantile(self, share: float) -> int | None:
        """Return the days late within which a share of all deliveries comes; None: beyond all that was observed."""
        at = int(np.searchsorted(self.cumulative, share - ROUNDING))
        return int(self.days_late[at]) if at < len(self.days_late) else None

    def probability(self, days_late: int) -> float:
        """Return the probability that a delivery comes so many days late or fewer."""
        at = int(np.searchsorted(self.days_late, days_late, side="right"))
        return float(self.cumulative[at - 1]) if at else 0.0


@dataclass(frozen=True, slots=True)
class LatenessSample:
    """The lateness of one vendor's completed and open deliveries, in whole days, each list ascending."""

    days_late: NDArray[np.int64]
    """Of deliveries that came."""
    days_waiting: NDArray[np.int64]
    """Of deliveries still awaited: the days since the promised day."""


def pooled_distribution(samples: Iterable[LatenessSample]) -> LatenessDistribution:
    """Return the distribution of all vendors together, by Kaplan and Meier (1958)."""
    days_late, days_waiting = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for sample in samples:
        days_late.append(sample.days_late)
        days_waiting.append(sample.days_waiting)
    received = np.sort(np.concatenate(days_late))
    if not len(received):
        return LatenessDistribution(received, np.empty(0), received)
    # scipy.stats has it, too, as `ecdf`; to import that takes a second of each run.
    days, arrived = np.unique(received, return_counts=True)
    exposed = _count_from(received, days) + _count_from(np.sort(np.concatenate(days_waiting)), days)
    probabilities = np.asarray(1.0 - np.cumprod((exposed - arrived) / exposed), np.float64)
    return LatenessDistribution(days, probabilities, _count_from(received, days))


def _count_from(ordered: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each day how many of the ordered values are that day or later."""
    return len(ordered) - np.searchsorted(ordered, days)


def posterior_distribution(
    sample: LatenessSample, pooled: LatenessDistribution, prior_deliveries: int
) -> LatenessDistribution:
    """Return a vendor's distribution: the mean of the Dirichlet process posterior.

    The prior is the pooled distribution, weighted like `prior_deliveries` deliveries. Without awaited deliveries the
    result is the mixture of both, weighted n/(n+prior) and prior/(n+prior) (Ferguson 1973). With them it is the
    estimate of Susarla and Van Ryzin (J. Am. Stat. Assoc. 71, 1976), written by the hazard of each day (Hjort, Ann.
    Stat. 18, 1990).
    """
    before = np.concatenate(([0.0], pooled.cumulative[:-1]))
    on_day = np.searchsorted(sample.days_late, pooled.days_late, side="right") - np.searchsorted(
        sample.days_late, pooled.days_late
    )
    at_risk = sum(
        len(days) - np.searchsorted(days, pooled.days_late) for days in (sample.days_late, sample.days_waiting)
    )
    hazard = (prior_deliveries * (pooled.cumulative - before) + on_day) / (prior_deliveries * (1.0 - before) + at_risk)
    cumulative = np.asarray(1 - np.cumprod(1 - hazard), np.float64)
    return LatenessDistribution(pooled.days_late, cumulative, pooled.observed_count)
