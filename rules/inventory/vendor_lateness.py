"""How late each vendor is as a rule, and so by when what it promises will be there."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.policy.supply import ForecastPolicy
from models.quantities import counted


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a vendor promised for a day, and the day it came; None: it has not come yet."""

    vendor: str
    promised_on: date
    received_on: date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """By when a delivery is there: the policy's quantile, the range around it, and how likely that day is kept."""

    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    probability: float | None
    why: str


@dataclass(frozen=True, slots=True)
class LatenessDistribution:
    """How likely a slip is to be of so many days or fewer; a slip is days after the day promised, negative if early."""

    days: NDArray[np.int64]
    """Every slip that was seen, ascending."""
    shares: NDArray[np.float64]
    """The chance of each slip or a smaller one; the last falls short of 1 by what nobody saw the end of."""
    seen: NDArray[np.int64]
    """How many deliveries, of all vendors, slipped so much or more."""

    def after(self, least: int) -> "LatenessDistribution":
        """Return the slips of a delivery that cannot slip by less than `least` days any more.

        Of n that were seen to slip so much, the next one slips no more than the worst of them with a chance of
        n/(n+1), not 1: each of the n+1 is as likely to be the worst. So a single freak is no habit.
        """
        first = int(np.searchsorted(self.days, least))
        if first == len(self.days):
            return LatenessDistribution(self.days[first:], self.shares[first:], self.seen[first:])
        gone, n = self.shares[first - 1] if first else 0.0, int(self.seen[first])
        shares = (self.shares[first:] - gone) / (1 - gone) * n / (n + 1)
        return LatenessDistribution(self.days[first:], shares, self.seen[first:])

    def quantile(self, share: float) -> int | None:
        """Return the days within which a share of all deliveries came; None: beyond all that was seen."""
        at = int(np.searchsorted(self.shares, share - 1e-9))
        return int(self.days[at]) if at < len(self.days) else None

    def probability(self, days: int) -> float:
        """Say how likely a slip of so many days or fewer is."""
        at = int(np.searchsorted(self.days, days, side="right"))
        return float(self.shares[at - 1]) if at else 0.0


@dataclass(frozen=True, slots=True)
class _VendorSample:
    """One vendor's deliveries: the slips of those that came, and how long the others are waited for already."""

    came: NDArray[np.int64]
    waiting: NDArray[np.int64]


class VendorLateness:
    """What the past deliveries of each vendor say of the next one.

    A delivery still on its way counts too: its slip is known to be more than its days so far. To learn from those alone
    that came would make every vendor look better than it is, the late ones most.
    """

    def __init__(self, seen: dict[str, _VendorSample], forecasting: ForecastPolicy) -> None:
        self._seen, self._policy = seen, forecasting
        self._all = _pooled(seen.values())
        self._total = sum(len(one.came) for one in seen.values())
        self._known: dict[str, LatenessDistribution] = {}

    @classmethod
    def learn(cls, deliveries: Iterable[Delivery], as_of: date, forecasting: ForecastPolicy) -> Self:
        """Learn from deliveries promised for the last `history_days`, as they stood on `as_of`; later news is not seen.

        Of all that were promised in those days none is picked by how it ended, so the window favours neither the
        prompt nor the late.
        """
        since = as_of - timedelta(days=forecasting.history_days)
        came, waiting = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for one in deliveries:
            if one.promised_on < since:
                continue
            if one.received_on is not None and one.received_on <= as_of:
                came[one.vendor].append((one.received_on - one.promised_on).days)
            else:
                waiting[one.vendor].append((as_of - one.promised_on).days)
        vendors = came.keys() | waiting.keys()
        return cls(
            {
                name: _VendorSample(np.sort(np.array(came[name], int)), np.sort(np.array(waiting[name], int)))
                for name in vendors
            },
            forecasting,
        )

    def slips(self, vendor: str | None) -> LatenessDistribution:
        """Return a vendor's distribution of slips, shrunk toward that of all vendors; an unknown vendor has theirs."""
        seen = self._seen.get(vendor) if vendor is not None else None
        if vendor is None or seen is None:
            return self._all
        if vendor not in self._known:
            self._known[vendor] = _posterior(seen, self._all, self._policy.pool)
        return self._known[vendor]

    def forecast(self, vendor: str | None, promised_on: date, as_of: date) -> Forecast:
        """Say by when a delivery that has not come by the morning of `as_of` is there; never a day before `as_of`."""
        policy, so_far = self._policy, (as_of - promised_on).days
        if self._total / (self._total + 1) < policy.quantile - 1e-9:
            return _uninformed(promised_on, so_far, self._total)
        slips = self.slips(vendor).after(so_far)
        low, days, high = (slips.quantile(share) for share in (policy.low, policy.quantile, policy.high))
        return Forecast(
            _day(promised_on, days),
            _day(promised_on, low),
            _day(promised_on, high),
            None if days is None else slips.probability(days),
            self._why(vendor, promised_on, so_far, days),
        )

    def _why(self, vendor: str | None, promised_on: date, so_far: int, days: int | None) -> str:
        own = len(self._seen[vendor].came) if vendor in self._seen else 0
        whose = (
            f"{own} past deliveries of {vendor} and {self._total} of all" if own else f"{self._total} past deliveries"
        )
        late = f" and {counted(so_far, 'day')} late already" if so_far > 0 else ""
        if days is None:
            return f"promised for {promised_on}{late}: {whose} do not say when it comes"
        return f"promised for {promised_on}{late}: by {whose}, {self._policy.quantile:.0%} come {_said(days)}"


def _pooled(seen: Iterable[_VendorSample]) -> LatenessDistribution:
    """Return the slips of all vendors together, by Kaplan and Meier (1958)."""
    # It takes a second and 70 MB to read, and most processes learn no habits.
    from scipy import stats

    came, waiting = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for one in seen:
        came.append(one.came)
        waiting.append(one.waiting)
    ended = np.sort(np.concatenate(came))
    if not len(ended):
        return LatenessDistribution(ended, np.empty(0), ended)
    curve = stats.ecdf(stats.CensoredData(uncensored=ended, right=np.concatenate(waiting))).cdf
    known = np.isin(curve.quantiles, ended)
    days = curve.quantiles[known].astype(np.int64)
    return LatenessDistribution(days, curve.probabilities[known], len(ended) - np.searchsorted(ended, days))


def _posterior(seen: _VendorSample, pooled: LatenessDistribution, pool: int) -> LatenessDistribution:
    """Return the mean of the Dirichlet process posterior: `pool` deliveries as of all vendors, and the vendor's own.

    Without any still out it is the mixture of both, weighted n/(n+pool) and pool/(n+pool) (Ferguson 1973); with them it
    is the estimate of Susarla and Van Ryzin (J. Am. Stat. Assoc. 71, 1976), written by the chance to come on each
    day of those not there before (Hjort, Ann. Stat. 18, 1990).
    """
    before = np.concatenate(([0.0], pooled.shares[:-1]))
    here = np.searchsorted(seen.came, pooled.days, side="right") - np.searchsorted(seen.came, pooled.days)
    awaited = sum(len(one) - np.searchsorted(one, pooled.days) for one in (seen.came, seen.waiting))
    coming = (pool * (pooled.shares - before) + here) / (pool * (1.0 - before) + awaited)
    return LatenessDistribution(pooled.days, np.asarray(1 - np.cumprod(1 - coming), np.float64), pooled.seen)


def _uninformed(promised_on: date, so_far: int, seen: int) -> Forecast:
    day = promised_on if so_far <= 0 else None
    passed = ", which has passed" if day is None else ""
    return Forecast(
        day, None, None, None, f"promised for {promised_on}{passed}: {seen} past deliveries are too few to judge it by"
    )


def _day(promised_on: date, days: int | None) -> date | None:
    return None if days is None else promised_on + timedelta(days=days)


def _said(days: int) -> str:
    if days == 0:
        return "by that day"
    return f"within {counted(days, 'day')} after" if days > 0 else f"{counted(-days, 'day')} before or earlier"
