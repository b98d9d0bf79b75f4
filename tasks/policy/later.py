"""Find out which orders a policy tells on a later day, while their facts stay as they are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from rules.delays.assess import is_reachable
from tasks.context import Context
from tasks.notices.decide import decide_orders
from tasks.offers.budget import DiscountBudget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder

DAYS_AHEAD = 60
"""Days after the next run in which an order can be told; after that it counts as never told."""


def find_told_later(context: Context, connection: Connection, orders: Sequence[WatchedOrder]) -> set[str]:
    """Return the orders, by id, that are told after `context.as_of`, on the days on which they are checked again."""
    found: set[str] = set()
    waiting: dict[date, list[WatchedOrder]] = defaultdict(list)
    waiting[context.as_of] = list(orders)
    last = context.as_of + timedelta(days=DAYS_AHEAD)
    while waiting and (day := min(waiting)) <= last:
        on_day = replace(context, as_of=day, started_at=context.started_at + (day - context.as_of))
        budget, stock = DiscountBudget({}), SubstituteStock()
        for decision in decide_orders(on_day, connection, waiting.pop(day), stock, budget):
            if decision.plan is not None and is_reachable(decision.plan.contacts):
                found.add(decision.watched.order.id)
            elif (check_on := decision.assessment.next_check_on) > day:
                waiting[check_on].append(decision.watched)
    return found
