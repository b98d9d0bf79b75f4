import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest

from models.config.shop import read_shop
from models.errors import BadShop
from sources.check import check
from sources.check_report import Finding
from sources.coercion import Zones
from sources.connectors.headers import MAX_LINES_INSPECTED
from sources.connectors.queries import DIGEST_COLUMN
from sources.contract import CONTRACT, OrderRow
from sources.deduplicate import DeduplicatedReader
from sources.reader import open_source
from sources.rows import AcceptedRow, RejectedRow
from sources.starter_folder import write_starter
from tasks.imports.fact_rows import TABLES

LINE = {
    "order_id": "1",
    "number": "1",
    "product_id": "P",
    "quantity": "2",
    "price": "9.50",
    "promise": "ship",
    "promised_on": "2026-01-09",
    "expected_on": "",
    "shipped_at": "",
}


def write_csv(rows, delimiter=","):
    return "".join(delimiter.join(map(str, values)) + "\n" for values in [rows[0].keys(), *(r.values() for r in rows)])


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    write_starter(folder)
    return folder


def all_of(file):
    return f"FROM '{file}';"


def use_lines(shop, text, name="lines.csv", sql=None):
    content = text if isinstance(text, bytes) else text.encode()
    (shop / "data" / name).write_bytes(content)
    (shop / "sources" / "lines.sql").write_text(sql or all_of(name))


def read(shop, table="lines", **where):
    with open_source(read_shop(shop), **where) as source:
        found = list(source.read(table))
    return [one.fact for one in found if isinstance(one, AcceptedRow)], [
        one for one in found if isinstance(one, RejectedRow)
    ]


def test_the_contract_has_the_columns_of_the_tables():
    told = {table: [name for name in model.model_fields if name != "deleted"] for table, model in CONTRACT.items()}
    ours = ("ended", "source_digest")
    assert told == {table: [column.name for column in TABLES[table].c if column.name not in ours] for table in CONTRACT}


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("lines.csv", lambda rows: write_csv(rows).encode()),
        ("lines.csv.gz", lambda rows: gzip.compress(write_csv(rows).encode())),
        ("lines.tsv", lambda rows: write_csv(rows, "\t").encode()),
        ("semicolons.csv", lambda rows: write_csv(rows, ";").encode()),
        ("with_bom.csv", lambda rows: b"\xef\xbb\xbf" + write_csv(rows).replace("\n", "\r\n").encode()),
        ("lines.ndjson", lambda rows: "\n".join(str(r).replace("'", '"') for r in rows).encode()),
        ("lines.json", lambda rows: str(rows).replace("'", '"').encode()),
        ("lines.json.gz", lambda rows: gzip.compress(str(rows).replace("'", '"').encode())),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(shop, name, write):
    use_lines(shop, write([LINE, LINE | {"number": "2"}]), name)
    facts, refused = read(shop)
    assert refused == []
    assert [fact.number for fact in facts] == ["1", "2"]
    assert (facts[0].quantity, facts[0].price, facts[0].promised_on) == (2, Decimal("9.50"), date(2026, 1, 9))
    assert facts[0].expected_on is None


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_has_its_own_types(shop, packed):
    file = shop / "data" / "lines.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT 1 AS order_id, 1 AS number, 'P' AS product_id, 2 AS quantity, 'ship' AS promise, "
        f"DATE '2026-01-09' AS promised_on, TIMESTAMPTZ '2026-01-08 12:00:00+01' AS shipped_at) TO '{file}'"
    )
    name = "lines.parquet"
    if packed:
        name += ".gz"
        (shop / "data" / name).write_bytes(gzip.compress(file.read_bytes()))
    (shop / "sources" / "lines.sql").write_text(all_of(name))
    (fact,), refused = read(shop)
    assert refused == []
    assert fact.order_id == "1"
    assert fact.shipped_at == datetime(2026, 1, 8, 11, tzinfo=UTC)


def test_a_pattern_reads_many_files_as_one_and_a_compressed_file_replaces_a_missing_plain_one(shop):
    (shop / "data" / "part-1.csv").write_text(write_csv([LINE]))
    use_lines(shop, gzip.compress(write_csv([LINE | {"number": "2", "quantity": "x"}]).encode()), "part-2.csv.gz")
    (shop / "sources" / "lines.sql").write_text("SELECT * FROM 'part-*.csv' UNION ALL SELECT * FROM 'part-2.csv'")
    facts, (refused,) = read(shop)
    assert [fact.number for fact in facts] == ["1"]
    assert (refused.file, refused.line) == ("part-2.csv.gz", 2)


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("quantity", "two", "a number such as 3 or 1.5 is right, with at most three decimals"),
        ("quantity", "2.5555", "a number such as 3 or 1.5 is right, with at most three decimals"),
        ("quantity", "-1", "at least 0 is right"),
        ("quantity", "", "missing; a number such as 3 or 1.5 is right, with at most three decimals"),
        ("price", "-1", "an amount such as 12.50 is right: digits, a point for the decimals, no sign or currency"),
        ("price", "EUR 9", "an amount such as 12.50 is right: digits, a point for the decimals, no sign or currency"),
        ("price", "nan", "an amount such as 12.50 is right: digits, a point for the decimals, no sign or currency"),
        ("promise", "maybe", "'ship' or 'deliver' is right"),
        ("promised_on", "09.01.2026", "a date such as 2026-11-30 is right"),
        ("promised_on", "2026-02-30", "a date such as 2026-11-30 is right"),
        ("expected_on", "9999-12-31", "a year from 1900 to 2200 is right"),
        (
            "shipped_at",
            "yesterday",
            "a date and time such as 2026-11-30 14:05:00, with or without an offset, is right",
        ),
        ("product_id", "  ", "missing; text is right"),
    ],
)
def test_a_bad_value_is_named_by_file_line_and_column(shop, column, written, reason):
    use_lines(shop, write_csv([LINE, LINE | {column: written, "number": "2"}, LINE | {"number": "3"}]))
    facts, refused = read(shop)
    assert [fact.number for fact in facts] == ["1", "3"]
    assert refused == [RejectedRow("lines", "lines.csv", 3, column, written.strip(), reason)]


def test_an_order_without_a_priority_has_none():
    row = {"id": "1041", "customer_id": "7", "placed_at": "2026-01-08", "priority": None}
    assert OrderRow.model_validate(row, context=Zones(ZoneInfo("UTC"), ZoneInfo("UTC"))).priority == 0


def test_all_problems_of_a_row_are_reported_together(shop):
    use_lines(shop, write_csv([LINE | {"quantity": "x", "price": "y"}]))
    _, (refused,) = read(shop)
    assert str(refused).startswith(
        "lines.csv, line 2: quantity 'x': a number such as 3 or 1.5 is right, with at most three decimals; "
        "price: an amount"
    )


HEAD = ",".join(LINE) + "\n"
GOOD = ",".join(LINE.values()) + "\n"


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        ("1,2,P\n", 3, "3 values, but the header names 9"),
        ("1,2,P,1,1.00,ship,,,,extra\n", 3, "10 values, but the header names 9"),
        ('1,2,"P"x,1,1.00,ship,,,\n', 3, "bad quotes (',' expected after '\"')"),
        ('1,2,"P,1,1.00,ship,,,\n', 3, "bad quotes (unexpected end of data)"),
        (b"1,2,P\xe9,1,1.00,ship,,,\n", 3, "not UTF-8"),
    ],
)
def test_an_unreadable_record_is_rejected_alone(shop, bad, line, reason):
    raw = bad if isinstance(bad, bytes) else bad.encode()
    use_lines(shop, HEAD.encode() + GOOD.encode() + raw + GOOD.replace("1,1", "1,4", 1).encode())
    facts, (refused,) = read(shop)
    assert [fact.number for fact in facts] == ["1", "4"]
    assert (refused.file, refused.line) == ("lines.csv", line)
    assert refused.reason.startswith(reason)


def test_a_second_reading_rejects_the_same_records(shop):
    use_lines(shop, HEAD + "1,2,P\n" + GOOD)
    with open_source(read_shop(shop)) as source:
        assert list(source.read("lines")) == list(source.read("lines"))


def test_lines_are_counted_through_quoted_line_breaks_and_blank_lines(shop):
    use_lines(shop, HEAD + GOOD.replace("P", '"P\r\nQ"') + "\n" + GOOD.replace(",2,", ",two,"))
    facts, (refused,) = read(shop)
    assert facts[0].product_id == "P\r\nQ"
    assert refused.line == 5


def test_an_invalid_line_of_json_is_rejected_alone(shop):
    good = str(LINE).replace("'", '"')
    use_lines(shop, f"{good}\n{{bad\n[1]\n{good.replace('9.50', 'many')}\n", "lines.ndjson")
    facts, refused = read(shop)
    assert len(facts) == 1
    assert [(one.line, one.column, one.reason.split(" (")[0]) for one in refused] == [
        (2, "", "not JSON"),
        (3, "", 'a JSON object such as {"id": 1} is right'),
        (4, "price", "an amount such as 12.50 is right: digits, a point for the decimals, no sign or currency"),
    ]


@pytest.mark.parametrize(
    ("sql", "file", "line"),
    [
        ("SELECT * FROM 'lines.csv' WHERE number = '2'", "lines.csv", 3),
        ("SELECT l.* FROM 'lines.csv' l JOIN 'orders.csv' o ON o.number = '1001' WHERE l.number = '2'", "lines.csv", 3),
        ("SELECT DISTINCT * EXCLUDE (_file, _line) FROM 'lines.csv' WHERE number = '2'", "row 1 of lines.sql", None),
        (
            "WITH l AS (SELECT * EXCLUDE (_file, _line) FROM 'lines.csv') FROM l WHERE number = '2'",
            "row 1 of lines.sql",
            None,
        ),
        ("SELECT * FROM read_csv('lines.csv', all_varchar = true) WHERE number = '2'", "row 1 of lines.sql", None),
    ],
)
def test_a_row_without_a_line_of_its_own_is_named_by_its_place_in_the_result(shop, sql, file, line):
    use_lines(shop, write_csv([LINE, LINE | {"number": "2", "quantity": "x"}]), sql=sql)
    _, (refused,) = read(shop)
    assert (refused.file, refused.line) == (file, line)


def test_rows_that_are_grouped_by_all_are_grouped_by_no_line(shop):
    columns = "* EXCLUDE (quantity, _file, _line), sum(CAST(quantity AS INT)) AS quantity"
    sql = f"SELECT {columns} FROM 'lines.csv' GROUP BY ALL"  # noqa: S608 - a SELECT of a shop
    use_lines(shop, write_csv([LINE, LINE | {"quantity": "3"}]), sql=sql)
    (fact,), refused = read(shop)
    assert (fact.quantity, refused) == (5, [])


def test_a_select_of_all_columns_has_places_and_a_digest(shop):
    use_lines(shop, write_csv([LINE, LINE | {"quantity": "3"}]))
    with open_source(read_shop(shop)) as source:
        one, other = source.rows("lines")
    assert [(row.file, row.line) for row in (one, other)] == [("lines.csv", 2), ("lines.csv", 3)]
    assert one.values[DIGEST_COLUMN] != other.values[DIGEST_COLUMN]


@pytest.mark.parametrize("before", [0, 2 * MAX_LINES_INSPECTED])
def test_a_line_that_is_too_long_is_rejected_alone(shop, before):
    use_lines(shop, HEAD + GOOD * before + GOOD.replace("P", "P" * 3_000_000) + GOOD)
    facts, (refused,) = read(shop)
    assert (len(facts), refused.line) == (before + 1, before + 2)
    assert "field larger than field limit" in refused.reason


@pytest.mark.parametrize(
    ("written", "is_true"), [(" YES ", True), ("1", True), ("t", True), ("No", False), ("0", False), ("", False)]
)
def test_flags_have_many_spellings(shop, written, is_true):
    (shop / "data" / "customers.csv").write_text(f"id,name,sms_consent\nC1,Ada,{written}\n")
    (shop / "sources" / "customers.sql").write_text("SELECT * FROM 'customers.csv'")
    (fact,), _ = read(shop, "customers")
    assert fact.sms_consent is is_true


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("country", "Germany", "no country has this ISO code; one such as 'DE' is right"),
        ("country", "XX", "no country has this ISO code; one such as 'DE' is right"),
        ("country", "ZZ", "no country has this ISO code; one such as 'DE' is right"),
        ("country", "EU", "no country has this ISO code; one such as 'DE' is right"),
        ("prefers", "post", "'email' or 'sms' is right"),
        ("opted_out", "perhaps", "yes or no is right (also true or false, 1 or 0)"),
        ("id", "", "missing; text is right"),
    ],
)
def test_an_invalid_customer_is_rejected(shop, column, written, reason):
    row = {"id": "C1", "name": "Ada", "country": "de", "prefers": "SMS", "opted_out": "no"}
    (shop / "data" / "customers.csv").write_text(write_csv([row, row | {"id": "C2", column: written}]))
    (shop / "sources" / "customers.sql").write_text("SELECT * FROM 'customers.csv'")
    (fact,), (refused,) = read(shop, "customers")
    assert (fact.country, fact.prefers) == ("DE", "sms")
    assert (refused.line, refused.column, refused.reason) == (3, column, reason)


@pytest.mark.parametrize(
    ("written", "code"),
    [("UK", "GB"), ("uk", "GB"), ("EL", "GR"), ("XK", "XK"), ("de", "DE"), ("PN", "PN"), ("", None)],
)
def test_a_country_is_read_by_its_iso_code_also_as_the_eu_writes_it(shop, written, code):
    (shop / "data" / "customers.csv").write_text(f"id,name,country\nC1,Ada,{written}\n")
    (shop / "sources" / "customers.sql").write_text("SELECT * FROM 'customers.csv'")
    (fact,), _ = read(shop, "customers")
    assert fact.country == code


@pytest.mark.parametrize("columns", ["id,name\nC1,\n", "id\nC1\n"])
def test_a_customer_needs_no_name(shop, columns):
    (shop / "data" / "customers.csv").write_text(columns)
    (shop / "sources" / "customers.sql").write_text("SELECT * FROM 'customers.csv'")
    (fact,), refused = read(shop, "customers")
    assert (fact.name, refused) == ("", [])


@pytest.mark.parametrize(
    ("written", "moment", "day"),
    [
        ("2026-01-09 23:30:00", datetime(2026, 1, 9, 23, 30, tzinfo=UTC), date(2026, 1, 10)),
        ("2026-01-09T23:30:00+05:00", datetime(2026, 1, 9, 18, 30, tzinfo=UTC), date(2026, 1, 9)),
        ("2026-01-09 00:00:00", datetime(2026, 1, 9, tzinfo=UTC), date(2026, 1, 9)),
        ("2026-01-09", datetime(2026, 1, 9, tzinfo=UTC), date(2026, 1, 9)),
        ("2026-01-09T00:00:00Z", datetime(2026, 1, 9, tzinfo=UTC), date(2026, 1, 9)),
    ],
)
def test_times_without_an_offset_are_in_the_sources_zone_and_dates_in_the_shops(shop, written, moment, day):
    toml = (shop / "shop.toml").read_text()
    (shop / "shop.toml").write_text(toml.replace('# zone = "UTC"', 'zone = "UTC"'))
    use_lines(shop, write_csv([LINE | {"shipped_at": written, "promised_on": written}]))
    (fact,), _ = read(shop)
    assert (fact.shipped_at, fact.promised_on) == (moment, day)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT number FROM 'lines.csv'", "lines.sql: returns no column order_id, product_id, quantity, promise"),
        ("SELECT *, 1 AS colour FROM 'lines.csv'", "lines.sql: column 'colour' is not known"),
        ("SELECT *, 1 AS _Forewarn_digest FROM 'lines.csv'", "lines.sql: column '_forewarn_digest' is Forewarn's own"),
        ("SELECT number FROM 'lines.csv'", "it returns number, _file, _line$"),
        ("SELECT * FROM 'missing.csv'", r"lines.sql: there is no file missing.csv in .*data"),
        ("SELECT * FROM", "lines.sql: .*syntax error"),
        ("SELECT nonsense FROM 'lines.csv'", 'lines.sql: .*"nonsense" not found'),
        ("SELECT 1; SELECT 2", "lines.sql: one SELECT is right"),
        ("COPY (SELECT 1) TO 'stolen.csv'", "lines.sql: one SELECT is right"),
        ("SELECT * FROM read_text('/etc/hostname')", "lines.sql: Permission Error"),
        ("SELECT * FROM read_csv('../shop.toml')", "lines.sql: Permission Error"),
        (
            "SELECT * EXCLUDE (price), price::INT AS price FROM 'lines.csv'",
            r"lines.sql: .*try_cast\(\.\.\.\) gives NULL",
        ),
        ("SELECT * FROM 'empty.csv'", "lines.sql: empty.csv has no header"),
        ("SELECT * FROM 'twice.csv'", "lines.sql: twice.csv names the column 'A' twice"),
        ("SELECT * FROM 'broken.csv.gz'", "lines.sql: broken.csv.gz cannot be read"),
    ],
)
def test_a_select_that_fails_gives_one_sentence_with_its_file(shop, sql, said):
    use_lines(shop, write_csv([LINE | {"price": "x"}]), sql=sql)
    for name, content in (("empty.csv", b""), ("twice.csv", b"a,A\n1,2\n"), ("broken.csv.gz", b"no gzip")):
        (shop / "data" / name).write_bytes(content)
    with pytest.raises(BadShop, match=said) as raised:
        read(shop)
    assert "\n" not in str(raised.value)
    assert not list(shop.rglob("stolen.csv"))


def test_a_select_that_is_missing_or_of_no_table_is_named(shop):
    (shop / "sources" / "order.sql").write_text("SELECT 1")
    with pytest.raises(BadShop, match=r"order.sql: no table of that name; customers, .* are right"):
        open_source(read_shop(shop))
    (shop / "sources" / "lines.sql").unlink()
    with pytest.raises(BadShop, match=r"lines.sql is missing; customers.sql, .* are needed"):
        open_source(read_shop(shop))


def test_a_data_folder_that_is_not_there_is_named(shop, tmp_path):
    with pytest.raises(BadShop, match="nowhere: no such folder"):
        open_source(read_shop(shop), data=tmp_path / "nowhere")


@pytest.fixture
def database(shop, tmp_path):
    toml = (shop / "shop.toml").read_text()
    (shop / "shop.toml").write_text(toml.replace('kind = "files"', 'kind = "database"'))
    file = tmp_path / "live.sqlite"
    with sqlite3.connect(file) as live:
        live.execute("CREATE TABLE item (o INTEGER, n INTEGER, sku TEXT, qty, due TEXT)")
        live.executemany("INSERT INTO item VALUES (?, ?, 'P%', ?, '2026-01-09')", [(1, 1, 2), (1, 2, "x"), (2, 1, 1)])
    live.close()
    (shop / "sources" / "lines.sql").write_text(
        "SELECT o AS order_id, n AS number, sku AS product_id, qty AS quantity, 'ship' AS promise, due AS promised_on\n"
        "FROM item WHERE sku LIKE 'P%' ORDER BY o, n"
    )
    return f"sqlite:///{file}"


def test_a_live_database_is_read(shop, database):
    facts, (refused,) = read(shop, url=database)
    assert [(fact.order_id, fact.quantity) for fact in facts] == [("1", 2), ("2", 1)]
    assert (
        str(refused)
        == "row 2 of lines.sql: quantity 'x': a number such as 3 or 1.5 is right, with at most three decimals"
    )


def test_a_live_sqlite_shop_can_write_while_its_facts_are_written_to_the_ledger(shop, database):
    with open_source(read_shop(shop), url=database) as source, DeduplicatedReader(source, "lines") as told:
        told.add([row for row in source.read("lines") if isinstance(row, AcceptedRow)])
        for page in told.pages(1):
            assert len(page) == 1
            with closing(sqlite3.connect(database.removeprefix("sqlite:///"), timeout=0)) as live, live:
                live.execute("UPDATE item SET qty = qty + 1")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM item",
        "INSERT INTO item VALUES (1, 1, '', 1, '')",
        "INSERT INTO item VALUES (1, 1, '', 1, '') RETURNING *",
        "DROP TABLE item",
        "CREATE TEMP TABLE other AS SELECT * FROM item",
        "VACUUM INTO '{written}'",
        "ATTACH '{written}' AS other",
        "ATTACH 'file:{written}?mode=rwc' AS other",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('{written}')",
    ],
)
def test_a_live_database_cannot_be_written_to(shop, database, tmp_path, sql):
    written = tmp_path / "written.sqlite"
    before = (tmp_path / "live.sqlite").read_bytes()
    (shop / "sources" / "lines.sql").write_text(sql.format(written=written))
    with pytest.raises(BadShop, match=r"lines.sql: one SELECT is right, that only reads") as raised:
        read(shop, url=database)
    assert "\n" not in str(raised.value)
    assert not written.exists()
    assert (tmp_path / "live.sqlite").read_bytes() == before


def test_a_select_on_sqlite_may_use_functions_and_recursion(shop, database):
    (shop / "sources" / "lines.sql").write_text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2),"
        " due AS (SELECT max(due) d FROM item)"
        " SELECT o AS order_id, i AS number, upper(sku) AS product_id, 1 AS quantity, 'ship' AS promise, date(d) AS"
        " promised_on FROM item JOIN n ON n.i = item.n CROSS JOIN due GROUP BY o, i, sku, d ORDER BY o"
    )
    facts, refused = read(shop, url=database)
    assert (len(facts), refused, facts[0].promised_on) == (3, [], date(2026, 1, 9))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "FOREWARN_SOURCE_URL must name it"),
        ("sqlite:////nowhere/x.sqlite", "there is no SQLite file"),
        ("nonsense", "FOREWARN_SOURCE_URL is no address"),
        ("teleport://host/name", "FOREWARN_SOURCE_URL is no address"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_sentence(shop, database, url, said):
    with pytest.raises(BadShop, match=said):
        read(shop, url=url)


def test_an_address_with_a_password_is_never_shown(shop, database):
    with pytest.raises(BadShop) as raised:
        read(shop, url="postgresql://reader:tell-nobody@127.0.0.1:1/shop")
    assert "tell-nobody" not in str(raised.value)


def test_the_check_reports_each_kind_of_problem(shop):
    (shop / "data" / "orders.csv").write_text(
        "number,customer,placed,cancelled,shipping\n"
        "1,C1,2026-01-05 10:00,,\n"
        "2,C9,2026-01-05 10:00,,\n"
        "3,C1,2026-01-05 10:00,,\n"
        "4,C1,never,,\n"
        "5,C1,2026-01-05 10:00,,\n"
        "5,C2,2026-01-05 10:00,,\n"
    )
    (shop / "data" / "lines.csv").write_text(
        "order,line,sku,quantity,price,promised,expected,shipped\n"
        "1,1,MUG-1,1,1,2026-01-04,,\n"
        "1,2,NONE,1,1,2026-01-20,,\n"
        "1,3,MUG-1,1,1,2026-01-20,2029-01-01,\n"
        "1,4,MUG-1,1,1,2026-01-20,,2026-01-04 10:00\n"
        "2,1,MUG-1,1,1,2026-01-20,,\n"
        "9,1,MUG-1,1,1,2026-01-20,,\n"
    )
    (shop / "sources" / "excluded.sql").write_text("SELECT 'trials' AS reason, 7 AS count")
    with open_source(read_shop(shop)) as source:
        report = check(source, date(2026, 1, 15))
    assert report.findings == {
        ("orders", Finding.ORPHAN): 1,
        ("orders", Finding.REJECTED): 1,
        ("orders", Finding.DUPLICATE): 2,
        ("lines", Finding.PROMISED_EARLY): 1,
        ("lines", Finding.ORPHAN): 3,
        ("lines", Finding.EXPECTED_FAR): 1,
        ("lines", Finding.SHIPPED_EARLY): 1,
        ("orders", Finding.NO_LINES): 1,
    }
    assert (report.open_orders, report.late_orders, report.late_share) == (1, 1, 1.0)
    plain = report.as_dict()
    assert plain["excluded"] == [{"reason": "trials", "count": 7}]
    twice = [one for one in plain["examples"] if one["finding"] == Finding.DUPLICATE]
    assert [(one["table"], one["file"], one["line"], one["column"], one["value"]) for one in twice] == (
        [("orders", "orders.csv", 6, "customer_id", "C1"), ("orders", "orders.csv", 7, "customer_id", "C2")]
    )


TRACKED = {
    "ship_by": "2026-01-07",
    "carrier": "Nordpost",
    "tracked_at": "2026-01-08 06:30:00",
    "tracked_status": "Out for TEA",
}


def test_a_line_says_when_it_was_scanned_and_an_unknown_status_is_kept(shop):
    use_lines(shop, write_csv([LINE | TRACKED]))
    (fact,), _ = read(shop)
    assert (fact.ship_by, fact.carrier, fact.tracked_status) == (date(2026, 1, 7), "Nordpost", "out for tea")
    assert fact.tracked_at == datetime(2026, 1, 8, 5, 30, tzinfo=UTC)
    assert (fact.service, fact.ships_from) == (None, None)


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("tracked_at", "0206-01-08 06:30:00", "a year from 1900 to 2200 is right"),
        (
            "tracked_at",
            "last night",
            "a date and time such as 2026-11-30 14:05:00, with or without an offset, is right",
        ),
        ("ship_by", "08.01.2026", "a date such as 2026-11-30 is right"),
    ],
)
def test_an_impossible_scan_is_rejected_by_file_line_field_and_value(shop, column, written, reason):
    use_lines(shop, write_csv([LINE | TRACKED, LINE | TRACKED | {"number": "2", column: written}]))
    accepted, (refused,) = read(shop)
    assert len(accepted) == 1
    assert (refused.file, refused.line, refused.column, refused.value) == ("lines.csv", 3, column, written)
    assert refused.reason == reason
