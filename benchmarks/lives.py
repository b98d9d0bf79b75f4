"""What the processes that are struck do: they live as a scheduled flow run does, and say when they are under way."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from datetime import time as hour
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy.exc import OperationalError

from app.composition import App, open_app
from benchmarks.shop import AS_OF
from channels.email.sendgrid import SendGridTransport
from channels.social.x import XTransport
from channels.transport import MessageTransport
from flows.late_orders import run_late_orders
from models.enums import Channel
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker, deliver_channel, mark_abandoned

PARALLEL, PAGE = 8, 5
LEASE = timedelta(minutes=10)
STEP = timedelta(minutes=11)
"""Each life begins so much later than the one before, by its own clock: the leases of the dead are over."""
NOON = datetime.combine(AS_OF, hour(12), UTC)
GONE = 3
"""How a life ends whose database went away for good."""


def deliver(shop: Path, database: str, provider: str, life: int, worker: int, pipe: Connection) -> None:
    """Deliver what is due, and settle what earlier lives left in doubt."""
    _live(shop, database, lambda app: _deliver(app, provider, life, worker, pipe))


def publish(shop: Path, database: str, provider: str, life: int, worker: int, pipe: Connection) -> None:
    """Publish the posts whose hour has come, and settle what earlier lives left in doubt."""
    door = XTransport("key", "secret", "token", "token secret", url=provider, parallel=PARALLEL)
    _live(shop, database, lambda app: _send(app, Channel.X, door, life, worker, pipe))


def owe(shop: Path, database: str, _: str, __: int, ___: int, pipe: Connection) -> None:
    """Find the late orders, decide, and owe."""

    async def work(app: App) -> None:
        # Under way after its first page: to read the shelves and the templates takes longer than many pages do.
        await run_late_orders(app, AS_OF, progress=lambda _, __: pipe.send(None))

    _live(shop, database, work)


def _live(shop: Path, database: str, work: Callable[[App], Coroutine[None, None, None]]) -> None:
    os.environ |= {"FOREWARN_DATABASE_URL": database, "FOREWARN_BATCH_SIZE": str(PAGE)}
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of each connection that was broken
    try:
        with open_app(shop) as app:
            asyncio.run(work(app))
    except OperationalError as error:
        raise SystemExit(GONE) from error


async def _deliver(app: App, provider: str, life: int, number: int, pipe: Connection) -> None:
    door = SendGridTransport("key", app.folder.shop.sender, url=provider, parallel=PARALLEL)
    await _send(app, Channel.EMAIL, door, life, number, pipe)


async def _send(app: App, channel: Channel, door: MessageTransport, life: int, number: int, pipe: Connection) -> None:
    begun, start = time.monotonic(), NOON + life * STEP
    worker = DeliveryWorker(
        LeaseHolder(f"life {life}, worker {number}", LEASE),
        {channel: door},
        PARALLEL,
        lambda: start + timedelta(seconds=time.monotonic() - begun),
    )
    pipe.send(None)
    try:
        mark_abandoned(app.context, worker)
        await reconcile_in_doubt(app.context, worker)
        while await deliver_channel(app.context.with_run(f"life {life}", AS_OF, start), worker, channel):
            pass
    finally:
        await door.close()
