"""A shop on MySQL or MariaDB, as WooCommerce and its older companions leave their tables, read from a real server."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.errors import BadShop
from sources.starter_folder import write_starter
from tests.sources.test_reader import read
from tests.support.mariadb import HOST, programs, started

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(programs() is None, reason="no mariadb-server here; `apt-get install mariadb-server` brings it"),
]

TABLES = """
CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci;
USE shop;
CREATE TABLE item (o bigint unsigned, n int, sku varchar(60), qty double, price decimal(26,8),
    due datetime NOT NULL DEFAULT '0000-00-00 00:00:00', eta date NOT NULL DEFAULT '0000-00-00', sent datetime);
INSERT INTO item VALUES
    (1001, 1, 'KM-L', 2, 89.90000000, '2026-01-09 00:00:00', '2026-01-20', NULL),
    (18446744073709551615, 1, 'TA-R', 1, 12.5, '0000-00-00 00:00:00', '0000-00-00', '2026-01-08 23:30:00');
CREATE TABLE person (id int, name varchar(60), country char(2), agreed tinyint(1), refused bit(1));
INSERT INTO person VALUES (1, 'Zoë 🌸 李小龍', 'DE', 1, b'0'), (2, '„Ó Néil“', 'AT', 0, b'1');
CREATE TABLE old (sku varchar(20), name varchar(60), virt tinyint(1)) ENGINE=MyISAM DEFAULT CHARSET=latin1;
INSERT INTO old VALUES ('KM-L', 'Kaffeemühle „Größe L“ – 5 €', 0);
CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'p@ss/w%rd';
GRANT SELECT ON shop.* TO reader@'127.0.0.1';
CREATE USER owner@'127.0.0.1' IDENTIFIED BY 'own';
GRANT ALL ON shop.* TO owner@'127.0.0.1'
"""
LINES = """
SELECT o AS order_id, n AS number, sku AS product_id, qty AS quantity, price, 'ship' AS promise, due AS promised_on,
    eta AS expected_on, sent AS shipped_at
FROM item WHERE sku LIKE '%-%' ORDER BY o
"""
CUSTOMERS = "SELECT id, name, country, agreed AS sms_consent, refused + 0 AS opted_out FROM person ORDER BY id"


@pytest.fixture(scope="module")
def server():
    """Return the port of a server with the tables of a shop."""
    with started() as (port, root):
        connection = root()
        with connection.cursor() as cursor:
            for statement in TABLES.split(";\n"):
                cursor.execute(statement)
        connection.close()
        yield port


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    write_starter(folder)
    toml = (folder / "shop.toml").read_text()
    (folder / "shop.toml").write_text(toml.replace('kind = "files"', 'kind = "database"'))
    for table, sql in (("lines", LINES), ("customers", CUSTOMERS)):
        (folder / "sources" / f"{table}.sql").write_text(sql)
    return folder


def address(port, user="reader:p%40ss%2Fw%25rd", kind="mysql"):
    return f"{kind}://{user}@{HOST}:{port}/shop"


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_names_are_read_whole_and_tinyint_and_bit_are_yes_or_no(shop, server, kind):
    people, refused = read(shop, "customers", url=address(server, kind=kind))
    assert refused == []
    assert [(one.name, one.sms_consent, one.opted_out) for one in people] == [
        ("Zoë 🌸 李小龍", True, False),
        ("„Ó Néil“", False, True),
    ]


def test_amounts_whole_numbers_and_moments_are_read_as_they_are(shop, server):
    (shop / "sources" / "lines.sql").write_text(LINES.replace("WHERE", "WHERE o = 1001 AND"))
    (line,), refused = read(shop, url=address(server))
    assert refused == []
    assert (line.order_id, line.quantity, line.price) == ("1001", 2, Decimal("89.9"))
    assert (line.promised_on, line.expected_on, line.shipped_at) == (date(2026, 1, 9), date(2026, 1, 20), None)


def test_zero_dates_are_read_as_no_date(shop, server):
    (_, line), refused = read(shop, url=address(server))
    assert refused == []
    assert (line.order_id, line.promised_on, line.expected_on) == (str(2**64 - 1), None, None)


def test_nullif_makes_a_zero_date_no_date(shop, server):
    sql = LINES.replace("due AS", "NULLIF(due, '0000-00-00 00:00:00') AS").replace("eta AS", "NULLIF(eta, 0) AS")
    (shop / "sources" / "lines.sql").write_text(sql)
    (_, line), refused = read(shop, url=address(server))
    assert refused == []
    assert (line.order_id, line.promised_on, line.expected_on) == (str(2**64 - 1), None, None)
    assert line.shipped_at == datetime(2026, 1, 8, 22, 30, tzinfo=UTC)


def test_a_table_of_another_character_set_is_read_right(shop, server):
    (shop / "sources" / "products.sql").write_text("SELECT sku AS id, name FROM old")
    (product,), _ = read(shop, "products", url=address(server))
    assert product.name == "Kaffeemühle „Größe L“ – 5 €"


@pytest.mark.parametrize("user", ["reader:p%40ss%2Fw%25rd", "owner:own"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE old SET name = ''",
        "INSERT INTO item (o) VALUES (7)",
        "DELETE FROM person",
        "DROP TABLE old",
        "CREATE TABLE other (id int)",
        "SELECT 1; DROP TABLE old",
    ],
)
def test_nothing_can_be_written_whoever_reads(shop, server, user, sql):
    (shop / "sources" / "lines.sql").write_text(sql)
    with pytest.raises(BadShop, match=r"lines.sql: ") as raised:
        read(shop, url=address(server, user))
    assert "\n" not in str(raised.value)
    (shop / "sources" / "products.sql").write_text("SELECT sku AS id, name FROM old")
    assert len(read(shop, "products", url=address(server))[0]) == 1
    assert len(read(shop, "customers", url=address(server))[0]) == 2


def test_a_wrong_password_is_one_sentence_without_it(shop, server):
    with pytest.raises(BadShop, match="Access denied") as raised:
        read(shop, url=address(server, "reader:tell-nobody"))
    assert "tell-nobody" not in str(raised.value)
