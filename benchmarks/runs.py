"""The measurements by name: what each does at each size, and the rows it reports."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.allocating import allocate_all
from benchmarks.asked import Asked
from benchmarks.callbacks import run_callbacks
from benchmarks.counting import run_status
from benchmarks.demo import demo
from benchmarks.desk import run_desk
from benchmarks.floor import beside_the_floor
from benchmarks.fresh import fresh
from benchmarks.idle import idle
from benchmarks.idle_day import run_idle_day
from benchmarks.importing import run_import
from benchmarks.learning import build_past, learn_past
from benchmarks.memory import run_memory
from benchmarks.owing import run_owing
from benchmarks.pages import run_pages
from benchmarks.rates import run_rates
from benchmarks.recording import deliver, record
from benchmarks.relaying import run_deliver
from benchmarks.shop import build
from benchmarks.size import run_size
from benchmarks.stocking import build_sales, compute_all
from benchmarks.transports import run_transports

Row = dict[str, Any]
"""What one size measured, by the words of the table's head."""

OPEN_PER_LATE = 10
NEWLY_LATE = 1_000

SIZES = {
    "recording": (1_000, 10_000, 100_000),
    "owing": (5_000,),
    "deliver": (5_000,),
    "transports": (4_000,),
    "memory": (5_000, 50_000),
    "rates": (1_000,),
    "idle": (10_000, 100_000, 1_000_000),
    "idle-day": (24 * 60, 48),
    "import": (50_000,),
    "size": (20_000,),
    "status": (1_000_000,),
    "allocating": (1_000_000,),
    "stock": (10_000, 100_000),
    "learning": (10_000, 100_000),
    "pages": (4_000, 100_000),
    "desk": (1_000_000,),
    "callbacks": (10_000,),
    "demo": (400,),
}
QUICK = {
    "recording": (500, 2_000),
    "owing": (500,),
    "deliver": (500,),
    "transports": (500,),
    "memory": (200, 2_000),
    "rates": (200,),
    "idle": (10_000, 100_000),
    "idle-day": (24 * 60, 48),
    "import": (1_000,),
    "size": (1_000,),
    "status": (20_000,),
    "allocating": (100_000,),
    "stock": (10_000,),
    "learning": (10_000,),
    "pages": (4_000,),
    "desk": (4_000,),
    "callbacks": (1_000,),
    "demo": (400,),
}


def run_recording(asked: Asked) -> Iterator[Row]:
    """Record and deliver, and record beside the floor; `share` is our speed as a share of the floor's."""
    first = None
    for late in asked.sizes:
        shop, twin = asked.folder / f"{late}", asked.folder / f"{late}-floor"
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


def run_idle(asked: Asked) -> Iterator[Row]:
    """Run with nothing due, and with the same few newly late, among ever more open orders."""
    first = None
    for n in asked.sizes:
        shop = asked.folder / f"{n}"
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


def run_stock(asked: Asked) -> Iterator[Row]:
    """Reckon safety stocks and reorder points, all new and with nothing changed; a size is products."""
    for products in asked.sizes:
        lines = fresh(build_sales, asked.folder / f"{products}", products)
        found = fresh(compute_all, asked.folder / f"{products}", products, lines)
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


def run_learning(asked: Asked) -> Iterator[Row]:
    """Read past orders and learn from them, and say of open ones how likely they end late; a size is past orders."""
    for orders in asked.sizes:
        fresh(build_past, asked.folder / f"{orders}", orders)
        found = fresh(learn_past, asked.folder / f"{orders}", orders)
        yield {
            "orders": orders,
            "learnt, s": found.learnt.seconds,
            "learnt, cpu s": found.learnt.cpu_seconds,
            "MB": found.learnt.peak_mb,
            "open orders": found.decided.n,
            "each, cpu ms": 1_000 * found.decided.cpu_seconds / found.decided.n,
        }


def run_allocating(asked: Asked) -> Iterator[Row]:
    """Share stock and deliveries among open lines; a size is their number."""
    for lines in asked.sizes:
        shared = fresh(allocate_all, lines)
        yield {"lines": lines, "s": shared.seconds, "lines/s": shared.rate, "MB": shared.peak_mb}


def run_demo(asked: Asked) -> Iterator[Row]:
    """Run the demo, and tell Prefect's own start apart."""
    for orders in asked.sizes:
        shown = fresh(demo, asked.folder / "demo", orders)
        yield {
            "orders": orders,
            "in all, s": shown.seconds,
            "Prefect's start, s": shown.prefect_seconds,
            "without it, s": shown.seconds - shown.prefect_seconds,
        }


RUNS: dict[str, Callable[[Asked], Iterator[Row]]] = {
    "recording": run_recording,
    "owing": run_owing,
    "deliver": run_deliver,
    "transports": run_transports,
    "memory": run_memory,
    "rates": run_rates,
    "idle": run_idle,
    "idle-day": run_idle_day,
    "import": run_import,
    "size": run_size,
    "status": run_status,
    "allocating": run_allocating,
    "stock": run_stock,
    "learning": run_learning,
    "pages": run_pages,
    "desk": run_desk,
    "callbacks": run_callbacks,
    "demo": run_demo,
}
COMPARED = ("owing", "deliver", "import")
"""What can be measured in turn with an older commit."""
