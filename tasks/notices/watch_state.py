"""Record for each evaluated order where it stands and when to check it again, and count the orders by bucket."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, update

from models.policy.policy import NOT_OPEN
from rules.delays.assess import is_reachable, last_notice_after
from tasks.context import Context
from tasks.db.counters import ORDERS_IN
from tasks.notices.decide import OrderDecision
from tasks.offers.budget import WriteConflict
from tasks.tables import WATCHES

WATCH_COLUMNS = (
    "next_check_on",
    "bucket",
    "revision",
    "told_revision",
    "told_on",
    "told_lines",
    "told_to",
    "told_assumed",
)
UPDATE_WATCH = (
    update(WATCHES)
    .where(WATCHES.c.order_id == bindparam("read_order"), WATCHES.c.version == bindparam("read_version"))
    .values(version=WATCHES.c.version + 1, **{name: bindparam(f"new_{name}") for name in WATCH_COLUMNS})
)


def update_watches(context: Context, connection: Connection, decisions: Sequence[OrderDecision]) -> None:
    """Record the bucket, the next check and what the customer was last told for each order, in one compare-and-set.

    Raises WriteConflict where a watch has another version than the one that was read.
    """
    rows = [_watch_row(context, decision) for decision in sorted(decisions, key=lambda one: one.watched.order.id)]
    if rows and connection.execute(UPDATE_WATCH, rows).rowcount != len(rows):
        raise WriteConflict("another worker changed a watch, or an import changed an order's facts")


def _watch_row(context: Context, decision: OrderDecision) -> dict[str, Any]:
    watched, plan = decision.watched, decision.plan
    is_told = plan is not None and is_reachable(plan.contacts)
    last_notice = last_notice_after(plan, context.policy) if plan is not None and is_told else watched.told
    return {
        "read_order": watched.order.id,
        "read_version": watched.version,
        "new_next_check_on": decision.assessment.next_check_on,
        "new_bucket": decision.assessment.bucket,
        "new_revision": plan.revision if plan is not None else watched.order.revision,
        "new_told_revision": last_notice.revision if last_notice else None,
        "new_told_on": last_notice.told_on if last_notice else None,
        "new_told_lines": [line.as_data() for line in last_notice.lines] if last_notice else None,
        "new_told_to": last_notice.customer if last_notice else None,
        "new_told_assumed": bool(last_notice and last_notice.assumed),
    }


def bucket_deltas(decisions: Sequence[OrderDecision]) -> Counter[str]:
    """Return by how much decisions change the counters of open orders by bucket."""
    deltas: Counter[str] = Counter()
    for decision in decisions:
        if decision.watched.bucket not in (None, *NOT_OPEN):
            deltas[f"{ORDERS_IN}{decision.watched.bucket}"] -= 1
        if decision.assessment.bucket not in NOT_OPEN:
            deltas[f"{ORDERS_IN}{decision.assessment.bucket}"] += 1
    return deltas
