"""What discounts may still cost: a cap a run and a cap a month, kept exactly even with several workers."""

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
"""Tallies of what a run's discounts would have cost were there no caps, by run and currency."""


class WriteConflict(ForewarnError):
    """Another worker changed the same rows in between: nothing was written; read again and decide again."""


@dataclass(slots=True)
class DiscountBudget:
    """What one batch may still give, and gave, by currency, in ten-thousandths."""

    left: dict[str, int]
    spent: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    wanted: Counter[str] = field(default_factory=Counter)
    """What it would have given were there no caps."""

    def take(self, discount: Discount) -> bool:
        """Set a discount's cost aside; say whether there was room under the caps."""
        cost = scaled(discount.value)
        self.wanted[discount.currency] += cost
        if self.left.get(discount.currency, 0) < cost:
            self.refused += 1
            return False
        self.left[discount.currency] -= cost
        self.spent[discount.currency] += cost
        return True

    def give_back(self, discount: Discount) -> None:
        """Return the cost of a discount that was not given after all."""
        self.left[discount.currency] += scaled(discount.value)
        self.spent[discount.currency] -= scaled(discount.value)
        self.wanted[discount.currency] -= scaled(discount.value)


def load_budget(connection: Connection, context: Context, policy: Policy) -> DiscountBudget:
    """Return what is left under both caps."""
    left: dict[str, int] = {}
    for currency, name, most in _caps(context, policy):
        room = most - get_counter(connection, name)
        left[currency] = min(room, left.get(currency, room))
    return DiscountBudget(left)


def commit_budget(connection: Connection, purse: DiscountBudget, context: Context, policy: Policy) -> None:
    """Write down what a batch gave; raises Contended where another worker's gifts left no room for it."""
    for currency, name, most in _caps(context, policy):
        spent = purse.spent[currency]
        if spent and not try_increment(connection, name, spent, most):
            raise WriteConflict(f"the cap of {name} was reached meanwhile")
    add_to_counters(connection, {f"{REQUESTED}{context.run_id}:{currency}": n for currency, n in purse.wanted.items()})


def requested_by(connection: Connection, runs: Iterable[str]) -> Counter[str]:
    """Return what runs would have given were there no caps, by currency, in ten-thousandths."""
    found: Counter[str] = Counter()
    for run in runs:
        mine = COUNTERS.c.name.startswith(f"{REQUESTED}{run}:", autoescape=True)
        for name, n in connection.execute(select(COUNTERS.c.name, COUNTERS.c.value).where(mine)):
            found[name.rpartition(":")[2]] += n
    return found


def scaled(amount: Decimal) -> int:
    """Return an amount in ten-thousandths."""
    return round(amount * SCALE)


def _caps(context: Context, policy: Policy) -> Iterator[tuple[str, str, int]]:
    """Yield each cap as currency, tally and the most it may hold; both caps must name a currency."""
    for currency in sorted(policy.budget.per_run.keys() & policy.budget.per_month.keys()):
        yield currency, f"offered:{context.run_id}:{currency}", scaled(policy.budget.per_run[currency])
        yield currency, f"offered:{context.as_of:%Y-%m}:{currency}", scaled(policy.budget.per_month[currency])
