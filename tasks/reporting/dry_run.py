"""Evaluate all orders for a day, past or to come, without writing anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection

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
from tasks.runs.records import LATE_ORDERS, latest_run


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
        yield [as_told_by(watched, as_of) for watched in page]


def as_told_by(watched: WatchedOrder, as_of: date) -> WatchedOrder:
    """Return an order with what its customer had been told by the end of a day."""
    notices = tuple(notice for notice in watched.notices if notice.told_on <= as_of)
    return replace(watched, notices=()).with_notices(notices)
