"""pgqueuer as its manual shows it: a queue of finished bodies in PostgreSQL, taken in batches and posted."""

import asyncio
import logging
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import asyncpg
import uvloop
from pgqueuer import QueueManager
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

from benchmarks.relays import poster, read_bodies, watched

BATCH = 64
ENTRYPOINT = "mail"
LOOK_AGAIN = timedelta(seconds=0.05)
"""How often a worker that waits for the last answers looks whether all is done."""


def enqueue(url: str, file: Path) -> None:
    """Install a queue in a database without one, and put the mails into it."""
    asyncio.run(_enqueue(url, read_bodies(file)))


async def _enqueue(url: str, bodies: list[bytes]) -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.enqueue([ENTRYPOINT] * len(bodies), list(bodies), [0] * len(bodies))
    await connection.close()


def send_from_queue(url: str, provider: str, parallel: int, pipe: Connection) -> None:
    """Post mails until the queue is empty, with the event loop that pgqueuer's own command uses."""
    logging.getLogger("pgqueuer").setLevel(logging.ERROR)
    watched(lambda: uvloop.run(_send(url, provider, parallel)), pipe)


async def _send(url: str, provider: str, parallel: int) -> int:
    sent = 0
    connection = await asyncpg.connect(url)
    manager = QueueManager(Queries(AsyncpgDriver(connection)))
    async with poster(provider, parallel) as post:

        @manager.entrypoint(ENTRYPOINT)
        async def send(job: Job) -> None:
            nonlocal sent
            await post(job.payload or b"")
            sent += 1

        await manager.run(
            dequeue_timeout=LOOK_AGAIN,
            batch_size=BATCH,
            mode=QueueExecutionMode.drain,
            max_concurrent_tasks=2 * BATCH,
        )
    await connection.close()
    return sent
