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
from tasks.db.counters import put
from tasks.db.sql import Turn, alone
from tasks.tables import TALLIES

T = TypeVar("T")
UNDER_WAY = "import:"
"""Tallies of the moment, in nanoseconds since 1970, at which an import that has not ended was last alive."""
BROKEN = f"{UNDER_WAY}broken:"
"""Tallies of imports that broke off: the facts are half taken in, but another import need not wait."""
YIELDED = "yielded:orders"
"""The tally of how many good orders the last whole import brought."""
SILENT = 600
"""Seconds after which an import of which nothing was heard is dead."""
PATIENCE, PAUSE = SILENT + 10, 0.5
"""Seconds to wait for an import, and between two looks; whoever waits outlasts a dead one."""


BEAT, LOST = 3, 30
"""Seconds between two signs of life of an import, and without one after which another import goes first."""
IMPORT_PATIENCE = LOST + 10
"""Seconds that an import waits for another one; it outlasts a dead one."""


class OtherImport(ForewarnError):
    """Another import is under way, or took this one for dead."""


class HalfTaken(ForewarnError):
    """Facts that are only half taken in."""


@contextmanager
def taking_in(engine: Engine, patience: float = IMPORT_PATIENCE) -> Iterator[Callable[[Connection], None]]:
    """Let one import at a time take facts in, and let nothing be allocated until all facts are there.

    Waits up to `patience` seconds for another import. The function given makes sure, in each transaction that writes,
    that no other import took over: older facts never overwrite newer ones. Raises OtherImport.
    An import that broke off stays half taken in: until another one ends, or SILENT has passed.
    """
    name = _begin(engine, patience)
    try:
        with _beating(engine, name):
            yield lambda connection: _still_ours(connection, name)
        with engine.begin() as connection:
            _still_ours(connection, name)
            connection.execute(delete(TALLIES).where(TALLIES.c.name.startswith(UNDER_WAY, autoescape=True)))
    except BaseException:
        _broke_off(engine, name)
        raise


def _begin(engine: Engine, patience: float) -> str:
    """Become the import that is under way; return the name of its tally."""
    name, over = f"{UNDER_WAY}{uuid.uuid4().hex}", time.monotonic() + patience
    while True:
        with engine.begin() as connection:
            alone(connection, Turn.ALLOCATE)  # a page that is being allocated goes by the facts as they were
            other = connection.execute(select(func.max(TALLIES.c.n)).where(_running())).scalar()
            if other is None or other <= time.time_ns() - LOST * 10**9:
                dead = (
                    update(TALLIES)
                    .where(_running())
                    .values(name=literal(BROKEN) + func.substr(TALLIES.c.name, len(UNDER_WAY) + 1))
                )
                connection.execute(dead)
                put(connection, name, time.time_ns())
                return name
        if time.monotonic() > over:
            raise OtherImport(
                "another import of this ledger is under way; import again when it has ended, "
                f"or in {LOST} seconds where its process is gone"
            )
        time.sleep(PAUSE)


def _running() -> ColumnElement[bool]:
    under_way = TALLIES.c.name.startswith(UNDER_WAY, autoescape=True)
    return and_(under_way, TALLIES.c.name.not_like(f"{BROKEN}%"))


@contextmanager
def _beating(engine: Engine, name: str) -> Iterator[None]:
    """Say every few seconds that an import lives: a source may take minutes to answer."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            # A database that is away for a moment fails the import itself, or nobody.
            with suppress(SQLAlchemyError), engine.begin() as connection:
                _mark(connection, name)

    thread = threading.Thread(target=beat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _mark(connection: Connection, name: str) -> bool:
    mine = update(TALLIES).where(TALLIES.c.name == name).values(n=time.time_ns())
    return connection.execute(mine).rowcount == 1


def _still_ours(connection: Connection, name: str) -> None:
    if not _mark(connection, name):
        raise OtherImport("another import took over, for this one was not heard of in time; nothing more is written")


def _broke_off(engine: Engine, name: str) -> None:
    with suppress(SQLAlchemyError), engine.begin() as connection:
        new = BROKEN + name.removeprefix(UNDER_WAY)
        connection.execute(update(TALLIES).where(TALLIES.c.name == name).values(name=new))


def whole(connection: Connection) -> None:
    """Raise HalfTaken while an import is under way; wants Turn.ALLOCATE, so that none begins meanwhile."""
    alive = TALLIES.c.n > time.time_ns() - SILENT * 10**9
    which = TALLIES.c.name.startswith(UNDER_WAY, autoescape=True)
    if connection.execute(select(func.count()).select_from(TALLIES).where(which, alive)).scalar_one():
        raise HalfTaken(
            "the shop's facts are half taken in: an import is under way, or broke off; "
            f"allocate when one has ended, or in {SILENT // 60} minutes"
        )


def last_yield(connection: Connection) -> int | None:
    """Return how many good orders the last whole import brought; None where there was none."""
    return connection.execute(select(TALLIES.c.n).where(TALLIES.c.name == YIELDED)).scalar()


def when_whole(work: Callable[[], T], patience: float = PATIENCE) -> T:
    """Do work that wants whole facts as soon as they are; raises HalfTaken when patience, in seconds, has ended."""
    over = time.monotonic() + patience
    while True:
        try:
            return work()
        except HalfTaken:
            if time.monotonic() > over:
                raise
        time.sleep(PAUSE)
