"""While a shop's facts are taken in they fit together only in part: what is shipped lies in stock still.

So nothing is allocated by them until they are whole. An import says that it is under way, and that it lives, in tallies
of its own; no lock could outlive its many transactions.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from models.errors import ForewarnError
from tasks.db.counters import set_counter
from tasks.db.sql import AdvisoryLock, lock
from tasks.tables import COUNTERS

T = TypeVar("T")
IMPORT_IN_PROGRESS = "import:"
"""Tallies of the moment, in nanoseconds since 1970, at which an import that has not ended was last alive."""
IMPORT_BROKEN = f"{IMPORT_IN_PROGRESS}broken:"
"""Tallies of imports that broke off: the facts are half taken in, but another import need not wait."""
COUNTER_IMPORTED = "yielded:orders"
"""The tally of how many good orders the last whole import brought."""
SILENT_SECONDS = 600
"""Seconds after which an import of which nothing was heard is dead."""
PATIENCE, PAUSE = SILENT_SECONDS + 10, 0.5
"""Seconds to wait for an import, and between two looks; whoever waits outlasts a dead one."""


BEAT, LOST = 3, 30
"""Seconds between two signs of life of an import, and without one after which another import goes first."""
IMPORT_PATIENCE = LOST + 10
"""Seconds that an import waits for another one; it outlasts a dead one."""


class ConcurrentImport(ForewarnError):
    """Another import is under way, or took this one for dead."""


class ImportIncomplete(ForewarnError):
    """Facts that are only half taken in."""


@contextmanager
def import_in_progress(engine: Engine, patience: float = IMPORT_PATIENCE) -> Iterator[Callable[[Connection], None]]:
    """Let one import at a time take facts in, and let nothing be allocated until all facts are there.

    Waits up to `patience` seconds for another import. The function given makes sure, in each transaction that writes,
    that no other import took over: older facts never overwrite newer ones. Raises OtherImport.
    An import that broke off stays half taken in: until another one ends, or SILENT has passed.
    """
    name = _begin(engine, patience)
    try:
        with _heartbeat(engine, name):
            yield lambda connection: _is_still_ours(connection, name)
        with engine.begin() as connection:
            _is_still_ours(connection, name)
            connection.execute(delete(COUNTERS).where(COUNTERS.c.name.startswith(IMPORT_IN_PROGRESS, autoescape=True)))
    except BaseException:
        _mark_broken(engine, name)
        raise


def _begin(engine: Engine, patience: float) -> str:
    """Become the import that is under way; return the name of its tally."""
    name, over = f"{IMPORT_IN_PROGRESS}{uuid.uuid4().hex}", time.monotonic() + patience
    while True:
        with engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)  # a page that is being allocated goes by the facts as they were
            other = connection.execute(select(func.max(COUNTERS.c.value)).where(_running())).scalar()
            if other is None or other <= time.time_ns() - LOST * 10**9:
                dead = (
                    update(COUNTERS)
                    .where(_running())
                    .values(name=literal(IMPORT_BROKEN) + func.substr(COUNTERS.c.name, len(IMPORT_IN_PROGRESS) + 1))
                )
                connection.execute(dead)
                set_counter(connection, name, time.time_ns())
                return name
        if time.monotonic() > over:
            raise ConcurrentImport(
                "another import of this ledger is under way; import again when it has ended, "
                f"or in {LOST} seconds where its process is gone"
            )
        time.sleep(PAUSE)


def _running() -> ColumnElement[bool]:
    under_way = COUNTERS.c.name.startswith(IMPORT_IN_PROGRESS, autoescape=True)
    return and_(under_way, COUNTERS.c.name.not_like(f"{IMPORT_BROKEN}%"))


@contextmanager
def _heartbeat(engine: Engine, name: str) -> Iterator[None]:
    """Say every few seconds that an import lives: a source may take minutes to answer."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            # A database that is away for a moment fails the import itself, or nobody.
            with suppress(SQLAlchemyError), engine.begin() as connection:
                _write_heartbeat(connection, name)

    thread = threading.Thread(target=beat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write_heartbeat(connection: Connection, name: str) -> bool:
    mine = update(COUNTERS).where(COUNTERS.c.name == name).values(value=time.time_ns())
    return connection.execute(mine).rowcount == 1


def _is_still_ours(connection: Connection, name: str) -> None:
    if not _write_heartbeat(connection, name):
        raise ConcurrentImport(
            "another import took over, for this one was not heard of in time; nothing more is written"
        )


def _mark_broken(engine: Engine, name: str) -> None:
    with suppress(SQLAlchemyError), engine.begin() as connection:
        new = IMPORT_BROKEN + name.removeprefix(IMPORT_IN_PROGRESS)
        connection.execute(update(COUNTERS).where(COUNTERS.c.name == name).values(name=new))


def ensure_import_complete(connection: Connection) -> None:
    """Raise HalfTaken while an import is under way; wants Turn.ALLOCATE, so that none begins meanwhile."""
    alive = COUNTERS.c.value > time.time_ns() - SILENT_SECONDS * 10**9
    which = COUNTERS.c.name.startswith(IMPORT_IN_PROGRESS, autoescape=True)
    if connection.execute(select(func.count()).select_from(COUNTERS).where(which, alive)).scalar_one():
        raise ImportIncomplete(
            "the shop's facts are half taken in: an import is under way, or broke off; "
            f"allocate when one has ended, or in {SILENT_SECONDS // 60} minutes"
        )


def last_import_count(connection: Connection) -> int | None:
    """Return how many good orders the last whole import brought; None where there was none."""
    return connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == COUNTER_IMPORTED)).scalar()


def wait_for_import(work: Callable[[], T], patience: float = PATIENCE) -> T:
    """Do work that wants whole facts as soon as they are; raises HalfTaken when patience, in seconds, has ended."""
    over = time.monotonic() + patience
    while True:
        try:
            return work()
        except ImportIncomplete:
            if time.monotonic() > over:
                raise
        time.sleep(PAUSE)
