"""A row of the source that has not changed since it was written is not validated again, and counts all the same."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, insert, select, text, update

from models.config.shop import read_shop
from sources.connectors.database import Database
from sources.connectors.queries import Select
from sources.reader import Source, open_source
from sources.rows import Row
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.endings import VIRTUAL, ZERO
from tasks.imports.fact_rows import TABLES
from tasks.imports.load import import_all, import_table
from tasks.imports.stats import ImportStats
from tasks.tables import CUSTOMERS, OFFERS, OPT_OUTS, ORDER_LINES, ORDERS, PRODUCTS, SHIPMENTS, STOCKS, WATCHES
from tests.support.imports import DAY, NEXT, StarterShop

LATER = date(2026, 2, 1)
MORE = {
    "vendors": "id,name,email,lead_days\nV1,Harbour,dispatch@example.com,14\n",
    "inbound": "id,product_id,quantity,expected_on\nD1,MUG-1,5,2026-02-20\n",
    "shipments": "order_id,number,id,quantity,shipped_at\n1001,1,A,1,2026-01-10 09:00\n1001,2,B,1,2026-01-08 11:30\n",
    "redemptions": "code,order_id,redeemed_at,amount,currency\nTHANKS-1,1003,2026-01-12 10:00,5.00,EUR\n",
}
GIVEN = {"id": "O1", "run_id": "r1", "order_id": "1001", "kind": "future_discount", "code": "THANKS-1"}


class Watching(Source):
    """A source that counts how many rows of each table it validates."""

    validated: Counter[str]

    def validator(self, table):
        validate = super().validator(table)

        def count(row):
            self.validated[table] += 1
            return validate(row)

        return count


def watch(source):
    watching = Watching(source.shop, source.selects, source.connector)
    object.__setattr__(watching, "validated", Counter())
    return watching


class WatchedShop(StarterShop):
    """A shop whose imports tell which rows they validated."""

    def take_in_watched(self, as_of=NEXT):
        with watch(open_source(read_shop(self.folder))) as source:
            return import_all(self.engine, source, as_of, self.rejects), dict(source.validated)

    def execute(self, statement):
        with self.engine.begin() as connection:
            return connection.execute(statement).rowcount


@pytest.fixture
def shop(tmp_path, ledger):
    folder = tmp_path / "shop"
    write_starter(folder)
    for table, rows in MORE.items():
        (folder / "sources" / f"{table}.sql").write_text("SELECT * FROM 'rows.csv'\n".replace("rows", table))
        (folder / "data" / f"{table}.csv").write_text(rows)
    engine = connect(ledger)
    migrate(engine)
    with engine.begin() as connection:
        offer = GIVEN | {"line": "", "revision": 0, "products": [], "value": 5, "currency": "EUR"}
        connection.execute(insert(OFFERS).values(**offer, created_at=datetime(2026, 1, 5, tzinfo=UTC)))
    yield WatchedShop(folder, engine, tmp_path / "rejects.csv")
    engine.dispose()


def unchanged(first):
    return {table: ImportStats(read=one.read, unchanged=one.read) for table, one in first.items()}


def test_only_new_and_changed_rows_are_validated(shop):
    first, validated = shop.take_in_watched()
    assert validated == {table: one.read for table, one in first.items()}
    assert set(validated) == set(TABLES)
    assert shop.take_in_watched() == (unchanged(first), {})
    shop.change("lines.csv", "2026-01-20", "2026-01-27")
    shop.change("products.csv", "Stoneware", "Clay")
    _, validated = shop.take_in_watched()
    assert validated == {"lines": 1, "products": 1}


STOCK = "SELECT sku AS product_id, place AS location, on_hand, allocated FROM 'stock.csv'"


@pytest.mark.sqlite_suffices("which rows are the same is decided before the ledger is asked")
@pytest.mark.parametrize(
    "sql",
    [
        STOCK,
        f"{STOCK} -- every shelf",
        f"{STOCK}; -- every shelf",
        f"WITH shelf AS ({STOCK}) SELECT * FROM shelf ORDER BY product_id DESC",  # noqa: S608
        STOCK.replace("SELECT", "SELECT DISTINCT"),
        STOCK.replace("on_hand", "sum(CAST(on_hand AS INTEGER)) AS on_hand").replace("allocated", "0 AS allocated")
        + " GROUP BY ALL",
        STOCK.replace("on_hand,", "CAST(on_hand AS DECIMAL(9, 2)) AS on_hand, random() AS _dice,"),
        STOCK.replace("on_hand,", "on_hand, on_hand,"),
        f"SELECT * FROM ({STOCK}) JOIN 'stock.csv' AS shelf ON product_id = sku AND location = place".replace(  # noqa: S608
            "SELECT *", "SELECT product_id, location, shelf.on_hand, 0 AS allocated"
        ),
    ],
)
def test_rows_of_any_select_are_recognized(shop, sql):
    shop.take_in()
    (shop.folder / "sources" / "stock.sql").write_text(sql)
    shop.take_in()
    counts, validated = shop.take_in_watched()
    assert (counts["stock"], validated) == (ImportStats(read=3, unchanged=3), {})
    shop.change("stock.csv", "MUG-2,Berlin,8,", "MUG-2,Berlin,7,")
    counts, validated = shop.take_in_watched()
    assert (counts["stock"].updated, validated) == (1, {"stock": 1})
    assert shop.ask(select(STOCKS.c.on_hand).where(STOCKS.c.product_id == "MUG-2")) == [(7,)]


def test_rows_of_a_database_are_recognized_too(shop, tmp_path):
    live = create_engine(f"sqlite:///{tmp_path / 'live.sqlite'}")
    with live.begin() as connection:
        connection.execute(text("CREATE TABLE person (id INTEGER, name TEXT, sms INTEGER)"))
        connection.execute(text("INSERT INTO person VALUES (1, 'Ana', 1), (2, NULL, 0)"))
    shop_config = read_shop(shop.folder).shop

    def take_in():
        selects = {"customers": Select("customers", Path("c.sql"), "SELECT id, name, sms AS sms_consent FROM person")}
        selects |= {"orders": Select("orders", Path("o.sql"), "SELECT 1 AS id, 1 AS customer_id, NULL AS placed_at")}
        with watch(Source(shop_config, selects, Database(str(live.url)))) as source:
            return import_all(shop.engine, source, DAY), source.validated

    assert take_in()[1] == {"customers": 2, "orders": 1}
    counts, validated = take_in()
    # The order without a date is rejected at each import.
    assert validated == {"orders": 1}
    assert (counts["customers"], counts["orders"]) == (ImportStats(2, unchanged=2), ImportStats(1, rejected=1))
    with live.begin() as connection:
        connection.execute(text("UPDATE person SET name = '1' WHERE id = 1"))
    assert take_in()[0]["customers"].updated == 1
    live.dispose()


class Given:
    """A connector to rows that no file could have."""

    def __init__(self, *rows):
        self._rows = rows

    def rows(self, select):
        yield from (Row.of(values, select.file.name, None) for values in self._rows)

    def close(self):
        pass


def test_keys_of_any_text_are_looked_up(shop):
    ids = ("cafe\u0301", "a\0b", "\ud800", None, "Ω" * 300, 17.0, b"\xff")
    selects = {"customers": Select("customers", Path("customers.sql"), "")}
    for inserted, unchanged, validated in ((2, 0, 7), (0, 2, 6)):
        with watch(Source(read_shop(shop.folder).shop, selects, Given(*({"id": key} for key in ids)))) as source:
            counts = import_table(shop.engine, source, "customers", DAY)
        assert counts == ImportStats(7, inserted=inserted, unchanged=unchanged, rejected=5)
        # A number with a point is not the text of its key, and is validated each time.
        assert source.validated["customers"] == validated
    assert sorted(shop.ask(select(CUSTOMERS.c.id))) == [("17",), ("caf\xe9",)]


HAND_MADE = {
    "customers": {"email": "somebody@example.com"},
    "products": {"name": "Another mug"},
    "orders": {"currency": "XXX"},
    "lines": {"expected_on": date(2026, 3, 1)},
    "shipments": {"carrier": "DHL"},
    "vendors": {"lead_days": 3},
    "stock": {"on_hand": 99},
    "inbound": {"expected_on": None},
    "redemptions": {"currency": "XXX"},
}


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_a_person_changed_in_the_ledger_is_imported_again(shop, table):
    first = shop.take_in()
    columns = [column for column in TABLES[table].c if column.name != "source_digest"]
    before = set(shop.ask(select(*columns)))
    key = next(iter(TABLES[table].primary_key))
    chosen = key == shop.ask(select(key).limit(1))[0][0]
    changed = shop.execute(update(TABLES[table]).where(chosen).values(HAND_MADE[table]))
    assert set(shop.ask(select(*columns))) != before
    counts, validated = shop.take_in_watched()
    assert counts[table] == ImportStats(first[table].read, updated=changed, unchanged=first[table].read - changed)
    assert validated == {table: changed}
    assert set(shop.ask(select(*columns))) == before
    assert shop.take_in_watched()[1] == {}


def test_a_value_in_another_spelling_is_validated_once_and_makes_no_order_due(shop):
    shop.take_in()
    shop.execute(update(WATCHES).values(next_check_on=LATER))
    shop.change("lines.csv", "1002,1,MUG-1,1,14.00", "1002,1,MUG-1,1.0,14")
    counts, validated = shop.take_in_watched()
    assert (counts["lines"], validated) == (ImportStats(read=4, unchanged=4), {"lines": 1})
    assert {day for (day,) in shop.ask(select(WATCHES.c.next_check_on))} == {LATER}
    assert shop.take_in_watched()[1] == {}


def test_another_time_zone_of_the_source_is_another_moment(shop):
    shop.take_in()
    shop.says('zone = "America/New_York"')
    counts, _ = shop.take_in_watched()
    assert counts["orders"].updated == 3
    placed = shop.ask(select(ORDERS.c.placed_at).where(ORDERS.c.id == "1001"))
    assert placed == [(datetime(2026, 1, 5, 15, 12, tzinfo=UTC),)]


def test_a_newer_version_of_the_code_reads_every_row_once_more(shop, monkeypatch):
    first = shop.take_in()
    monkeypatch.setattr("tasks.imports.digests._conversion_version", lambda: b"newer")
    assert shop.take_in_watched() == (unchanged(first), {table: one.read for table, one in first.items()})
    assert shop.take_in_watched() == (unchanged(first), {})


def test_columns_that_change_places_are_read_again(shop):
    shop.change("lines.csv", "1002,1,MUG-1,1,14.00,2026-01-12,,", "1002,1,MUG-1,1,14.00,2026-01-12,2026-01-19,")
    shop.take_in()
    shop.select("lines", "promised AS promised_on", "expected AS promised_on")
    shop.select("lines", "expected AS expected_on", "promised AS expected_on")
    shop.take_in()
    days = select(ORDER_LINES.c.promised_on, ORDER_LINES.c.expected_on).where(ORDER_LINES.c.order_id == "1002")
    assert shop.ask(days) == [(date(2026, 1, 19), date(2026, 1, 12))]


# What an unchanged row depends on beside its own values


@pytest.mark.parametrize(
    ("table", "file", "row"),
    [(PRODUCTS, "products.csv", "TEA-1"), (CUSTOMERS, "customers.csv", "C2"), (ORDERS, "orders.csv", "1003")],
)
def test_an_unchanged_row_is_rejected_when_what_it_references_is_lost(shop, table, file, row):
    shop.take_in()
    shop.execute(delete(table).where(table.c.id == row))
    lines = (shop.folder / "data" / file).read_text().splitlines(keepends=True)
    shop.write(file, "".join(line for line in lines if not line.startswith(f"{row},")))
    for _ in range(2):
        assert any(one.rejected for one in shop.take_in().values())
        assert {reason.partition(";")[0].partition(" the ")[0] for *_, reason in shop.refused()} == {"not among"}


def test_unchanged_orders_of_a_customer_with_several_addresses_are_rejected_at_each_import(shop):
    shop.take_in()
    customers = (shop.folder / "data" / "customers.csv").read_text()
    shop.write("customers.csv", customers + "C1,Ada Lovelace,other@example.com,,GB,en,yes,no\n")
    for _ in range(2):
        counts = shop.take_in()
        assert (counts["customers"].rejected, counts["orders"].rejected) == (2, 2)
    shop.write("customers.csv", customers)
    counts = shop.take_in()
    assert (counts["customers"].updated, counts["orders"]) == (1, ImportStats(read=3, unchanged=3))


def test_unchanged_lines_of_a_product_that_becomes_virtual_or_real_change(shop):
    shop.take_in()
    for virtual, why in (("TRUE", VIRTUAL), ("FALSE", None)):
        text_of = (shop.folder / "sources" / "products.sql").read_text().partition("SELECT")[2]
        plain = text_of.removeprefix(" TRUE AS virtual,")
        (shop.folder / "sources" / "products.sql").write_text(f"SELECT {virtual} AS virtual,{plain}")
        counts = shop.take_in()
        assert counts["lines"].updated == 4
        assert shop.lines("1002") == {"1": (False, False, why)}
        assert shop.take_in()["lines"] == ImportStats(read=4, unchanged=4)
        (shop.folder / "sources" / "products.sql").write_text(f"SELECT{plain}")


def test_a_cancellation_without_a_date_moves_to_the_earlier_day_of_an_import(shop):
    shop.change("lines.csv", "1002,1,MUG-1,1,", "1002,1,MUG-1,0,")
    cancelled = select(ORDER_LINES.c.cancelled_at, ORDER_LINES.c.ended).where(ORDER_LINES.c.order_id == "1002")
    moments = []
    for day in (NEXT, DAY, NEXT):
        shop.take_in(day)
        ((moment, why),) = shop.ask(cancelled)
        assert why == ZERO
        moments.append(moment)
    assert moments == [moments[1] + timedelta(days=1), moments[1], moments[1]]


def test_an_opt_out_is_recorded_again_when_it_is_lost(shop):
    shop.change("customers.csv", "pt_BR,no,no", "pt_BR,no,yes")
    shop.take_in()
    recorded = select(OPT_OUTS.c.customer_id, OPT_OUTS.c.address)
    assert shop.ask(recorded) == [("C2", "maria@example.com")]
    shop.execute(delete(OPT_OUTS))
    shop.take_in()
    assert shop.ask(recorded) == [("C2", "maria@example.com")]


# What vanishes and comes back


def test_stock_and_parcels_that_come_back_unchanged_are_written_again(shop):
    shop.take_in()
    shop.change("shipments.csv", "1001,1,A,1,2026-01-10 09:00\n", "")
    shop.change("stock.csv", "MUG-2,Berlin,8,1\n", "")
    counts = shop.take_in()
    assert (counts["shipments"].removed, counts["stock"].removed) == (1, 1)
    assert shop.take_in_watched()[1] == {}
    shop.write("shipments.csv", MORE["shipments"])
    shop.write("stock.csv", (shop.folder / "data" / "stock.csv").read_text() + "MUG-2,Berlin,8,1\n")
    counts = shop.take_in()
    assert (counts["shipments"].inserted, counts["stock"].updated) == (1, 1)
    assert shop.ask(select(STOCKS.c.on_hand).where(STOCKS.c.product_id == "MUG-2")) == [(8,)]
    assert sorted(shop.ask(select(SHIPMENTS.c.id))) == [("A",), ("B",)]


# Several rows of one key


def test_an_unchanged_row_and_one_that_contradicts_it_are_both_rejected(shop):
    shop.take_in()
    again = "1003,1,MUG-2,9,12.50,2026-01-12,2026-01-12,\n"
    rows = (shop.folder / "data" / "lines.csv").read_text()
    header, _, rest = rows.partition("\n")
    for content in (rows + again, f"{header}\n{again}{rest}"):
        shop.write("lines.csv", content)
        for _ in range(2):
            counts = shop.take_in()["lines"]
            assert (counts.read, counts.unchanged, counts.rejected, counts.removed) == (5, 3, 2, 0)
            assert [(column, reason.partition(" lines.csv")[0]) for _, _, column, reason in shop.refused()] == [
                ("quantity", "contradicts")
            ] * 2
    shop.write("lines.csv", rows)
    assert shop.take_in_watched()[0]["lines"] == ImportStats(read=4, unchanged=4)


@pytest.mark.parametrize("again", ["1003,1,MUG-2,1,12.50,2026-01-12,2026-01-12,", "1003,1,MUG-2,1.0,12.5,2026-01-12,,"])
def test_an_unchanged_row_and_its_equal_count_once(shop, again):
    rows = (shop.folder / "data" / "lines.csv").read_text()
    (line,) = (line for line in rows.splitlines() if line.startswith("1003"))
    again = again if again.endswith("2026-01-12,") else line.replace("12.50", "12.5")
    shop.write("lines.csv", rows + (line if "12.50" in again else again) + "\n")
    for _ in range(3):
        counts = shop.take_in()["lines"]
        assert (counts.duplicates, counts.inserted + counts.unchanged) == (1, 4)


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_an_unchanged_row_meets_its_equal_and_its_contradiction_in_the_same_page_or_in_another(shop, batch):
    shop.take_in()
    rows = (shop.folder / "data" / "stock.csv").read_text()
    shop.write("stock.csv", f"{rows}TEA-1,Berlin,40,0\nMUG-1,Berlin,0.0,0\nMUG-2,Berlin,9,1\nMUG-2,Berlin,8,1\n")
    with open_source(read_shop(shop.folder)) as source:
        counts = import_all(shop.engine, source, NEXT, shop.rejects, batch=batch)["stock"]
    assert counts == ImportStats(read=7, unchanged=2, rejected=3, duplicates=2)
    assert [line for _, line, *_ in shop.refused()] == ["3", "7", "8"]


def dumps(shop, *days):
    head = (shop.folder / "data" / "lines.csv").read_text().partition("\n")[0]
    shop.select("lines", "'lines.csv'", "'lines-*.csv'")
    for day, rows in days:
        shop.write(f"lines-{day}.csv", f"{head}\n" + "".join(f"{row}\n" for row in rows))


def test_the_newest_daily_file_decides_whichever_of_its_rows_have_changed(shop):
    old = ["1002,1,MUG-1,2,14.00,2026-01-09,2026-01-20,", "1002,2,TEA-1,1,8.90,2026-01-09,,"]
    new = ["1002,1,MUG-1,2,14.00,2026-01-09,2026-01-25,", old[1]]
    dumps(shop, ("1", old), ("2", new))
    first = asdict(shop.take_in()["lines"])
    expected = select(ORDER_LINES.c.expected_on).where(ORDER_LINES.c.number == "1")
    assert (first["superseded"], shop.ask(expected)) == (2, [(date(2026, 1, 25),)])
    counts, validated = shop.take_in_watched()
    assert asdict(counts["lines"]) == first | {"inserted": 0, "unchanged": first["inserted"]}
    # The older file has one row that is not the last one written.
    assert validated == {"lines": 1}
    # A newer file goes back to the first date; and one more has only one line of the order.
    shop.write("lines-3.csv", (shop.folder / "data" / "lines-1.csv").read_text())
    assert shop.take_in()["lines"].updated == 1
    assert shop.ask(expected) == [(date(2026, 1, 20),)]
    shop.write("lines-4.csv", (shop.folder / "data" / "lines-1.csv").read_text().replace(f"{old[1]}\n", ""))
    counts = shop.take_in()["lines"]
    assert (counts.updated, counts.unchanged, counts.removed, counts.superseded) == (0, 1, 1, 6)
    assert shop.lines("1002")["2"][0]
