"""Run one import at a time, and keep allocation waiting until the imported facts are complete.

A row of `incomplete_import` marks an import that has not completed, with the time of its last heartbeat. An import
has many transactions, so no database lock can cover the whole of it.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from models.errors import ForewarnError
from tasks.db.counters import set_counter
from tasks.db.sql import AdvisoryLock, lock
from tasks.tables import COUNTERS, INCOMPLETE_IMPORTS

T = TypeVar("T")
HEARTBEAT_SECONDS = 3
TAKEOVER_SECONDS = 30
"""Seconds without a heartbeat after which another import takes over."""
ABANDONED_SECONDS = 600
"""Seconds without a heartbeat after which an incomplete import no longer blocks allocation."""
IMPORT_PATIENCE_SECONDS = TAKEOVER_SECONDS + 10
"""Seconds that an import waits for another one: long enough to take over from a dead one."""
ALLOCATION_PATIENCE_SECONDS = ABANDONED_SECONDS + 10
"""Seconds that allocation waits for an import: long enough for a dead one to be abandoned."""
POLL_SECONDS = 0.5
COUNTER_IMPORTED = "imported:orders"
"""The counter of the orders that the last complete import accepted."""
COUNTER_IMPORTED_AT = "imported:at"
"""The counter of the second, since 1970, at which it was complete."""


class ConcurrentImport(ForewarnError):
    """Raised when another import is running, or took over from this one."""


class ImportIncomplete(ForewarnError):
    """Raised while an import is incomplete."""


@dataclass(frozen=True, slots=True)
class ImportGuard:
    """The import that is running, by its row in `incomplete_import`."""

    engine: Engine
    id: str

    def heartbeat(self, connection: Connection) -> None:
        """Record that the import is alive. Raise ConcurrentImport when another import took over.

        Call it in every transaction that writes facts: older facts must not overwrite newer ones.
        """
        if not self._beat(connection):
            raise ConcurrentImport(
                "another import took over, because this one sent no heartbeat in time; nothing more is written"
            )

    def _beat(self, connection: Connection) -> bool:
        running = (INCOMPLETE_IMPORTS.c.id == self.id, INCOMPLETE_IMPORTS.c.failed.is_(False))
        return connection.execute(update(INCOMPLETE_IMPORTS).where(*running).values(heartbeat_at=_now())).rowcount == 1

    @contextmanager
    def background_heartbeat(self) -> Iterator[None]:
        """Send heartbeats from a thread: a source may take minutes to return its first row."""
        ended = threading.Event()

        def send() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                # A database that is away for a moment must not end the thread. If it stays away, the import fails.
                with suppress(SQLAlchemyError), self.engine.begin() as connection:
                    self._beat(connection)

        thread = threading.Thread(target=send, name=f"import {self.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def complete(self) -> None:
        """Mark the facts as complete. This also ends the block that earlier failed imports left."""
        with self.engine.begin() as connection:
            self.heartbeat(connection)
            connection.execute(delete(INCOMPLETE_IMPORTS))

    def fail(self) -> None:
        """Mark the import as failed: the facts stay incomplete, but the next import need not wait for this one."""
        with suppress(SQLAlchemyError), self.engine.begin() as connection:
            connection.execute(update(INCOMPLETE_IMPORTS).where(INCOMPLETE_IMPORTS.c.id == self.id).values(failed=True))


@contextmanager
def import_guard(engine: Engine, patience: float = IMPORT_PATIENCE_SECONDS) -> Iterator[ImportGuard]:
    """Run one import at a time, and block allocation until it is complete.

    Waits up to `patience` seconds for another import, then raises ConcurrentImport. When the import fails, the facts
    stay incomplete until the next import completes, or for ABANDONED_SECONDS.
    """
    guard = _start(engine, patience)
    try:
        with guard.background_heartbeat():
            yield guard
        guard.complete()
    except BaseException:
        guard.fail()
        raise


def _start(engine: Engine, patience: float) -> ImportGuard:
    guard, deadline = ImportGuard(engine, uuid.uuid4().hex), time.monotonic() + patience
    while True:
        with engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)  # a page that is being allocated uses one state of the facts
            running = INCOMPLETE_IMPORTS.c.failed.is_(False)
            last_heartbeat = connection.execute(
                select(func.max(INCOMPLETE_IMPORTS.c.heartbeat_at)).where(running)
            ).scalar()
            if last_heartbeat is None or last_heartbeat <= _now() - timedelta(seconds=TAKEOVER_SECONDS):
                connection.execute(update(INCOMPLETE_IMPORTS).where(running).values(failed=True))
                connection.execute(insert(INCOMPLETE_IMPORTS).values(id=guard.id, heartbeat_at=_now(), failed=False))
                return guard
        if time.monotonic() > deadline:
            raise ConcurrentImport(
                "another import of this ledger is running; import again when it has ended, "
                f"or in {TAKEOVER_SECONDS} seconds if its process is gone"
            )
        time.sleep(POLL_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)


def ensure_import_complete(connection: Connection) -> None:
    """Raise ImportIncomplete while an import is incomplete.

    Call it with AdvisoryLock.ALLOCATE held, so that no import starts meanwhile.
    """
    recent = INCOMPLETE_IMPORTS.c.heartbeat_at > _now() - timedelta(seconds=ABANDONED_SECONDS)
    if connection.execute(select(INCOMPLETE_IMPORTS.c.id).where(recent).limit(1)).first() is not None:
        raise ImportIncomplete(
            "the shop's facts are incomplete: an import is running, or has failed; "
            f"allocate after the next complete import, or in {ABANDONED_SECONDS // 60} minutes"
        )


def wait_for_import(work: Callable[[], T], patience: float = ALLOCATION_PATIENCE_SECONDS) -> T:
    """Run work that needs complete facts, and retry while an import is incomplete.

    Raises ImportIncomplete after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return work()
        except ImportIncomplete:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def save_import_count(connection: Connection, accepted_orders: int) -> None:
    """Record how many orders a complete import accepted, and when."""
    set_counter(connection, COUNTER_IMPORTED, accepted_orders)
    set_counter(connection, COUNTER_IMPORTED_AT, int(_now().timestamp()))


def last_import_count(connection: Connection) -> int | None:
    """Return how many orders the last complete import accepted; None before the first one."""
    return connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == COUNTER_IMPORTED)).scalar()


def last_imported_at(connection: Connection) -> datetime | None:
    """Return when the last complete import ended; None before the first one."""
    query = select(COUNTERS.c.value).where(COUNTERS.c.name == COUNTER_IMPORTED_AT)
    seconds = connection.execute(query).scalar()
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
