"""Replay past days, and forecast on each morning from what was known on it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import fmean, median

import numpy as np

from benchmarks.forecast_orders import Bought
from models.policy.supply import ForecastPolicy
from rules.inventory.lateness_distribution import LatenessDistribution
from rules.inventory.vendor_lateness import Delivery, VendorLateness

MIN_ARRIVED = 100
"""Orders that must have arrived before anything is forecast."""
DAY = timedelta(days=1)


class Method(StrEnum):
    """How the day of a delivery is forecast."""

    PROMISE = "the promise"
    """The shop's own promise, unchanged."""
    SHIFTED = "promise, moved"
    """The promise plus the mean lateness of orders."""
    MEDIAN = "median time"
    """The median time from the order, or from the hand-over, to the arrival."""
    POOLED = "all vendors"
    """The promise plus the lateness of all vendors."""
    VENDOR = "this vendor"
    """The promise plus the lateness of this vendor."""
    LEGS = "by legs"
    """The lateness of this vendor's hand-over, then the carrier's time to the customer's state."""


class Stage(StrEnum):
    """When a forecast was made: the morning after the order, the one after the hand-over, or each week after."""

    BOUGHT = "bought"
    HANDED = "handed over"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class ForecastSample:
    """The forecasts of one morning for one order that had not arrived by then."""

    order: Bought
    """With its arrival, which only the score may use."""
    morning: date
    stages: tuple[Stage, ...]
    """Empty on any other morning."""
    lateness: dict[Method, LatenessDistribution]
    """Days after the promise, by each method."""


class Morning:
    """What is known on a morning: the orders so far, and what happened to them before that day."""

    def __init__(self, orders: Sequence[Bought], morning: date, forecasting: ForecastPolicy) -> None:
        known = [each.as_known(morning) for each in orders if each.bought_on < morning]
        arrived = [(each, each.delivered_on) for each in known if each.delivered_on]
        self.morning, self.arrived = morning, len(arrived)
        self._mean_days_late = round(fmean([(on - each.promised_on).days for each, on in arrived] or [0]))
        self._total_days = round(median([(on - each.bought_on).days for each, on in arrived] or [0]))
        self._transit_days = round(
            median([(on - each.handed_on).days for each, on in arrived if each.handed_on] or [0])
        )
        late = (Delivery(each.vendor, each.promised_on, each.delivered_on) for each in known)
        handing = (Delivery(each.vendor, each.limit_on, each.handed_on) for each in known)
        carrying = (Delivery(each.state, each.handed_on, each.delivered_on) for each in known if each.handed_on)
        self._late, self._handing, self._carrying = (
            VendorLateness.fit(each, morning - DAY, forecasting) for each in (late, handing, carrying)
        )

    def forecast(self, order: Bought) -> dict[Method, LatenessDistribution]:
        """Forecast by every method how many days after its promise an order arrives that is still under way."""
        known = order.as_known(self.morning)
        days_late_already = (self.morning - known.promised_on).days
        since_handover = known.handed_on and known.handed_on + self._transit_days * DAY
        median_arrival = since_handover or known.bought_on + self._total_days * DAY
        return {
            Method.PROMISE: _point(max(0, days_late_already)),
            Method.SHIFTED: _point(max(self._mean_days_late, days_late_already)),
            Method.MEDIAN: _point(max((median_arrival - known.promised_on).days, days_late_already)),
            Method.POOLED: self._late.distribution(None).given_at_least(days_late_already),
            Method.VENDOR: self._late.distribution(known.vendor).given_at_least(days_late_already),
            Method.LEGS: self._by_legs(known),
        }

    def _by_legs(self, known: Bought) -> LatenessDistribution:
        if known.handed_on:
            carried = self._carrying.distribution(known.state).given_at_least((self.morning - known.handed_on).days)
            return _moved(carried, (known.handed_on - known.promised_on).days)
        handed = self._handing.distribution(known.vendor).given_at_least((self.morning - known.limit_on).days)
        return _moved(
            _then(handed, self._carrying.distribution(known.state)), (known.limit_on - known.promised_on).days
        )


def mornings(orders: Sequence[Bought]) -> int:
    """Count the mornings from the day after the first order to the last arrival."""
    last_arrival = max(each.delivered_on for each in orders if each.delivered_on)
    return (last_arrival - min(each.bought_on for each in orders)).days


def replay(orders: Sequence[Bought], forecasting: ForecastPolicy) -> Iterator[list[ForecastSample]]:
    """Yield the forecasts of each morning, for orders that arrive later; those that never do are only learned from."""
    orders = sorted(orders, key=lambda order: order.bought_on)
    bought = [each.bought_on for each in orders]
    under_way: list[Bought] = []
    for n in range(1, mornings(orders) + 1):
        morning = bought[0] + n * DAY
        so_far = bisect_left(bought, morning)
        under_way += orders[bisect_left(bought, morning - DAY) : so_far]
        under_way = [each for each in under_way if each.delivered_on and each.delivered_on >= morning]
        known = Morning(orders[:so_far], morning, forecasting)
        forecastable = under_way if known.arrived >= MIN_ARRIVED else ()
        yield [ForecastSample(each, morning, stages_of(each, morning), known.forecast(each)) for each in forecastable]


def stages_of(order: Bought, morning: date) -> tuple[Stage, ...]:
    """Return the stages that a morning is for an order."""
    days = (morning - order.bought_on).days - 1
    is_stage = {
        Stage.BOUGHT: days == 0,
        Stage.HANDED: order.handed_on == morning - DAY,
        Stage.WEEKLY: days > 0 and days % 7 == 0,
    }
    return tuple(stage for stage, is_due in is_stage.items() if is_due)


def _point(days: int) -> LatenessDistribution:
    return LatenessDistribution(np.array([days]), np.array([1.0]), np.array([1]))


def _moved(lateness: LatenessDistribution, days: int) -> LatenessDistribution:
    return LatenessDistribution(lateness.days_late + days, lateness.cumulative, lateness.observed_count)


def _then(first: LatenessDistribution, second: LatenessDistribution) -> LatenessDistribution:
    """Return the lateness of two independent legs, one after the other."""
    if not len(first.days_late) or not len(second.days_late):
        return LatenessDistribution(first.days_late[:0], first.cumulative[:0], first.observed_count[:0])
    cumulative = np.cumsum(np.convolve(_probabilities(first), _probabilities(second)))
    days = np.arange(len(cumulative)) + first.days_late[0] + second.days_late[0]
    observed = min(first.observed_count[0], second.observed_count[0])
    return LatenessDistribution(days, cumulative, np.full(len(days), observed))


def _probabilities(lateness: LatenessDistribution) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    probabilities = np.zeros(lateness.days_late[-1] - lateness.days_late[0] + 1)
    probabilities[lateness.days_late - lateness.days_late[0]] = np.diff(lateness.cumulative, prepend=0)
    return probabilities
