"""While a shop's facts are taken in they fit together only in part: what is shipped lies in stock still.

So nothing is allocated by them until they are whole. An import says that it is under way, and that it lives, in tallies
of its own; no lock could outlive its many transactions.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, delete, func, or_, select

from models.errors import ForewarnError
from tasks.db import Turn, alone
from tasks.tallies import TALLIES, put

T = TypeVar("T")
UNDER_WAY = "import:"
"""Tallies of the moment, in nanoseconds since 1970, at which an import that has not ended was last alive."""
YIELDED = "yielded:orders"
"""The tally of how many good orders the last whole import brought."""
SILENT = 600
"""Seconds after which an import of which nothing was heard is dead."""
PATIENCE, PAUSE = SILENT + 10, 0.5
"""Seconds to wait for an import, and between two looks; whoever waits outlasts a dead one."""


class HalfTaken(ForewarnError):
    """Facts that are only half taken in."""


@contextmanager
def taking_in(engine: Engine) -> Iterator[Callable[[Connection], None]]:
    """Let nothing be allocated until all facts are there; the function given says, from time to time, that we live.

    An import that broke off stays under way: until another one ends, or it is taken for dead.
    """
    name, begun = f"{UNDER_WAY}{uuid.uuid4().hex}", time.time_ns()
    with engine.begin() as connection:
        alone(connection, Turn.ALLOCATE)  # a page that is being allocated goes by the facts as they were
        put(connection, name, begun)
    yield lambda connection: put(connection, name, time.time_ns())
    ours = or_(TALLIES.c.name == name, TALLIES.c.n < begun)
    with engine.begin() as connection:
        connection.execute(delete(TALLIES).where(TALLIES.c.name.startswith(UNDER_WAY, autoescape=True), ours))


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
