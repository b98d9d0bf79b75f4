"""What tells whether a run of late-orders has anything to do before its next scheduled start."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Select, exists, select

from models.purchasing import VendorChannel
from tasks.db.counters import get_counter, set_counter
from tasks.delivery.queue import due_filter
from tasks.imports.guard import COUNTER_IMPORTED_AT
from tasks.runs.liveness import is_run_alive
from tasks.runs.records import DISCARDED, LATE_ORDERS, REFUSED
from tasks.tables import COUNTERS, OUTBOX, RUNS, VENDORS, WATCHES

RESTOCK, FORWARD_TO_VENDORS = "restock", "forward-to-vendors"
IMPORTED_FILES = "imported:files"
"""The counter of the state of the shop's files, as `app.source_files` computes it, that were imported last."""
FACTS_CHANGED_AT = "facts:changed_at"
"""The counter of the second, since 1970, at which a run last found other facts than the one before."""
FOLLOW_EVERY = timedelta(hours=1)
"""The least time between two starts of a flow that follows changed facts: its messages are collected for so long."""
STARTED_AT, STARTED_FILES, STARTED_TRIES = "starts:at", "starts:files", "starts:tries"
"""The counters of a `Start`."""
LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class CheckState:
    """What the records tell of the last run of late-orders, and of what came since."""

    started_at: datetime
    is_done: bool
    is_running: bool
    orders_changed: bool
    """Whether an order became due for the day of that run after it had looked at the orders."""
    files: int
    """The state of the files imported last; 0 where none is known."""
    imported_at: datetime | None


@dataclass(frozen=True, slots=True)
class Start:
    """The last start of late-orders, as the next run of deliver needs to know it."""

    at: datetime
    files: int
    """The state of the shop's files then; 0 for a source that is a database."""
    tries: int
    """How many starts in a row there were for the same; 0 as soon as nothing more was to be done."""


def load_start(connection: Connection) -> Start | None:
    """Return the last start of late-orders; None where there was none."""
    names = (STARTED_AT, STARTED_FILES, STARTED_TRIES)
    query = select(COUNTERS.c.name, COUNTERS.c.value).where(COUNTERS.c.name.in_(names))
    found = {row.name: row.value for row in connection.execute(query)}
    if STARTED_AT not in found:
        return None
    at = datetime.fromtimestamp(found[STARTED_AT], UTC)
    return Start(at, found.get(STARTED_FILES, 0), found.get(STARTED_TRIES, 0))


def note_start(connection: Connection, start: Start) -> None:
    """Record the last start of late-orders."""
    set_counter(connection, STARTED_AT, int(start.at.timestamp()))
    set_counter(connection, STARTED_FILES, start.files)
    set_counter(connection, STARTED_TRIES, start.tries)


def load_check_state(connection: Connection) -> CheckState | None:
    """Return the state of the last run of late-orders; None where there was none."""
    row = connection.execute(_query()).first()
    if row is None:
        return None
    imported_at = None if row.imported_at is None else datetime.fromtimestamp(row.imported_at, UTC)
    is_running = row.state == "running" and is_run_alive(connection, row.id)
    is_done = row.state not in ("running", "failed")
    return CheckState(row.started_at, is_done, is_running, bool(row.changed), row.files or 0, imported_at)


@cache
def _query() -> Select[Any]:
    """Return the query; to put it together takes several times as long as to run it."""
    counts = RUNS.c.state.not_in((REFUSED, DISCARDED))
    last = (
        select(RUNS.c.id, RUNS.c.as_of, RUNS.c.started_at, RUNS.c.state)
        .where(RUNS.c.flow == LATE_ORDERS, counts)
        .order_by(RUNS.c.number.desc())
        .limit(1)
        .subquery()
    )
    # Orders due on a later day wait for the first scheduled run of that day.
    changed = exists(select(WATCHES.c.order_id).where(WATCHES.c.next_check_on <= last.c.as_of))
    return select(
        last.c.id,
        last.c.started_at,
        last.c.state,
        changed.label("changed"),
        _counter(IMPORTED_FILES).label("files"),
        _counter(COUNTER_IMPORTED_AT).label("imported_at"),
    ).select_from(last)


def _counter(name: str) -> Any:
    return select(COUNTERS.c.value).where(COUNTERS.c.name == name).scalar_subquery()


def note_imported_files(connection: Connection, files: int) -> None:
    """Record the state of the shop's files that an import has read."""
    set_counter(connection, IMPORTED_FILES, files)


def note_changed_facts(connection: Connection, at: datetime) -> None:
    """Record that facts changed, so that what follows from them beside notices is done, too."""
    set_counter(connection, FACTS_CHANGED_AT, int(at.timestamp()))


def flows_that_follow(connection: Connection, now: datetime) -> list[str]:
    """Return the flows that facts made due: each at most once in FOLLOW_EVERY, because it collects what it does.

    `restock` is due after facts changed. `forward-to-vendors` is due then, too, and when a request waits to be sent.
    """
    changed_at, lately = datetime.fromtimestamp(get_counter(connection, FACTS_CHANGED_AT), UTC), now - FOLLOW_EVERY
    # What a run of restock changes itself, it has followed. One that is under way, or was killed, has no end.
    followed_at, restocked_at = (_last(connection, RESTOCK, at) for at in (RUNS.c.ended_at, RUNS.c.started_at))
    due = [RESTOCK] if followed_at < min(changed_at, lately) and restocked_at < lately else []
    forwarded_at = _last(connection, FORWARD_TO_VENDORS, RUNS.c.started_at)
    if forwarded_at >= lately or connection.execute(select(VENDORS.c.id).limit(1)).first() is None:
        return due
    waiting = select(OUTBOX.c.id).where(due_filter(list(VendorChannel))).limit(1)
    if forwarded_at < changed_at or connection.execute(waiting, {"now": now}).first() is not None:
        due.append(FORWARD_TO_VENDORS)
    return due


def _last(connection: Connection, flow: str, moment: Column[datetime]) -> datetime:
    query = select(moment).where(RUNS.c.flow == flow, moment.is_not(None)).order_by(RUNS.c.number.desc()).limit(1)
    return connection.execute(query).scalar() or LONG_AGO
