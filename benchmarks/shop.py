"""A shop of any size, put straight into the ledger's tables: taking it in from files is measured elsewhere."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from app.composition import open_app
from sources.sample import write_sample

AS_OF = date(2025, 6, 16)
"""The day that is lived; it is past on every machine whose clock is right."""

CATEGORIES, PER_CATEGORY = 40, 50
WAITED_FOR = 10
"""In each category so many products are out of stock; late lines are of these."""
BARE = 10
"""In so many categories nothing is in stock, so that a discount takes the substitute's place."""

DAYS_LATE = (4, 6, 9, 12, 16, 25)
UNTIL_EXPECTED = 5
PER_CUSTOMER = 3
LOCALES = (("en_GB", "GB"), ("pt_PT", "PT"), ("en_IE", "IE"), ("pt_BR", "PT"))

CAPS = "\n[budget]\nper_run = { EUR = 1_000_000_000 }\nper_month = { EUR = 1_000_000_000 }\n"
# Its newest order is weeks old, for all of them are old enough to be late.
BRAKE = "\n[guardrails]\nmax_data_age_hours = 0\n"


def build(folder: Path, open_orders: int, late: int, limits: str = CAPS + BRAKE) -> None:
    """Make a shop in `folder` with so many open orders, of which `late` have become late and nobody was told."""
    write_sample(folder / "shop", orders=1, as_of=AS_OF)
    with (folder / "shop" / "policy.toml").open("a") as policy:
        policy.write(limits)
    with open_app(folder / "shop") as app:
        ledger = sqlite3.connect(str(app.context.engine.url.database))
    step = open_orders // late
    _put(ledger, "product", "id, name, category, price", _products())
    _put(ledger, "stock", "product_id, location, on_hand, allocated", _stock())
    _put(
        ledger,
        "customer",
        "id, name, email, phone, country, locale, zone, sms_consent, marketing_consent, opted_out",
        _customers(open_orders // PER_CUSTOMER + 1),
    )
    _put(ledger, "orders", "id, customer_id, placed_at, currency, shipping_fee", _orders(open_orders))
    _put(
        ledger,
        "order_line",
        "order_id, number, product_id, quantity, price, promise, promised_on, expected_on",
        _lines(open_orders, step),
    )
    _put(ledger, "watch", "order_id, version, next_check_on, bucket, revision", _watches(open_orders, step))
    _put(ledger, "counter", "name, value", [("orders:on_time", open_orders)])
    ledger.commit()
    ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()


def _put(ledger: sqlite3.Connection, table: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    marks = ", ".join("?" for _ in columns.split(","))
    ledger.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - names of ours


def _day(days: int) -> str:
    return (AS_OF + timedelta(days=days)).isoformat()


DAY = {days: _day(days) for days in range(-60, 60)}


def _product(category: int, nth: int) -> str:
    return f"P{category:02}{nth:02}"


def _products() -> Iterator[tuple[object, ...]]:
    for category in range(CATEGORIES):
        for nth in range(PER_CATEGORY):
            name = f"{('Oak', 'Linen', 'Brass', 'Wool', 'Clay')[nth % 5]} Thing No. {nth} of Kind {category}"
            yield _product(category, nth), name, f"Kind {category}", (20 + nth * 4) * 10_000


def _stock() -> Iterator[tuple[object, ...]]:
    for category in range(CATEGORIES):
        for nth in range(PER_CATEGORY):
            empty = category < BARE or nth % (PER_CATEGORY // WAITED_FOR) == 0
            yield _product(category, nth), "main", 0 if empty else (5 + nth) * 1_000, 0 if empty else 3_000


def _customers(count: int) -> Iterator[tuple[object, ...]]:
    for n in range(count):
        locale, country = LOCALES[n % len(LOCALES)]
        phone = f"+44 20 7946 0{n % 1000:03}"
        reach = f"Ana Maria {n}", f"customer.{n}@example.com", phone, country, locale, "Europe/Lisbon"
        yield f"C{n:07}", *reach, n % 3 > 0, n % 2, 0


def _orders(count: int) -> Iterator[tuple[object, ...]]:
    placed = f"{_day(-45)} 10:00:00.000000"
    for n in range(count):
        yield f"{n:08}", f"C{n // PER_CUSTOMER:07}", placed, "EUR", 49_000


def _lines(count: int, step: int) -> Iterator[tuple[object, ...]]:
    """Every step-th order is late with its first line; every other one has a second line, which is on time."""
    for n in range(count):
        turn, ahead = divmod(n, step)
        category, nth, due = n % CATEGORIES, 1 + turn % (PER_CATEGORY // WAITED_FOR - 1), DAY[1 + n % 20]
        rest = 1_000, 400_000, "deliver"
        if ahead:
            yield f"{n:08}", "1", _product(category, nth), *rest, due, None
        else:
            known = turn % 3 > 0
            promised = (UNTIL_EXPECTED if known else 0) - DAYS_LATE[turn % len(DAYS_LATE)]
            product = _product(turn % CATEGORIES, turn % WAITED_FOR * (PER_CATEGORY // WAITED_FOR))
            yield f"{n:08}", "1", product, *rest, DAY[promised], DAY[UNTIL_EXPECTED] if known else None
        if turn % 2:
            yield f"{n:08}", "2", _product(category, nth + 5), *rest, due, None


def _watches(count: int, step: int) -> Iterator[tuple[object, ...]]:
    for n in range(count):
        yield f"{n:08}", 1, DAY[0] if n % step == 0 else DAY[2 + n % 20], "on_time", 0
