"""Show webhook events to staff, and send them again or drop them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from models.enums import SkipReason, State
from models.errors import ForewarnError
from models.webhooks import WEBHOOK
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import queue_messages, skip_messages
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import in_list, read_only
from tasks.tables import OUTBOX, WEBHOOK_EVENTS

MIN_ID = 4
"""Characters of an event's id that name it at least."""
EVENTS = OUTBOX.join(WEBHOOK_EVENTS, WEBHOOK_EVENTS.c.id == OUTBOX.c.id)
REJECTED_FILTER = and_(OUTBOX.c.channel == WEBHOOK, OUTBOX.c.state == State.REJECTED)
ALREADY_QUEUED = (State.QUEUED, State.SENDING)


def list_webhook_events(context: Context, most: int, *, only_rejected: bool = False) -> list[dict[str, Any]]:
    """Return the newest webhook events; with `only_rejected`, those that Forewarn has given up."""
    query = (
        select(
            WEBHOOK_EVENTS.c.id.label("event"),
            WEBHOOK_EVENTS.c.choice_id.label("choice"),
            WEBHOOK_EVENTS.c.kind.label("type"),
            OUTBOX.c.state,
            OUTBOX.c.attempts.label("tries"),
            WEBHOOK_EVENTS.c.created_at,
            OUTBOX.c.not_before.label("next_try_at"),
            OUTBOX.c.settled_at,
            OUTBOX.c.reason,
        )
        .select_from(EVENTS)
        .order_by(WEBHOOK_EVENTS.c.created_at.desc(), WEBHOOK_EVENTS.c.id)
        .limit(most)
    )
    if only_rejected:
        query = query.where(REJECTED_FILTER)
    with read_only(context.engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        if row["state"] != State.QUEUED:
            row["next_try_at"] = None
    return rows


def count_given_up(connection: Connection) -> int:
    """Return how many webhook events Forewarn has given up."""
    return connection.execute(select(func.count()).select_from(OUTBOX).where(REJECTED_FILTER)).scalar_one()


def send_again(context: Context, events: Collection[str], now: datetime, who: str) -> list[str]:
    """Queue webhook events again, for three more days; without `events`, all that were given up. Return their ids.

    Raises ForewarnError for an event that does not exist or is queued already.
    """
    if not context.has_webhook:
        raise ForewarnError("no webhook is set: FOREWARN_WEBHOOK_URL is the address that is told of choices")
    with context.engine.begin() as connection:
        return queue_again(connection, events, now, who)


def queue_again(connection: Connection, events: Collection[str], now: datetime, who: str) -> list[str]:
    """Do it in a transaction of the caller's."""
    which = and_(_which(connection, events, may_wait=True), OUTBOX.c.state != State.SENDING)
    uncount_settled(connection, which)
    queued = queue_messages(connection, which, now, not_before=now, attempts=0, reason=None, reference=None)
    if events and not queued:
        raise ForewarnError("it is being sent at this moment")
    record_events(connection, [(State.QUEUED, event, "sent again by staff") for event in queued], now, who)
    return queued


def drop_events(context: Context, events: Collection[str], now: datetime, who: str) -> list[str]:
    """Drop webhook events that were given up, all of them without `events`: they are shown no more. Return their ids.

    Raises ForewarnError for an event that does not exist or is queued.
    """
    with context.engine.begin() as connection:
        which = and_(_which(connection, events), OUTBOX.c.state == State.REJECTED)
        uncount_settled(connection, which)
        dropped = skip_messages(connection, which, SkipReason.DROPPED, now)
        record_events(connection, [(State.SKIPPED, event, SkipReason.DROPPED) for event in dropped], now, who)
    return dropped


def _which(connection: Connection, events: Collection[str], *, may_wait: bool = False) -> ColumnElement[bool]:
    if not events:
        return REJECTED_FILTER
    return in_list(connection, OUTBOX.c.id, [_find(connection, event, may_wait=may_wait) for event in events])


def _find(connection: Connection, beginning: str, *, may_wait: bool) -> str:
    """Return the id of the one event that begins so, if it is neither queued nor being sent. Raises ForewarnError.

    With `may_wait`, also one that failed and waits for its next try.
    """
    query = select(OUTBOX.c.id, OUTBOX.c.state, OUTBOX.c.attempts).select_from(EVENTS)
    query = query.where(WEBHOOK_EVENTS.c.id.startswith(beginning, autoescape=True)).limit(2)
    found = connection.execute(query).all() if len(beginning) >= MIN_ID else []
    if len(found) != 1:
        problem = f"{len(found)} or more webhook events begin" if found else "no webhook event begins"
        raise ForewarnError(f"{problem} with {beginning!r}; `forewarn choices webhooks` lists them")
    waits = may_wait and found[0].state == State.QUEUED and found[0].attempts > 0
    if found[0].state in ALREADY_QUEUED and not waits:
        raise ForewarnError(f"event {found[0].id[:8]} is {found[0].state} already")
    return str(found[0].id)
