"""Record how messages ended: their states, events, trial marks and suppressed addresses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Text,
    Update,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.dml import ReturningUpdate

from channels.headers import one_line
from models.enums import DIRECT, State
from models.messages import DeliveryOutcome
from models.tables.column_types import UtcTime
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE
from tasks.db.sql import in_list, is_sqlite
from tasks.delivery.queue import LeaseHolder
from tasks.notices.suppressions import suppress
from tasks.tables import EVENTS, OUTBOX

LATE_ANSWER = "too_late"
"""Kind of the event for an answer that came after the sender's lease had ended."""
FINAL_STATES = (State.SENT, State.REJECTED)
"""States that settle a message in doubt, whichever process records them and however late."""
"""Channels of which a failed message is followed by the customer's next channel."""


def record_outcomes(
    connection: Connection, outcomes: Sequence[DeliveryOutcome], now: datetime, who: str, *, locked: bool = False
) -> list[DeliveryOutcome]:
    """Record how messages ended, with their events and suppressions; return the outcomes that applied.

    An outcome applies when `who` still has the message's lease, when it settles a message in doubt, or when this
    transaction has `locked` the message. Any other is only kept as an event of kind LATE_ANSWER. That a message was
    sent needs no event: its row says when, and under which reference. Safe to repeat with the same `now` after a commit
    whose answer was lost.
    """
    if not outcomes:
        return []
    outcomes = [_storable(outcome) for outcome in outcomes]
    ended = [outcome for outcome in outcomes if outcome.state is not State.QUEUED]
    requeued = [outcome for outcome in outcomes if outcome.state is State.QUEUED]
    applied = _end(connection, ended, now, who, locked=locked)
    applied |= {outcome.id for outcome in requeued if _requeue(connection, outcome, now, who, locked=locked)}
    recorded = [outcome for outcome in outcomes if outcome.id in applied]
    record_events(connection, _events(recorded), now, who)
    if unapplied := [outcome for outcome in outcomes if outcome.id not in applied]:
        repeated = _recorded_before(connection, unapplied, now)
        recorded += [outcome for outcome in unapplied if outcome.id in repeated]
        too_late = [outcome for outcome in unapplied if outcome.id not in repeated]
        reasons = [(LATE_ANSWER, outcome.id, outcome.reason or outcome.reference or "") for outcome in too_late]
        record_events(connection, reasons, now, who)
    suppress(connection, {outcome.suppress: outcome.reason for outcome in recorded if outcome.suppress}, now, who)
    return recorded


def _storable(outcome: DeliveryOutcome) -> DeliveryOutcome:
    # A provider may answer with characters, such as NUL, that PostgreSQL does not store in a text.
    reference = None if outcome.reference is None else one_line(outcome.reference)
    return replace(outcome, reason=one_line(outcome.reason), reference=reference)


def _events(recorded: Sequence[DeliveryOutcome]) -> list[tuple[str, str, str]]:
    return [
        (outcome.state, outcome.id, outcome.reason or outcome.reference or "")
        for outcome in recorded
        if outcome.state is not State.SENT or outcome.reason
    ]


def _end(
    connection: Connection, outcomes: Sequence[DeliveryOutcome], now: datetime, who: str, *, locked: bool
) -> set[str]:
    """Set the final states of messages by one statement; return the ids of those that `who` had, or were in doubt."""
    if not outcomes:
        return set()
    rows = [
        {
            "ended_id": outcome.id,
            "new_state": str(outcome.state),
            "new_reason": outcome.reason or None,
            "new_reference": outcome.reference,
            "new_trial": outcome.trial,
            "failed": outcome.state in (State.REJECTED, State.BOUNCED),
        }
        for outcome in outcomes
    ]
    if not is_sqlite(connection):
        arrays = {name: [row[name] for row in rows] for name in rows[0]}
        statement = _settle_arrays(tuple(rows[0]), locked=locked)
        return set(connection.execute(statement, {**arrays, "who": who, "moment": now}).scalars())
    # One transaction writes at a time: what may end by this query still may in the next statement.
    final = [outcome.id for outcome in outcomes if outcome.state in FINAL_STATES]
    query = select(OUTBOX.c.id).where(OUTBOX.c.id.in_([outcome.id for outcome in outcomes]))
    if not locked:
        in_doubt = and_(OUTBOX.c.state == State.IN_DOUBT, OUTBOX.c.id.in_(final))
        query = query.where(or_(OUTBOX.c.lease_holder == who, in_doubt))
    ids = set(connection.execute(query).scalars())
    if ids:
        ended = [{**row, "moment": now} for row in rows if row["ended_id"] in ids]
        connection.execute(_settle_row(tuple(rows[0])), ended)
    return ids


@cache
def _settle_row(names: tuple[str, ...]) -> Update:
    """Return the statement for SQLite, which is executed for each row."""
    new: dict[str, Any] = {name: bindparam(name) for name in names}
    return update(OUTBOX).where(OUTBOX.c.id == new["ended_id"]).values(**CLEAR_LEASE, **_changes(new))


@cache
def _settle_arrays(names: tuple[str, ...], *, locked: bool) -> ReturningUpdate[str]:
    """Return the statement for PostgreSQL; to put it together takes longer than to run it."""
    new = func.unnest(*map(_array, names)).table_valued(*names).render_derived("ended")
    settled = update(OUTBOX).where(OUTBOX.c.id == new.c.ended_id)
    if not locked:
        settled = settled.where(_may_end(new.c.new_state))
    return settled.values(**CLEAR_LEASE, **_changes(new.c)).returning(OUTBOX.c.id)


def _changes(new: Any) -> dict[str, ColumnElement[Any]]:
    """Return the columns that change, from the columns or the parameters of what is new."""
    return {
        "state": new["new_state"],
        "reason": new["new_reason"],
        "reference": new["new_reference"],
        "trial": new["new_trial"],
        "settled_at": case((new["new_state"] == State.IN_DOUBT, None), else_=bindparam("moment", type_=UtcTime)),
        "awaits_fallback": and_(new["failed"], or_(*(OUTBOX.c.channel == channel for channel in DIRECT))),
    }


def _array(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=ARRAY(Boolean() if name in ("new_trial", "failed") else Text()))


def _may_end(new_state: ColumnElement[Any]) -> ColumnElement[bool]:
    in_doubt = and_(OUTBOX.c.state == State.IN_DOUBT, new_state.in_(FINAL_STATES))
    return or_(OUTBOX.c.lease_holder == bindparam("who"), in_doubt)


def _requeue(connection: Connection, outcome: DeliveryOutcome, now: datetime, who: str, *, locked: bool) -> bool:
    """Queue a message again; return whether `who` still had its lease."""
    values: dict[str, Any] = {"reason": outcome.reason, "not_before": outcome.not_before or now, "settled_at": None}
    if outcome.new_hours:
        values["valid_until"] = outcome.valid_until
    requeued = update(OUTBOX).where(OUTBOX.c.id == outcome.id)
    if not locked:
        requeued = requeued.where(OUTBOX.c.lease_holder == who)
    return connection.execute(requeued.values(**CLEAR_LEASE, **values, state=State.QUEUED)).rowcount == 1


def _recorded_before(connection: Connection, unapplied: Sequence[DeliveryOutcome], now: datetime) -> set[str]:
    """Return the ids whose outcome was recorded at exactly `now`: the commit was stored and only its answer lost."""
    query = select(OUTBOX.c.id, OUTBOX.c.state, OUTBOX.c.reason, OUTBOX.c.not_before, OUTBOX.c.settled_at).where(
        in_list(connection, OUTBOX.c.id, [outcome.id for outcome in unapplied])
    )
    rows = {row.id: row for row in connection.execute(query)}
    return {outcome.id for outcome in unapplied if outcome.id in rows and _has(rows[outcome.id], outcome, now)}


def _has(row: Any, outcome: DeliveryOutcome, now: datetime) -> bool:
    """Return whether a row is as the outcome of this very moment leaves it."""
    if row.state != outcome.state:
        return False
    match outcome.state:
        case State.QUEUED:
            return bool(row.not_before == (outcome.not_before or now))
        case State.IN_DOUBT:
            return bool(row.reason == outcome.reason)
    return bool(row.settled_at == now)


def skipped_at(connection: Connection, holder: LeaseHolder, now: datetime) -> list[DeliveryOutcome]:
    """Return the messages that this holder skipped at exactly `now`: a commit whose answer was lost."""
    skipped = and_(EVENTS.c.at == now, EVENTS.c.who == holder.name, EVENTS.c.kind == State.SKIPPED)
    rows = connection.execute(select(EVENTS.c.subject, EVENTS.c.why).where(skipped).order_by(EVENTS.c.id))
    return [DeliveryOutcome(subject, State.SKIPPED, why) for subject, why in rows]
