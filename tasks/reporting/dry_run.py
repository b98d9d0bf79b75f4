"""See a day as it would be, or would have been, without writing anything."""

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
from tasks.notices.evaluate import EvaluationSummary
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.queries import WatchedOrder, list_orders
from tasks.orders.told import told_to_customers
from tasks.runs.records import LATE_ORDERS, latest_run
from tasks.tables import NOTICES


@dataclass(slots=True)
class DryRunResult:
    """A day, seen whole: how many orders stand where, and what would be said."""

    looked: EvaluationSummary = field(default_factory=EvaluationSummary)
    orders: Counter[str] = field(default_factory=Counter)
    """Open orders by bucket, `on_time` among them."""


def dry_run(
    context: Context,
    *,
    batch: int,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> DryRunResult:
    """Judge every order as of a day, with what customers had been told by then; write nothing.

    With a `limit`, no more plans are counted than a run with it would carry out.
    """
    before = latest_run(context.engine, LATE_ORDERS)
    anew = before is not None and (context.as_of < before["as_of"] or before["policy"] != context.policy.digest)
    found = DryRunResult()
    shelves = SubstituteStock(whole=True)
    with read_only(context.engine) as connection:
        purse = load_budget(connection, context, context.policy)
        for page in _pages(context, connection, context.as_of, batch):
            for one in decide_orders(context, connection, page, shelves, purse):
                full = limit is not None and sum(found.looked.changes.values()) >= limit
                if one.verdict.bucket not in NOT_OPEN:
                    found.orders[one.verdict.bucket] += 1
                if not full and (anew or one.watched.next_check_on <= context.as_of):
                    found.looked.render(context, one, purse)
            found.looked.orders += len(page)
            progress(found.looked.orders)
    found.looked.over_cap, found.looked.wanted = purse.refused, purse.wanted
    return found


def _pages(context: Context, connection: Connection, as_of: date, batch: int) -> Iterator[Sequence[WatchedOrder]]:
    after = ""
    while page := list_orders(context, connection, as_of, after, batch):
        after = page[-1].order.id
        told = order_as_told_by(connection, [one.order for one in page], as_of)
        yield [replace(one, order=replace(one.order, told=told.get(one.order.id))) for one in page]


def order_as_told_by(connection: Connection, orders: Sequence[OrderFacts], as_of: date) -> dict[str, LastNotice]:
    """Return what customers had been told of orders by a day: the watch's word, or an earlier notice's."""
    told = {order.id: order.told for order in orders if order.told is not None and order.told.told_on <= as_of}
    later = [order for order in orders if order.told is not None and order.told.told_on > as_of]
    return told | told_to_customers(connection, later, NOTICES.c.told_on <= as_of)
