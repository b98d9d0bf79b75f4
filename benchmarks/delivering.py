"""Deliver to a provider on this machine that answers after 5 ms: by each door, beside bare requests and the SDK."""

import asyncio
import importlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select, update

from app.composition import open_app
from benchmarks import ledgers
from benchmarks.fresh import Watch
from benchmarks.lives import LEASE, NOON
from benchmarks.loops import LOOPS
from benchmarks.posting import DOORS, bare, by_the_door
from benchmarks.processes import process
from benchmarks.provider import a_provider
from benchmarks.shop import AS_OF, BRAKE, CAPS, build
from flows.late_orders import run_late_orders
from models.enums import Channel, State
from tasks.db.engine import connect
from tasks.db.sql import read_only
from tasks.delivery.queue import CLEAR_LEASE, LeaseHolder
from tasks.delivery.worker import DeliveryWorker, deliver_batch, message_of
from tasks.tables import CHANNEL_STATES, EVENTS, NOTICES

DELAY = 0.005
PARALLEL = (16, 64, 128)
SOME, FEW = 4_000, 500
"""Messages of the bare work and of the SDK's loop; their speed does not depend on how many there are."""
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
"""What tests of PostgreSQL may go without, and shops may not."""
MEMORY = 10
"""What memory is compared with: a tenth of the messages."""
BATCH = 500
TWO_AT = 64
"""How many requests at once where two workers are measured too."""
CASES = (*product(DOORS, PARALLEL, (True,)), ("sendgrid", TWO_AT, False))
"""Doors, requests at once, and whether PostgreSQL waits for its disk, as it does for shops."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What one worker did, from when until when on the machine's clock, its processor time and its peak memory."""

    sent: int
    began: float
    ended: float
    cpu_seconds: float
    peak_mb: float


class Context:
    """A shop whose mails are owed, its ledger in PostgreSQL, and a provider; all doors are given the same mails."""

    def __init__(self, folder: Path, n: int, server: Any, provider: str) -> None:
        self._folder, self.provider, self._server = folder, provider, server
        with process(make, folder, n) as (child, _):
            child.join()
            assert child.exitcode == 0, "the shop could not be made"
        self._ledger: Engine = connect(server.emptied())
        ledgers.copy(folder / "owed.db", self._ledger)
        with read_only(self._ledger) as connection:
            rows = connection.execute(select(NOTICES).where(ledgers.MAIL).limit(SOME)).mappings()
            self.some = [message_of(dict(row)) for row in rows]

    def wait_for_disk(self, *, on: bool) -> None:
        """Let PostgreSQL wait for its disk, or not."""
        for name in DURABLE:
            self._server.run(f"ALTER SYSTEM SET {name} = {'on' if on else 'off'}")
        self._server.run("SELECT pg_reload_conf()")

    def deliver(self, door: str, parallel: int, workers: int, n: int) -> list[Shift]:
        """Deliver so many of the mails by so many processes."""
        with self._ledger.begin() as connection:
            connection.execute(delete(EVENTS))
            connection.execute(delete(CHANNEL_STATES))
            owed = select(NOTICES.c.id).where(ledgers.MAIL).order_by(NOTICES.c.id).limit(n)
            new = {**CLEAR_LEASE, "attempts": 0, "settled_at": None}
            connection.execute(update(NOTICES).where(ledgers.MAIL).values(**new, state=State.SENT))
            connection.execute(update(NOTICES).where(NOTICES.c.id.in_(owed)).values(state=State.QUEUED))
        with self._ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("CHECKPOINT")
            connection.exec_driver_sql("VACUUM ANALYZE notice, event")
        given = self._folder / "shop", self._ledger.url.render_as_string(), self.provider, door, parallel
        with ExitStack() as stack:
            pipes = [stack.enter_context(process(work, *given, name))[1] for name in range(workers)]
            shifts: list[Shift] = [pipe.recv() for pipe in pipes]
        assert ledgers.over(self._ledger), "not all of it was delivered"
        assert sum(shift.sent for shift in shifts) == n, "another number was sent than was owed"
        return shifts

    def close(self) -> None:
        """Give back connections."""
        self._ledger.dispose()


def make(folder: Path, n: int, _: Connection) -> None:
    """Make a shop that owes so many mails."""
    build(folder, n, n, f"{CAPS}{BRAKE}max_late_share = 1\n")
    with open_app(folder / "shop") as app:
        asyncio.run(run_late_orders(app, AS_OF))
        file = Path(str(app.context.engine.url.database))
    file.rename(folder / "owed.db")


def work(shop: Path, database: str, provider: str, door: str, parallel: int, name: int, pipe: Connection) -> None:
    """Deliver until nothing is due."""
    os.environ["FOREWARN_DATABASE_URL"] = database

    async def deliver() -> int:
        sent, way_out = 0, DOORS[door](provider, parallel)
        worker = DeliveryWorker(LeaseHolder(f"worker {name}", LEASE), {Channel.EMAIL: way_out}, parallel, lambda: NOON)
        while batch := await deliver_batch(app.context.with_run("", AS_OF, NOON), worker, batch=BATCH):
            sent += batch.sent.total()
        await way_out.close()
        return sent

    with open_app(shop) as app, Watch() as watch:
        began = time.monotonic()
        sent = asyncio.run(deliver())
        ended = time.monotonic()
    spent = watch.spent(sent)
    pipe.send(Shift(sent, began, ended, spent.cpu_seconds, spent.peak_mb))


def rate(shifts: Sequence[Shift]) -> float:
    """Return messages a second of all workers together."""
    spent = max(one.ended for one in shifts) - min(one.began for one in shifts)
    return sum(one.sent for one in shifts) / spent


@contextmanager
def a_desk(folder: Path, n: int) -> Iterator[Context]:
    """Set a shop up that owes so many mails."""
    postgres = importlib.import_module("tests.support.postgres")
    durable = {name: value for name, value in postgres.OPTIONS.items() if name not in DURABLE}
    with postgres.started(durable) as server, a_provider(DELAY) as provider:
        context = Context(folder, n, server, provider)
        yield context
        context.close()


def run_delivering(folder: Path, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Deliver by each door at each concurrency, with one worker and two, beside the floor and the SDK's loop."""
    with a_desk(folder, max(sizes)) as context:
        (small,) = context.deliver("sendgrid", TWO_AT, 1, max(sizes) // MEMORY)
        loops = {door: looped(context, door) for door in DOORS}
        for (door, parallel, durable), n in zip(CASES, sizes, strict=True):
            context.wait_for_disk(on=durable)
            given = context.provider, context.some, door, parallel
            # The floor before and after, for the machine may have other work to do by then.
            before, alone = bare(*given), by_the_door(*given)
            (one,) = context.deliver(door, parallel, 1, n)
            after, ours = bare(*given), rate([one])
            floor = 2 / (1 / before.rate + 1 / after.rate)
            cpu = (before.cpu_seconds + after.cpu_seconds) / (before.n + after.n)
            yield {
                "transport": door,
                "at once": parallel,
                "disk": "yes" if durable else "no",
                "sent/s": ours,
                "bare/s": floor,
                "share": ours / floor,
                "CPU": cpu / (one.cpu_seconds / one.sent),
                "transport/s": alone,
                "ledger, ms": 1000 / ours - 1000 / alone,
                "loops": ours / loops[door],
                "2 workers": rate(context.deliver(door, parallel, 2, n)) / ours
                if durable and parallel == TWO_AT
                else "",
                "MB, x": one.peak_mb / small.peak_mb,
            }


def looped(context: Context, door: str) -> float:
    """Return messages a second by the provider's own SDK, one after the other."""
    begun = time.perf_counter()
    LOOPS[door](context.provider, context.some[:FEW])
    return FEW / (time.perf_counter() - begun)
