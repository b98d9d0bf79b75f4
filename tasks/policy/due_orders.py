"""Find the orders that the next run would look at by each of two policies, and a sample of them where they are many."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from models.policy.policy import NOT_OPEN, ON_TIME, DayCount, Policy
from tasks.db.sharding import Shard
from tasks.orders.queries import decided_filter
from tasks.tables import WATCHES

MAX_ORDERS = 3_000
"""Orders that one comparison looks at: with both policies they take less than two seconds."""
ABOUT_LATE_ORDERS = frozenset(
    {
        *(
            "bucket",
            "contact",
            "substitutes",
            "shipping_discount",
            "future_discount",
            "budget",
            "guardrails",
            "sending",
        ),
        *("sending", "in_doubt", "posts", "allocation", "forecast", "storefront", "restock", "shipments", "purchasing"),
        *("replenishment", "order_page", "promise_clock", "retention", "costs", "approval", "words", "experiment"),
    }
)
"""Sections of the policy that decide nothing about an order without a late line of which nobody was told.

The others, such as [days], say which lines are late.
"""


@dataclass(frozen=True, slots=True)
class DueOrders:
    """The orders to look at, in the order in which a run would; their checks are due by one policy or by both."""

    ids: tuple[str, ...]
    due_now: frozenset[str]
    """Those that are due whatever the policy is. The others are due by the policy that the last run did not have."""
    of: int
    """How many there are, of which `ids` are a sample."""
    every: int
    """Each of the sample stands for so many; 1: it is no sample."""


def find_due_orders_of_both(
    connection: Connection, as_of: date, last_policy: str | None, policies: tuple[Policy, Policy], most: int
) -> DueOrders:
    """Return the orders that a run on a day would look at by either policy.

    A run whose policy is another one than the last run's looks at every open order. `last_policy` is the digest of the
    last run's policy; None where there was no run. A sample of more than `most` orders is always the same: it is taken
    by the ids, as the shards of a run are.
    """
    wanted = _wanted(as_of, last_policy, policies)
    of = connection.execute(select(func.count()).select_from(WATCHES).where(wanted)).scalar_one()
    every = max(-(-of // most), 1)
    check_on = case((WATCHES.c.next_check_on > as_of, as_of), else_=WATCHES.c.next_check_on)
    query = (
        select(WATCHES.c.order_id, WATCHES.c.next_check_on)
        .where(wanted, decided_filter(), Shard(1, every).contains(WATCHES.c.order_id))
        .order_by(check_on, WATCHES.c.order_id)
    )
    rows = connection.execute(query).all()
    due_now = frozenset(row.order_id for row in rows if row.next_check_on <= as_of)
    return DueOrders(tuple(row.order_id for row in rows), due_now, of, every)


def is_new_policy(last_policy: str | None, policy: Policy) -> bool:
    """Return whether a run with a policy looks at every open order, because the last run had another one."""
    return last_policy is not None and last_policy != policy.digest


def _wanted(as_of: date, last_policy: str | None, policies: tuple[Policy, Policy]) -> ColumnElement[bool]:
    due = WATCHES.c.next_check_on <= as_of
    if not any(is_new_policy(last_policy, policy) for policy in policies):
        return due
    is_open = WATCHES.c.bucket.not_in(NOT_OPEN)
    if not _only_about_late_orders(last_policy, policies):
        return or_(due, is_open)
    is_late = WATCHES.c.bucket.not_in((ON_TIME, *NOT_OPEN))
    was_told = or_(WATCHES.c.revision > 0, WATCHES.c.baseline_revision.is_not(None))
    return or_(due, is_late, and_(is_open, was_told))


def _only_about_late_orders(last_policy: str | None, policies: tuple[Policy, Policy]) -> bool:
    """Return whether no order that the last run found on time, with no check due, can get a message by either policy.

    The last run had one of the policies, every day late is counted from the first, and the other policy counts the
    same lines as late.
    """
    last = next((policy for policy in policies if policy.digest == last_policy), None)
    if last is None or last.bucket[0].from_days > 1 or last.days.count is not DayCount.CALENDAR:
        return False
    first, second = policies
    differing = {name for name in Policy.model_fields if getattr(first, name) != getattr(second, name)}
    return differing <= ABOUT_LATE_ORDERS
