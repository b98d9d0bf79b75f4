"""Learn from past orders how likely an order that is still out is to end late, and foretell it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self, TypeVar

import numpy as np

from models.early_warning import HORIZON, Likelihood, OpenOrder, PastOrder, Source, Term
from models.policy.policy import CalendarPolicy, DayCount
from rules.delays.working_days import Calendar
from rules.early_warning.calibration import Calibration
from rules.early_warning.columns import NEVER, CodeBook, Columns, Days, Flags, Numbers, columns, in_order
from rules.early_warning.features import FEATURES, Rows, WorkingDays, build
from rules.early_warning.statistics import MorningCounts, PastCounts
from rules.early_warning.survival import fit_survival
from rules.early_warning.training import Examples, Fit, calibrate, examples, fit
from rules.early_warning.words import REASONS, terms

MIN_ARRIVED = 100
"""Orders that must have arrived before anything is foretold."""
MIN_LATE = 12
"""Late orders that must be known before the regression is learnt."""
REMEMBERED_DAYS = 1_826
"""Orders placed earlier teach nothing any more."""
YEAR = 365
CERTAIN, UNSURE = 1e-6, 0.02
"""The least and, from 1 down, the greatest likelihood that the regression gives, and that a bare count gives."""
IN_REASON = np.array([[feature.reason == reason for feature in FEATURES] for reason in REASONS])
M = TypeVar("M", bound="WarningModel")


@dataclass(frozen=True, slots=True)
class Regression:
    """The regression with its calibration."""

    fit: Fit
    calibration: Calibration
    usual: Numbers
    """The mean features of orders still out so many days before the promise: a row for each number of days."""

    def log_odds(self, features: Numbers, before: Days) -> Numbers:
        """Return the calibrated log-odds of each row."""
        return self.calibration.apply(self.fit.log_odds(features), before)

    def contributions(self, features: Numbers, before: Days) -> Numbers:
        """Return by how much each reason moves the log-odds of each row from what is usual on such a morning."""
        apart = (features - self.usual[before]) / self.fit.scale * self.fit.logistic.weights
        found: Numbers = self.calibration.slope * (apart @ IN_REASON.T)
        return found


@dataclass(frozen=True, slots=True)
class WarningModel:
    """What was learnt from the orders whose end is known on a morning."""

    as_of: date
    late_days: int
    days: CalendarPolicy
    arrived: int
    late: int
    """Late orders that were known."""
    drifted: bool
    """Whether what was said was off lately, so that the base rate decides."""
    codes: CodeBook
    counts: MorningCounts | None
    """None: fewer than MIN_ARRIVED orders have arrived."""
    regression: Regression | None
    """None: fewer than MIN_LATE late orders are known."""
    version: str = ""

    @property
    def source(self) -> Source | None:
        """What its likelihoods rest on; None: it foretells nothing."""
        if self.counts is None:
            return None
        if self.drifted:
            return Source.BASE_RATE
        return Source.AGE if self.regression is None else Source.MODEL

    @classmethod
    def learn(
        cls,
        past: Iterable[PastOrder],
        as_of: date,
        late_days: int,
        days: CalendarPolicy,
        *,
        drifted: bool = False,
        folds: dict[int, Fit] | None = None,
        regression: Regression | None = None,
    ) -> Self:
        """Learn from what had happened before a morning; later days in `past` are ignored, and so is its order.

        A replay of many mornings gives `folds`, where the regressions of past fortnights are kept, and the `regression`
        of some mornings before, so that only what is counted is new.
        """
        orders = [order for order in in_order(past, as_of) if (as_of - order.placed_on).days <= REMEMBERED_DAYS]
        codes, morning = CodeBook.of(orders, as_of), as_of.toordinal()
        facts = columns(orders, as_of, late_days, Calendar(days), codes)
        arrived = int((facts.ends < NEVER).sum())
        late = int(((facts.ends >= facts.deadline) & _known(facts, morning)).sum())
        if arrived < MIN_ARRIVED:
            return _numbered(cls(as_of, late_days, days, arrived, late, drifted, codes, None, None))
        counts = PastCounts(facts, fit_survival(facts, int(facts.placed.min()), morning), morning)
        if late < MIN_LATE:
            regression = None
        elif regression is None:
            working = _working_days(days, int(facts.placed.min()), int(facts.deadline.max()))
            rows = examples(facts, counts, working, morning)
            learnt = fit(rows.features, rows.late, rows.days)
            calibration = calibrate(rows, morning, MIN_LATE, {} if folds is None else folds)
            regression = Regression(learnt, calibration, _usual(rows, morning))
        on_morning = MorningCounts.of(counts, codes.sizes(), morning)
        return _numbered(cls(as_of, late_days, days, arrived, late, drifted, codes, on_morning, regression))

    def likelihoods(self, orders: Sequence[OpenOrder], as_of: date) -> list[Likelihood | None]:
        """Return how likely each order is to end late.

        None: fewer than MIN_ARRIVED orders have arrived so far, or its promise has passed or is more than HORIZON days
        ahead, or it was placed today.
        """
        found: list[Likelihood | None] = [None] * len(orders)
        at = [n for n, order in enumerate(orders) if _is_foretold(order, as_of)]
        source = self.source
        if not at or source is None or self.counts is None:
            return found
        chosen = [orders[n] for n in at]
        rows = self._rows(chosen, as_of, self.counts)
        if source is Source.MODEL and self.regression is not None:
            features = build(rows)
            log_odds = self.regression.log_odds(features, rows.before)
            probabilities = _probability(log_odds)
            moved = self.regression.contributions(features, rows.before)
            points = 100 * (probabilities[:, None] - _probability(log_odds[:, None] - moved))
        else:
            probabilities = np.clip(rows.known["age_90" if source is Source.AGE else "base_90"], UNSURE, 1 - UNSURE)
            points = np.zeros((len(chosen), len(REASONS)))
        for row, n in enumerate(at):
            found[n] = Likelihood(
                probability=float(probabilities[row]),
                late_days=self.late_days,
                source=source,
                terms=_terms(chosen[row], rows, row, points[row]),
                base=float(rows.known["base_year"][row]),
                model_version=self.version,
            )
        return found

    def _rows(self, orders: Sequence[OpenOrder], as_of: date, counts: MorningCounts) -> Rows:
        facts = columns(orders, as_of, self.late_days, Calendar(self.days), self.codes)
        morning = as_of.toordinal()
        working = _working_days(self.days, morning - 1, int(facts.deadline.max()))
        return Rows.of(facts, np.full(len(orders), morning), working, counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as the ledger stores it."""
        from rules.early_warning.stored import model_data

        return model_data(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the model from what the ledger stores."""
        from rules.early_warning.stored import model_fields

        return cls(**model_fields(data))


def _numbered(model: M) -> M:
    digest = hashlib.sha256(json.dumps(model.to_dict(), sort_keys=True).encode()).hexdigest()[:12]
    return replace(model, version=f"{model.as_of}-{digest}")


def _known(facts: Columns, morning: int) -> Flags:
    found: Flags = (facts.deadline <= morning) & (facts.cancelled >= facts.deadline)
    return found


def _is_foretold(order: OpenOrder, as_of: date) -> bool:
    return order.placed_on < as_of and 0 <= (order.promised_on - as_of).days <= HORIZON


def _working_days(days: CalendarPolicy, first: int, last: int) -> WorkingDays:
    return WorkingDays(Calendar(days.model_copy(update={"count": DayCount.WORKING})), first, last)


def _usual(rows: Examples, morning: int) -> Numbers:
    """Return the mean features of the last year, for each number of days before the promise."""
    recent = rows.days >= morning - YEAR
    means = [
        rows.features[chosen].mean(axis=0)
        if (chosen := recent & (rows.before == before)).any()
        else rows.features.mean(axis=0)
        for before in range(HORIZON + 1)
    ]
    return np.stack(means)


def _probability(log_odds: Numbers) -> Numbers:
    found: Numbers = np.clip(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))), CERTAIN, 1 - CERTAIN)
    return found


def _terms(order: OpenOrder, rows: Rows, row: int, points: Numbers) -> tuple[Term, ...]:
    return terms(order, rows, row, list(zip(REASONS, points.tolist(), strict=True)))
