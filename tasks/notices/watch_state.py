"""Move the watches of orders that were looked at, and the tallies of where they stand."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, update

from models.policy.policy import NOT_OPEN
from rules.delays.evaluate import is_reachable, last_notice_after
from tasks.context import Context
from tasks.db.counters import ORDERS_IN
from tasks.notices.decide import OrderDecision
from tasks.offers.budget import WriteConflict
from tasks.tables import WATCHES

UPDATE_WATCH = (
    update(WATCHES)
    .where(WATCHES.c.order_id == bindparam("seen_order"), WATCHES.c.version == bindparam("seen_version"))
    .values(
        version=WATCHES.c.version + 1,
        **{name: bindparam(f"new_{name}") for name in ("next_check_on", "bucket", "revision")},
        **{
            name: bindparam(f"new_{name}")
            for name in ("told_revision", "told_on", "told_lines", "told_to", "told_assumed")
        },
    )
)


def update_watches(context: Context, connection: Connection, decided: Sequence[OrderDecision]) -> None:
    """Write down where orders stand now, and what their customers know; raises Contended, where one was moved since."""
    rows = [_seen(context, one) for one in sorted(decided, key=lambda one: one.watched.order.id)]
    if rows and connection.execute(UPDATE_WATCH, rows).rowcount != len(rows):
        raise WriteConflict("a watch was moved by another worker, or an import changed its facts")


def _seen(context: Context, one: OrderDecision) -> dict[str, Any]:
    order, plan = one.watched.order, one.plan
    told = (
        last_notice_after(plan, context.policy)
        if plan is not None and is_reachable(plan.contacts)
        else one.watched.told
    )
    return {
        "seen_order": order.id,
        "seen_version": one.watched.version,
        "new_next_check_on": one.verdict.next_check_on,
        "new_bucket": one.verdict.bucket,
        "new_revision": plan.revision if plan is not None else order.revision,
        "new_told_revision": told.revision if told else None,
        "new_told_on": told.told_on if told else None,
        "new_told_lines": [line.as_data() for line in told.lines] if told else None,
        "new_told_to": told.customer if told else None,
        "new_told_assumed": bool(told and told.assumed),
    }


def bucket_deltas(decided: Sequence[OrderDecision]) -> Counter[str]:
    """Return how the tallies of open orders by bucket change."""
    changes: Counter[str] = Counter()
    for one in decided:
        if one.watched.bucket not in (None, *NOT_OPEN):
            changes[f"{ORDERS_IN}{one.watched.bucket}"] -= 1
        if one.verdict.bucket not in NOT_OPEN:
            changes[f"{ORDERS_IN}{one.verdict.bucket}"] += 1
    return changes
