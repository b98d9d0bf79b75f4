"""What a run costs that finds nothing due, and one that finds the same few, in shops of growing size."""

import asyncio
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from app.composition import open_app
from benchmarks.fresh import Spent, Watch
from benchmarks.shop import AS_OF
from flows.late_orders import run_late_orders

TIMES = 20


@dataclass(frozen=True, slots=True)
class Curve:
    """One shop's runs: the one that found what had become late, and the quickest of those that found nothing."""

    found: Spent
    idle: Spent


def idle(folder: Path, late: int) -> Curve:
    """Owe the late orders once, and then run on with nothing due."""
    with open_app(folder / "shop") as app:
        with Watch() as watch:
            report = asyncio.run(run_late_orders(app, AS_OF))
        told = sum(report.changes.values())
        assert told == late, f"{told} orders have news, not {late}"
        found = watch.spent(told)
        runs = []
        for _ in range(TIMES):
            with Watch() as again:
                report = asyncio.run(run_late_orders(app, AS_OF))
            assert not report.changes, f"{report.changes} is news, and nothing is due"
            runs.append(again.spent(0))
        return Curve(found, min(runs, key=attrgetter("cpu_seconds")))
