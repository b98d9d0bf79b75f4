import csv
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, select, update

from app.reports.run import imported
from models.config.shop import read_shop
from sources.check import check
from sources.check_report import Finding
from sources.reader import open_source
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.fact_rows import TABLES
from tasks.imports.guard import ImportIncomplete, ensure_import_complete
from tasks.imports.load import import_all, import_table
from tasks.imports.stats import ImportStats
from tasks.tables import INBOUNDS, ORDER_LINES, ORDERS, STOCKS, WATCHES

DAY = date(2026, 1, 15)
NEXT = date(2026, 1, 16)


@pytest.fixture
def shop(tmp_path, ledger):
    folder = tmp_path / "shop"
    write_starter(folder)
    engine = connect(ledger)
    migrate(engine)
    yield SimpleNamespace(folder=folder, engine=engine, rejects=tmp_path / "rejects.csv")
    engine.dispose()


def take_in(shop, as_of=DAY, **how):
    with open_source(read_shop(shop.folder)) as source:
        return import_all(shop.engine, source, as_of, shop.rejects, **how)


def change(shop, file, old, new):
    path = shop.folder / "data" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def all_rows(shop, query):
    with shop.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def due(shop):
    return dict(all_rows(shop, select(WATCHES.c.order_id, WATCHES.c.next_check_on)))


def looked(shop, again_on=date(2026, 2, 1)):
    with shop.engine.begin() as connection:
        connection.execute(update(WATCHES).values(next_check_on=again_on, version=1))


def rejected(shop):
    with shop.rejects.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_second_import_of_the_same_data_changes_nothing_and_says_so(shop):
    first = take_in(shop)
    assert first["lines"] == ImportStats(read=4, inserted=4)
    before = all_rows(shop, select(WATCHES))
    looked(shop)
    second = take_in(shop, NEXT)
    assert second == {table: ImportStats(read=one.read, unchanged=one.read) for table, one in first.items()}
    assert len(before) == 3
    assert set(due(shop).values()) == {date(2026, 2, 1)}
    assert not shop.rejects.exists()


def test_the_stored_values_are_those_of_the_files(shop):
    take_in(shop)
    order = select(ORDERS.c.placed_at, ORDERS.c.shipping_fee).where(ORDERS.c.id == "1001")
    assert all_rows(shop, order) == [(datetime(2026, 1, 5, 9, 12, tzinfo=UTC), Decimal("4.90"))]
    (line,) = all_rows(
        shop,
        select(ORDER_LINES.c.promised_on, ORDER_LINES.c.expected_on, ORDER_LINES.c.shipped_at).where(
            ORDER_LINES.c.order_id == "1001", ORDER_LINES.c.number == "2"
        ),
    )
    assert line == (date(2026, 1, 9), None, datetime(2026, 1, 8, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("file", "old", "new", "orders"),
    [
        ("lines.csv", "2026-01-20", "2026-01-27", {"1001"}),
        ("lines.csv", "1002,1,MUG-1,1,14.00,2026-01-12,,", "1002,1,MUG-1,1,14.00,2026-01-12,,2026-01-14", {"1002"}),
        ("orders.csv", "1002,C2,2026-01-06 16:40:00,,", "1002,C2,2026-01-06 16:40:00,2026-01-15,", {"1002"}),
        ("orders.csv", "1003,C1", "1003,C2", {"1003"}),
        ("customers.csv", "ada@example.com", "lovelace@example.com", {"1001", "1003"}),
        ("customers.csv", "yes,no", "yes,yes", {"1001", "1003"}),
        ("products.csv", "Stoneware mug", "Clay mug", set()),
        ("stock.csv", "MUG-2,Berlin,8", "MUG-2,Berlin,0", set()),
    ],
)
def test_a_changed_fact_makes_just_its_orders_due(shop, file, old, new, orders):
    take_in(shop)
    looked(shop)
    change(shop, file, old, new)
    counts = take_in(shop, NEXT)
    assert sum(one.updated for one in counts.values()) == 1
    assert sum(one.inserted for one in counts.values()) == 0
    assert {order for order, day in due(shop).items() if day == NEXT} == orders
    versions = dict(all_rows(shop, select(WATCHES.c.order_id, WATCHES.c.version)))
    assert {order for order, version in versions.items() if version == 2} == orders


def test_an_order_that_is_due_stays_due_and_gets_a_new_version(shop):
    take_in(shop)
    looked(shop, date(2026, 1, 10))
    change(shop, "lines.csv", "2026-01-20", "2026-01-27")
    take_in(shop, NEXT)
    assert due(shop)["1001"] == date(2026, 1, 10)
    assert all_rows(shop, select(WATCHES.c.version).where(WATCHES.c.order_id == "1001")) == [(2,)]


@pytest.mark.parametrize(
    ("file", "old", "new", "watched"),
    [
        ("lines.csv", ",2026-01-12,,\n", ",2026-01-12,,2026-01-14 09:00\n", False),
        ("lines.csv", ",2026-01-12,,\n", ",2026-01-12,,2026-01-15 23:59\n", False),
        ("lines.csv", ",2026-01-12,,\n", ",2026-01-12,,2026-01-16 00:00\n", True),
        ("orders.csv", "16:40:00,,", "16:40:00,2026-01-15 10:00,", False),
        ("orders.csv", "16:40:00,,", "16:40:00,2026-01-16 10:00,", True),
    ],
)
def test_an_order_closed_by_the_day_gets_no_watch(shop, file, old, new, watched):
    change(shop, file, old, new)
    take_in(shop)
    assert ("1002" in due(shop)) is watched
    assert "1001" in due(shop)


def test_a_promise_to_deliver_stays_open_after_the_parcel_is_shipped(shop):
    change(shop, "lines.csv", ",2026-01-12,,\n", ",2026-01-12,,2026-01-14\n")
    select_lines = shop.folder / "sources" / "lines.sql"
    select_lines.write_text(select_lines.read_text().replace("'ship'", "'deliver'"))
    take_in(shop)
    assert "1002" in due(shop)


def test_an_order_opened_again_is_watched_again(shop):
    change(shop, "orders.csv", "16:40:00,,", "16:40:00,2026-01-07,")
    take_in(shop)
    assert "1002" not in due(shop)
    change(shop, "orders.csv", "16:40:00,2026-01-07,", "16:40:00,,")
    take_in(shop, NEXT)
    assert due(shop)["1002"] == NEXT


def test_an_order_that_is_missing_from_the_source_stays_open(shop):
    take_in(shop)
    change(shop, "orders.csv", "1002,C2,2026-01-06 16:40:00,,9.90\n", "")
    change(shop, "lines.csv", "1002,1,MUG-1,1,14.00,2026-01-12,,\n", "")
    take_in(shop, NEXT)
    assert "1002" in due(shop)
    assert all_rows(
        shop, select(ORDER_LINES.c.shipped_at, ORDER_LINES.c.cancelled_at).where(ORDER_LINES.c.order_id == "1002")
    ) == [(None, None)]


@pytest.fixture
def goods(shop):
    """A shop with deliveries as well: one received, two to come; and three rows of stock."""
    (shop.folder / "sources" / "inbound.sql").write_text("SELECT * FROM 'inbound.csv'\n")
    rows = ["id,product_id,quantity,received_at", "D1,MUG-1,5,2026-01-02 09:00", "D2,MUG-1,5,", "D3,MUG-2,5,"]
    (shop.folder / "data" / "inbound.csv").write_text("\n".join(rows) + "\n")
    take_in(shop)
    return shop


def there(shop):
    stock = all_rows(shop, select(STOCKS.c.product_id, STOCKS.c.on_hand).order_by(STOCKS.c.product_id))
    return dict(stock), sorted(row[0] for row in all_rows(shop, select(INBOUNDS.c.id)))


@pytest.mark.parametrize("batch", [100, 1])
def test_stock_and_deliveries_that_the_source_no_longer_has_are_removed(goods, batch):
    change(goods, "stock.csv", "MUG-2,Berlin,8,1\n", "")
    change(goods, "inbound.csv", "D1,MUG-1,5,2026-01-02 09:00\nD2,MUG-1,5,\n", "")
    found = take_in(goods, NEXT, batch=batch)
    assert found["stock"] == ImportStats(read=2, unchanged=2, removed=1)
    assert found["inbound"] == ImportStats(read=1, unchanged=1, removed=1)
    assert imported(asdict(found["inbound"])) == "1 rows: 1 removed"
    assert there(goods) == ({"MUG-1": 0, "MUG-2": 0, "TEA-1": 40}, ["D1", "D3"])
    assert {table: one.removed for table, one in take_in(goods, NEXT).items() if one.removed} == {}


@pytest.mark.parametrize(
    ("stock", "deliveries", "said"),
    [
        ("", "", "0 rows: what was there stays"),
        ("MUG-1,Berlin,none,0\n", "D3,MUG-2,none,\n", "1 rows: 1 rejected"),
    ],
    ids=["empty", "refused"],
)
def test_nothing_is_removed_when_a_table_is_empty_or_has_a_rejected_row(goods, stock, deliveries, said):
    before = there(goods)
    for file, rows in (("stock.csv", stock), ("inbound.csv", deliveries)):
        path = goods.folder / "data" / file
        path.write_text(path.read_text().partition("\n")[0] + "\n" + rows)
    found = take_in(goods, NEXT)
    assert {imported(asdict(found[table])) for table in ("stock", "inbound")} == {said}
    assert there(goods) == before


def test_invalid_rows_are_rejected_with_their_reason_and_the_others_are_imported(shop):
    change(shop, "lines.csv", "1002,1,MUG-1,1,", "1002,1,MUG-1,one,")
    change(shop, "lines.csv", "1003,1,MUG-2", "1003,1,CUP-9")
    change(shop, "orders.csv", "1001,C1", "1001,C7")
    counts = take_in(shop)
    assert counts["orders"] == ImportStats(read=3, inserted=2, rejected=1)
    assert counts["lines"] == ImportStats(read=4, inserted=0, rejected=4)
    assert [tuple(row.values()) for row in rejected(shop)] == [
        ("orders", "orders.csv", "2", "customer_id", "C7", "not among the customers; use the id of one of them"),
        (
            "lines",
            "lines.csv",
            "4",
            "quantity",
            "one",
            "a number such as 3 or 1.5 is right, with at most three decimals",
        ),
        ("lines", "lines.csv", "2", "order_id", "1001", "not among the orders; use the id of one of them"),
        ("lines", "lines.csv", "3", "order_id", "1001", "not among the orders; use the id of one of them"),
        ("lines", "lines.csv", "5", "product_id", "CUP-9", "not among the products; use the id of one of them"),
    ]


def test_the_rejects_file_has_the_rows_of_the_last_import_and_is_deleted_without_any(shop):
    change(shop, "lines.csv", "1002,1,MUG-1,1,", "1002,1,MUG-1,one,")
    for _ in range(2):
        take_in(shop)
        assert [row["value"] for row in rejected(shop)] == ["one"]
    change(shop, "lines.csv", "1002,1,MUG-1,one,", "1002,1,MUG-1,1,")
    take_in(shop)
    assert not shop.rejects.exists()


def test_an_order_of_an_earlier_import_accepts_new_lines(shop):
    take_in(shop)
    (shop.folder / "data" / "orders.csv").write_text("number,customer,placed,cancelled,shipping\n")
    change(shop, "lines.csv", "1003,1,", "1003,2,")
    assert take_in(shop)["lines"] == ImportStats(read=4, inserted=1, unchanged=3, removed=1)


@pytest.mark.parametrize("batch", [100, 2, 1])
def test_contradicting_rows_of_one_file_are_all_rejected_however_far_apart_they_are(shop, batch):
    change(shop, "lines.csv", "1001,1,", "1003,1,MUG-2,9,12.50,2026-01-12,2026-01-12,\n1001,1,")
    for _ in range(2):
        assert take_in(shop, batch=batch)["lines"].rejected == 2
        assert [(one["line"], one["column"], one["value"], one["reason"]) for one in rejected(shop)] == [
            (
                line,
                "quantity",
                value,
                f"contradicts lines.csv, line {other}, which has the same key 1003, 1; none of them is accepted",
            )
            for line, value, other in (("2", "9", "6"), ("6", "1", "2"))
        ]
    assert all_rows(shop, select(ORDER_LINES.c.quantity).where(ORDER_LINES.c.order_id == "1003")) == []


def test_equal_rows_count_once(shop):
    change(shop, "lines.csv", "1001,1,", "1003,1,MUG-2,1.0,12.5,2026-01-12,2026-01-12 00:00,\n1001,1,")
    assert take_in(shop)["lines"] == ImportStats(read=5, inserted=4, duplicates=1)
    assert not shop.rejects.exists()


def test_a_rejected_row_does_not_block_a_valid_row_of_its_key(shop):
    change(shop, "lines.csv", "1003,1,", "1003,1,CUP-9,9,1,,,\n1003,1,")
    assert take_in(shop)["lines"] == ImportStats(read=5, inserted=4, rejected=1)
    assert all_rows(shop, select(ORDER_LINES.c.product_id).where(ORDER_LINES.c.order_id == "1003")) == [("MUG-2",)]


@pytest.mark.parametrize("batch", [100, 2])
def test_the_check_rejects_the_rows_that_the_import_rejects_and_finds_the_same_late_orders(shop, batch):
    change(shop, "orders.csv", "1001,C1", "1001,C7")
    change(shop, "lines.csv", "1003,1,MUG-2", "1003,1,CUP-9")
    contradict = "1002,2,MUG-1,1,1,2026-02-01,,\n1002,2,MUG-1,2,1,2026-02-01,,\n"
    change(shop, "lines.csv", "1002,1,", f"1002,1,CUP-9,9,1,2026-01-01,,\n{contradict}1002,1,")
    with open_source(read_shop(shop.folder)) as source:
        told = check(source, DAY)
    counts = take_in(shop, batch=batch)
    wrong = {(row["table"], row["line"]) for row in rejected(shop)}
    assert {(at.table, str(at.line)) for kind, at in told.examples if kind is not Finding.NO_LINES} == wrong
    assert {table: one.rejected for table, one in counts.items() if one.rejected} == {"orders": 1, "lines": 6}
    assert (told.open_orders, told.late_orders) == (1, 1)
    assert all_rows(shop, select(ORDER_LINES.c.order_id, ORDER_LINES.c.promised_on)) == [("1002", date(2026, 1, 12))]


def test_batches_add_up_and_progress_is_reported_for_each(shop):
    told = []
    counts = take_in(shop, batch=2, progress=lambda table, rows: told.append((table, rows)))
    assert counts["lines"] == ImportStats(read=4, inserted=4)
    assert [rows for table, rows in told if table == "lines"] == [2, 4]
    assert len(due(shop)) == 3


def test_the_import_is_incomplete_until_its_last_table_is_imported(shop):
    told = []

    def look(table, _):
        with shop.engine.begin() as connection, pytest.raises(ImportIncomplete):
            ensure_import_complete(connection)
        told.append(table)

    counts = take_in(shop, progress=look)
    assert told == [table for table, stats in counts.items() if stats.read]
    with shop.engine.begin() as connection:
        ensure_import_complete(connection)


def test_the_next_import_completes_one_that_failed_between_two_tables(shop):
    with open_source(read_shop(shop.folder)) as source:
        for table in ("customers", "products", "orders"):
            import_table(shop.engine, source, table, DAY)
    assert due(shop) == {}
    take_in(shop)
    assert len(due(shop)) == 3


def test_a_line_lost_from_the_ledger_is_imported_again(shop):
    take_in(shop)
    with shop.engine.begin() as connection:
        connection.execute(delete(ORDER_LINES).where(ORDER_LINES.c.order_id == "1002"))
    assert take_in(shop)["lines"] == ImportStats(read=4, inserted=1, unchanged=3)
    assert all_rows(shop, select(func.count()).select_from(TABLES["lines"])) == [(4,)]
