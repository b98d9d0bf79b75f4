"""Evaluate the orders that are due, and record the notices to send."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from itertools import chain
from typing import ParamSpec, TypeVar

import stamina

from tasks.context import Context
from tasks.db.counters import add_to_counters
from tasks.db.sharding import ALL, Shard
from tasks.db.sql import insert, read_only
from tasks.notices.decide import OrderDecision, decide_orders
from tasks.notices.notice_rows import DecisionRecord, notice_row
from tasks.notices.rendering import RenderedPlan, render_plan
from tasks.notices.summary import EvaluationSummary
from tasks.notices.watch_state import bucket_deltas, update_watches
from tasks.offers.budget import DiscountBudget, WriteConflict, commit_budget, load_budget
from tasks.offers.records import insert_offers, offer_rows
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import find_due_orders, get_orders
from tasks.tables import NOTICES

P = ParamSpec("P")
T = TypeVar("T")
MAX_ATTEMPTS = 9
"""Attempts to evaluate a page whose rows other workers change."""
MAX_RETRY_SECONDS, MAX_PAUSE_SECONDS = 60.0, 2.0
"""Seconds within which the attempts are made, and the longest pause between two."""


@dataclass(frozen=True, slots=True)
class PageResult:
    """What the evaluation of a page decided, and after which order the next page begins."""

    summary: EvaluationSummary
    last: WatchedOrder | None
    """None when no more orders are due."""


def retry_write_conflicts(work: Callable[P, T]) -> Callable[P, T]:
    """Repeat a function while it raises WriteConflict, with a longer pause before each attempt.

    Raises WriteConflict after MAX_ATTEMPTS.
    """

    @wraps(work)
    def repeat(*args: P.args, **kwargs: P.kwargs) -> T:
        attempts = stamina.retry_context(
            WriteConflict, attempts=MAX_ATTEMPTS, timeout=MAX_RETRY_SECONDS, wait_max=MAX_PAUSE_SECONDS
        )
        try:
            for attempt in attempts:
                with attempt:
                    return work(*args, **kwargs)
        except WriteConflict as error:
            sentence = f"other workers changed the same orders in all {MAX_ATTEMPTS} attempts; the next run tries again"
            raise WriteConflict(sentence) from error
        raise AssertionError("a retry either returns or raises")

    return repeat


@retry_write_conflicts
def evaluate_page(
    context: Context,
    substitute_stock: SubstituteStock,
    after: WatchedOrder | None,
    *,
    batch: int,
    limit: int | None = None,
    shard: Shard = ALL,
) -> PageResult:
    """Evaluate the next page of a shard's due orders, and record the notices.

    At most `limit` orders get a notice; the others stay due. Safe to repeat: an evaluated order is not due any more.
    Raises WriteConflict when other workers keep changing the same orders.
    """
    with read_only(context.engine) as connection:
        orders = find_due_orders(context, connection, context.as_of, after, batch, shard)
        if not orders:
            return PageResult(EvaluationSummary(), None)
        budget = load_budget(connection, context, context.policy)
        decisions = decide_orders(context, connection, orders, substitute_stock, budget, limit)
    summary = EvaluationSummary()
    records = list(render_decisions(context, decisions, budget, summary))
    record_notices(context, records, budget)
    return PageResult(summary, orders[-1])


@retry_write_conflicts
def evaluate_orders(context: Context, substitute_stock: SubstituteStock, ids: Sequence[str]) -> EvaluationSummary:
    """Evaluate these orders, whether they are due or not, and record the notices. Raises WriteConflict."""
    with read_only(context.engine) as connection:
        orders = get_orders(context, connection, ids)
        if not orders:
            return EvaluationSummary()
        budget = load_budget(connection, context, context.policy)
        decisions = decide_orders(context, connection, orders, substitute_stock, budget)
    summary = EvaluationSummary()
    records = list(render_decisions(context, decisions, budget, summary))
    record_notices(context, records, budget)
    return summary


def render_decisions(
    context: Context, decisions: Sequence[OrderDecision], budget: DiscountBudget, summary: EvaluationSummary
) -> Iterator[DecisionRecord]:
    """Render the plans of decisions and add them to a summary.

    An order of which no message can be rendered is left out: it stays due.
    """
    for decision in decisions:
        summary.orders += 1
        summary.limited += decision.assessment.limited
        if decision.plan is None:
            yield DecisionRecord(decision)
        elif rendered := render_decision(context, decision, budget, summary):
            rows = tuple(
                notice_row(context, rendered.plan, contact, rendered.messages.get(contact.channel))
                for contact in rendered.plan.contacts
            )
            assessment = replace(decision.assessment, plan=rendered.plan)
            yield DecisionRecord(replace(decision, assessment=assessment), rows)
    summary.over_cap += budget.refused
    summary.requested += budget.requested


def render_decision(
    context: Context, decision: OrderDecision, budget: DiscountBudget, summary: EvaluationSummary
) -> RenderedPlan | None:
    """Render the plan of a decision, and add it and its problems to a summary.

    Returns None where there is no plan, or no channel's message can be rendered: its discount is then released.
    """
    if decision.plan is None:
        return None
    rendered = render_plan(context, decision.plan)
    summary.problems += rendered.problems
    if not rendered.failed:
        summary.add_plan(rendered.plan)
        return rendered
    if decision.new_discount and decision.plan.discount is not None:
        budget.release(decision.plan.discount)
    return None


def record_notices(context: Context, records: Sequence[DecisionRecord], budget: DiscountBudget) -> None:
    """Record notices, offers, the state of the watches and the discounts' cost in one transaction.

    Raises WriteConflict, and writes nothing, where another worker changed one of the orders or used up the budget.
    """
    decisions = [record.decision for record in records]
    notices = list(chain.from_iterable(record.notices for record in records))
    with context.engine.begin() as connection:
        update_watches(context, connection, decisions)
        if notices:
            connection.execute(insert(connection, NOTICES).on_conflict_do_nothing(), notices)
        offers = (
            offer_rows(decision.plan, context, new_discount=decision.new_discount)
            for decision in decisions
            if decision.plan
        )
        insert_offers(connection, chain.from_iterable(offers))
        commit_budget(connection, budget, context, context.policy)
        add_to_counters(connection, bucket_deltas(decisions))
