"""Record how messages ended: their states, events, trial marks and suppressed addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.types import TypeEngine

from channels.headers import one_line
from models.enums import DIRECT, State
from models.messages import DeliveryOutcome
from models.tables.column_types import UtcTime
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE
from tasks.db.sql import array_parameter, array_text, in_list, is_sqlite
from tasks.delivery.queue import LeaseHolder
from tasks.notices.suppressions import suppress
from tasks.tables import EVENTS, OUTBOX

LATE_ANSWER = "too_late"
"""Kind of the event for an answer that came after the sender's lease had ended."""
FINAL_STATES = (State.SENT, State.REJECTED)
"""States that settle a message in doubt, whichever process records them and however late."""
FAILED_STATES = (State.REJECTED, State.BOUNCED)
"""States of a message that is followed by the customer's next channel."""
ENDED: Mapping[str, TypeEngine[Any]] = {
    "id": Text(),
    "state": Text(),
    "reason": Text(),
    "reference": Text(),
    "trial": Boolean(),
    "failed": Boolean(),
}
"""What is stored of an outcome."""


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
    reference, reason = outcome.reference and one_line(outcome.reference), outcome.reason and one_line(outcome.reason)
    if (reference, reason) == (outcome.reference, outcome.reason):
        return outcome
    return replace(outcome, reason=reason, reference=reference)


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
    ended: dict[str, list[Any]] = {
        "id": [outcome.id for outcome in outcomes],
        "state": [outcome.state for outcome in outcomes],
        "reason": [outcome.reason or None for outcome in outcomes],
        "reference": [outcome.reference for outcome in outcomes],
        "trial": [outcome.trial for outcome in outcomes],
        "failed": [outcome.state in FAILED_STATES for outcome in outcomes],
    }
    if is_sqlite(connection):
        rows = [dict(zip(ended, row, strict=True)) for row in zip(*ended.values(), strict=True)]
        given = {"ended": orjson.dumps(rows).decode()}
    else:
        given = {f"ended_{name}": array_text(values) for name, values in ended.items()}
    statement = _settle(sqlite=is_sqlite(connection), locked=locked)
    return set(connection.execute(statement, {**given, "who": who, "moment": now}).scalars())


@cache
def _settle(*, sqlite: bool, locked: bool) -> ReturningUpdate[str]:
    """Return the statement; to put it together takes longer than to run it."""
    new = _sqlite_rows() if sqlite else _postgresql_rows()
    settled = update(OUTBOX).where(OUTBOX.c.id == new["id"])
    if not locked:
        is_final = or_(*(new["state"] == state for state in FINAL_STATES))
        in_doubt = and_(OUTBOX.c.state == State.IN_DOUBT, is_final)
        settled = settled.where(or_(OUTBOX.c.lease_holder == bindparam("who"), in_doubt))
    changes = {name: new[name] for name in ("state", "reason", "reference", "trial")} | {
        "settled_at": case((new["state"] == State.IN_DOUBT, None), else_=bindparam("moment", type_=UtcTime)),
        "awaits_fallback": and_(new["failed"], or_(*(OUTBOX.c.channel == channel for channel in DIRECT))),
    }
    return settled.values(**CLEAR_LEASE, **changes).returning(OUTBOX.c.id)


def _postgresql_rows() -> Mapping[str, ColumnElement[Any]]:
    """Return the columns of what ended, from an array for each. PostgreSQL takes those for few, and JSON for many."""
    arrays = (array_parameter(f"ended_{name}", kind) for name, kind in ENDED.items())
    rows = func.unnest(*arrays).table_valued(*ENDED).render_derived("ended")
    return {name: rows.c[name] for name in ENDED}


def _sqlite_rows() -> Mapping[str, ColumnElement[Any]]:
    """Return the columns of what ended, from a list in JSON."""
    row = func.json_each(bindparam("ended", type_=Text)).table_valued("value", name="ended").c.value
    return {name: func.json_extract(row, f"$.{name}", type_=kind) for name, kind in ENDED.items()}


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
