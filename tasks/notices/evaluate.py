"""Look at the orders that may have news, and write down what is owed to whom."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import stamina
from sqlalchemy import Connection

from models.decisions import Plan
from rules.delays.evaluate import is_reachable
from tasks.context import Context
from tasks.db.sharding import ALL, Shard
from tasks.db.sql import read_only
from tasks.notices.decide import OrderDecision, decide_orders
from tasks.notices.records import DecisionRecord, notice_row, record_notices
from tasks.notices.rendering import RenderedPlan, render_plan
from tasks.offers.budget import DiscountBudget, WriteConflict, load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.queries import WatchedOrder, find_due_orders

MAX_PLANS_SHOWN = 200
TRIES, PATIENCE, LONGEST_PAUSE = 9, 60.0, 2.0
"""How often a page is tried that other workers change, within how many seconds, and the longest pause between."""
Read = Callable[[Connection], Sequence[WatchedOrder]]
"""Reads the next page of orders."""


@dataclass(slots=True)
class EvaluationSummary:
    """What came of looking at orders; adds up over batches."""

    orders: int = 0
    told: int = 0
    """Orders with news that can reach their customer."""
    limited: int = 0
    """Orders with news that the run's limit leaves to a later one."""
    changes: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    offers: Counter[str] = field(default_factory=Counter)
    over_cap: int = 0
    wanted: Counter[str] = field(default_factory=Counter)
    """What the discounts would have cost were there no caps, by currency, in ten-thousandths."""
    problems: list[str] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    """The first SHOWN plans, for people to look at."""

    def add(self, other: "EvaluationSummary") -> None:
        """Take in another batch."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        del self.plans[MAX_PLANS_SHOWN:]

    def render(self, context: Context, one: OrderDecision, purse: DiscountBudget) -> RenderedPlan | None:
        """Render a decision's plan and count it; name what failed among the problems.

        None where no channel's words can be rendered, or there is no plan: nothing is told, and no discount is given.
        """
        if one.plan is None:
            return None
        found = render_plan(context, one.plan)
        self.problems += found.problems
        if not found.failed:
            self.count(found.plan)
            return found
        if one.new_discount and one.plan.discount is not None:
            purse.give_back(one.plan.discount)
        return None

    def count(self, plan: Plan) -> None:
        """Take in one plan."""
        self.told += is_reachable(plan.contacts)
        self.changes[plan.delay.bucket] += 1
        self.notices.update(str(one.channel) for one in plan.contacts if one.skip is None)
        self.skipped.update(str(one.skip) for one in plan.contacts if one.skip is not None)
        self.offers.update("substitute" for _ in plan.substitutes[:1])
        self.offers.update([str(plan.discount.kind)] if plan.discount else [])
        if len(self.plans) < MAX_PLANS_SHOWN:
            self.plans.append(plan)


@dataclass(frozen=True, slots=True)
class PageResult:
    """Where a batch ended, for the next one to begin."""

    looked: EvaluationSummary
    last: WatchedOrder | None
    """None where nothing more is due."""


def evaluate_page(
    context: Context,
    shelves: SubstituteStock,
    after: WatchedOrder | None,
    *,
    batch: int,
    limit: int | None = None,
    shard: Shard = ALL,
) -> PageResult:
    """Look at the next batch of a shard's orders that may have news: decide, and write down what is owed.

    At most `limit` orders are told; the others stay due. Safe to repeat: what was looked at is not due any more.
    """
    return _evaluate_with_retries(
        context, shelves, lambda ledger: find_due_orders(context, ledger, context.as_of, after, batch, shard), limit
    )


def record_page(context: Context, shelves: SubstituteStock, read: Read) -> EvaluationSummary:
    """Decide about the orders that `read` finds, and write down what is owed. Raises Contended as `look` does."""
    return _evaluate_with_retries(context, shelves, read).looked


def _evaluate_with_retries(
    context: Context, shelves: SubstituteStock, read: Read, limit: int | None = None
) -> PageResult:
    """Look at a page until no other worker changes its orders meanwhile, with a longer pause before each new try."""
    try:
        for attempt in stamina.retry_context(WriteConflict, attempts=TRIES, timeout=PATIENCE, wait_max=LONGEST_PAUSE):
            with attempt:
                return _evaluate_page(context, shelves, read, limit)
    except WriteConflict as error:
        sentence = f"other workers changed the same orders {TRIES} times over; the next run looks at them again"
        raise WriteConflict(sentence) from error
    raise AssertionError("a retry either returns or raises")


def _evaluate_page(context: Context, shelves: SubstituteStock, read: Read, limit: int | None) -> PageResult:
    with read_only(context.engine) as connection:
        page = read(connection)
        if not page:
            return PageResult(EvaluationSummary(), None)
        purse = load_budget(connection, context, context.policy)
        decided = decide_orders(context, connection, page, shelves, purse, limit)
    limited = sum(one.verdict.limited for one in decided)
    looked = EvaluationSummary(orders=len(page), limited=limited, over_cap=purse.refused, wanted=purse.wanted)
    written = list(_write(context, decided, looked, purse))
    record_notices(context, written, purse)
    return PageResult(looked, page[-1])


def _write(
    context: Context, decided: Sequence[OrderDecision], looked: EvaluationSummary, purse: DiscountBudget
) -> Iterator[DecisionRecord]:
    """Render each plan; an order of which no channel's words can be rendered is left as it was."""
    for one in decided:
        if one.plan is None:
            yield DecisionRecord(one)
            continue
        found = looked.render(context, one, purse)
        if found is None:
            continue
        plan, said = found.plan, found.messages
        notices = tuple(notice_row(context, plan, contact, said.get(contact.channel)) for contact in plan.contacts)
        yield DecisionRecord(replace(one, verdict=replace(one.verdict, plan=plan)), notices)
