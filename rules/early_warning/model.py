"""Learn from past orders how likely an order that is still out is to end late."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from models.early_warning import Likelihood, OpenOrder, PastOrder
from rules.delays.working_days import Calendar

MIN_ARRIVED = 100
"""Orders that must have arrived before anything is foretold."""
MIN_LATE = 12
"""Late orders that must be known before the regression is learnt."""


@dataclass(frozen=True, slots=True)
class WarningModel:
    """What was learnt from the orders whose end is known on a morning."""

    version: str
    as_of: date
    late_days: int
    arrived: int

    @classmethod
    def learn(cls, past: Iterable[PastOrder], as_of: date, late_days: int, calendar: Calendar) -> Self:
        """Learn from what had happened before a morning; later days in `past` are ignored, and so is its order."""
        arrived = sum(order.ended_on is not None and order.ended_on < as_of for order in past)
        return cls(version=as_of.isoformat(), as_of=as_of, late_days=late_days, arrived=arrived)

    def likelihoods(self, orders: Sequence[OpenOrder], as_of: date) -> list[Likelihood | None]:
        """Return how likely each order is to end late.

        None: fewer than MIN_ARRIVED orders have arrived so far, or its promise has passed or is more than HORIZON days
        ahead.
        """
        return [None for _ in orders]

    def to_dict(self) -> dict[str, Any]:
        """Return the model as the ledger stores it."""
        return {
            "version": self.version,
            "as_of": self.as_of.isoformat(),
            "late_days": self.late_days,
            "arrived": self.arrived,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the model from what the ledger stores."""
        return cls(data["version"], date.fromisoformat(data["as_of"]), data["late_days"], data["arrived"])
