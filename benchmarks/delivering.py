"""A shop that owes mails, and a worker of Forewarn's that delivers them to a provider on this machine."""

import asyncio
import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from app.composition import open_app
from benchmarks.fresh import Watch
from benchmarks.lives import LEASE, NOON
from benchmarks.posting import DOORS
from benchmarks.shop import AS_OF, BRAKE, CAPS, build
from flows.late_orders import run_late_orders
from models.enums import Channel
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.worker import DeliveryWorker, deliver_channel


@dataclass(frozen=True, slots=True)
class Shift:
    """What one worker did, from when until when on the machine's clock, its processor time and its peak memory."""

    sent: int
    began: float
    ended: float
    cpu_seconds: float
    peak_mb: float


# `side.py` calls these two in the code of older commits as well: their names and arguments stay.
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
        way_out = DOORS[door](provider, parallel)
        holder, ahead = LeaseHolder(f"worker {name}", LEASE), app.settings.claim_ahead
        worker = DeliveryWorker(holder, {Channel.EMAIL: way_out}, parallel, lambda: NOON, claim_ahead=ahead)
        summary = await deliver_channel(app.context.with_run("", AS_OF, NOON), worker, Channel.EMAIL)
        await way_out.close()
        return summary.sent.total()

    with open_app(shop) as app, Watch() as watch:
        began = time.monotonic()
        sent = asyncio.run(deliver())
        ended = time.monotonic()
    spent = watch.spent(sent)
    pipe.send(Shift(sent, began, ended, spent.cpu_seconds, spent.peak_mb))
