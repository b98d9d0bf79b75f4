"""The shops of ../shared/trials, run as their READMEs say; what left is read back from the outbox."""

import json
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine

from cli.main import main
from models.config.known_keys import RENAMED
from templates.rendering import sms
from tests.support.mariadb import HOST, programs, started
from tests.support.paths import SHARED

CASES = SHARED / "trials" / "cases"
SHOPS = CASES / "shops"
ORDERS = ("1001", "1002", "1003", "1004", "1005", "1006")

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/trials is absent")


class Trial:
    """A copy of a case's folder, and the commands that its README names."""

    def __init__(self, place, command):
        self.place, self.command, self.read = place, command, set()

    def copy(self, case, to="shop"):
        """Copy a folder of the cases, its policies with the keys of today; return where it lies now."""
        copied = Path(shutil.copytree(CASES / case, self.place / to))
        for file in copied.rglob("policy.toml"):
            file.write_text(with_renamed_keys(file.read_text("utf-8")), "utf-8")
        return copied

    def shop_of(self, case):
        """Copy a shop whose data lie beside it; return where it lies now."""
        self.copy(f"shops/{case}/data", "data")
        return self.copy(f"shops/{case}/shop")

    def export(self, table, *, first=False):
        """Put the first export of a table in its place, and later the second one, which is there at the beginning."""
        data = self.place / "shop" / "data"
        now, later = data / f"{table}.csv", data / f"{table}-second.csv"
        if first:
            now.rename(later)
        shutil.copyfile(data / f"{table}-first.csv" if first else later, now)

    def run_on(self, *words, day):
        """Run a command for a day; return its report, and the messages that left by it."""
        report = json.loads(self.command(*words, "--as-of", day, "--json").out)
        return report, self.left()

    def left(self):
        """Return the messages that left since the last look; of mails, the file says what the record does."""
        found = []
        for record in sorted(set(self.place.glob("var/*/outbox/*/*/*.json")) - self.read):
            self.read.add(record)
            message = json.loads(record.read_text())
            if message["channel"] == "email":
                mail = message_from_bytes(record.with_suffix(".eml").read_bytes(), policy=policy.default)
                assert mail["To"].addresses[0].addr_spec == message["to"]
                assert mail["Subject"] == message["subject"]
            found.append(message)
        return found


def with_renamed_keys(text):
    """Return a policy of a development version with the names that its sections and keys have now."""
    lines, section = [], ""
    for line in text.splitlines():
        if header := re.match(r"\[(\w+)", line):
            section = RENAMED.get(header[1], header[1])
            line = f"[{section}{line[header.end() :]}"
        elif key := re.match(r"\w+(?= *=)", line):
            line = RENAMED.get(f"{section}.{key[0]}", key[0]) + line[key.end() :]
        lines.append(f"{line}\n")
    return "".join(lines)


@pytest.fixture
def trial(tmp_path, monkeypatch, capsys):
    """Return a place for a case, with the commands of a person who works there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("FOREWARN_SHOP", "shop")

    def command(*words, code=0):
        monkeypatch.setattr(sys, "argv", ["forewarn", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        complaint = ended.value.code if isinstance(ended.value.code, str) else None
        assert (1 if complaint else ended.value.code or 0) == code, f"{said.out}{said.err}{complaint}"
        return SimpleNamespace(out=said.out, said=complaint)

    return Trial(tmp_path, command)


def whom(messages):
    """Return who was written to, by which channel."""
    return sorted((message["to"], message["channel"]) for message in messages)


def words(message):
    """Return all the words of a message that is no page."""
    return f"{message.get('subject') or ''}\n{message['text']}"


# The cases


def test_goods_that_arrived_are_told_as_here_though_the_order_is_later_by_a_bucket(trial):
    trial.copy("arrived-but-told-late")
    stock = trial.place / "shop" / "data" / "stock.csv"

    def on_hand(pieces):
        stock.write_text(f"sku,place,on_hand,allocated\nMUG-1,Berlin,{pieces},0\nTEA-1,Berlin,40,0\n")

    _, left = trial.run_on("run", "--import", day="2026-01-10")
    assert {one["subject"] for one in left} == {f"Late: no new date yet (order {order})" for order in ORDERS}
    on_hand(20)
    trial.run_on("restock", "--import", day="2026-01-13")
    _, left = trial.run_on("run", day="2026-01-13")
    assert {one["subject"] for one in left} == {
        f"Good news: now in stock, leaving soon (order {order})" for order in ORDERS
    }
    assert not [one for one in left if "WAIT-" in one["text"] or "We are sorry" in one["text"]]
    on_hand(0)
    assert trial.run_on("run", "--import", day="2026-01-14")[1] == []
    on_hand(20)
    _, left = trial.run_on("run", "--import", day="2026-01-15")
    assert {one["subject"] for one in left} == {
        f"Good news: now in stock, leaving soon (order {order})" for order in ORDERS
    }


def test_of_daily_dumps_the_newest_is_true(trial):
    shop = trial.copy("daily-dumps-first-wins/K-shop")
    newer = [shop / "data" / f"{table}-2026-01-04.csv" for table in ("orders", "lines")]
    kept = [file.read_text() for file in newer]
    for file in newer:
        file.unlink()
    trial.command("import", "--as-of", "2026-01-02")
    for file, text in zip(newer, kept, strict=True):
        file.write_text(text)
    report, left = trial.run_on("run", "--import", day="2026-01-10")
    assert left == []
    assert (report["open"], report["imported"]["orders"]["rejected"], report["rejects"]) == (0, 0, None)


def test_numbers_that_a_spreadsheet_or_a_landline_spoilt_reach_nobody_else(trial):
    trial.copy("digits-only-phone-and-landline/E-shop")
    report, left = trial.run_on("run", "--import", day="2026-01-13")
    assert whom(left) == [
        ("+447911123456", "sms"),  # her country UK is GB, where an offer needs consent
        ("+4915112345678", "sms"),
        ("leo@example.com", "email"),
        ("noname@example.com", "email"),
    ]
    assert report["skipped"] == {"not_mobile": 1, "opted_out": 2}
    assert all(counts["rejected"] == 0 for counts in report["imported"].values())
    mails = [one for one in left if one["channel"] == "email"]
    assert {one["text"].splitlines()[0] for one in mails} == {"Hello Leo Land,", "Hello,"}


def test_a_gift_card_is_never_late_and_a_long_order_is_listed_as_it_stands(trial):
    shop = trial.copy("gift-card-and-many-lines/X-shop")
    products = shop / "sources" / "products.sql"
    products.write_text(products.read_text().replace("price\n", "price, sku = 'P4' AS virtual\n"))
    assert "virtual" in products.read_text()
    report, left = trial.run_on("run", "--import", day="2026-01-11")
    mails = {one["to"]: one for one in left if one["channel"] == "email"}
    assert set(mails) == {f"c{n}@example.com" for n in (1, 2, 3, 5, 6, 8)}
    assert (report["open"], report["late"]) == (6, {"fortnight": 1, "long": 5})
    listed = [row for row in mails["c6@example.com"]["text"].splitlines() if row.startswith("- Item number ")]
    assert len(listed) > 10
    assert listed == [f"- Item number {n}" for n in range(1, len(listed) + 1)]
    assert f"and {300 - len(listed)} more items. See them all on your order page" in mails["c6@example.com"]["text"]
    assert max(len(mail["html"].encode()) for mail in mails.values()) < 100_000
    assert "علی\u200cرضا" in mails["c2@example.com"]["to_name"]
    assert mails["c3@example.com"]["text"].startswith("Hello علی\u200cرضا,")
    assert "👨\u200d👩\u200d👧\u200d👦" in mails["c8@example.com"]["text"]
    assert mails["c1@example.com"]["text"].startswith("Olá, Olga Evil!")


def test_a_first_date_is_no_good_news(trial):
    trial.copy("good-news-from-unknown/A-shop")
    trial.export("lines", first=True)
    _, (told,) = trial.run_on("run", "--import", day="2026-01-21")
    assert told["subject"] == "Long delay: no new date yet (order 1001)"
    trial.export("lines")
    _, (told,) = trial.run_on("run", "--import", day="2026-01-26")
    assert told["subject"] == "New date: now expected April 30 (order 1001)"
    assert not re.search("good news|sooner|earlier", words(told), re.IGNORECASE)


def test_guests_of_one_id_are_not_told_of_each_others_orders(trial):
    trial.copy("guest-id-zero/D-shop")
    report, left = trial.run_on("run", "--import", day="2026-01-10")
    assert left == []
    assert {table: counts["rejected"] for table, counts in report["imported"].items() if counts["rejected"]} == {
        "customers": 3,
        "orders": 3,
        "lines": 3,
    }
    rejects = Path(report["rejects"]).read_text()
    assert all(f"{order}" in rejects for order in ("1001", "1002", "1003"))


@pytest.mark.parametrize("kind", ["J-shop", "J2-shop"])
def test_an_instant_is_the_same_day_from_json_as_from_csv(trial, kind):
    trial.copy(f"json-offset-dropped/{kind}")
    _, (told,) = trial.run_on("run", "--import", day="2026-01-12")
    assert told["subject"] == "Delayed: now expected January 20 (order 1001)"
    assert "promised to ship by January 9, 2026\n  now expected by January 20, 2026" in told["text"]


LATIN = "SELECT sku AS product_id, place AS location, on_hand, allocated FROM read_csv('stock.csv', encoding = '{}')"


@pytest.mark.parametrize(("encoding", "place"), [("latin-1", "München"), ("utf-16", "München"), ("CP1252", "Ann’s €")])
def test_what_read_csv_decodes_is_not_refused_and_what_it_leaves_out_is_not_offered(trial, encoding, place):
    shop = trial.copy("read-csv-encoding/M-shop")
    stock = shop / "data" / "stock.csv"
    (shop / "sources" / "stock.sql").write_text(LATIN.format(encoding))
    text = stock.read_text("latin-1").replace("München", place)
    stock.write_bytes((text + ",,,\n" * 3).encode(encoding))
    said = trial.command("import", "--as-of", "2026-01-08").out
    assert "refused" not in said
    second = (shop / "data" / "stock-second.csv").read_text("latin-1").replace("München", place)
    stock.write_bytes((second + ",,,\n").encode(encoding))
    report, (told,) = trial.run_on("run", "--import", day="2026-01-14")
    assert report["imported"]["stock"] | {"duplicates": 0} == {
        "read": 1, "inserted": 1, "updated": 0, "unchanged": 0, "rejected": 0, "removed": 2, "superseded": 0,
        "duplicates": 0, "missing": 0,
    }  # fmt: skip
    assert "substitute" not in report["offers"]
    assert "Enamel mug" not in words(told)
    assert trial.command("shop", "check", "--as-of", "2026-01-14").out.strip().endswith("Nothing is wrong.")


def test_a_line_that_was_taken_out_or_refunded_is_told_to_nobody(trial):
    trial.copy("removed-line-still-late/C-shop")
    trial.export("lines", first=True)
    trial.command("import", "--as-of", "2026-01-09")
    trial.export("lines")
    report, left = trial.run_on("run", "--import", day="2026-01-16")
    assert left == []
    assert (report["open"], report["imported"]["lines"]["removed"], report["imported"]["lines"]["rejected"]) == (
        0,
        1,
        0,
    )


def test_a_placeholder_is_told_as_no_date_and_an_order_gone_from_the_source_is_named(trial):
    trial.copy("sentinel-date/S-shop")
    for table in ("orders", "lines"):
        trial.export(table, first=True)
    assert "expected more than two years after the order" in trial.command("shop", "check", code=1).out
    _, left = trial.run_on("run", "--import", day="2026-01-10")
    assert {one["subject"] for one in left} == {
        "Late: no new date yet (order 1001)",
        "Long delay: now expected January 20 (order 1003)",
    }
    assert not [one for one in left if "2099" in words(one) + one.get("html", "")]
    for table in ("orders", "lines"):
        trial.export(table)
    report, left = trial.run_on("run", "--import", day="2026-01-12")
    assert report["missing"] == ["1001"]
    assert [one["subject"] for one in left] == ["Long delay: now expected January 20 (order 1002)"]
    settings = trial.place / "shop" / "shop.toml"
    settings.write_text(settings.read_text().replace("[source]", '[source]\norders = "all"', 1))
    report, left = trial.run_on("run", "--import", day="2026-01-30")
    assert (report["open"], report["missing"]) == (2, [])
    assert not [one for one in left if "1001" in words(one)]


def test_a_text_that_does_not_fit_keeps_no_mail_back(trial):
    trial.copy("text-too-long-blocks-mail/B2-shop")
    report, left = trial.run_on("run", "--import", day="2026-01-15")
    assert whom(left) == [("+5511987654321", "sms"), ("ana@example.com", "email"), ("maria@example.com", "email")]
    assert (report["problems"], report["changes"]) == ([], {"long": 2})
    (text,) = [one["text"] for one in left if one["channel"] == "sms"]
    assert sms.count_segments(text).parts <= sms.MAX_PARTS


def test_a_second_shop_is_turned_away_from_the_first_ones_ledger(trial, monkeypatch):
    trial.copy("two-shops-one-ledger/Fa-shop", "north")
    trial.copy("two-shops-one-ledger/Fb-shop", "south")
    monkeypatch.setenv("FOREWARN_DATABASE_URL", f"sqlite:///{trial.place}/ledger.db")
    trial.command("import", "--shop", "north", "--as-of", "2026-01-12")
    said = trial.command("import", "--shop", "south", "--as-of", "2026-01-12", code=1).said
    assert "North" in said
    assert "South" in said
    _, (told,) = trial.run_on("run", "--shop", "north", day="2026-01-13")
    assert told["to"] == "anna@example.com"
    assert trial.command("run", "--shop", "south", "--as-of", "2026-01-13", code=1).said == said
    monkeypatch.delenv("FOREWARN_DATABASE_URL")
    _, (told,) = trial.run_on("run", "--import", "--shop", "south", day="2026-01-13")
    assert told["to"] == "bert@example.com"


# The shops' own systems


def test_what_a_shop_of_open_orders_names_no_more_is_told_to_nobody(trial):
    trial.shop_of("gone")
    data = trial.place / "data"
    later = {file: file.read_text() for file in data.iterdir()}
    (data / "orders.csv").write_text(
        "id,customer_id,placed_at,status\nA1,C1,2026-11-01,open\nA2,C1,2026-11-01,open\nA3,C1,2026-11-01,open\n"
    )
    (data / "lines.csv").write_text(
        "order_id,number,product_id,quantity,promised_on,shipped_at\nA1,1,P1,1,2026-11-20,\n"
        "A1,2,P2,2,2026-11-10,\nA2,1,P1,2,2026-11-25,\nA3,1,P2,1,2026-11-25,\n"
    )
    assert trial.run_on("run", "--import", day="2026-11-09")[1] == []
    for file, text in later.items():
        file.write_text(text)
    assert "0 of 1 open orders are late" in trial.command("shop", "check", "--as-of", "2026-11-28").out
    report, left = trial.run_on("run", "--import", day="2026-11-28")
    assert left == []
    assert (report["late"], report["missing"]) == ({"short": 1}, ["A3"])  # A3 is shipped, and nothing says so
    settings = trial.place / "shop" / "shop.toml"
    settings.write_text(settings.read_text() + 'orders = "open"\n')
    report, left = trial.run_on("run", "--import", day="2026-11-28")
    assert (report["open"], report["late"], report["missing"], left) == (1, {}, [], [])


def test_a_file_read_by_read_csv_and_a_body_read_by_unnest_are_right_at_once(trial):
    trial.shop_of("readcsv")
    stock = trial.place / "data" / "stock.json"
    levels = stock.read_text()
    stock.write_text(levels.replace("P2", "P1"))
    assert trial.command("shop", "check", "--as-of", "2026-11-28").out.strip().endswith("Nothing is wrong.")
    trial.command("import", "--as-of", "2026-11-27")
    stock.write_text(levels)
    report, (told,) = trial.run_on("run", "--import", day="2026-11-28")
    assert told["text"].startswith("Hello Jürgen,")
    assert {table: counts["rejected"] for table, counts in report["imported"].items()} == dict.fromkeys(
        ("customers", "products", "orders", "lines", "stock"), 0
    )


def test_moments_of_json_keep_their_offset_in_new_york(trial):
    trial.shop_of("jsonzone")
    _, (told,) = trial.run_on("run", "--import", day="2026-11-22")
    assert told["subject"] == "Delayed: now expected December 4 (order A1)"
    assert "promised to ship by November 20, 2026" in told["text"]
    assert "placed 2026-11-18" in trial.command("explain", "A1", "--as-of", "2026-11-22").out


BODY = "FROM (SELECT unnest(orders) AS o FROM 'orders.json')"


def test_the_body_of_shopifys_api_is_read_as_it_is(trial):
    shop = trial.shop_of("jsonzone")
    shutil.copyfile(SHOPS / "jsonbody" / "data" / "orders.json", trial.place / "data" / "orders.json")
    selects = {
        "orders": "SELECT o.id, o.customer.id AS customer_id, o.created_at AS placed_at, o.order_status_url AS url",
        "customers": "SELECT o.customer.id, o.billing_address.name, o.email, o.billing_address.country_code AS country",
        "lines": "SELECT o.id AS order_id, 1 AS number, 'P1' AS product_id, 1 AS quantity, 'ship' AS promise,"
        " '2008-01-12' AS promised_on",
    }
    for table, select in selects.items():
        (shop / "sources" / f"{table}.sql").write_text(f"{select} {BODY}")
    report, (told,) = trial.run_on("run", "--import", day="2008-01-20")
    assert {counts["rejected"] for counts in report["imported"].values()} == {0}
    assert told["to"] == "bob.norman@hostmail.com"
    assert re.search(r"about order 450789469, which you placed with .+ on January 10, 2008\.", told["text"])


def test_medusas_tables_tell_edits_parts_and_gift_cards(trial, postgres, monkeypatch):
    with postgres.database() as url:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.exec_driver_sql((SHOPS / "medusa" / "medusa.sql").read_text())
        engine.dispose()
        shop = trial.copy("shops/medusa/shop")
        lines = shop / "sources" / "lines.sql"
        whole = lines.read_text()
        monkeypatch.setenv("FOREWARN_SOURCE_URL", url)
        report, left = trial.run_on("run", "--import", day="2026-11-26")
        assert {table: counts["rejected"] for table, counts in report["imported"].items()} == dict.fromkeys(
            ("customers", "products", "orders", "lines", "stock"), 0
        )
        # 1 owes pieces, 2 was edited, 3 is cancelled, 5 is shipped whole; 4, a gift card alone, has no line.
        assert whom(left) == [("ada@example.com", "email"), ("ada@example.com", "email")]
        assert sorted(re.findall(r"order_\d", " ".join(one["subject"] for one in left))) == ["order_1", "order_2"]
        lines.write_text(whole.replace("oi.quantity,", "oi.quantity, oi.shipped_quantity AS shipped,", 1))
        assert "AS shipped," in lines.read_text()
        trial.command("import", "--as-of", "2026-11-26")
        story = json.loads(trial.command("explain", "order_1", "--as-of", "2026-11-26", "--json").out)
        assert [(one["quantity"], one["owed"]) for one in story["lines"]] == [(5, 3)]


VENDURE = """
CREATE TABLE customer (id INT, firstName TEXT, lastName TEXT, emailAddress TEXT, phoneNumber TEXT, deletedAt TEXT);
CREATE TABLE "order" (id INT, code TEXT, customerId INT, orderPlacedAt TEXT, state TEXT, updatedAt TEXT,
    currencyCode TEXT, shippingWithTax INT, shippingAddress TEXT, type TEXT);
CREATE TABLE order_line (id INT, orderId INT, productVariantId INT, quantity INT, orderPlacedQuantity INT,
    listPrice INT, updatedAt TEXT);
CREATE TABLE order_line_reference (orderLineId INT, fulfillmentId INT, quantity INT);
CREATE TABLE fulfillment (id INT, state TEXT, updatedAt TEXT);
CREATE TABLE product_variant (id INT, productId INT);
CREATE TABLE product_variant_translation (baseId INT, languageCode TEXT, name TEXT);
CREATE TABLE product_variant_price (variantId INT, price INT);
CREATE TABLE product_facet_values_facet_value (productId INT, facetValueId INT);
CREATE TABLE facet_value_translation (baseId INT, languageCode TEXT, name TEXT);
CREATE TABLE stock_level (productVariantId INT, stockLocationId INT, stockOnHand INT, stockAllocated INT);
INSERT INTO customer VALUES (1, 'Hayden', 'Zieme', 'hayden@example.com', '0123', NULL);
INSERT INTO product_variant VALUES (1, 1), (2, 2);
INSERT INTO product_variant_translation VALUES (1, 'en', 'Laptop'), (2, 'en', 'Tablet');
INSERT INTO product_variant_price VALUES (1, 129900), (2, 32900);
INSERT INTO stock_level VALUES (1, 1, 0, 3), (2, 1, 0, 1);
"""
FOUR = """
INSERT INTO "order" SELECT value, 'V' || value, 1, '2026-11-08 10:00:00', 'PaymentSettled', '2026-11-08 10:00:00',
    'USD', 500, '{"fullName": "Hayden Zieme", "countryCode": "US"}', 'Regular' FROM json_each('[1, 2, 3]');
INSERT INTO order_line VALUES (1, 1, 1, 1, 1, 129900, ''), (2, 2, 2, 1, 1, 32900, ''), (3, 3, 1, 3, 3, 129900, '');
"""
CHANGED = """
UPDATE order_line SET quantity = 0, updatedAt = '2026-11-20 09:00:00' WHERE id = 2;
INSERT INTO fulfillment VALUES (1, 'Shipped', '2026-11-20 08:00:00'), (2, 'Shipped', '2026-11-20 08:00:00');
INSERT INTO order_line_reference VALUES (1, 1, 1), (3, 2, 1);
"""


def test_vendures_tables_tell_what_was_shipped_cancelled_and_sent_in_part(trial, monkeypatch):
    shop = trial.copy("shops/vendure-shop")
    lines = shop / "sources" / "lines.sql"
    parts = "(SELECT sum(r.quantity) FROM order_line_reference r WHERE r.orderLineId = l.id) AS shipped, max(l.quantity"
    lines.write_text(lines.read_text().replace("max(l.quantity", parts, 1))
    monkeypatch.setenv("FOREWARN_SOURCE_URL", f"sqlite:///{trial.place}/vendure.db")
    with closing(sqlite3.connect(trial.place / "vendure.db")) as database:
        database.executescript(VENDURE + FOUR)
    report, left = trial.run_on("run", "--import", day="2026-11-18")
    assert {counts["rejected"] for counts in report["imported"].values()} == {0}
    assert [one["to"] for one in left] == ["hayden@example.com"] * 3
    with closing(sqlite3.connect(trial.place / "vendure.db")) as database:
        database.executescript(CHANGED)
    report, (told,) = trial.run_on("run", "--import", day="2026-11-26")
    assert report["open"] == 1
    assert "V3" in told["subject"]
    assert "- 2 x Laptop\n  2 of 3 still to come" in told["text"]


WOO = {
    "customers": "SELECT customer_id AS id, CONCAT(first_name, ' ', last_name) AS name, a.email, a.phone, a.country"
    " FROM wp_wc_orders o JOIN wp_wc_order_addresses a ON a.order_id = o.id AND a.address_type = 'billing'"
    " WHERE o.id IN (1001, 1002, 1005)",
    "products": "SELECT p.ID AS id, p.post_title AS name, m.min_price AS price, m.`virtual`"
    " FROM wp_posts p JOIN wp_wc_product_meta_lookup m ON m.product_id = p.ID",
    "orders": "SELECT id, customer_id, date_created_gmt AS placed_at, currency,"
    " status IN ('wc-on-hold', 'wc-pending') AS unpaid, status = 'trash' AS deleted,"
    " CASE WHEN status IN ('wc-cancelled', 'wc-refunded') THEN date_updated_gmt END AS cancelled_at,"
    " status = 'wc-completed' AS done FROM wp_wc_orders WHERE type = 'shop_order' AND customer_id IN (7, 8, 9)",
    "lines": "SELECT i.order_id, i.order_item_id AS number, p.meta_value AS product_id, q.meta_value AS quantity,"
    " (SELECT -SUM(n.meta_value) FROM wp_woocommerce_order_itemmeta f JOIN wp_woocommerce_order_itemmeta n"
    " ON n.order_item_id = f.order_item_id AND n.meta_key = '_qty'"
    " WHERE f.meta_key = '_refunded_item_id' AND f.meta_value = i.order_item_id) AS cancelled,"
    " 'ship' AS promise, d.meta_value AS promised_on, NULLIF(e.eta, '0000-00-00') AS expected_on"
    " FROM wp_woocommerce_order_items i"
    " JOIN wp_wc_orders o ON o.id = i.order_id AND o.type = 'shop_order' AND o.customer_id IN (7, 8, 9)"
    " JOIN wp_woocommerce_order_itemmeta p ON p.order_item_id = i.order_item_id AND p.meta_key = '_product_id'"
    " AND p.meta_value <> '0'"
    " JOIN wp_woocommerce_order_itemmeta q ON q.order_item_id = i.order_item_id AND q.meta_key = '_qty'"
    " LEFT JOIN wp_wc_orders_meta d ON d.order_id = i.order_id AND d.meta_key = 'promised_date'"
    " LEFT JOIN wp_supplier_eta e ON e.product_id = p.meta_value WHERE i.order_item_type = 'line_item'",
    "stock": "SELECT product_id, 'main' AS location, stock_quantity AS on_hand FROM wp_wc_product_meta_lookup"
    " WHERE stock_quantity > 0",
}


@pytest.mark.skipif(programs() is None, reason="no mariadb-server here; `apt-get install mariadb-server` brings it")
def test_woocommerces_tables_in_a_mariadb_tell_who_waits_for_what(trial, monkeypatch):
    shop = trial.copy("shops/medusa/shop")
    for table, select in WOO.items():
        (shop / "sources" / f"{table}.sql").write_text(select)
    with started() as (port, root):
        connection = root()
        with connection.cursor() as cursor:
            written = re.sub("^--.*", "", (SHOPS / "mariadb" / "woo.sql").read_text(), flags=re.MULTILINE)
            for statement in filter(None, re.split(r";\s+", written)):
                cursor.execute(statement)
        monkeypatch.setenv("FOREWARN_SOURCE_URL", f"mysql://fw:p%40ss%2Fw%25rd@{HOST}:{port}/woo")
        report, (told,) = trial.run_on("run", "--import", day="2026-11-22")
        assert {counts["rejected"] for counts in report["imported"].values()} == {0}
        assert (report["open"], report["late"]) == (4, {"fortnight": 1, "long": 2})  # the fourth is not paid
        assert report["skipped"] == {"bad_address": 1, "no_address": 1}
        assert told["text"].startswith("Hello Zoë 🌸 van der Berg,")
        assert "- Tasse 🦊 rot\n  promised" in told["text"]  # two were refunded
        assert "- T-Shirt\n" in told["text"]
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM woo.wp_woocommerce_order_items WHERE order_item_id = 14")
            cursor.execute("UPDATE woo.wp_wc_orders SET status = 'trash' WHERE id = 1001")
        connection.close()
        report, left = trial.run_on("run", "--import", day="2026-11-23")
    assert (report["open"], report["imported"]["lines"]["removed"], left) == (3, 1, [])
