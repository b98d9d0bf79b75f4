"""Which delays a shop that goes live tells now, which it leaves untold on purpose, and which wait."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date

from models.decisions import Plan
from models.enums import Channel
from rules.delays.delays import began_on
from rules.delays.evaluate import is_reachable

AGES = (
    (None, "not late yet"),
    (0, "0-3 days"),
    (4, "4-7 days"),
    (8, "8-14 days"),
    (15, "15-30 days"),
    (31, "31 days or more"),
)
"""Days since a delay began, and what staff read; None: it begins later."""


@dataclass(frozen=True, slots=True)
class RolloutFilter:
    """What staff ask for: delays that began from a day on, at most so many orders, only some addresses."""

    since: date | None = None
    limit: int | None = None
    only: Set[str] = frozenset()
    """Addresses and numbers as the ledger spells them; empty: all."""

    @property
    def partial(self) -> bool:
        """Say whether some customers stay untold for now."""
        return self.limit is not None or bool(self.only)


@dataclass(slots=True)
class Rollout:
    """What going live means for the orders that have something to tell."""

    tell: list[str] = field(default_factory=list)
    """Ids of the orders told now."""
    untold: list[str] = field(default_factory=list)
    """Ids of the orders whose delay began too long ago: left untold on purpose."""
    later: int = 0
    """Orders that a limit or a list of addresses leaves for later."""
    customers: set[str] = field(default_factory=set)
    by_age: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of the orders told now, how many by age and bucket."""
    unreachable: int = 0
    """Orders whose customers no channel reaches."""

    def add(self, plan: Plan, which: RolloutFilter) -> None:
        """Take in what there is to tell of one order."""
        order = plan.delay.order.id
        addresses = {one.address for one in plan.contacts if one.skip is None}
        if not is_reachable(plan.contacts):
            self.unreachable += 1
        elif which.since is not None and began_on(plan.delay) < which.since:
            self.untold.append(order)
        elif (which.only and not which.only & addresses) or len(self.tell) == which.limit:
            self.later += 1
        else:
            self.tell.append(order)
            self.customers.add(plan.delay.order.customer.id)
            self.by_age[age_of(plan), plan.delay.bucket] += 1


@dataclass(frozen=True, slots=True)
class RolloutPreview:
    """What going live means, for a person to decide on."""

    providers: Mapping[Channel, str]
    """By whom each channel would reach customers."""
    rollout: Rollout
    trial_notices: int
    """Notices that count as told and reached no customer."""


def age_of(plan: Plan) -> str:
    """Return how long ago a delay began, as one of AGES."""
    days = (plan.delay.as_of - began_on(plan.delay)).days
    return next(name for least, name in reversed(AGES) if least is None or days >= least)
