"""What callbacks tell staff: what they must look at, how many had each effect, and when the last one came."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from models.callbacks import CallbackSource
from models.errors import ForewarnError
from tasks.callbacks.append import DUPLICATES
from tasks.context import Context
from tasks.db.counters import get_counter
from tasks.db.events import record_events
from tasks.db.sql import read_only
from tasks.notices.suppressions import mask_stored
from tasks.tables import CALLBACK_EVENTS

REVIEWED = "callback_reviewed"
WAITING = "waiting"
DETAILS = ("Body", "ErrorCode", "reason", "status")
"""Fields of a callback that say more, the first that is there."""


def list_for_staff(context: Context, limit: int) -> list[dict[str, Any]]:
    """Return the callbacks that staff must look at, the newest first; addresses are masked."""
    query = select(CALLBACK_EVENTS).where(CALLBACK_EVENTS.c.for_staff).order_by(CALLBACK_EVENTS.c.number.desc())
    with read_only(context.engine) as connection:
        return [_row(row) for row in connection.execute(query.limit(limit))]


def _row(row: Any) -> dict[str, Any]:
    details = next((str(row.payload[name]) for name in DETAILS if row.payload.get(name)), "")
    return {
        "number": row.number,
        "received_at": row.received_at,
        "source": row.source,
        "kind": row.kind,
        "message": row.message_id or row.reference,
        "address": mask_stored(row.address) if row.address else "",
        "effect": row.effect,
        "details": details,
    }


def count_for_staff(connection: Connection) -> int:
    """Return how many callbacks staff must look at."""
    waiting = select(func.count()).select_from(CALLBACK_EVENTS).where(CALLBACK_EVENTS.c.for_staff)
    return connection.execute(waiting).scalar_one()


def mark_reviewed(context: Context, numbers: Collection[int], now: datetime, who: str, why: str) -> list[int]:
    """Take callbacks off the list of staff; return their numbers. Raises ForewarnError where one is not on it."""
    listed = (CALLBACK_EVENTS.c.number.in_(sorted(numbers)), CALLBACK_EVENTS.c.for_staff)
    with context.engine.begin() as connection:
        changed = update(CALLBACK_EVENTS).where(*listed).values(for_staff=False).returning(CALLBACK_EVENTS.c.number)
        found = sorted(connection.execute(changed).scalars())
        if missing := sorted(set(numbers) - set(found)):
            raise ForewarnError(f"callback {missing[0]} is not on the list; `forewarn callbacks list` shows it")
        record_events(connection, [(REVIEWED, str(number), why) for number in found], now, who)
    return found


def count_callbacks(connection: Connection) -> dict[str, dict[str, int]]:
    """Return by source how many callbacks had each effect, those that wait among them, and the copies dropped."""
    effect = func.coalesce(CALLBACK_EVENTS.c.effect, WAITING)
    query = select(CALLBACK_EVENTS.c.source, effect, func.count()).group_by(CALLBACK_EVENTS.c.source, effect)
    counts: dict[str, dict[str, int]] = {}
    for source, name, n in connection.execute(query.order_by(CALLBACK_EVENTS.c.source, effect)):
        counts.setdefault(source, {})[name] = n
    copies = get_counter(connection, DUPLICATES)
    return counts | ({"copies": {"dropped": copies}} if copies else {})


def last_arrivals(connection: Connection) -> dict[CallbackSource, datetime | None]:
    """Return when the last callback of each source came; None where none ever did."""
    arrivals: dict[CallbackSource, datetime | None] = {}
    for source in CallbackSource:
        query = select(CALLBACK_EVENTS.c.received_at).where(CALLBACK_EVENTS.c.source == source)
        arrivals[source] = connection.execute(query.order_by(CALLBACK_EVENTS.c.number.desc()).limit(1)).scalar()
    return arrivals
