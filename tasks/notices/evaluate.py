"""Evaluate the orders that are due, and record the notices to send."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import stamina
from sqlalchemy import Connection

from tasks.context import Context
from tasks.db.sharding import ALL, Shard
from tasks.db.sql import read_only
from tasks.notices.decide import OrderDecision, decide_orders
from tasks.notices.notice_rows import DecisionRecord, notice_rows
from tasks.notices.record import record_notices
from tasks.notices.rendering import RenderedPlan, render_plan
from tasks.notices.restate import Confirmed, as_recorded, confirm_notices, load_unsent
from tasks.notices.summary import EvaluationSummary
from tasks.offers.budget import DiscountBudget, WriteConflict, load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import find_due_orders, get_orders

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
        return PageResult(_evaluate(context, connection, substitute_stock, orders, limit), orders[-1])


@retry_write_conflicts
def evaluate_orders(context: Context, substitute_stock: SubstituteStock, ids: Sequence[str]) -> EvaluationSummary:
    """Evaluate these orders, whether they are due or not, and record the notices. Raises WriteConflict."""
    with read_only(context.engine) as connection:
        orders = get_orders(context, connection, ids)
        return _evaluate(context, connection, substitute_stock, orders) if orders else EvaluationSummary()


@dataclass(frozen=True, slots=True)
class DueDecisions:
    """What was decided about a page of due orders, and which of their unsent notices stay as they are."""

    decisions: Sequence[OrderDecision]
    unsent: Mapping[str, Sequence[Mapping[str, Any]]]
    """Queued notices by order id."""
    confirmed: Mapping[str, tuple[Confirmed, ...]]
    """By order id the unsent notices that still say what there is to say."""


def decide_due_orders(
    context: Context,
    connection: Connection,
    substitute_stock: SubstituteStock,
    orders: Sequence[WatchedOrder],
    budget: DiscountBudget,
    limit: int | None = None,
) -> DueDecisions:
    """Decide about a page of due orders as a run does, with what waits to be sent; write nothing."""
    unsent = load_unsent(connection, (watched.order.id for watched in orders if watched.order.revision))
    confirmed = _confirm_unsaid(context, connection, unsent, orders)
    decisions = decide_orders(context, connection, orders, substitute_stock, budget, limit, confirmed)
    return DueDecisions(decisions, unsent, confirmed)


def _evaluate(
    context: Context,
    connection: Connection,
    substitute_stock: SubstituteStock,
    orders: Sequence[WatchedOrder],
    limit: int | None = None,
) -> EvaluationSummary:
    """Decide about orders that a read-only connection has loaded, and record the notices. Raises WriteConflict."""
    budget = load_budget(connection, context, context.policy)
    decided = decide_due_orders(context, connection, substitute_stock, orders, budget, limit)
    connection.rollback()  # the words are rendered, and the notices recorded, without it

    summary = EvaluationSummary()
    records = list(render_decisions(context, decided, budget, summary))
    record_notices(context, records, budget)
    return summary


def _confirm_unsaid(
    context: Context,
    connection: Connection,
    unsent: Mapping[str, Sequence[Mapping[str, Any]]],
    orders: Sequence[WatchedOrder],
) -> dict[str, tuple[Confirmed, ...]]:
    """Return by order id the unsent notices that still say, all of them, what the last one that left does not.

    The order then needs no other notice. What is left of a revision that has reached the customer by another channel is
    not among them.
    """
    by_id = {watched.order.id: watched for watched in orders}
    unsaid = {
        order: [notice for notice in notices if notice["revision"] > _told_revision(by_id[order])]
        for order, notices in unsent.items()
    }
    candidates = [notice for notices in unsaid.values() for notice in notices]
    confirmed = confirm_notices(context, connection, candidates, by_id)
    return {
        order: tuple(confirmed[notice["id"]] for notice in notices)
        for order, notices in unsaid.items()
        if notices and all(notice["id"] in confirmed for notice in notices)
    }


def _told_revision(watched: WatchedOrder) -> int:
    return watched.order.told.revision if watched.order.told else 0


def render_decisions(
    context: Context,
    decided: DueDecisions,
    budget: DiscountBudget,
    summary: EvaluationSummary,
) -> Iterator[DecisionRecord]:
    """Render the plans of decisions and add them to a summary.

    An order's unsent notices are withdrawn when there is something else to say, or nothing any more. An order of which
    no message can be rendered is left out: it stays due.
    """
    unsent, confirmed = decided.unsent, decided.confirmed
    for decision in decided.decisions:
        summary.orders += 1
        summary.limited += decision.assessment.limited
        order = decision.watched.order.id
        if order in confirmed:
            yield DecisionRecord(decision, confirmed=confirmed[order])
        elif decision.plan is None:
            told = _told_revision(decision.watched)
            waits = decision.assessment.limited or decision.assessment.held
            unsaid = [notice["id"] for notice in unsent.get(order, ()) if notice["revision"] > told]
            yield DecisionRecord(decision, withdrawn=() if waits else tuple(unsaid))
        elif rendered := render_decision(
            context, _in_waiting_wording(context, decision, unsent.get(order, ())), budget, summary
        ):
            with_words = decision.with_plan(rendered.plan)
            rows = notice_rows(context, with_words, rendered)
            yield DecisionRecord(with_words, rows, tuple(notice["id"] for notice in unsent.get(order, ())))
    summary.over_cap += budget.refused
    summary.requested += budget.requested


def _in_waiting_wording(
    context: Context, decision: OrderDecision, unsent: Sequence[Mapping[str, Any]]
) -> OrderDecision:
    """Return a decision whose plan keeps the wording of the notice that it replaces: its trial may have ended since."""
    plan = decision.plan
    waiting = [notice for notice in unsent if plan and notice["message"] == plan.message and notice["experiment"]]
    if plan is None or not waiting:
        return decision
    return decision.with_plan(as_recorded(plan, waiting[-1], context.policy))


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
        summary.add_wording(rendered.messages.values())
        return rendered
    if decision.new_discount and decision.plan.discount is not None:
        budget.release(decision.plan.discount)
    return None
