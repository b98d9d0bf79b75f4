"""Live past days again, and forecast on each morning from what was known on it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import fmean, median

import numpy as np

from benchmarks.forecast_orders import Bought
from models.policy.supply import ForecastPolicy
from rules.inventory.vendor_lateness import Delivery, LatenessDistribution, VendorLateness

ENOUGH = 100
"""So many orders have arrived before anything is forecast."""
DAY = timedelta(days=1)


class Method(StrEnum):
    """How the day of a delivery is forecast."""

    PROMISE = "the promise"
    """The shop's own, as it stands."""
    SHIFTED = "promise, moved"
    """By the mean of how late orders were."""
    MEDIAN = "median time"
    """From the order, or else from the hand-over, to the arrival."""
    POOLED = "all vendors"
    """How late after the promise all of them are."""
    VENDOR = "this vendor"
    """How late after the promise this one is."""
    LEGS = "by legs"
    """How late this vendor hands over, then how long the carrier takes to the customer's state."""


class Stage(StrEnum):
    """When a forecast was made: the morning after the order, the one after the hand-over, or each week since."""

    BOUGHT = "bought"
    HANDED = "handed over"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Look:
    """What one morning says of one order that had not arrived by then."""

    order: Bought
    """With its end: for the score, not for the forecast."""
    morning: date
    stages: tuple[Stage, ...]
    """None on a morning between."""
    slips: dict[Method, LatenessDistribution]
    """Days after the promise, as each method sees them."""


class Morning:
    """What is known on a morning: of every order so far, what happened before that day."""

    def __init__(self, orders: Sequence[Bought], morning: date, forecasting: ForecastPolicy) -> None:
        known = [one.as_known(morning) for one in orders if one.bought_on < morning]
        done = [(one, one.slip, one.delivered_on) for one in known if one.slip is not None and one.delivered_on]
        self.morning, self.arrived = morning, len(done)
        self._error = round(fmean([slip for _, slip, _ in done] or [0]))
        self._time = round(median([(on - one.bought_on).days for one, _, on in done] or [0]))
        self._transit = round(median([(on - one.handed_on).days for one, _, on in done if one.handed_on] or [0]))
        late = (Delivery(one.vendor, one.promised_on, one.delivered_on) for one in known)
        handing = (Delivery(one.vendor, one.limit_on, one.handed_on) for one in known)
        carrying = (Delivery(one.state, one.handed_on, one.delivered_on) for one in known if one.handed_on)
        self._late, self._handing, self._carrying = (
            VendorLateness.learn(each, morning - DAY, forecasting) for each in (late, handing, carrying)
        )

    def look(self, order: Bought) -> dict[Method, LatenessDistribution]:
        """Forecast by every method how many days after its promise an order that is still out arrives."""
        known = order.as_known(self.morning)
        so_far = (self.morning - known.promised_on).days
        time = known.handed_on + self._transit * DAY if known.handed_on else known.bought_on + self._time * DAY
        return {
            Method.PROMISE: _point(max(0, so_far)),
            Method.SHIFTED: _point(max(self._error, so_far)),
            Method.MEDIAN: _point(max((time - known.promised_on).days, so_far)),
            Method.POOLED: self._late.slips(None).after(so_far),
            Method.VENDOR: self._late.slips(known.vendor).after(so_far),
            Method.LEGS: self._by_legs(known),
        }

    def _by_legs(self, known: Bought) -> LatenessDistribution:
        if known.handed_on:
            carried = self._carrying.slips(known.state).after((self.morning - known.handed_on).days)
            return _moved(carried, (known.handed_on - known.promised_on).days)
        handed = self._handing.slips(known.vendor).after((self.morning - known.limit_on).days)
        return _moved(_then(handed, self._carrying.slips(known.state)), (known.limit_on - known.promised_on).days)


def mornings(orders: Sequence[Bought]) -> int:
    """Count the mornings from the day after the first order to the last arrival."""
    return (max(one.delivered_on for one in orders if one.delivered_on) - min(one.bought_on for one in orders)).days


def replay(orders: Sequence[Bought], forecasting: ForecastPolicy) -> Iterator[list[Look]]:
    """Live each morning, and yield its looks at what was still out; orders that never arrive are learnt from alone."""
    orders = sorted(orders, key=lambda one: one.bought_on)
    bought = [one.bought_on for one in orders]
    out: list[Bought] = []
    for n in range(1, mornings(orders) + 1):
        morning = bought[0] + n * DAY
        so_far = bisect_left(bought, morning)
        out += orders[bisect_left(bought, morning - DAY) : so_far]
        out = [one for one in out if one.delivered_on and one.delivered_on >= morning]
        known = Morning(orders[:so_far], morning, forecasting)
        ready = out if known.arrived >= ENOUGH else ()
        yield [Look(one, morning, stages_of(one, morning), known.look(one)) for one in ready]


def stages_of(order: Bought, morning: date) -> tuple[Stage, ...]:
    """Say which looks at an order a morning's is."""
    days = (morning - order.bought_on).days - 1
    looks = {
        Stage.BOUGHT: days == 0,
        Stage.HANDED: order.handed_on == morning - DAY,
        Stage.WEEKLY: days > 0 and days % 7 == 0,
    }
    return tuple(stage for stage, due in looks.items() if due)


def _point(days: int) -> LatenessDistribution:
    return LatenessDistribution(np.array([days]), np.array([1.0]), np.array([1]))


def _moved(slips: LatenessDistribution, days: int) -> LatenessDistribution:
    return LatenessDistribution(slips.days + days, slips.shares, slips.seen)


def _then(one: LatenessDistribution, other: LatenessDistribution) -> LatenessDistribution:
    """Return the slips of two legs, one after the other, neither of which knows of the other."""
    if not len(one.days) or not len(other.days):
        return LatenessDistribution(one.days[:0], one.shares[:0], one.seen[:0])
    shares = np.cumsum(np.convolve(_chances(one), _chances(other)))
    days = np.arange(len(shares)) + one.days[0] + other.days[0]
    return LatenessDistribution(days, shares, np.full(len(days), min(one.seen[0], other.seen[0])))


def _chances(slips: LatenessDistribution) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.zeros(slips.days[-1] - slips.days[0] + 1)
    found[slips.days - slips.days[0]] = np.diff(slips.shares, prepend=0)
    return found
