"""Decide which delays a shop that goes live tells now, which it leaves untold, and which wait."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date

from models.decisions import Plan
from models.enums import Channel
from rules.delays.assess import is_reachable
from rules.delays.delays import began_on

AGES = (
    (None, "not late yet"),
    (0, "0-3 days"),
    (4, "4-7 days"),
    (8, "8-14 days"),
    (15, "15-30 days"),
    (31, "31 days or more"),
)
"""Least days since a delay began, and the label that staff read; None for a delay that begins later."""


@dataclass(frozen=True, slots=True)
class RolloutFilter:
    """Limits that staff set: delays that began on or after a day, a number of orders, a list of addresses."""

    since: date | None = None
    limit: int | None = None
    only: Set[str] = frozenset()
    """Normalised mail addresses and phone numbers; empty means all."""

    @property
    def partial(self) -> bool:
        """Return whether only some customers are told for now."""
        return self.limit is not None or bool(self.only)


@dataclass(slots=True)
class Rollout:
    """The orders with a delay to tell, by what going live does with them."""

    tell: list[str] = field(default_factory=list)
    """Ids of the orders told now."""
    untold: list[str] = field(default_factory=list)
    """Ids of the orders whose delay began before `since`: they are not told."""
    later: int = 0
    """Number of orders left for later by `limit` or `only`."""
    customers: set[str] = field(default_factory=set)
    by_age: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Number of orders told now, by age and bucket."""
    unreachable: int = 0
    """Number of orders whose customers no channel reaches."""

    def add(self, plan: Plan, rollout_filter: RolloutFilter) -> None:
        """Count one order with a delay to tell."""
        order = plan.delay.order.id
        addresses = {contact.address for contact in plan.contacts if contact.skip is None}
        if not is_reachable(plan.contacts):
            self.unreachable += 1
        elif rollout_filter.since is not None and began_on(plan.delay) < rollout_filter.since:
            self.untold.append(order)
        elif (rollout_filter.only and not rollout_filter.only & addresses) or len(self.tell) == rollout_filter.limit:
            self.later += 1
        else:
            self.tell.append(order)
            self.customers.add(plan.delay.order.customer.id)
            self.by_age[age_of(plan), plan.delay.bucket] += 1


@dataclass(frozen=True, slots=True)
class RolloutPreview:
    """What going live would do, shown to a person before the decision."""

    providers: Mapping[Channel, str]
    """The provider of each channel that would reach customers."""
    rollout: Rollout
    trial_notices: int
    """Number of notices that count as told and reached no customer."""


def age_of(plan: Plan) -> str:
    """Return the label in AGES for the time since a delay began."""
    days = (plan.delay.as_of - began_on(plan.delay)).days
    return next(name for least, name in reversed(AGES) if least is None or days >= least)
