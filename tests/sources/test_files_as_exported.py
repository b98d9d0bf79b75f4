"""Files as shops and their programs write them: odd encodings, headers, fillers, JSON of an API; each is read."""

import gzip
import json
from datetime import UTC, date, datetime

import duckdb
import pytest

from models.config.shop import read_shop
from models.errors import BadShop
from sources.reader import open_source
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.load import import_all
from tasks.imports.stats import ImportStats
from tests.sources.test_reader import GOOD, HEAD, LINE, read, use_lines

HEADER = "Bestellung;Größe;Straße;Menge"
SQL = """
SELECT 1 AS order_id, "Bestellung" AS number, "Größe" AS product_id, "Menge" AS quantity, 'ship' AS promise,
    "Straße" AS ship_with
FROM {}
"""
ROWS = f'{HEADER}\n0017;"Mühle „Groß“ – 5 €";Café’s;2\n0018;NESCAFÉ®;Weg 1;3\n'
READ = [("0017", "Mühle „Groß“ – 5 €", "Café’s"), ("0018", "NESCAFÉ®", "Weg 1")]


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    write_starter(folder)
    return folder


def declare(shop, encoding):
    toml = (shop / "shop.toml").read_text()
    (shop / "shop.toml").write_text(toml.replace('# encoding = "cp1252"', f'encoding = "{encoding}"'))


def found(shop):
    facts, refused = read(shop)
    return [(fact.number, fact.product_id, fact.ship_with) for fact in facts], refused


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_declared_encoding_is_read_with_lines_and_leading_zeros(shop, encoding, packed):
    declare(shop, encoding)
    raw = (ROWS + "0019;x;y;viele\n").encode(encoding)
    name = "lines.csv.gz" if packed else "lines.csv"
    use_lines(shop, gzip.compress(raw) if packed else raw, name, SQL.format(f"'{name}'"))
    rows, (refused,) = found(shop)
    assert rows == READ
    assert (refused.file, refused.line, refused.column) == (name, 4, "quantity")


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_that_says_or_shows_what_it_is_stays_that_where_another_encoding_is_declared(shop, written):
    declare(shop, "cp1252")
    rows = ROWS if written != "utf-8" else ROWS + "0019;Mü\udcff;y;1\n"
    use_lines(shop, rows.encode(written, "surrogateescape"), sql=SQL.format("'lines.csv'"))
    told, refused = found(shop)
    assert told == READ
    assert [one.line for one in refused] == ([4] if written == "utf-8" else [])


def test_a_byte_that_the_declared_encoding_does_not_have_is_refused_with_its_line(shop):
    declare(shop, "cp1252")
    use_lines(shop, ROWS.encode("cp1252") + b"0019;M\x81;y;1\n", sql=SQL.format("'lines.csv'"))
    told, (refused,) = found(shop)
    assert (told, refused.line) == (READ, 4)
    assert refused.reason.startswith("not cp1252; ")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("latin-1", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("cp1252", "cp1252"),
        ("windows-1252", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("utf-8", "utf-8"),
    ],
)
def test_read_csv_reads_the_encoding_that_it_names(shop, said, written, packed):
    name = "lines.csv.gz" if packed else "lines.csv"
    raw = ROWS.encode(written)
    call = f"read_csv('{name}', encoding = '{said}', all_varchar = true)"
    use_lines(shop, gzip.compress(raw) if packed else raw, name, SQL.format(call))
    assert found(shop) == (READ, [])


@pytest.mark.parametrize(
    "form", ["encoding := 'cp1252'", "ENCODING='cp1252'", "all_varchar = true, encoding => 'cp1252'"]
)
@pytest.mark.parametrize("call", ["read_csv", "READ_CSV_AUTO"])
def test_an_argument_may_be_written_in_every_way(shop, form, call):
    use_lines(shop, ROWS.encode("cp1252"), sql=SQL.format(f"{call} ( 'lines.csv', {form} ) -- read_csv('x.csv')"))
    rows, refused = found(shop)
    assert ([row[1:] for row in rows], refused) == ([row[1:] for row in READ], [])


def test_read_csv_reads_a_pattern_a_list_and_a_name_that_is_also_read_plainly(shop):
    for at in (1, 2):
        (shop / "data" / f"part-{at}.csv").write_bytes(ROWS.replace("001", f"{at}1").encode("cp1252"))
    (shop / "data" / "plain.csv").write_text("id\n17\n")
    for names in ("'part-*.csv'", "['part-1.csv', 'part-2.csv']"):
        call = f"read_csv({names}, encoding = 'cp1252', all_varchar = true)"
        sql = f"{SQL.format(call)} JOIN 'plain.csv' ON \"Bestellung\" = '1' || id"
        (shop / "sources" / "lines.sql").write_text(sql)
        assert found(shop) == ([("117", *READ[0][1:])], [])
    use_lines(shop, HEAD + GOOD, sql="SELECT l.* EXCLUDE (_file, _line) FROM 'lines.csv' l JOIN read_csv('lines.csv') r"
              " ON r.number = l.number")  # fmt: skip
    assert len(read(shop)[0]) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("read_csv('lines.csv', encoding = 'cp9999')", "'cp9999' is no encoding that is known here"),
        ("read_csv('lines.csv', encoding = 'utf-16')", "lines.csv is not utf-16 in line 1"),
        ("read_csv('none.csv', encoding = 'cp1252')", "there is no file none.csv in "),
        ("'lines.csv'", r"lines.csv has a header that is not UTF-8; .*encoding = \"cp1252\" under \[source\]"),
    ],
)
def test_an_encoding_that_does_not_fit_is_one_sentence(shop, call, said):
    use_lines(shop, ROWS.encode("cp1252") + b"\n", sql=SQL.format(call))
    with pytest.raises(BadShop, match=said) as raised:
        read(shop)
    assert "\n" not in str(raised.value)


def test_an_encoding_that_is_not_known_is_named_with_its_key(shop):
    declare(shop, "ansi")
    with pytest.raises(
        BadShop, match=r"shop.toml: source.encoding: 'ansi' is no encoding that is known here; one such"
    ):
        read_shop(shop)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + GOOD + ",,,,,,,,\n" + ' , ,,,"",,,,\n' + ",,\n\n",
        ",,,,\n\n" + HEAD + GOOD,
        "sep=,\n" + HEAD + GOOD,
        '"sep=;"\r\n' + (HEAD + GOOD).replace(",", ";").replace("\n", "\r\n"),
        HEAD + GOOD.replace("\n", ",\n"),
        HEAD + GOOD.replace("\n", ",,,\n"),
        HEAD.replace("product_id", '"product_id\r\n"') + GOOD,
        HEAD.replace("product_id", 'product_id,"Name, Vorname, Titel"') .replace(",", ";", 20).replace(
            '"Name; Vorname; Titel"', '"_Name, Vorname, Titel"') + GOOD.replace(",P", ",P,x").replace(",", ";"),
        HEAD + GOOD.replace(",P,", ',"=""P""",').replace("1,1", '="1",="1"'),
    ],
)  # fmt: skip
def test_what_spreadsheets_add_is_no_row_and_no_fault(shop, text):
    use_lines(shop, text)
    facts, refused = read(shop)
    assert refused == []
    assert [(fact.order_id, fact.number, fact.product_id, fact.quantity) for fact in facts] == [("1", "1", "P", 2)]


def test_a_header_that_ends_in_a_delimiter_takes_rows_that_do_not(shop):
    use_lines(
        shop,
        HEAD.replace("\n", ",\n") + GOOD + GOOD.replace("\n", ",\n"),
        sql="SELECT * EXCLUDE (column10) FROM 'lines.csv'",
    )
    assert [len(found) for found in read(shop)] == [2, 0]


def test_lines_keep_their_numbers_below_what_is_left_out(shop):
    use_lines(shop, "sep=,\n,,\n" + HEAD + GOOD + ",,,\n" + GOOD.replace(",2,", ",two,"))
    _, (refused,) = read(shop)
    assert refused.line == 6


@pytest.mark.parametrize("above", ["Bestellungen vom 28.11.2026\n", "Export,2026-11-28\n\n,,\nShop,Nord,3\n"])
def test_lines_above_the_header_are_named_with_what_to_write(shop, above):
    text = above + HEAD + GOOD + GOOD.replace("1,1", "1,2", 1)
    use_lines(shop, text)
    with pytest.raises(
        BadShop, match=r"lines below have 9 values.* read_csv\('lines.csv', skip = \d, all_varchar = true\)"
    ) as raised:
        read(shop)
    call = str(raised.value).split("the header, ")[1].split(" leaves")[0]
    (shop / "sources" / "lines.sql").write_text(f"FROM {call}")
    assert [len(found) for found in read(shop)] == [2, 0]


def test_a_column_that_is_not_there_is_told_with_those_that_are(shop):
    use_lines(shop, "Titel,2026\n1,2\n", sql="SELECT id FROM 'lines.csv'")
    with pytest.raises(BadShop, match=r'"id" not found.*; lines.csv has Titel, 2026'):
        read(shop)


def test_a_blank_cell_is_no_value(shop):
    (shop / "data" / "a.csv").write_text('n,a,b\n1,,x\n2,"",x\n3,GUTSCHEIN,x\n4,y,x\n')
    select = (
        "SELECT 1 AS order_id, n AS number, 'P' AS product_id, 1 AS quantity, 'ship' AS promise FROM 'a.csv' WHERE "
    )
    for where, numbers in (
        ("a IS NULL", ["1", "2"]),
        ("coalesce(a, '') IN ('', 'GUTSCHEIN')", ["1", "2", "3"]),
        ("a IS DISTINCT FROM 'GUTSCHEIN'", ["1", "2", "4"]),
        ("concat_ws(' ', a, b) = 'x'", ["1", "2"]),
    ):
        (shop / "sources" / "lines.sql").write_text(select + where)
        assert [fact.number for fact in read(shop)[0]] == numbers


MOMENT = "2026-01-19T23:00:00Z"
KEY = "AAAABBBB-1111-2222-3333-44445555FFFF"
DATED = {"order_id": KEY, "number": 1, "product_id": 17.0, "quantity": 2.0, "promise": "ship", "promised_on": MOMENT}
DATED |= {"shipped_at": "2026-01-19T23:30:00-05:00", "price": 12.1}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("sql", ["FROM '{}'", "FROM read_json('{}')", "SELECT l.* FROM read_json_auto('{}') AS l"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lines.json", json.dumps([DATED])),
        ("lines.json", "\ufeff" + json.dumps([DATED], indent=2)),
        ("lines.jsonl", json.dumps(DATED) + "\n"),
        ("lines.ndjson", json.dumps(DATED)),
        ("lines.json", json.dumps(DATED, indent=2)),
    ],
)
def test_moments_and_keys_of_json_stay_as_they_are(shop, zone, sql, name, text):
    toml = (shop / "shop.toml").read_text()
    (shop / "shop.toml").write_text(toml.replace("Europe/Berlin", zone))
    use_lines(shop, text, name, sql.format(name))
    (fact,), refused = read(shop)
    assert refused == []
    assert (fact.order_id, fact.product_id, fact.quantity, str(fact.price)) == (KEY, "17", 2, "12.1")
    assert fact.shipped_at == datetime(2026, 1, 20, 4, 30, tzinfo=UTC)
    assert fact.promised_on == date(2026, 1, 19 if zone == "America/New_York" else 20)


BODY = {
    "orders": [
        {"id": 450789469, "due": MOMENT, "gift": None, "items": [{"sku": "A1", "n": 1}, {"sku": 7, "n": 2}]},
        {"id": 450789470, "due": "2026-01-20", "gift": {"to": "Ann"}, "items": []},
    ]
}
UNNESTED = """
WITH o AS (SELECT unnest(orders) AS o FROM {}), i AS (SELECT o, unnest(o.items) AS i FROM o)
SELECT o.id AS order_id, i->>'sku' AS product_id, i.n AS number, i.n AS quantity, 'ship' AS promise,
    o.due AS promised_on
FROM i
"""


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("source", ["'orders.json'", "read_json('orders.json')", "'orders.json.gz'"])
def test_the_body_of_an_api_is_read_by_unnest(shop, indent, source):
    text = json.dumps(BODY, indent=indent).encode()
    use_lines(shop, text, "orders.json", UNNESTED.format(source))
    (shop / "data" / "orders.json.gz").write_bytes(gzip.compress(text))
    facts, refused = read(shop)
    assert refused == []
    assert [(fact.order_id, fact.product_id, fact.number, fact.promised_on) for fact in facts] == [
        ("450789469", "A1", "1", date(2026, 1, 20)),
        ("450789469", "7", "2", date(2026, 1, 20)),
    ]


def test_a_body_larger_than_one_object_may_be_is_read(shop):
    items = [{"sku": "A" * 1000, "n": at} for at in range(20_000)]
    text = json.dumps({"orders": [{"id": 1, "due": MOMENT, "items": items}]}, indent=1)
    use_lines(
        shop,
        text,
        "orders.json",
        UNNESTED.replace("i->>'sku'", "left(i.sku, 2)").format("'orders.json'") + "WHERE i.n = 9",
    )
    assert [fact.product_id for fact in read(shop)[0]] == ["AA"]


def test_keys_of_mixed_types_are_told_plainly(shop):
    rows = [
        LINE | {"product_id": one, "number": str(at), "expected_on": None} for at, one in enumerate([17, "A-18", 19])
    ]
    use_lines(shop, json.dumps(rows), "lines.json")
    assert [fact.product_id for fact in read(shop)[0]] == ["17", "A-18", "19"]


def test_a_bad_first_line_of_json_lines_is_refused_by_itself(shop):
    use_lines(shop, f'{{"order_id": 1,\n{json.dumps(LINE)}\n', "lines.jsonl")
    facts, (refused,) = read(shop)
    assert ([fact.number for fact in facts], refused.line) == (["1"], 1)


def test_parquet_named_for_how_it_is_packed_within_is_read(shop):
    file = shop / "data" / "lines.parquet.gzip"
    columns = "1 AS order_id, 1 AS number, 'P' AS product_id, 2 AS quantity, 'ship' AS promise"
    duckdb.connect().execute(f"COPY (SELECT {columns}) TO '{file}' (FORMAT parquet, COMPRESSION gzip)")
    (shop / "sources" / "lines.sql").write_text("FROM 'lines.parquet.gzip'")
    assert [len(found) for found in read(shop)] == [1, 0]
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert [len(found) for found in read(shop)] == [1, 0]


def test_a_kind_of_file_that_is_not_read_is_one_sentence(shop):
    use_lines(shop, "x", "lines.xlsx")
    with pytest.raises(BadShop, match=r"lines.sql: lines.xlsx is not a known kind of file; .csv, .tsv, "):
        read(shop)


@pytest.mark.parametrize(
    "sql",
    ["FROM 'link.csv'", "FROM read_csv('link.csv')", "FROM 'away/x.csv'", "FROM read_csv('away/x.csv')",
     "FROM read_text('{data}/link.csv')", "FROM read_text('{data}/away/x.csv')", "FROM 'link.json'",
     "FROM read_csv('{data}/link.csv')"],
)  # fmt: skip
def test_a_link_does_not_lead_out_of_the_data_folder(shop, tmp_path, sql):
    away = tmp_path / "away"
    away.mkdir()
    for name in ("x.csv", "x.json"):
        (away / name).write_text(HEAD + "SECRET" + GOOD)
    data = shop / "data"
    (data / "link.csv").symlink_to(away / "x.csv")
    (data / "link.json").symlink_to(away / "x.json")
    (data / "away").symlink_to(away)
    (shop / "sources" / "lines.sql").write_text(sql.format(data=data))
    with pytest.raises(BadShop, match=r"is a link out of|there is no file|Permission Error"):
        read(shop)


def test_a_link_within_the_data_folder_is_followed(shop):
    use_lines(shop, HEAD + GOOD, "lines-2026.csv")
    (shop / "data" / "away.csv").symlink_to("/etc/hostname")
    (shop / "data" / "newest.csv").symlink_to("lines-2026.csv")
    for sql in ("FROM 'newest.csv'", "FROM read_csv('newest.csv')", "FROM read_csv('new*.csv')"):
        (shop / "sources" / "lines.sql").write_text(sql)
        assert [len(found) for found in read(shop)] == [1, 0]


@pytest.mark.parametrize("written", ["2026-01-05 10:12:00 UTC", "2026-01-05T10:12:00 GMT"])
def test_utc_in_letters_is_answered_with_how_it_is_written(shop, written):
    use_lines(shop, HEAD + GOOD.replace(",\n", f",{written}\n"))
    _, (refused,) = read(shop)
    assert refused.reason == "UTC is written Z or +00:00, as in 2026-11-30 14:05:00Z"


def test_a_number_out_of_bounds_is_told_in_our_words(shop):
    use_lines(shop, HEAD + GOOD.replace(",2,", f",{2**31},"))
    _, (refused,) = read(shop)
    assert refused.reason == "at most 2147483647 is right"


@pytest.mark.parametrize("file", ["'stock.csv'", "read_csv('stock.csv', encoding = 'latin-1')"])
def test_stock_that_an_odd_file_names_no_more_is_used_up(shop, tmp_path, file):
    declare(shop, "cp1252")
    (shop / "sources" / "stock.sql").write_text(
        "SELECT sku AS product_id, lager AS location, stück AS on_hand FROM {}".format(file)  # noqa: S608, UP032
    )
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate(engine)

    def take_in(rows, as_of):
        (shop / "data" / "stock.csv").write_bytes(f"sku;lager;stück\nMUG-1;Köln;3\n{rows};;\n;;\n".encode("cp1252"))
        with open_source(read_shop(shop)) as source:
            return import_all(engine, source, as_of, tmp_path / "rejects.csv")["stock"]

    assert take_in("MUG-2;Köln;4\n", date(2026, 1, 8)) == ImportStats(read=2, inserted=2)
    assert take_in("", date(2026, 1, 9)) == ImportStats(read=1, unchanged=1, removed=1)
    engine.dispose()
