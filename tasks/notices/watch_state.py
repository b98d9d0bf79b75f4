"""Move the watches of orders that were looked at, and the tallies of where they stand."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, update

from models.policy.policy import NOT_OPEN
from rules.delays.evaluate import tells, told_by
from tasks.context import Desk
from tasks.db.counters import ORDERS_IN
from tasks.notices.decide import Decided
from tasks.offers.budget import Contended
from tasks.tables import WATCHES

SEEN = (
    update(WATCHES)
    .where(WATCHES.c.order_id == bindparam("seen_order"), WATCHES.c.version == bindparam("seen_version"))
    .values(
        version=WATCHES.c.version + 1,
        **{name: bindparam(f"new_{name}") for name in ("look_again_on", "bucket", "revision")},
        **{
            name: bindparam(f"new_{name}")
            for name in ("told_revision", "told_on", "told_lines", "told_to", "told_assumed")
        },
    )
)


def watch(desk: Desk, connection: Connection, decided: Sequence[Decided]) -> None:
    """Write down where orders stand now, and what their customers know; raises Contended, where one was moved since."""
    rows = [_seen(desk, one) for one in sorted(decided, key=lambda one: one.watched.order.id)]
    if rows and connection.execute(SEEN, rows).rowcount != len(rows):
        raise Contended("a watch was moved by another worker, or an import changed its facts")


def _seen(desk: Desk, one: Decided) -> dict[str, Any]:
    order, plan = one.watched.order, one.plan
    told = told_by(plan, desk.policy) if plan is not None and tells(plan.contacts) else one.watched.told
    return {
        "seen_order": order.id,
        "seen_version": one.watched.version,
        "new_look_again_on": one.verdict.look_again_on,
        "new_bucket": one.verdict.bucket,
        "new_revision": plan.revision if plan is not None else order.revision,
        "new_told_revision": told.revision if told else None,
        "new_told_on": told.told_on if told else None,
        "new_told_lines": [line.as_data() for line in told.lines] if told else None,
        "new_told_to": told.customer if told else None,
        "new_told_assumed": bool(told and told.assumed),
    }


def moved(decided: Sequence[Decided]) -> Counter[str]:
    """Return how the tallies of open orders by bucket change."""
    changes: Counter[str] = Counter()
    for one in decided:
        if one.watched.bucket not in (None, *NOT_OPEN):
            changes[f"{ORDERS_IN}{one.watched.bucket}"] -= 1
        if one.verdict.bucket not in NOT_OPEN:
            changes[f"{ORDERS_IN}{one.verdict.bucket}"] += 1
    return changes
