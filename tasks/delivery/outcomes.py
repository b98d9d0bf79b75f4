"""Write down how messages ended, and what follows from it."""

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
"""The event of an answer that came when the message was not the asker's any more."""
FINAL_STATES = (State.SENT, State.REJECTED)
"""Answers that settle a doubt, whoever hears them and however late."""


def record_outcomes(
    connection: Connection, table: Table, outcomes: Sequence[DeliveryOutcome], now: datetime, who: str
) -> list[DeliveryOutcome]:
    """Write down how messages ended, and what follows from it; return the outcomes of those that were still ours.

    An answer that comes after the lease was over ends the doubt that it left, or else is kept as an event. Safe to
    repeat with the same moment, where nobody knows whether the transaction was kept.
    """
    outcomes = [replace(one, reason=one_line(one.reason), reference=_plain(one.reference)) for one in outcomes]
    ended = [one for one in outcomes if one.state is not State.QUEUED]
    later = [one for one in outcomes if one.state is State.QUEUED]
    ours = _end(connection, table, ended, now, who) | {
        one.id for one in later if _requeue(connection, table, one, now, who)
    }
    _record_state_events(connection, table, ours, now, who)
    if lost := [one for one in outcomes if one.id not in ours]:
        ours |= _already_recorded(connection, lost, now, who)
        too_late = [one for one in lost if one.id not in ours]
        record_events(
            connection, [(LATE_ANSWER, one.id, one.reason or one.reference or "") for one in too_late], now, who
        )
    kept = [one for one in outcomes if one.id in ours]
    if trials := [one.id for one in kept if one.trial]:
        connection.execute(update(table).where(in_list(connection, table.c.id, trials)).values(trial=True))
    suppress(connection, {one.suppress: one.reason for one in kept if one.suppress}, now, who)
    return kept


def _plain(reference: str | None) -> str | None:
    # A provider may answer with characters, such as NUL, that a database takes in no text.
    return None if reference is None else one_line(reference)


def _end(
    connection: Connection, table: Table, outcomes: Sequence[DeliveryOutcome], now: datetime, who: str
) -> set[str]:
    """End messages, all by one statement; return the ids of those that were still ours, or in doubt without us."""
    if not outcomes:
        return set()
    ends = {one.id: {"state": one.state, "reason": one.reason or None, "reference": one.reference} for one in outcomes}
    given = literal(ends, JSON().with_variant(JSONB(), "postgresql"))
    changes = {name: _part(connection, given, table.c.id, name) for name in ("state", "reason", "reference")}
    known = [one.id for one in outcomes if one.state in FINAL_STATES]
    doubted = and_(table.c.state == State.IN_DOUBT, in_list(connection, table.c.id, known))
    ended = (
        update(table)
        .where(in_list(connection, table.c.id, ends), or_(table.c.claimed_by == who, doubted))
        .values(**CLEAR_LEASE, **changes, settled_at=now)
        .returning(table.c.id)
    )
    return set(connection.execute(ended).scalars())


def _part(connection: Connection, given: ColumnElement[Any], key: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Return the SQL of what a JSON object of objects says by a row's id and a name."""
    if is_sqlite(connection):
        return func.json_extract(given, literal('$."') + key + literal(f'"."{name}"'))
    return func.jsonb_extract_path_text(given, key, name)


def _requeue(connection: Connection, table: Table, one: DeliveryOutcome, now: datetime, who: str) -> bool:
    """Queue a message again; say whether it was still ours."""
    valid_until = table.c.valid_until if one.valid_until is None else one.valid_until
    again = (
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
    return connection.execute(again).rowcount == 1


def _record_state_events(connection: Connection, table: Table, ids: Collection[str], now: datetime, who: str) -> None:
    """Write an event of each message's new state, from its row."""
    if ids:
        why = func.coalesce(func.nullif(table.c.reason, ""), table.c.reference, "")
        rows = select(literal(now, UtcTime), table.c.state, table.c.id, literal(who), why).where(
            in_list(connection, table.c.id, ids)
        )
        connection.execute(insert(connection, EVENTS).from_select(["at", "kind", "subject", "who", "why"], rows))


def _already_recorded(connection: Connection, lost: Sequence[DeliveryOutcome], now: datetime, who: str) -> set[str]:
    """Return what we settled in this way at this very moment: the commit was kept, and only its answer lost."""
    same = (EVENTS.c.at == now, EVENTS.c.who == who, EVENTS.c.subject.in_([one.id for one in lost]))
    told = {
        (subject, kind) for subject, kind in connection.execute(select(EVENTS.c.subject, EVENTS.c.kind).where(*same))
    }
    return {one.id for one in lost if (one.id, one.state) in told}
