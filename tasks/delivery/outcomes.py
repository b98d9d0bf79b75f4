"""Record how messages ended: their states, events, trial marks and suppressed addresses."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Table, and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB

from channels.headers import one_line
from models.enums import State
from models.messages import DeliveryOutcome
from models.tables.column_types import UtcTime
from tasks.db.events import record_events
from tasks.db.sql import in_list, insert, is_sqlite
from tasks.delivery.queue import CLEAR_LEASE
from tasks.notices.suppressions import suppress
from tasks.tables import EVENTS

LATE_ANSWER = "too_late"
"""Kind of the event for an answer that came after the sender's lease had ended."""
FINAL_STATES = (State.SENT, State.REJECTED)
"""States that settle a message in doubt, whichever process records them and however late."""


def record_outcomes(
    connection: Connection, table: Table, outcomes: Sequence[DeliveryOutcome], now: datetime, who: str
) -> list[DeliveryOutcome]:
    """Record how messages ended, with their events and suppressions; return the outcomes that applied.

    An outcome applies when `who` still holds the message, or when it settles a message in doubt. Any other is only kept
    as an event of kind LATE_ANSWER. Safe to repeat with the same `now` after a commit whose answer was lost.
    """
    outcomes = [replace(one, reason=one_line(one.reason), reference=_storable(one.reference)) for one in outcomes]
    ended = [one for one in outcomes if one.state is not State.QUEUED]
    requeued = [one for one in outcomes if one.state is State.QUEUED]
    applied = _end(connection, table, ended, now, who) | {
        one.id for one in requeued if _requeue(connection, table, one, now, who)
    }
    _record_state_events(connection, table, applied, now, who)
    if unapplied := [one for one in outcomes if one.id not in applied]:
        applied |= _already_recorded(connection, unapplied, now, who)
        too_late = [one for one in unapplied if one.id not in applied]
        record_events(
            connection, [(LATE_ANSWER, one.id, one.reason or one.reference or "") for one in too_late], now, who
        )
    recorded = [one for one in outcomes if one.id in applied]
    if trials := [one.id for one in recorded if one.trial]:
        connection.execute(update(table).where(in_list(connection, table.c.id, trials)).values(trial=True))
    suppress(connection, {one.suppress: one.reason for one in recorded if one.suppress}, now, who)
    return recorded


def _storable(reference: str | None) -> str | None:
    # A provider may answer with characters, such as NUL, that PostgreSQL does not store in a text.
    return None if reference is None else one_line(reference)


def _end(
    connection: Connection, table: Table, outcomes: Sequence[DeliveryOutcome], now: datetime, who: str
) -> set[str]:
    """Set the final states of messages by one statement; return the ids of those held by `who` or in doubt."""
    if not outcomes:
        return set()
    ends = {one.id: {"state": one.state, "reason": one.reason or None, "reference": one.reference} for one in outcomes}
    outcomes_json = literal(ends, JSON().with_variant(JSONB(), "postgresql"))
    changes = {
        name: _json_field(connection, outcomes_json, table.c.id, name) for name in ("state", "reason", "reference")
    }
    final = [one.id for one in outcomes if one.state in FINAL_STATES]
    in_doubt = and_(table.c.state == State.IN_DOUBT, in_list(connection, table.c.id, final))
    ended = (
        update(table)
        .where(in_list(connection, table.c.id, ends), or_(table.c.claimed_by == who, in_doubt))
        .values(**CLEAR_LEASE, **changes, settled_at=now)
        .returning(table.c.id)
    )
    return set(connection.execute(ended).scalars())


def _json_field(
    connection: Connection, objects: ColumnElement[Any], key: ColumnElement[Any], name: str
) -> ColumnElement[Any]:
    """Return the SQL of `objects[key][name]`, where `objects` is a JSON object of objects."""
    if is_sqlite(connection):
        return func.json_extract(objects, literal('$."') + key + literal(f'"."{name}"'))
    return func.jsonb_extract_path_text(objects, key, name)


def _requeue(connection: Connection, table: Table, one: DeliveryOutcome, now: datetime, who: str) -> bool:
    """Queue a message again; return whether `who` still held it."""
    valid_until = table.c.valid_until if one.valid_until is None else one.valid_until
    requeued = (
        update(table)
        .where(table.c.id == one.id, table.c.claimed_by == who)
        .values(
            **CLEAR_LEASE,
            state=State.QUEUED,
            reason=one.reason,
            not_before=one.not_before or now,
            valid_until=valid_until,
        )
    )
    return connection.execute(requeued).rowcount == 1


def _record_state_events(connection: Connection, table: Table, ids: Collection[str], now: datetime, who: str) -> None:
    """Append an event for each message, with the state and reason its row has now."""
    if ids:
        why = func.coalesce(func.nullif(table.c.reason, ""), table.c.reference, "")
        rows = select(literal(now, UtcTime), table.c.state, table.c.id, literal(who), why).where(
            in_list(connection, table.c.id, ids)
        )
        connection.execute(insert(connection, EVENTS).from_select(["at", "kind", "subject", "who", "why"], rows))


def _already_recorded(
    connection: Connection, unapplied: Sequence[DeliveryOutcome], now: datetime, who: str
) -> set[str]:
    """Return the ids whose outcome `who` recorded at exactly `now`: the commit was stored and only its answer lost."""
    same = (EVENTS.c.at == now, EVENTS.c.who == who, EVENTS.c.subject.in_([one.id for one in unapplied]))
    recorded = {
        (subject, kind) for subject, kind in connection.execute(select(EVENTS.c.subject, EVENTS.c.kind).where(*same))
    }
    return {one.id for one in unapplied if (one.id, one.state) in recorded}
