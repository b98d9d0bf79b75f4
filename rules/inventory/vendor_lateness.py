"""How late each vendor usually delivers, and the date that follows for its next delivery."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import numpy as np

from models.policy.supply import ForecastPolicy
from models.quantities import counted
from rules.inventory.lateness_distribution import (
    ROUNDING,
    LatenessDistribution,
    LatenessSample,
    pooled_distribution,
    posterior_distribution,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The day a vendor promised, and the day on which the goods came; None: not yet."""

    vendor: str
    promised_on: date
    received_on: date | None


@dataclass(frozen=True, slots=True)
class PredictedDate:
    """The day on which a vendor delivers: the policy's quantile, the range around it, and its probability (0 to 1)."""

    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    probability: float | None
    why: str
    """A clause that follows "the delivery"."""


class VendorLateness:
    """Each vendor's lateness, and the dates predicted from it.

    Deliveries still awaited count as well: they are late by more than their days so far. Without them every vendor
    would look better than it is, the latest most.
    """

    def __init__(self, samples: Mapping[str, LatenessSample], policy: ForecastPolicy) -> None:
        self._samples, self._policy = samples, policy
        self._pooled = pooled_distribution(samples.values())
        self._total = sum(len(sample.days_late) for sample in samples.values())
        self._by_vendor: dict[str, LatenessDistribution] = {}

    @classmethod
    def fit(cls, deliveries: Iterable[Delivery], as_of: date, policy: ForecastPolicy) -> Self:
        """Fit to deliveries promised in the last `history_days`, as they stood on `as_of`; later receipts are ignored.

        A delivery is selected by its promised day and never by how it ended, so neither prompt nor late ones are
        over-represented.
        """
        since = as_of - timedelta(days=policy.history_days)
        days_late, days_waiting = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for delivery in deliveries:
            if delivery.promised_on < since:
                continue
            if delivery.received_on is not None and delivery.received_on <= as_of:
                days_late[delivery.vendor].append((delivery.received_on - delivery.promised_on).days)
            else:
                days_waiting[delivery.vendor].append((as_of - delivery.promised_on).days)
        samples = {
            vendor: LatenessSample(
                np.sort(np.array(days_late[vendor], int)), np.sort(np.array(days_waiting[vendor], int))
            )
            for vendor in days_late.keys() | days_waiting.keys()
        }
        return cls(samples, policy)

    def distribution(self, vendor: str | None) -> LatenessDistribution:
        """Return a vendor's lateness, weighted with that of all vendors; for an unknown vendor, that of all."""
        if vendor is None or vendor not in self._samples:
            return self._pooled
        if vendor not in self._by_vendor:
            self._by_vendor[vendor] = posterior_distribution(self._samples[vendor], self._pooled, self._policy.pool)
        return self._by_vendor[vendor]

    def predict_date(self, vendor: str | None, promised_on: date, as_of: date) -> PredictedDate:
        """Predict the arrival of a delivery that is open on `as_of`; never a day before `as_of`."""
        policy, days_late_already = self._policy, (as_of - promised_on).days
        if self._total / (self._total + 1) < policy.quantile - ROUNDING:
            return _too_little_history(promised_on, days_late_already, self._total)
        lateness = self.distribution(vendor).given_at_least(days_late_already)
        low, expected, high = (lateness.quantile(share) for share in (policy.low, policy.quantile, policy.high))
        return PredictedDate(
            _date_after(promised_on, expected),
            _date_after(promised_on, low),
            _date_after(promised_on, high),
            None if expected is None else lateness.probability(expected),
            self._why(vendor, promised_on, days_late_already, expected),
        )

    def _why(self, vendor: str | None, promised_on: date, days_late_already: int, expected: int | None) -> str:
        sample = self._samples.get(vendor) if vendor is not None else None
        own = len(sample.days_late) if sample else 0
        history = (
            f"{own} past deliveries of {vendor} and {self._total} of all" if own else f"{self._total} past deliveries"
        )
        late = f" and {counted(days_late_already, 'day')} late already" if days_late_already > 0 else ""
        if expected is None:
            return f"promised for {promised_on}{late}: {history} do not say when it comes"
        return f"promised for {promised_on}{late}: by {history}, {self._policy.quantile:.0%} come {_when(expected)}"


def _too_little_history(promised_on: date, days_late_already: int, deliveries: int) -> PredictedDate:
    expected_on = promised_on if days_late_already <= 0 else None
    passed = ", which has passed" if expected_on is None else ""
    why = f"promised for {promised_on}{passed}: {deliveries} past deliveries are too few to correct it"
    return PredictedDate(expected_on, None, None, None, why)


def _date_after(promised_on: date, days_late: int | None) -> date | None:
    return None if days_late is None else promised_on + timedelta(days=days_late)


def _when(days_late: int) -> str:
    if days_late == 0:
        return "by that day"
    return (
        f"within {counted(days_late, 'day')} after"
        if days_late > 0
        else f"{counted(-days_late, 'day')} before or earlier"
    )
