"""The real orders: 8,135 of them, lived day by day."""

import asyncio
import shutil
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import date, timedelta

import duckdb
import pytest
from sqlalchemy import select

from app.composition import open_app
from app.ledger import CreateLedger
from flows.deliver import run_deliver
from flows.late_orders import run_late_orders
from tasks.db.sql import read_only
from tasks.imports.load import import_all
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.runs.records import last_run_date
from tasks.tables import NOTICES
from tests.support.ledgers import sqlite_ledger
from tests.support.paths import ROOT, SHARED

DATA = SHARED / "data" / "olist"
SHOP = ROOT / "examples" / "olist"
DAY = date(2018, 6, 1)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/olist is absent")

INDEPENDENT = """
WITH late AS (
    SELECT DATE '{day}' - CAST(order_estimated_delivery_date AS DATE) AS days
    FROM '{data}/olist_orders_dataset.csv'
    WHERE order_id IN (SELECT order_id FROM '{data}/olist_order_items_dataset.csv')
      AND order_status NOT IN ('canceled', 'unavailable')
      AND NOT (order_status = 'delivered' AND order_delivered_customer_date IS NULL)
      AND CAST(order_purchase_timestamp AS DATE) <= DATE '{day}'
      AND (order_delivered_customer_date IS NULL OR CAST(order_delivered_customer_date AS DATE) > DATE '{day}')
)
SELECT CASE WHEN days < 1 THEN 'on_time' WHEN days < 4 THEN 'short' WHEN days < 8 THEN 'week'
            WHEN days < 15 THEN 'fortnight' ELSE 'long' END AS bucket, count(*)
FROM late GROUP BY bucket
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Return a file with the ledger after the import, which two tests begin with."""
    folder = tmp_path_factory.mktemp("imported")
    with opened(folder, sqlite_ledger(folder / "ledger.db")) as app:
        take_in(app)
    return folder / "ledger.db"


@pytest.fixture
def app(tmp_path, ledger, imported):
    if ledger.startswith("sqlite"):
        shutil.copyfile(imported, tmp_path / "ledger.db")
    with opened(tmp_path, ledger) as app:
        if not ledger.startswith("sqlite"):
            take_in(app)
        yield app


@contextmanager
def opened(home, ledger):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOREWARN_HOME", str(home))
        patch.setenv("FOREWARN_DATABASE_URL", ledger)
        with open_app(SHOP, data=DATA, create=CreateLedger.ANYWHERE) as app:
            yield app


def take_in(app):
    with app.source() as source:
        import_all(app.context.engine, source, last_run_date(app.context.engine))


def live(app, day):
    return asyncio.run(run_late_orders(app, day)), asyncio.run(run_deliver(app, day))


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_the_buckets_of_a_day_are_those_of_a_plain_query_over_the_files(app):
    counted = dict(duckdb.sql(INDEPENDENT.format(day=DAY, data=DATA)).fetchall())
    on_time = counted.pop("on_time")
    found, done = live(app, DAY)
    assert found.late == counted
    assert found.open == on_time + sum(counted.values())
    assert found.changes == {bucket: n for bucket, n in counted.items() if bucket != "short"}
    assert done.sent == found.notices
    again, nothing = live(app, DAY)
    assert (again.late, again.changes, again.notices, nothing.sent) == (found.late, {}, {}, {})


# Every second day, and every fourth as a shop that checks its orders seldom; each day by `make chaos`.
@pytest.mark.parametrize(
    ("ledger", "days"),
    [("sqlite", 4), ("postgresql", 2), pytest.param("postgresql", 1, marks=pytest.mark.long)],
    indirect=["ledger"],
)
def test_lived_day_by_day_nobody_is_told_the_same_twice(app, days):
    day, step = date(2018, 5, 1), timedelta(days=days)
    while day <= DAY:
        live(app, day)
        day += step
    left = select(NOTICES).select_from(NOTICES_WITH_STATE).where(LEFT_FILTER)
    with read_only(app.context.engine) as connection:
        rows = connection.execute(left.order_by(NOTICES.c.order_id, NOTICES.c.revision)).mappings().all()
    said = Counter((row["order_id"], row["channel"], row["bucket"], row["expected_on"]) for row in rows)
    assert max(said.values()) == 1
    order = {"week": 0, "fortnight": 1, "long": 2}
    told = defaultdict(list)
    for row in rows:
        told[row["order_id"]].append(order[row["bucket"]])
    assert all(buckets == sorted(set(buckets)) for buckets in told.values())
    assert sum(len(buckets) > 1 for buckets in told.values()) > 50
