"""Learn from past orders in a ledger, and say of open ones how likely they end late."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from app.clock import make_clock
from app.composition import open_app
from benchmarks.fresh import Spent, Watch
from benchmarks.shop import AS_OF
from sources.sample import write_sample
from tasks.db.sql import read_only
from tasks.early_warning.history import load_open_orders
from tasks.early_warning.learn import learn_from, read_past
from tasks.early_warning.store import load_model

DAYS = 730
REGIONS, VENDORS, CARRIERS = 27, 40, 3
WITHIN_DAYS = 12
LATE_DAYS = 4
PAGE = 200
"""Orders that a run decides at once."""


@dataclass(frozen=True, slots=True)
class LearningTimes:
    """What it took to read the past and learn from it, and to say of open orders how likely they end late."""

    learnt: Spent
    decided: Spent


def build_past(folder: Path, orders: int) -> None:
    """Make a shop in `folder` with so many past orders, some of them still out."""
    write_sample(folder / "shop", orders=1, as_of=AS_OF)
    with open_app(folder / "shop") as app, sqlite3.connect(str(app.context.engine.url.database)) as ledger:
        ledger.execute("INSERT INTO customer (id, name, country, sms_consent, marketing_consent, opted_out)"
                       " VALUES ('C1', 'Ann', 'DE', 0, 0, 0)")  # fmt: skip
        ledger.executemany(
            "INSERT INTO product (id, name, vendor_id, drop_shipped) VALUES (?, ?, ?, 0)",
            ((f"P{n}", f"Thing {n}", f"V{n}") for n in range(VENDORS)),
        )
        past = list(_past(orders))
        ledger.executemany(
            "INSERT INTO orders (id, customer_id, placed_at, priority, region, unpaid) VALUES (?, 'C1', ?, 0, ?, 0)",
            ((f"{n:07}", _moment(placed), f"R{n % REGIONS}") for n, placed, *_ in past),
        )
        ledger.executemany(
            "INSERT INTO order_line (order_id, number, product_id, quantity, promise, promised_on, shipped_at,"
            " delivered_at, ship_by, carrier, time_critical) VALUES (?, '1', ?, 1000, 'deliver', ?, ?, ?, ?, ?, 0)",
            (
                (
                    f"{n:07}", f"P{n % VENDORS}", str(placed + timedelta(days=WITHIN_DAYS)), _moment(shipped),
                    _moment(came), str(placed + timedelta(days=3)), f"carrier {n % CARRIERS}",
                )
                for n, placed, shipped, came in past
            ),
        )  # fmt: skip
    ledger.close()


def _past(orders: int) -> Iterator[tuple[int, date, date | None, date | None]]:
    dice = Random(3)  # noqa: S311 - it keeps no secret
    for n in range(orders):
        placed = AS_OF - timedelta(days=DAYS - n * DAYS // orders)
        shipped = placed + timedelta(days=dice.randrange(1, 5))
        came = shipped + timedelta(days=1 + int(dice.expovariate(1 / (3 + n % REGIONS / 6))))
        yield n, placed, shipped if shipped < AS_OF else None, came if came < AS_OF else None


def _moment(day: date | None) -> str | None:
    return None if day is None else f"{day} 10:00:00.000000"


def learn_past(folder: Path, orders: int) -> LearningTimes:
    """Read the past and learn from it, then decide open orders page after page."""
    learnt, decided = Watch(), Watch()
    with open_app(folder / "shop") as app:
        context = app.context.with_run("", AS_OF, make_clock(app.folder.shop.zone, AS_OF).now())
        with learnt:
            learn_from(context, read_past(context), LATE_DAYS)
        spent = learnt.spent(orders)
        out = [f"{n:07}" for n in range(orders - orders * WITHIN_DAYS // DAYS, orders)]
        said = 0
        with decided, read_only(context.engine) as connection:
            for at in range(0, len(out), PAGE):
                model = load_model(connection, AS_OF, LATE_DAYS)
                assert model is not None
                found = load_open_orders(context, connection, out[at : at + PAGE])
                asked = [each for of_order in found.values() for each in of_order]
                said += sum(each is not None for each in model.likelihoods(asked, AS_OF))
    assert said > 0, "nothing was said of any open order"
    return LearningTimes(spent, decided.spent(said))
