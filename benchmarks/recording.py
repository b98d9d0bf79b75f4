"""Measure recording notices and then delivering them, each in a process of its own like its flow."""

import asyncio
from pathlib import Path

from app.composition import open_app
from benchmarks.fresh import Spent, Watch
from benchmarks.shop import AS_OF
from flows.deliver import run_deliver
from flows.late_orders import run_late_orders


def record(folder: Path, late: int) -> Spent:
    """Find the late orders, evaluate them, render and record the notices."""
    with open_app(folder / "shop") as app, Watch() as watch:
        report = asyncio.run(run_late_orders(app, AS_OF))
    told = sum(report.changes.values())
    assert told == late, f"{told} orders have a change, not {late}"
    assert report.offers.keys() == {"substitute", "shipping_discount", "future_discount"}, report.offers
    return watch.spent(told)


def deliver(folder: Path, late: int) -> Spent:
    """Deliver all due notices to the local outbox."""
    with open_app(folder / "shop") as app, Watch() as watch:
        report = asyncio.run(run_deliver(app, AS_OF))
    sent = sum(report.sent.values())
    assert report.sent["email"] == late, f"{report.sent} were sent for {late} late orders"
    assert not report.waiting, f"{report.waiting} notices still wait"
    return watch.spent(sent)
