"""Hold messages before they leave, and take single ones out of the queue; both can be undone.

What is held on the desk is a run of its own: it waits for a person like one that exceeded a limit, and is released or
dropped in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, select, update

from models.enums import Channel, SkipReason, State
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE, QUEUED_FILTER, queue_messages, skip_messages
from tasks.db.restored import put_in_doubt, restored_from
from tasks.db.settled_counts import recount_settled, uncount_settled
from tasks.db.sql import AdvisoryLock, in_list, insert, lock, lock_ordered
from tasks.desk.bounded import Count, count_up_to
from tasks.guardrails.check import held_by, messages_of
from tasks.guardrails.undo_review import restore_skipped
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.runs.records import HELD
from tasks.tables import NOTICES, OUTBOX, POST_MESSAGES, RUNS

STAFF_HOLD = "staff-hold"
"""The flow of the run that messages belong to which a person holds."""
STAFF = "staff"
"""The limit that such a run exceeds."""
RELEASED = "released"


class NotWaiting(ForewarnError):
    """Raised where a message does not wait any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What was held: its run, the messages, and the people behind them."""

    run: str
    messages: int


def count_notices(connection: Connection, which: ColumnElement[bool]) -> Count:
    """Return how many of the matching messages can be held: messages about delays, not answers and posts."""
    return count_up_to(connection, select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(which))


def hold_messages(context: Context, connection: Connection, which: ColumnElement[bool], who: str, why: str) -> Hold:
    """Hold the matching messages about delays that wait; raises NotWaiting where none waits any more."""
    lock(connection, AdvisoryLock.GUARDRAILS)
    run, now = uuid4().hex, context.started_at
    notices = select(NOTICES.c.id).where(NOTICES.c.id == OUTBOX.c.id)
    waiting = and_(which, QUEUED_FILTER, notices.exists())
    held = update(OUTBOX).where(lock_ordered(connection, OUTBOX.c.id, waiting)).values(**CLEAR_LEASE, state=State.HELD)
    ids = list(connection.execute(held.returning(OUTBOX.c.id)).scalars())
    if not ids:
        raise NotWaiting("none of these messages waits any more")
    row = {"id": run, "flow": STAFF_HOLD, "as_of": context.as_of, "policy": context.policy.digest}
    times = {"started_at": now, "ended_at": now}
    counts = {"held": {STAFF: f"{who} held them{f': {why}' if why else ''}"}}
    connection.execute(insert(connection, RUNS).values(**row, **times, state=HELD, counts=counts))
    own = lock_ordered(connection, NOTICES.c.id, in_list(connection, NOTICES.c.id, ids))
    connection.execute(update(NOTICES).where(own).values(run_id=run))
    record_events(connection, [(HELD, run, why)], now, who)
    return Hold(run, len(ids))


def undo_hold(context: Context, connection: Connection, run: str, who: str) -> int:
    """Let held messages wait as before; return how many. Raises NotWaiting where somebody decided about them."""
    lock(connection, AdvisoryLock.GUARDRAILS)
    released = update(RUNS).where(RUNS.c.id == run, RUNS.c.flow == STAFF_HOLD, RUNS.c.state == HELD)
    if connection.execute(released.values(state=RELEASED)).rowcount != 1:
        raise NotWaiting("somebody has decided about these messages by now")
    queued = queue_messages(connection, messages_of(held_by([run])))
    _ask_first(context, connection, queued, who)
    record_events(connection, [(RELEASED, run, "the hold was undone")], context.started_at, who)
    return len(queued)


def stop_message(context: Context, connection: Connection, message_id: str, who: str, why: str) -> None:
    """Take a message about a delay, or a post, out of the queue. Raises NotWaiting where it does not wait any more."""
    answers = (select(table.c.id).where(table.c.id == OUTBOX.c.id) for table in (NOTICES, POST_MESSAGES))
    is_ours = next(answers).exists() | next(answers).exists()
    waiting = and_(OUTBOX.c.id == message_id, QUEUED_FILTER, OUTBOX.c.channel.in_(list(Channel)), is_ours)
    if not skip_messages(connection, waiting, SkipReason.DROPPED, context.started_at):
        raise NotWaiting("the message does not wait any more")
    record_events(connection, [(State.SKIPPED, message_id, why or SkipReason.DROPPED)], context.started_at, who)


def undo_stop(context: Context, connection: Connection, message_id: str, stopped_at: datetime, who: str) -> None:
    """Let a message wait again that was taken out at a moment; raises NotWaiting where a newer one took its place."""
    stopped = and_(
        OUTBOX.c.id == message_id,
        OUTBOX.c.state == State.SKIPPED,
        OUTBOX.c.reason == SkipReason.DROPPED,
        OUTBOX.c.settled_at == stopped_at,
    )
    is_post = connection.execute(select(POST_MESSAGES.c.id).where(POST_MESSAGES.c.id == message_id)).first() is not None
    if not (_restore_post(connection, stopped) if is_post else restore_skipped(connection, stopped, State.QUEUED)):
        raise NotWaiting("a newer message took its place, or somebody let it wait again")
    _ask_first(context, connection, [message_id], who)
    record_events(connection, [(State.QUEUED, message_id, "let wait again")], context.started_at, who)


def _ask_first(context: Context, connection: Connection, ids: Sequence[str], who: str) -> None:
    """Put queued messages in doubt while the records are those of a backup: after it, they may have left."""
    taken_at = restored_from(connection)
    if taken_at is not None:
        mine = and_(in_list(connection, OUTBOX.c.id, ids), QUEUED_FILTER)
        put_in_doubt(connection, mine, taken_at, context.started_at, who)


def _restore_post(connection: Connection, stopped: ColumnElement[bool]) -> bool:
    uncount_settled(connection, stopped)
    waiting = update(OUTBOX).where(stopped).values(state=State.QUEUED, reason=None, settled_at=None)
    restored = connection.execute(waiting).rowcount == 1
    recount_settled(connection, stopped)
    return restored
