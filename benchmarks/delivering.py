"""Deliver to a provider on this machine that answers after 5 ms: by each door, beside bare requests and the SDK."""

import asyncio
import importlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from sqlalchemy import Engine, delete, select, update

from benchmarks import ledgers
from benchmarks.fresh import Watch
from benchmarks.lives import LEASE, NOON
from benchmarks.loops import LOOPS
from benchmarks.processes import process
from benchmarks.provider import a_provider
from benchmarks.shop import AS_OF, BRAKE, CAPS, build
from channels.door import Door
from channels.sendgrid import SendGrid
from channels.twilio import Twilio
from channels.x import X
from flows.house import open_house
from flows.late_orders import find_and_owe
from models.shopfolder import Sender
from models.values import Channel, Message, State
from tasks.db import connect, reading
from tasks.delivery import Crew, deliver_batch, message_of
from tasks.gates import GATES
from tasks.notices import NOTICES
from tasks.outbox import EVENTS, FORGET, Worker
from tasks.runs import Now

DELAY = 0.005
PARALLEL = (16, 64, 128)
SOME, FEW = 4_000, 200
"""Messages of the bare work and of the SDK's loop; their speed does not depend on how many there are."""
BATCH = 500
SENDER = Sender(name="Lamps", email="hello@lamps.example.com")
DOORS: dict[str, Callable[[str, int], Door]] = {
    "sendgrid": lambda url, parallel: SendGrid("key", SENDER, url=url, parallel=parallel),
    "twilio": lambda url, parallel: Twilio(
        "AC1", "token", "+441632960000", now=lambda: NOON, url=url, parallel=parallel
    ),
    "x": lambda url, parallel: X("key", "secret", "token", "secret", url=url, parallel=parallel),
}
CASES = tuple(product(DOORS, PARALLEL))


@dataclass(frozen=True, slots=True)
class Shift:
    """What one worker did, from when until when on the machine's clock, and the most memory that it held."""

    sent: int
    began: float
    ended: float
    idle_mb: float
    peak_mb: float


class Desk:
    """A shop whose mails are owed, its ledger in PostgreSQL, and a provider; all doors are given the same mails."""

    def __init__(self, folder: Path, n: int, server: Any, provider: str) -> None:
        self._folder, self.provider, self._server = folder, provider, server
        with process(make, folder, n) as (child, _):
            child.join()
            assert child.exitcode == 0, "the shop could not be made"
        self._ledger: Engine = connect(server.emptied())
        ledgers.copy(folder / "owed.db", self._ledger)
        with reading(self._ledger) as connection:
            rows = connection.execute(select(NOTICES).where(ledgers.MAIL).limit(SOME)).mappings()
            self.some = [message_of(dict(row)) for row in rows]

    def deliver(self, door: str, parallel: int, workers: int) -> list[Shift]:
        """Deliver all of it by so many processes."""
        with self._ledger.begin() as connection:
            connection.execute(delete(EVENTS))
            connection.execute(delete(GATES))
            connection.execute(update(NOTICES).where(ledgers.MAIL).values(**FORGET, state=State.QUEUED, attempts=0))
        with self._ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE notice")
        given = self._folder / "shop", self._ledger.url.render_as_string(), self.provider, door, parallel
        with ExitStack() as stack:
            pipes = [stack.enter_context(process(work, *given, name))[1] for name in range(workers)]
            shifts: list[Shift] = [pipe.recv() for pipe in pipes]
        assert ledgers.over(self._ledger), "not all of it was delivered"
        return shifts

    def close(self) -> None:
        """Give back connections."""
        self._ledger.dispose()


def make(folder: Path, n: int, _: Connection) -> None:
    """Make a shop that owes so many mails."""
    build(folder, n, n, f"{CAPS}{BRAKE}newly_late_share = 1\n")
    with open_house(folder / "shop") as house:
        asyncio.run(find_and_owe(house, AS_OF))
        file = Path(str(house.desk.engine.url.database))
    file.rename(folder / "owed.db")


def work(shop: Path, database: str, provider: str, door: str, parallel: int, name: int, pipe: Connection) -> None:
    """Deliver until nothing is due."""
    os.environ["FOREWARN_DATABASE_URL"] = database

    async def deliver() -> int:
        sent, way_out = 0, DOORS[door](provider, parallel)
        crew = Crew(Worker(f"worker {name}", LEASE), {Channel.EMAIL: way_out}, parallel, lambda: NOON)
        while batch := await deliver_batch(house.desk, Now("", AS_OF, NOON), crew, batch=BATCH):
            sent += batch.sent.total()
        await way_out.close()
        return sent

    with open_house(shop) as house, Watch() as watch:
        began = time.monotonic()
        sent = asyncio.run(deliver())
        ended = time.monotonic()
    spent = watch.spent(sent)
    pipe.send(Shift(sent, began, ended, spent.idle_mb, spent.peak_mb))


def rate(shifts: Sequence[Shift]) -> float:
    """Return messages a second of all workers together."""
    spent = max(one.ended for one in shifts) - min(one.began for one in shifts)
    return sum(one.sent for one in shifts) / spent


def by_the_door(desk: Desk, door: str, parallel: int) -> float:
    """Return messages a second by the door alone, without the ledger."""

    async def send() -> float:
        way_out = DOORS[door](desk.provider, parallel)
        spent = await _all(desk.some, parallel, way_out.send)
        await way_out.close()
        return spent

    return len(desk.some) / asyncio.run(send())


def bare(desk: Desk, door: str, parallel: int) -> float:
    """Return requests a second of a bare asyncio client that posts the same bodies, written before."""
    path, kind = PATHS[door]
    bodies = [BODIES[door](message).encode() for message in desk.some]

    async def post(session: aiohttp.ClientSession, body: bytes) -> None:
        async with session.post(f"{desk.provider}{path}", data=body, headers={"Content-Type": kind}) as response:
            await response.read()

    async def send() -> float:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=parallel)) as session:
            return await _all(bodies, parallel, partial(post, session))

    return len(bodies) / asyncio.run(send())


async def _all(things: Sequence[Any], parallel: int, send: Callable[[Any], Awaitable[object]]) -> float:
    """Send them all, so many at once; return the seconds that it took."""
    left, begun = iter(things), time.perf_counter()

    async def some() -> None:
        for thing in left:
            await send(thing)

    await asyncio.gather(*(some() for _ in range(parallel)))
    return time.perf_counter() - begun


def _mail(message: Message) -> str:
    return json.dumps(
        {
            "from": {"email": SENDER.email, "name": SENDER.name},
            "subject": message.subject,
            "personalizations": [{"to": [{"email": message.to}], "custom_args": {"notice": message.id}}],
            "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
            "categories": [message.category],
        }
    )


BODIES: dict[str, Callable[[Message], str]] = {
    "sendgrid": _mail,
    "twilio": lambda message: urlencode({"To": message.to, "From": "+441632960000", "Body": message.text}),
    "x": lambda message: json.dumps({"text": message.text}),
}
PATHS = {
    "sendgrid": ("/v3/mail/send", "application/json"),
    "twilio": ("/2010-04-01/Accounts/AC1/Messages.json", "application/x-www-form-urlencoded"),
    "x": ("/2/tweets", "application/json"),
}


@contextmanager
def a_desk(folder: Path, n: int) -> Iterator[Desk]:
    """Set a shop up that owes so many mails."""
    postgres = importlib.import_module("tests.postgres")
    with postgres.started() as server, a_provider(DELAY) as provider:
        desk = Desk(folder, n, server, provider)
        yield desk
        desk.close()


def run_delivering(folder: Path, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Deliver by each door at each concurrency, with one worker and two, beside the floor and the SDK's loop."""
    with a_desk(folder, sizes[0]) as desk:
        loops: dict[str, float] = {}
        for (door, parallel), n in zip(CASES, sizes, strict=True):
            if door not in loops:
                begun = time.perf_counter()
                LOOPS[door](desk.provider, desk.some[:FEW])
                loops[door] = FEW / (time.perf_counter() - begun)
            floor, alone = bare(desk, door, parallel), by_the_door(desk, door, parallel)
            one, two = (desk.deliver(door, parallel, workers) for workers in (1, 2))
            assert sum(shift.sent for shift in (*one, *two)) == 2 * n, "not all of it was sent"
            yield {
                "door": door,
                "at once": parallel,
                "sent/s": rate(one),
                "bare/s": floor,
                "share": rate(one) / floor,
                "door/s": alone,
                "ledger, ms": 1000 / rate(one) - 1000 / alone,
                "loops": rate(one) / loops[door],
                "2 workers": rate(two) / rate(one),
                "MB, x": one[0].peak_mb / one[0].idle_mb,
            }
