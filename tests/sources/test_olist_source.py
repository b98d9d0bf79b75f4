import csv
from datetime import date

import pytest
from sqlalchemy import func, select

from models.config.shop import read_shop
from sources.check import check
from sources.reader import open_source
from sources.rows import ExcludedRows
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.load import import_all
from tasks.imports.stats import ImportStats
from tasks.tables import ORDERS, WATCHES
from tests.support.paths import ROOT, SHARED

DATA = SHARED / "data" / "olist"
DAY = date(2018, 6, 1)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the Olist data are not beside the project")


def plain(name):
    with (DATA / f"olist_{name}_dataset.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def source():
    with open_source(read_shop(ROOT / "examples" / "olist"), data=DATA) as opened:
        yield opened


@pytest.fixture(scope="module")
def by_hand():
    with_items = {item["order_id"] for item in plain("order_items")}
    orders = plain("orders")
    kept = [order for order in orders if order["order_id"] in with_items]
    known = [
        order
        for order in kept
        if not (
            order["order_status"] in ("canceled", "unavailable") and order["order_purchase_timestamp"] < "2018-06-02"
        )
        and not ("" < order["order_delivered_customer_date"] < "2018-06-02")
        and not (order["order_status"] == "delivered" and order["order_delivered_customer_date"] == "")
    ]
    placed = [order for order in known if order["order_purchase_timestamp"] < "2018-06-02"]
    late = [order for order in placed if order["order_estimated_delivery_date"] < "2018-06-01"]
    return {"all": len(orders), "kept": len(kept), "open": len(placed), "late": len(late), "watched": len(known)}


def test_the_check_counts_what_a_plain_count_counts(source, by_hand):
    report = check(source, DAY)
    assert by_hand["all"] == 8135
    assert report.rows == {
        "customers": 8135,
        "products": 5460,
        "orders": by_hand["kept"],
        "lines": 8365,
        "vendors": 1610,
    }
    assert report.excluded == [ExcludedRows("orders without items", by_hand["all"] - by_hand["kept"])]
    assert (report.open_orders, report.late_orders) == (by_hand["open"], by_hand["late"])
    assert report.findings == {}


def test_real_orders_are_taken_in_once(source, by_hand, tmp_path, ledger):
    engine = connect(ledger)
    migrate(engine)
    first = import_all(engine, source, DAY, tmp_path / "rejects.csv")
    assert first["orders"] == ImportStats(read=by_hand["kept"], inserted=by_hand["kept"])
    assert first["lines"] == ImportStats(read=8365, inserted=8365)
    again = import_all(engine, source, DAY, tmp_path / "rejects.csv")
    assert again == {table: ImportStats(read=one.read, unchanged=one.read) for table, one in first.items()}
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(ORDERS)).scalar() == by_hand["kept"]
        assert connection.execute(select(func.count()).select_from(WATCHES)).scalar() == by_hand["watched"]
    assert not (tmp_path / "rejects.csv").exists()
    engine.dispose()
