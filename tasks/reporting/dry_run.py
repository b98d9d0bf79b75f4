"""Evaluate all orders for a day, past or to come, without writing anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection

from models.orders import LastNotice, OrderFacts
from models.policy.policy import NOT_OPEN
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.notices.decide import decide_orders
from tasks.notices.evaluate import render_decision
from tasks.notices.summary import EvaluationSummary
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import list_orders
from tasks.orders.told import told_to_customers
from tasks.runs.records import LATE_ORDERS, latest_run
from tasks.tables import NOTICES


@dataclass(slots=True)
class DryRunResult:
    """What a run for the day would decide, and how many orders are open."""

    summary: EvaluationSummary = field(default_factory=EvaluationSummary)
    orders: Counter[str] = field(default_factory=Counter)
    """Open orders by bucket, `on_time` among them."""


def dry_run(
    context: Context,
    *,
    batch: int,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> DryRunResult:
    """Evaluate every order for `context.as_of`, by what customers had been told until then.

    With a `limit`, the summary counts no more plans than a run with that limit would carry out.
    """
    last_run = latest_run(context.engine, LATE_ORDERS)
    # A run on an earlier day, or with another policy, evaluates every order; any other only those that are due.
    all_due = last_run is not None and (
        context.as_of < last_run["as_of"] or last_run["policy"] != context.policy.digest
    )
    result = DryRunResult()
    substitute_stock = SubstituteStock(all_orders=True)
    with read_only(context.engine) as connection:
        budget = load_budget(connection, context, context.policy)
        for page in _pages(context, connection, context.as_of, batch):
            for decision in decide_orders(context, connection, page, substitute_stock, budget):
                bucket = decision.assessment.bucket
                if bucket not in NOT_OPEN:
                    result.orders[bucket] += 1
                is_due = all_due or decision.watched.next_check_on <= context.as_of
                if is_due and (limit is None or result.summary.changes.total() < limit):
                    render_decision(context, decision, budget, result.summary)
            result.summary.orders += len(page)
            progress(result.summary.orders)
    result.summary.over_cap, result.summary.requested = budget.refused, budget.requested
    return result


def _pages(context: Context, connection: Connection, as_of: date, batch: int) -> Iterator[Sequence[WatchedOrder]]:
    """Yield all orders placed by a day in pages, with what their customers had been told by then."""
    after = ""
    while page := list_orders(context, connection, as_of, after, batch):
        after = page[-1].order.id
        told = load_told_by(connection, [watched.order for watched in page], as_of)
        yield [replace(watched, order=replace(watched.order, told=told.get(watched.order.id))) for watched in page]


def load_told_by(connection: Connection, orders: Sequence[OrderFacts], as_of: date) -> dict[str, LastNotice]:
    """Return by order id the last notice that was sent up to a day."""
    told = {order.id: order.told for order in orders if order.told is not None and order.told.told_on <= as_of}
    told_later = [order for order in orders if order.told is not None and order.told.told_on > as_of]
    return told | told_to_customers(connection, told_later, NOTICES.c.told_on <= as_of)
