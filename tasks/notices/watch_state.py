"""Record for each evaluated order its bucket and when to check it again, and count the orders by bucket."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, update

from models.orders import LastNotice
from models.policy.policy import NOT_OPEN
from tasks.db.counters import ORDERS_IN
from tasks.notices.decide import OrderDecision
from tasks.offers.budget import WriteConflict
from tasks.tables import WATCHES

WATCH_COLUMNS = ("next_check_on", "bucket", "revision")
UPDATE_WATCH = (
    update(WATCHES)
    .where(WATCHES.c.order_id == bindparam("read_order"), WATCHES.c.version == bindparam("read_version"))
    .values(version=WATCHES.c.version + 1, **{name: bindparam(f"new_{name}") for name in WATCH_COLUMNS})
)


def update_watches(connection: Connection, decisions: Sequence[OrderDecision]) -> None:
    """Record the bucket, the next check and the last revision of each order, in one compare-and-set.

    Raises WriteConflict where a watch has another version than the one that was read.
    """
    rows = [_watch_row(decision) for decision in sorted(decisions, key=lambda one: one.watched.order.id)]
    if rows and connection.execute(UPDATE_WATCH, rows).rowcount != len(rows):
        raise WriteConflict("another worker changed a watch, or an import changed an order's facts")


def _watch_row(decision: OrderDecision) -> dict[str, Any]:
    watched, plan = decision.watched, decision.plan
    return {
        "read_order": watched.order.id,
        "read_version": watched.version,
        "new_next_check_on": decision.assessment.next_check_on,
        "new_bucket": decision.assessment.bucket,
        "new_revision": plan.revision if plan is not None else watched.order.revision,
    }


def store_baselines(connection: Connection, told: Mapping[str, LastNotice]) -> None:
    """Store by order id the delays that staff left untold on purpose: they are changes only when they change."""
    rows = [
        {
            "watched_order": order,
            "new_baseline_revision": notice.revision,
            "new_baseline_on": notice.told_on,
            "new_baseline_lines": [line.as_data() for line in notice.lines],
            "new_baseline_to": notice.customer,
        }
        for order, notice in told.items()
    ]
    columns = ("baseline_revision", "baseline_on", "baseline_lines", "baseline_to")
    store = update(WATCHES).where(WATCHES.c.order_id == bindparam("watched_order"))
    if rows:
        connection.execute(store.values(**{name: bindparam(f"new_{name}") for name in columns}), rows)


def bucket_deltas(decisions: Sequence[OrderDecision]) -> Counter[str]:
    """Return by how much decisions change the counters of open orders by bucket."""
    deltas: Counter[str] = Counter()
    for decision in decisions:
        if decision.watched.bucket not in (None, *NOT_OPEN):
            deltas[f"{ORDERS_IN}{decision.watched.bucket}"] -= 1
        if decision.assessment.bucket not in NOT_OPEN:
            deltas[f"{ORDERS_IN}{decision.assessment.bucket}"] += 1
    return deltas
