"""The measurements by name: what each does at each size, and the rows it reports."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.allocating import allocate_all
from benchmarks.delivering import CASES, TWO_AT, run_delivering
from benchmarks.demo import demo
from benchmarks.floor import beside_the_floor
from benchmarks.fresh import fresh
from benchmarks.idle import idle
from benchmarks.intake import take_in
from benchmarks.rates import run_rates
from benchmarks.recording import deliver, record
from benchmarks.shop import build
from benchmarks.stocking import build_sales, compute_all

Row = dict[str, Any]
"""What one size measured, by the words of the table's head."""

OPEN_PER_LATE = 10
NEWLY_LATE = 1_000

SIZES = {
    "recording": (1_000, 10_000, 100_000),
    "delivering": tuple(20_000 if parallel == TWO_AT else 5_000 for _, parallel, _ in CASES),
    "rates": (1_000,),
    "idle": (10_000, 100_000, 1_000_000),
    "import": (50_000,),
    "allocating": (1_000_000,),
    "stock": (10_000, 100_000),
    "demo": (400,),
}
QUICK = {
    "recording": (1_000, 10_000),
    "delivering": tuple(2_000 if parallel == TWO_AT else 1_000 for _, parallel, _ in CASES),
    "rates": (200,),
    "idle": (10_000, 100_000),
    "import": (5_000,),
    "allocating": (100_000,),
    "stock": (10_000,),
    "demo": (400,),
}


def run_recording(folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Record and deliver, and record beside the floor; `share` is our speed as a share of the floor's."""
    first = None
    for late in sizes:
        shop, twin = folder / f"{late}", folder / f"{late}-floor"
        fresh(build, shop, late * OPEN_PER_LATE, late)
        shutil.copytree(shop, twin)
        floor = fresh(beside_the_floor, twin, late)
        recorded, sent = fresh(record, shop, late), fresh(deliver, shop, late)
        first = first or recorded
        yield {
            "late": late,
            "recorded/s": recorded.rate,
            "bare/s": floor.bare.rate,
            "share": floor.share,
            "sent/s": sent.rate,
            "both/s": late / (recorded.seconds + sent.seconds),
            "record MB": recorded.peak_mb,
            "send MB": sent.peak_mb,
            "MB, x": recorded.peak_mb / first.peak_mb,
        }


def run_idle(folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Run with nothing due, and with the same few newly late, among ever more open orders."""
    first = None
    for n in sizes:
        shop = folder / f"{n}"
        fresh(build, shop, n, NEWLY_LATE)
        curve = fresh(idle, shop, NEWLY_LATE)
        first = first or curve
        yield {
            "open": n,
            "idle, s": curve.idle.seconds,
            "idle, x": curve.idle.cpu_seconds / first.idle.cpu_seconds,
            f"{NEWLY_LATE:,} late, s": curve.found.seconds,
            "late, x": curve.found.cpu_seconds / first.found.cpu_seconds,
        }


def run_import(folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Take a sample shop in, new and unchanged; a size is its orders."""
    for orders in sizes:
        taken = fresh(take_in, folder / f"{orders}", orders)
        yield {
            "rows": taken.first.n,
            "new/s": taken.first.rate,
            "unchanged/s": taken.again.rate,
            "MB": taken.again.peak_mb,
        }


def run_stock(folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Reckon safety stocks and reorder points, all new and with nothing changed; a size is products."""
    for products in sizes:
        lines = fresh(build_sales, folder / f"{products}", products)
        found = fresh(compute_all, folder / f"{products}", products, lines)
        yield {
            "products": products,
            "order lines": found.lines,
            "new, s": found.first.seconds,
            "new, cpu s": found.first.cpu_seconds,
            "unchanged, s": found.again.seconds,
            "unchanged, cpu s": found.again.cpu_seconds,
            "MB": found.again.peak_mb,
            "MB before": found.again.idle_mb,
        }


def run_allocating(_: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Share stock and deliveries among open lines; a size is their number."""
    for lines in sizes:
        shared = fresh(allocate_all, lines)
        yield {"lines": lines, "s": shared.seconds, "lines/s": shared.rate, "MB": shared.peak_mb}


def run_demo(folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Run the demo, and tell Prefect's own start apart."""
    for orders in sizes:
        shown = fresh(demo, folder / "demo", orders)
        yield {
            "orders": orders,
            "in all, s": shown.seconds,
            "Prefect's start, s": shown.prefect_seconds,
            "without it, s": shown.seconds - shown.prefect_seconds,
        }


RUNS: dict[str, Callable[[Path, Sequence[int]], Iterator[Row]]] = {
    "recording": run_recording,
    "delivering": run_delivering,
    "rates": run_rates,
    "idle": run_idle,
    "import": run_import,
    "allocating": run_allocating,
    "stock": run_stock,
    "demo": run_demo,
}
