"""The discount budget: a cap a run and a cap a month, kept exactly even with several workers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection, select

from models.decisions import Discount
from models.errors import ForewarnError
from models.policy.policy import Policy
from models.tables.column_types import SCALE
from tasks.context import Context
from tasks.db.counters import add_to_counters, get_counter, try_increment
from tasks.tables import COUNTERS

REQUESTED = "wanted:"
"""Begins the names of the counters of what a run's discounts would cost without caps: `wanted:RUN:CURRENCY`."""


class WriteConflict(ForewarnError):
    """Raised when another worker changed the same rows; the transaction wrote nothing and can be repeated."""


@dataclass(slots=True)
class DiscountBudget:
    """What the discounts of one page may cost, and do cost, by currency, in ten-thousandths."""

    remaining: dict[str, int]
    spent: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Number of discounts that the budget did not cover."""
    requested: Counter[str] = field(default_factory=Counter)
    """What the discounts would cost without caps."""

    def reserve(self, discount: Discount) -> bool:
        """Reserve a discount's cost. Return False when the budget is used up."""
        cost = scaled(discount.value)
        self.requested[discount.currency] += cost
        if self.remaining.get(discount.currency, 0) < cost:
            self.refused += 1
            return False
        self.remaining[discount.currency] -= cost
        self.spent[discount.currency] += cost
        return True

    def release(self, discount: Discount) -> None:
        """Return the cost of a reserved discount that is not given after all."""
        self.remaining[discount.currency] += scaled(discount.value)
        self.spent[discount.currency] -= scaled(discount.value)
        self.requested[discount.currency] -= scaled(discount.value)


def load_budget(connection: Connection, context: Context, policy: Policy) -> DiscountBudget:
    """Return what is left of the budget per run and per month (`[budget]` in policy.toml)."""
    remaining: dict[str, int] = {}
    for currency, counter, cap in _caps(context, policy):
        under_cap = cap - get_counter(connection, counter)
        remaining[currency] = min(under_cap, remaining.get(currency, under_cap))
    return DiscountBudget(remaining)


def left_in_month(connection: Connection, context: Context) -> dict[str, Decimal]:
    """Return what the budget of the month has left, by currency."""
    month = f"offered:{context.as_of:%Y-%m}:"
    left = {
        currency: scaled(cap) - get_counter(connection, f"{month}{currency}")
        for currency, cap in sorted(context.policy.budget.per_month.items())
    }
    return {currency: max(Decimal(n) / SCALE, Decimal(0)) for currency, n in left.items()}


def commit_budget(connection: Connection, budget: DiscountBudget, context: Context, policy: Policy) -> None:
    """Enforce the caps: count what a page's discounts cost.

    Raises WriteConflict where the discounts of another worker have used up the budget since it was loaded.
    """
    for currency, counter, cap in _caps(context, policy):
        spent = budget.spent[currency]
        if spent and not try_increment(connection, counter, spent, cap):
            raise WriteConflict(f"the cap of {counter} was reached meanwhile")
    requested = {f"{REQUESTED}{context.run_id}:{currency}": cost for currency, cost in budget.requested.items()}
    add_to_counters(connection, requested)


def requested_by(connection: Connection, runs: Iterable[str]) -> Counter[str]:
    """Return what the discounts of runs would cost without caps, by currency, in ten-thousandths."""
    requested: Counter[str] = Counter()
    for run in runs:
        of_run = COUNTERS.c.name.startswith(f"{REQUESTED}{run}:", autoescape=True)
        for name, cost in connection.execute(select(COUNTERS.c.name, COUNTERS.c.value).where(of_run)):
            requested[name.rpartition(":")[2]] += cost
    return requested


def scaled(amount: Decimal) -> int:
    """Return an amount in ten-thousandths."""
    return round(amount * SCALE)


def _caps(context: Context, policy: Policy) -> Iterator[tuple[str, str, int]]:
    """Yield each cap as currency, name of its counter, and cap; a currency needs both caps."""
    for currency in sorted(policy.budget.per_run.keys() & policy.budget.per_month.keys()):
        yield currency, f"offered:{context.run_id}:{currency}", scaled(policy.budget.per_run[currency])
        yield currency, f"offered:{context.as_of:%Y-%m}:{currency}", scaled(policy.budget.per_month[currency])
