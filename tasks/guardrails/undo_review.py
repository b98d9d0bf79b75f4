"""Take back what a person decided about a held run: it is held again, as long as nothing of it has left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.counters import increment, set_counter
from tasks.db.events import record_events
from tasks.db.outbox import QUEUED_FILTER
from tasks.db.settled_counts import recount_settled, uncount_settled
from tasks.db.sql import AdvisoryLock, in_list, lock, lock_ordered
from tasks.guardrails.check import RELEASED_PREFIX, messages_of
from tasks.guardrails.release import REVIEWED_STATES, ReviewDecision
from tasks.orders.due import touch_orders
from tasks.orders.instructions import held_orders
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.runs.records import HELD, LATE_ORDERS
from tasks.tables import NOTICES, OUTBOX, RUNS

GRACE = timedelta(minutes=5)
"""How long nothing of a run leaves that was released on the desk."""
RELEASE_UNDONE, DROP_UNDONE = "release_undone", "drop_undone"
"""Kinds of the events."""


@dataclass(frozen=True, slots=True)
class ReviewedRun:
    """A run about which a person had decided."""

    number: int
    flow: str
    as_of: date


class ReviewStands(ForewarnError):
    """Raised when a decision about a run cannot be taken back any more."""


def undo_release(
    context: Context,
    connection: Connection,
    run: str,
    released_at: datetime,
    who: str,
    *,
    orders: int = 0,
    measures: Mapping[str, int] | None = None,
) -> int:
    """Hold a run again that was released at a moment; return how many of its messages wait again.

    `orders` and `measures` are those of its ReleaseResult. Raises ReviewStands once the grace is over or a message has
    left, and for a release that accepted data which a later run has used.
    """
    lock(connection, AdvisoryLock.GUARDRAILS)
    if context.started_at >= released_at + GRACE:
        raise ReviewStands("the messages are leaving by now")
    reviewed = _hold_run(connection, run, ReviewDecision.RELEASE)
    released = and_(NOTICES.c.run_id == run, OUTBOX.c.queued_at == released_at)
    waiting = and_(QUEUED_FILTER, messages_of(NOTICES.c.run_id == run), OUTBOX.c.queued_at == released_at)
    held = update(OUTBOX).where(lock_ordered(connection, OUTBOX.c.id, waiting)).values(state=State.HELD)
    messages = connection.execute(held).rowcount
    left = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(released, LEFT_FILTER).limit(1)
    if connection.execute(left).first() is not None:
        raise ReviewStands("a message of the run has left")
    if measures:
        _restore_measures(connection, reviewed, measures)
    if reviewed.flow == LATE_ORDERS and orders:
        increment(connection, f"{RELEASED_PREFIX}{reviewed.as_of}", -orders)
    record_events(connection, [(RELEASE_UNDONE, run, "")], context.started_at, who)
    return messages


def undo_drop(context: Context, connection: Connection, run: str, dropped_at: datetime, who: str) -> int:
    """Hold a run again that was dropped at a moment; return how many of its messages wait again.

    A message stays dropped whose order has a newer one. Raises ReviewStands where all of them have.
    """
    lock(connection, AdvisoryLock.GUARDRAILS)
    _hold_run(connection, run, ReviewDecision.DROP)
    dropped = and_(
        NOTICES.c.run_id == run,
        OUTBOX.c.state == State.SKIPPED,
        OUTBOX.c.reason == SkipReason.DROPPED,
        OUTBOX.c.settled_at == dropped_at,
    )
    restored = restore_skipped(connection, dropped, State.HELD)
    if not restored:
        raise ReviewStands("each of its orders has a newer message by now")
    record_events(connection, [(DROP_UNDONE, run, "")], context.started_at, who)
    return len(restored)


def restore_skipped(connection: Connection, which: ColumnElement[bool], state: State) -> list[str]:
    """Let skipped notices wait again, in a state; return their ids. One whose order has a newer notice stays skipped.

    `which` is SQL over NOTICES and OUTBOX. The orders' versions move, so that no run that read them before writes a
    further notice, and each of the notices is checked again before it leaves.
    """
    found = select(NOTICES.c.id, NOTICES.c.order_id).select_from(NOTICES_WITH_STATE).where(which)
    touch_orders(connection, {row.order_id for row in connection.execute(found)})
    newer = NOTICES.alias()
    has_newer = select(newer.c.id).where(newer.c.order_id == NOTICES.c.order_id, newer.c.revision > NOTICES.c.revision)
    ids = list(connection.execute(found.where(~has_newer.exists())).scalars())
    if not ids:
        return []
    settled = in_list(connection, OUTBOX.c.id, ids)
    uncount_settled(connection, settled)
    waiting = update(OUTBOX).where(
        lock_ordered(connection, OUTBOX.c.id, and_(settled, OUTBOX.c.state == State.SKIPPED))
    )
    # An order may be held since: then they wait for its release as well.
    held = select(NOTICES.c.id).where(NOTICES.c.id == OUTBOX.c.id, NOTICES.c.order_id.in_(held_orders()))
    values = {"state": state, "reason": None, "settled_at": None, "on_hold": held.exists()}
    restored = sorted(connection.execute(waiting.values(values).returning(OUTBOX.c.id)).scalars())
    recount_settled(connection, and_(settled, OUTBOX.c.settled_at.is_not(None)))
    return restored


def _hold_run(connection: Connection, run: str, decision: ReviewDecision) -> ReviewedRun:
    state = REVIEWED_STATES[decision]
    held = update(RUNS).where(RUNS.c.id == run, RUNS.c.state == state).values(state=HELD)
    row = connection.execute(held.returning(RUNS.c.number, RUNS.c.flow, RUNS.c.as_of)).first()
    if row is None:
        raise ReviewStands(f"the run is not {state} any more")
    return ReviewedRun(row.number, row.flow, row.as_of)


def _restore_measures(connection: Connection, run: ReviewedRun, measures: Mapping[str, int]) -> None:
    later = select(func.count()).where(RUNS.c.flow == run.flow, RUNS.c.number > run.number)
    if connection.execute(later).scalar_one():
        raise ReviewStands("a later run has used the data")
    for name, value in measures.items():
        set_counter(connection, name, value)
