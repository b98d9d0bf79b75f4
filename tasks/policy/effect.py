"""Work out what the next run would do by the policy in use and by a changed one, with the code by which a run decides.

Nothing is written: one connection that only reads is used for both policies, and the guardrails only look.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection

from models.decisions import Plan
from models.enums import GOOD_CHANGES, ChangeKind
from models.policy.policy import NOT_OPEN
from models.tables.column_types import SCALE
from rules.delays.assess import is_reachable
from rules.guardrails import LimitBreach
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sql import read_only
from tasks.guardrails.check import preview_breaches
from tasks.notices.decide import OrderDecision
from tasks.notices.evaluate import decide_due_orders
from tasks.notices.summary import EvaluationSummary
from tasks.offers.budget import DiscountBudget, left_in_month, load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders
from tasks.policy.due_orders import MAX_ORDERS, DueOrders, find_due_orders_of_both, is_new_policy
from tasks.policy.later import find_told_later
from tasks.runs.records import LATE_ORDERS, latest_run

PAGE = 500


@dataclass(frozen=True, slots=True)
class RunEffect:
    """What the next run does by one policy. Where the orders are a sample, the figures are those of all orders."""

    told: int
    """Orders whose customer is told."""
    messages: Counter[str]
    """By channel."""
    told_by_bucket: Counter[str]
    """Those who are told of a delay by bucket; others by the kind of the change, a warning or good news."""
    discounts: dict[str, Decimal]
    """What the new discounts cost at most, by currency."""
    left_in_month: dict[str, Decimal]
    """What the budget of the month has left before the run, by currency."""
    over_budget: int
    """Discounts that are not given because the budget is used up."""
    breaches: tuple[LimitBreach, ...]
    """Why the run would wait for a person; empty: it would not."""


@dataclass(frozen=True, slots=True)
class PolicyEffect:
    """What the next run does by the policy in use and by the changed one."""

    now: RunEffect
    changed: RunEffect
    earlier: tuple[str, ...]
    """Orders, by id, that the next run tells only with the change."""
    later: tuple[str, ...]
    """Orders that it tells only without the change, and that are told on a later day with it, as the facts are."""
    never: tuple[str, ...]
    """Orders that it tells only without the change, and that are not told in the days to come with it."""
    orders: DueOrders

    @property
    def is_sample(self) -> bool:
        """Return whether the figures were worked out on a sample."""
        return self.orders.every > 1


def compare_policies(context: Context, changed: Context, *, check_data: bool, most: int = MAX_ORDERS) -> PolicyEffect:
    """Compare two policies on the day and at the moment of the next run, which both contexts have.

    With `check_data` the limits of the data count too: of a day to come the data are not known yet.
    """
    last_run = latest_run(context.engine, LATE_ORDERS)
    last_policy = None if last_run is None else last_run["policy"]
    policies = context.policy, changed.policy
    with read_only(context.engine) as connection:
        due = find_due_orders_of_both(connection, context.as_of, last_policy, policies, most)
        open_orders = count_orders_by_bucket(connection).total()
        sides = [_Side.begin(one, connection, due, last_policy) for one in (context, changed)]
        for ids in _pages(due.ids):
            _look(connection, sides, due, ids)
        now, then = sides
        lost = [now.told[order] for order in now.told if order not in then.told]
        later = find_told_later(changed, connection, [decision.watched for decision in lost])
    return PolicyEffect(
        now.effect(open_orders, check_data),
        then.effect(open_orders, check_data),
        earlier=tuple(order for order in then.told if order not in now.told),
        later=tuple(order for order in now.told if order in later),
        never=tuple(order for order in now.told if order not in then.told and order not in later),
        orders=due,
    )


def _bucket_or_change(plan: Plan) -> str:
    return str(plan.change) if plan.change in (ChangeKind.WARNING, *GOOD_CHANGES) else plan.delay.bucket


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), PAGE):
        yield ids[first : first + PAGE]


def _look(connection: Connection, sides: Sequence["_Side"], due: DueOrders, ids: Sequence[str]) -> None:
    """Decide about a page of orders by each policy; the orders are loaded once if both read the same promises."""
    loaded: list[WatchedOrder] = []
    for n, side in enumerate(sides):
        if n == 0 or not _same_promises(sides[0].context, side.context):
            by_id = {watched.order.id: watched for watched in get_orders(side.context, connection, ids)}
            loaded = [by_id[order] for order in ids if order in by_id]
        side.decide(connection, [one for one in loaded if side.all_due or one.order.id in due.due_now])


def _same_promises(first: Context, second: Context) -> bool:
    return (first.policy.days, first.policy.promise) == (second.policy.days, second.policy.promise)


@dataclass(slots=True)
class _Side:
    """The run by one policy, as far as it was followed."""

    context: Context
    budget: DiscountBudget
    left: dict[str, Decimal]
    """What the month has left before the run, by currency."""
    every: int
    all_due: bool
    stock: SubstituteStock = field(default_factory=SubstituteStock)
    summary: EvaluationSummary = field(default_factory=EvaluationSummary)
    told: dict[str, OrderDecision] = field(default_factory=dict)
    opened: int = 0
    """By how much the number of open orders changes."""

    @classmethod
    def begin(cls, context: Context, connection: Connection, due: DueOrders, last_policy: str | None) -> "_Side":
        budget = load_budget(connection, context, context.policy)
        # A sample has its share of the budget, so that the figures of all orders keep within it.
        budget.remaining = {currency: left // due.every for currency, left in budget.remaining.items()}
        all_due = is_new_policy(last_policy, context.policy)
        return cls(context, budget, left_in_month(connection, context), due.every, all_due)

    def decide(self, connection: Connection, orders: Sequence[WatchedOrder]) -> None:
        """Decide about orders, and count what is said."""
        if not orders:
            return
        decided = decide_due_orders(self.context, connection, self.stock, orders, self.budget)
        for decision in decided.decisions:
            self.opened += decision.assessment.bucket not in NOT_OPEN
            self.opened -= decision.watched.bucket not in (None, *NOT_OPEN)
            order = decision.watched.order.id
            if decision.plan is None or order in decided.confirmed:
                continue
            self.summary.add_plan(decision.plan)
            if is_reachable(decision.plan.contacts):
                self.told[order] = decision

    def effect(self, open_orders: int, check_data: bool) -> RunEffect:  # noqa: FBT001 - called twice
        """Return the figures of all orders."""
        self.summary.requested = self.budget.requested
        scaled = EvaluationSummary(
            notified=self.summary.notified * self.every,
            requested=Counter({currency: n * self.every for currency, n in self.summary.requested.items()}),
        )
        breaches = preview_breaches(
            self.context,
            scaled,
            open_orders + self.opened * self.every,
            check_current_data=check_data,
        )
        by_bucket = Counter(_bucket_or_change(one.plan) for one in self.told.values() if one.plan)
        return RunEffect(
            scaled.notified,
            Counter({channel: n * self.every for channel, n in self.summary.notices.items()}),
            Counter({bucket: n * self.every for bucket, n in by_bucket.items()}),
            {currency: Decimal(n * self.every) / SCALE for currency, n in self.budget.spent.items() if n},
            self.left,
            self.budget.refused * self.every,
            breaches,
        )
