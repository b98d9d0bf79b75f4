"""Score warnings: of the late how many were told, of those told how many came when, and what that is worth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from benchmarks.bootstrap import Measured, Weeks
from benchmarks.forecast_orders import Bought
from benchmarks.warning_replay import Foretold

WORTHS = (1, 2, 3, 5)
"""What a late customer who is told is worth, in needless apologies."""
BEFORE = (1, 2, 3, 4, 5)
"""The days before the promise on which forecasts are scored."""
LEAST_CASES = 50
TENTHS = 10


@dataclass(frozen=True, slots=True)
class RuleScore:
    """What a rule to warn would have done."""

    rule: str
    warned: int
    told: Measured
    """The share of late orders whose customers were told before the promised day."""
    came: dict[int, Measured]
    """The share of those warned that came so many days after the promise or before."""
    early: Measured
    """The share of late orders told two or more days before."""
    lead: float
    """The mean days before the promise on which late orders were told."""
    worth: dict[int, Measured]


@dataclass(frozen=True, slots=True)
class MorningScore:
    """How well the likelihoods of the mornings so many days before the promise tell the late from the punctual."""

    before: int
    cases: int
    late: int
    auc: Measured
    skill: Measured
    """The Brier skill over saying the share that was late: 1 is perfect, 0 no better."""
    log_loss: Measured
    base_log_loss: float


@dataclass(frozen=True, slots=True)
class TenthScore:
    """What was said and came in one tenth of what was said."""

    said: float
    came: Measured
    cases: int


class WarningScores:
    """Scores what rules did to the orders that arrived."""

    def __init__(self, arrived: Sequence[Bought], foretold: Sequence[Foretold], late_days: int) -> None:
        self.late_days, self.foretold = late_days, foretold
        self._orders = {order.id: order for order in arrived}
        self._late = {order.id for order in arrived if (order.days_late or 0) >= late_days}
        self.weeks = Weeks([_week(order) for order in [*arrived, *(each.order for each in foretold)]])
        self.scored = [each for each in foretold if each.order.id in self._orders]

    @property
    def late(self) -> int:
        """Return how many of the arrived orders were late."""
        return len(self._late)

    def rule(self, name: str, first: Mapping[str, int]) -> RuleScore:
        """Score a rule by the days before the promise on which it first warns of each order."""
        first = {order: before for order, before in first.items() if order in self._orders}
        orders = list(self._orders)
        weeks = [_week(self._orders[order]) for order in orders]
        late = np.array([order in self._late for order in orders], float)
        told = np.array([order in first for order in orders], float)
        days = np.array([self._orders[order].days_late or 0 for order in orders])
        early = np.array([first.get(order, 0) >= 2 for order in orders], float)
        return RuleScore(
            rule=name,
            warned=len(first),
            told=self.weeks.ratio(weeks, told * late, late),
            came={by: self.weeks.ratio(weeks, told * (days <= by), told) for by in (0, 1, self.late_days - 1)},
            early=self.weeks.ratio(weeks, early * late, late),
            lead=float(np.mean([before for order, before in first.items() if order in self._late] or [0])),
            worth={gain: self.weeks.total(weeks, told * (late * gain - (1 - late))) for gain in WORTHS},
        )

    def mornings(self) -> list[MorningScore]:
        """Score what was said so many days before the promise, of the orders that arrived."""
        return [self._morning(before, [each for each in self.scored if each.before == before]) for before in BEFORE]

    def _morning(self, before: int, rows: Sequence[Foretold]) -> MorningScore:
        weeks = [_week(each.order) for each in rows]
        said = np.array([each.probability for each in rows])
        late = np.array([each.is_late(self.late_days) for each in rows], float)
        base = late.mean()
        loss = -np.where(late == 1, np.log(said), np.log(1 - said))
        return MorningScore(
            before=before,
            cases=len(rows),
            late=int(late.sum()),
            auc=self.weeks.weighted(weeks, lambda weights: auc(said, late, weights)),
            skill=self.weeks.weighted(weeks, lambda weights: brier_skill(said, late, weights)),
            log_loss=self.weeks.ratio(weeks, loss, np.ones(len(rows))),
            base_log_loss=float(-(base * np.log(base) + (1 - base) * np.log(1 - base))),
        )

    def tenths(self, *, arrived_only: bool) -> list[TenthScore]:
        """Return what was said and came by tenth, one to five days before the promise.

        An order that never arrived is late, and what is said means it; `arrived_only` leaves these out.
        """
        rows = [each for each in (self.scored if arrived_only else self.foretold) if each.before in BEFORE]
        found = []
        for tenth in range(TENTHS):
            of = [each for each in rows if min(int(each.probability * TENTHS), TENTHS - 1) == tenth]
            if of:
                late = [float(each.is_late(self.late_days)) for each in of]
                came = self.weeks.ratio([_week(each.order) for each in of], late, np.ones(len(of)))
                found.append(TenthScore(float(np.mean([each.probability for each in of])), came, len(of)))
        return found


def first_warnings(foretold: Sequence[Foretold]) -> dict[str, int]:
    """Return the days before the promise on which the product first warns of each order."""
    return _first(foretold, lambda each: each.warned)


def all_out(foretold: Sequence[Foretold], days_before: int) -> dict[str, int]:
    """Return the orders that are out so many days before the promise."""
    return _first(foretold, lambda each: each.before == days_before)


def on_last_morning(foretold: Sequence[Foretold], least: float = 0) -> dict[str, int]:
    """Return the orders that are out on the last morning to warn, with at least this likelihood to be late."""
    return _first(foretold, lambda each: each.is_last and each.probability >= least)


def least_by_cost(worth: int) -> float:
    """Return the likelihood from which a warning pays, where a late customer told is worth so many needless ones."""
    return 1 / (1 + worth)


def _first(foretold: Sequence[Foretold], is_warned: Callable[[Foretold], bool]) -> dict[str, int]:
    first: dict[str, int] = {}
    for each in sorted(foretold, key=lambda each: each.morning):
        if each.before > 0 and is_warned(each):
            first.setdefault(each.order.id, each.before)
    return first


def auc(said: NDArray[np.float64], late: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return how often a late order was said to be likelier late than a punctual one; half where both were alike."""
    order = np.argsort(said, kind="stable")
    said, positive, negative = said[order], (weights * late)[order], (weights * (1 - late))[order]
    ends = np.append(np.flatnonzero(np.diff(said)) + 1, len(said))
    starts = np.concatenate(([0], ends[:-1]))
    of_late, of_others = (np.add.reduceat(values, starts) for values in (positive, negative))
    below = np.cumsum(of_others) - of_others
    return float((of_late * (below + of_others / 2)).sum() / max(positive.sum() * negative.sum(), 1e-12))


def brier_skill(said: NDArray[np.float64], late: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return by what share the squared error is smaller than that of saying how many were late."""
    base = np.average(late, weights=weights)
    return float(1 - np.average((said - late) ** 2, weights=weights) / max(base * (1 - base), 1e-12))


def _week(order: Bought) -> date:
    return date.fromisocalendar(*order.promised_on.isocalendar()[:2], 1)
