"""Compute the stock levels of many products from half a year of orders, and again with nothing changed."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.clock import make_clock
from app.composition import open_app
from benchmarks.fresh import Spent, Watch
from benchmarks.shop import AS_OF
from sources.sample import write_sample
from tasks.db.sql import read_only
from tasks.replenishment.history import load_lead_times
from tasks.replenishment.levels import compute_levels

DAYS = 180
FAST_SELLING_EVERY = 20
"""One product in so many sells on five days of six, the others on one day in SLOW_SELLING_DAYS."""
SLOW_SELLING_DAYS = 18
LINES_PER_ORDER = 10


@dataclass(frozen=True, slots=True)
class StockingTimes:
    """What computing all levels took the first and the second time, and the order lines it read."""

    first: Spent
    again: Spent
    lines: int


def build_sales(folder: Path, products: int) -> int:
    """Make a shop in `folder` with so many products and their sales; return its number of order lines."""
    write_sample(folder / "shop", orders=1, as_of=AS_OF)
    with open_app(folder / "shop") as app, sqlite3.connect(str(app.context.engine.url.database)) as ledger:
        ledger.executemany(
            "INSERT INTO product (id, name, drop_shipped) VALUES (?, ?, 0)",
            ((f"P{n:06}", f"Thing {n}") for n in range(products)),
        )
        ledger.executemany(
            "INSERT INTO stock (product_id, location, on_hand, allocated) VALUES (?, 'main', 20000, NULL)",
            ((f"P{n:06}",) for n in range(products)),
        )
        ledger.executemany(
            "INSERT INTO order_line (order_id, number, product_id, quantity, promise, shipped_at, time_critical)"
            " VALUES (?, ?, ?, ?, 'ship', ?, 0)",
            _lines(products),
        )
        ledger.execute(
            "INSERT INTO orders (id, customer_id, placed_at, priority)"
            " SELECT order_id, 'C1', min(shipped_at), 0 FROM order_line GROUP BY order_id"
        )
        (lines,) = ledger.execute("SELECT count(*) FROM order_line").fetchone()
    ledger.close()
    return int(lines)


def _lines(products: int) -> Iterator[tuple[object, ...]]:
    for ago in range(1, DAYS + 1):
        sold = [
            n
            for n in range(products)
            if (ago % 6 if n % FAST_SELLING_EVERY == 0 else (ago + n) % SLOW_SELLING_DAYS == 0)
        ]
        day = f"{AS_OF - timedelta(days=ago)} 10:00:00.000000"
        for nth, n in enumerate(sold):
            yield (
                f"{ago:03}-{nth // LINES_PER_ORDER:06}",
                str(nth % LINES_PER_ORDER),
                f"P{n:06}",
                (1 + (n + ago) % 3) * 1_000,
                day,
            )


def compute_all(folder: Path, products: int, lines: int) -> StockingTimes:
    """Compute every product's level twice."""
    watches, written_counts = (Watch(), Watch()), []
    with open_app(folder / "shop") as app:
        moment = make_clock(app.folder.shop.zone, AS_OF).now()
        for watch in watches:
            with watch, read_only(app.context.engine) as connection:
                lead_times = load_lead_times(app.context, connection, AS_OF)
            written, after = 0, ""
            with watch:
                while (
                    page := compute_levels(app.context.with_run("", AS_OF, moment), lead_times, after)
                ).last is not None:
                    written, after = written + page.written, page.last
            written_counts.append(written)
    assert written_counts == [products, 0], f"{written_counts} levels were written, not {products} and none"
    first, again = (watch.spent(products) for watch in watches)
    return StockingTimes(first, again, lines)
