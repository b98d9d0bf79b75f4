"""The option `forewarn deliver --watch`: stay, send what becomes due, and stop at a signal."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from app.delivery_watch import DeliveryWatch
from app.reports.deliveries import did_anything
from app.reports.run import headline, lines
from cli import console
from flows.deliver import DELIVER, run_deliver
from models.run_report import Report

STOP_SECONDS = 20.0
"""How long a delivery may go on after a signal to stop; then it is cancelled, and what it was sending is in doubt."""


def watch_deliveries(shop: Path | None) -> None:
    """Deliver until SIGTERM or SIGINT, and print one line for each delivery that sent anything or had problems."""
    asyncio.run(_watch(shop))


async def _watch(shop: Path | None) -> None:
    loop, watch = asyncio.get_running_loop(), DeliveryWatch(run_deliver, on_delivery=_print)
    running = asyncio.create_task(watch.run(shop))

    def stop() -> None:
        watch.stopped.set()
        loop.call_later(STOP_SECONDS, running.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        await running


async def _print(report: Report) -> None:
    if did_anything(report):
        console.out.print(headline(DELIVER, report), markup=False)
    for label, text in lines(report):
        if label in ("Not live", "Down", "Problem"):
            console.err.print(f"{label}: {text}", markup=False)
