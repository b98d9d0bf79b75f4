"""The outbox outside delivery: put messages in, queue, skip and find those that have not left."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, update

from models.enums import State
from tasks.db.settled_counts import forget_settled_counts, is_counted
from tasks.db.sql import insert, lock_ordered
from tasks.tables import OUTBOX

CLEAR_LEASE: dict[str, Any] = {"lease_holder": None, "lease_until": None}
QUEUED_FILTER = and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.QUEUED)
UNSENT_FILTER = and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.state.in_((State.HELD, State.QUEUED)))
"""The SQL of a message that has not left and still may; `ix_outbox_due` finds it."""


def outbox_row(
    key: str, channel: str, state: State, now: datetime, *, not_before: datetime | None = None, **columns: Any
) -> dict[str, Any]:
    """Return the row of a new message, with all the columns that a new row has."""
    blank = {"reason": None, "valid_until": None, "attempts": 0, "settled_at": None}
    row = {"id": key, "channel": channel, "state": state, "queued_at": now, "not_before": not_before or now}
    return blank | row | columns


def insert_messages(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert new messages; those that exist stay as they are."""
    if rows:
        connection.execute(insert(connection, OUTBOX).on_conflict_do_nothing(), list(rows))


def skip_messages(connection: Connection, which: ColumnElement[bool], reason: str | None, now: datetime) -> list[str]:
    """Skip the messages that match; return their ids. The caller says which states may still be skipped."""
    if is_counted(connection, now):
        # A person was asked long ago and has answered now.
        forget_settled_counts(connection)
    skipped = {"state": State.SKIPPED, "reason": reason, "settled_at": now, "awaits_fallback": False}
    matching = update(OUTBOX).where(lock_ordered(connection, OUTBOX.c.id, which)).values(**CLEAR_LEASE, **skipped)
    return sorted(connection.execute(matching.returning(OUTBOX.c.id)).scalars())


def queue_messages(
    connection: Connection, which: ColumnElement[bool], now: datetime | None = None, **columns: Any
) -> list[str]:
    """Queue the messages that match; return their ids. With `now` their age counts from that moment on."""
    queued: dict[str, Any] = {"state": State.QUEUED, "settled_at": None, **columns}
    if now is not None:
        queued["queued_at"] = now
    matching = update(OUTBOX).where(lock_ordered(connection, OUTBOX.c.id, which)).values(**CLEAR_LEASE, **queued)
    return list(connection.execute(matching.returning(OUTBOX.c.id)).scalars())
