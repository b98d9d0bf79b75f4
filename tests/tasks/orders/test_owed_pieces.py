"""Everything speaks of the pieces still owed: from the shop's files to the mail, as a user goes."""

import json
import sys
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest

from cli.main import main
from tests.support.buying import table
from tests.support.shop_driver import SHOP_TOML

pytestmark = pytest.mark.sqlite_suffices(
    "a user's whole way by commands; its imports and notices are tested on both databases"
)

DAY = "2026-06-15"
CUSTOMERS = "id,name,email,phone,country,locale,sms_consent,prefers\nC1,Ada,ada@example.com,,DE,en,no,\n"
PRODUCTS = (
    "id,name,category,price,vendor_id\nLAP,Laptop 13,laptops,900,V1\nFAB,Linen,cloth,12,V1\nPAD,Notepad,paper,3,V1\n"
)
VENDORS = "id,name,lead_days\nV1,Parts & Co,\n"
STOCK = "product_id,location,on_hand\nLAP,main,0\nFAB,main,0\nPAD,main,0\n"
ORDER = "id,customer_id,placed_at,currency,unpaid,paid_at,shipping_method\n"
LINE = "order_id,number,product_id,quantity,price,promise,promised_on,shipped,cancelled,returned,packed\n"
SHIPMENT = (
    "id,order_id,number,quantity,packed_at,shipped_at,delivered_at,cancelled_at,carrier,tracking_number,tracking_url\n"
)
SHOP = f"""{SHOP_TOML}\
[vendor.V1]
by = "folder"
path = "../v1"
[source]
kind = "files"
path = "data"
"""
POLICY = "[guardrails]\nmax_data_age_hours = 0\n"


@pytest.fixture
def shop(tmp_path, ledger, monkeypatch, capsys):
    """Return a shop's folder with its commands."""
    folder = tmp_path / "shop"
    for name in ("data", "sources"):
        (folder / name).mkdir(parents=True)
    (folder / "shop.toml").write_text(SHOP)
    (folder / "policy.toml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("FOREWARN_DATABASE_URL", ledger)

    def run(*words, ok=True):
        monkeypatch.setattr(sys, "argv", ["forewarn", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code in (0, None)) is ok, said.out + said.err
        return said.out

    def write(**files):
        for name, rows in files.items():
            (folder / "data" / f"{name}.csv").write_text(rows)
            (folder / "sources" / f"{name}.sql").write_text(f"SELECT * FROM '{name}.csv'")  # noqa: S608 - ours

    write(customers=CUSTOMERS, products=PRODUCTS, vendors=VENDORS, stock=STOCK)
    return SimpleNamespace(folder=folder, run=run, write=write, place=tmp_path)


def orders(*rows):
    return ORDER + "".join(f"{row}\n" for row in rows)


def lines(*rows):
    return LINE + "".join(f"{row}\n" for row in rows)


def shipments(*rows):
    return SHIPMENT + "".join(f"{row}\n" for row in rows)


def live(shop, on=DAY):
    """Live a day: facts, stock, messages, vendors."""
    shop.run("import", "--as-of", on)
    shop.run("allocate", "--as-of", on)
    return json.loads(shop.run("run", "--as-of", on, "--json"))


def mails(shop):
    found = sorted((shop.place / "var" / "lamps-co" / "outbox").rglob("*.eml"))
    return [message_from_bytes(one.read_bytes(), policy=policy.default) for one in found]


def words(mail, kind="plain"):
    return mail.get_body((kind,)).get_content()


def story(shop, order="1001", on=DAY):
    return json.loads(shop.run("explain", order, "--as-of", on, "--json"))


def asked(shop):
    shop.run("vendors", "forward")
    return [row for file in sorted((shop.place / "v1").glob("*.csv")) for row in table(file.read_bytes())]


@pytest.mark.both_databases
def test_of_a_line_sent_in_part_mail_explain_allocation_and_purchase_request_say_what_is_owed(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,3,900,ship,2026-06-05,1,,,"),
    )
    assert live(shop)["late"] == {"fortnight": 1}
    (mail,) = mails(shop)
    assert "2 x Laptop 13" in words(mail)
    assert "2 of 3 still to come" in words(mail)
    assert "2 × " in words(mail, "html")
    assert "2 of 3 still to come" in words(mail, "html")
    assert "3 x" not in words(mail)
    told = story(shop)
    (line,) = told["lines"]
    assert (line["quantity"], line["shipped"], line["owed"]) == (3, 1, 2)
    assert "quantity  shipped  owed" in shop.run("explain", "1001", "--as-of", DAY)
    (piece,) = told["supply"]["covered"]
    assert (piece["quantity"], piece["covered by"]) == (2, "nothing known")
    assert told["supply"]["dates"][-1]["why"].startswith("2 of 2 neither in stock")
    assert [(row["order"], row["quantity"]) for row in asked(shop)] == [("1001", "2")]
    assert "1 of 1 open orders are late" in shop.run("shop", "check", "--as-of", DAY)


@pytest.mark.parametrize(
    ("pieces", "owed"),
    [
        ("3,,,", 0),
        ("1,2,,", 0),
        ("1,1,,", 1),
        (",3,,", 0),
        ("2,,2,", 1),
        (",,3,", 0),
        ("1,,,2", 2),
    ],
)
def test_a_line_is_closed_when_no_piece_of_it_is_owed(shop, pieces, owed):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines(f"1001,1,LAP,3,900,ship,2026-06-05,{pieces}"),
    )
    late = live(shop)["late"]
    assert story(shop)["lines"][0]["owed"] == owed
    assert (late, len(mails(shop))) == (({"fortnight": 1}, 1) if owed else ({}, 0))


def test_more_pieces_than_were_ordered_are_owed_to_nobody_and_found_by_check(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,3,900,ship,2026-06-05,4,,,"),
    )
    assert live(shop)["late"] == {}
    assert story(shop)["lines"][0]["owed"] == 0
    assert "more pieces shipped" in shop.run("shop", "check", "--as-of", DAY, ok=False)


def test_packed_pieces_want_nothing_of_the_stock_and_leave_at_once(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,", "1002,C1,2026-06-02 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,1,900,ship,2026-06-05,,,,1", "1002,1,LAP,1,900,ship,2026-06-05,,,,"),
        stock=STOCK.replace("LAP,main,0", "LAP,main,1"),
    )
    live(shop)
    covered = {order: story(shop, order)["supply"]["covered"][0]["covered by"] for order in ("1001", "1002")}
    assert covered == {"1001": "packed, not handed over yet", "1002": "stock at main"}
    packed = story(shop, "1001")
    assert packed["supply"]["dates"][-1]["expected_on"] == DAY
    assert packed["now"].get("substitutes", []) == []
    assert asked(shop) == []


def test_several_parcels_of_a_line_are_counted_and_their_links_shown(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,5,900,deliver,2026-06-05,,,,"),
        shipments=shipments(
            "P1,1001,1,1,,2026-06-02,2026-06-04,,DHL,0001,https://track.example.com/0001",
            "P2,1001,1,2,,2026-06-10,,,DHL,0002,https://track.example.com/0002?a=1&b=2",
            "P3,1001,1,1,,2026-06-11,,,<b>UPS</b>,0003,javascript:alert(1)",
            "P4,1001,1,1,,2026-06-11,,2026-06-12,UPS,0004,https://track.example.com/0004",
        ),
    )
    live(shop)
    (mail,) = mails(shop)
    plain, html = words(mail), words(mail, "html")
    assert "4 of 5 still to come" in plain
    assert "On its way: DHL 0002 https://track.example.com/0002?a=1&b=2" in plain
    assert "On its way: <b>UPS</b> 0003\n" in plain
    assert 'href="https://track.example.com/0002?a=1&amp;b=2"' in html
    assert "&lt;b&gt;UPS&lt;/b&gt; 0003" in html
    for text in (plain, html):
        assert "javascript" not in text
        assert "0001" not in text
        assert "0004" not in text
    told = story(shop)
    assert (told["lines"][0]["shipped"], told["lines"][0]["owed"]) == (4, 4)
    assert [(one["parcel"], one["quantity"], one["state"]) for one in told["parcels"]] == [
        ("P1", 1, "delivered 2026-06-04"),
        ("P2", 2, "shipped 2026-06-10"),
        ("P3", 1, "shipped 2026-06-11"),
        ("P4", 1, "called off 2026-06-12"),
    ]
    assert told["supply"]["covered"][0]["quantity"] == 1
    assert "0002" in shop.run("explain", "1001", "--as-of", DAY)
    assert [row["quantity"] for row in asked(shop)] == ["1"]


@pytest.mark.both_databases
def test_a_new_parcel_wakes_its_order_and_closes_the_line_and_one_that_is_gone_opens_it(shop):
    both = ("P1,1001,1,1,,2026-06-02,,,,,", "P2,1001,1,2,,2026-06-12,,,,,")
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,3,900,ship,2026-06-05,,,,"),
        shipments=shipments(*both),
    )
    assert live(shop)["open"] == 0
    shop.write(shipments=shipments(both[0]))
    assert live(shop, "2026-06-16")["late"] == {"fortnight": 1}
    assert "2 of 3 still to come" in words(mails(shop)[0])
    shop.write(shipments=shipments(*both))
    assert live(shop, "2026-06-17")["open"] == 0


def test_a_line_whose_parcels_are_all_on_their_way_is_expected_when_the_last_arrives(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,3,900,deliver,2026-06-30,,,,"),
    )
    shop.run("import", "--as-of", DAY)
    shop.run("allocate", "--as-of", DAY)
    shop.write(shipments=shipments("P1,1001,1,1,,2026-06-12,,,,,", "P2,1001,1,2,,2026-06-15,,,,,"))
    live(shop)
    assert story(shop)["supply"]["dates"][-1]["why"] == "it left on 2026-06-15"
    assert story(shop)["lines"][0]["expected_on"] == "2026-06-17"
    assert asked(shop) == []


def test_a_waiting_notice_becomes_untrue_when_fewer_pieces_are_owed_and_is_written_again(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,3,900,ship,2026-06-05,,,,"),
    )
    (shop.folder / "policy.toml").write_text(POLICY + '[contact.quiet]\nemail = { begins = "00:00", ends = "23:59" }\n')
    first = live(shop)
    assert (first["sent"], first["waiting"]) == ({}, 1)
    shop.write(lines=lines("1001,1,LAP,3,900,ship,2026-06-05,1,,,"))
    (shop.folder / "policy.toml").write_text(POLICY)
    live(shop, "2026-06-16")
    live(shop, "2026-06-17")
    (mail,) = mails(shop)
    assert "2 of 3 still to come" in words(mail)
    shop.write(lines=lines("1001,1,LAP,3,900,ship,2026-06-05,2,,,"))
    live(shop, "2026-06-18")
    assert len(mails(shop)) == 1


def test_an_unpaid_order_is_not_late_takes_no_stock_and_its_promise_counts_from_payment(shop):
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,yes,,", "1002,C1,2026-06-03 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,1,900,ship,2026-06-03,,,,", "1002,1,LAP,1,900,ship,2026-07-03,,,,"),
        stock=STOCK.replace("LAP,main,0", "LAP,main,1"),
    )
    assert live(shop)["late"] == {}
    assert story(shop)["now"]["why"] == "it waits for its payment"
    assert story(shop)["unpaid"] is True
    assert story(shop)["supply"]["covered"] == []
    assert story(shop, "1002")["supply"]["covered"][0]["covered by"] == "stock at main"
    assert asked(shop) == []
    shop.write(orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,2026-06-11 09:00:00,", "1002,C1,2026-06-03,EUR,,,"))
    assert live(shop)["late"] == {"short": 1}
    assert story(shop)["lines"][0]["promised_on"] == "2026-06-13"
    (shop.folder / "policy.toml").write_text(POLICY + '[promise]\nstored_from = "order"\n')
    assert story(shop)["lines"][0]["promised_on"] == "2026-06-03"


def test_an_unpaid_order_takes_stock_where_the_policy_says_so(shop):
    (shop.folder / "policy.toml").write_text(POLICY + '[allocation]\nunpaid = "take"\n')
    shop.write(
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,yes,,"),
        lines=lines("1001,1,LAP,1,900,ship,2026-06-03,,,,"),
        stock=STOCK.replace("LAP,main,0", "LAP,main,1"),
    )
    assert live(shop)["late"] == {}
    assert story(shop)["supply"]["covered"][0]["covered by"] == "stock at main"


def test_the_policy_promises_by_shipping_method_in_working_days_from_order_or_payment(shop):
    (shop.folder / "policy.toml").write_text(POLICY + "[promise.ship_within]\nexpress = 1\nstandard = 3\n")
    shop.write(
        orders=orders(
            "1001,C1,2026-06-05 10:00:00,EUR,,,Express",
            "1002,C1,2026-06-05 10:00:00,EUR,,,standard",
            "1003,C1,2026-06-05 10:00:00,EUR,,2026-06-12 08:00:00,standard",
            "1004,C1,2026-06-05 10:00:00,EUR,,,pigeon",
            "1005,C1,2026-06-05 10:00:00,EUR,,,standard",
        ),
        lines=lines(
            "1001,1,LAP,1,900,ship,,,,,",
            "1002,1,LAP,1,900,ship,,,,,",
            "1003,1,LAP,1,900,ship,,,,,",
            "1004,1,LAP,1,900,ship,,,,,",
            "1005,1,LAP,1,900,deliver,,,,,",
        ),
    )
    live(shop)
    promised = {order: story(shop, order)["lines"][0]["promised_on"] for order in ("1001", "1002", "1003", "1004")}
    # The 5th is a Friday; ten days later is a Monday.
    assert promised == {"1001": "2026-06-08", "1002": "2026-06-10", "1003": "2026-06-17", "1004": "2026-07-05"}
    assert story(shop, "1005")["lines"][0]["promised_on"] == "2026-06-12"
    said = shop.run("shop", "check", "--as-of", DAY, ok=False)
    assert "1 orders by shipping method 'pigeon'" in said


@pytest.mark.both_databases
def test_fractions_go_from_the_files_to_the_mail_the_stock_and_the_vendor(shop):
    shop.write(
        customers=CUSTOMERS + "C2,Rita,rita@example.com,,BR,pt_BR,no,\n",
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,", "1002,C2,2026-06-02 10:00:00,EUR,,,"),
        lines=lines("1001,1,FAB,1.5,12,ship,2026-06-05,,,,", "1002,1,FAB,2.500,12,ship,2026-06-05,1.25,,,"),
        stock=STOCK.replace("FAB,main,0", "FAB,main,2.25"),
    )
    live(shop)
    english, portuguese = sorted(map(words, mails(shop)), key=lambda text: "Olá" in text)
    assert "1.5 x Linen" in english
    assert "1,25 x Linen" in portuguese
    assert "ainda falta 1,25 de 2,5" in portuguese
    covered = [(one["quantity"], one["covered by"]) for one in story(shop, "1002")["supply"]["covered"]]
    assert covered == [(0.75, "stock at main"), (0.5, "nothing known")]
    assert [row["quantity"] for row in asked(shop)] == ["0.5"]
    check = json.loads(shop.run("shop", "check", "--as-of", DAY, "--json"))
    assert check["findings"] == []


def test_a_text_says_how_many_of_how_many_are_late(shop):
    shop.write(
        customers="id,name,email,phone,country,locale,sms_consent,prefers\nC1,Ada,,+4915112345678,DE,en,yes,sms\n",
        orders=orders("1001,C1,2026-06-01 10:00:00,EUR,,,"),
        lines=lines("1001,1,LAP,3,900,ship,2026-06-05,1,,,"),
    )
    live(shop)
    (text,) = (shop.place / "var" / "lamps-co" / "outbox").rglob("*.txt")
    assert "order 1001 (Laptop 13, 2 of 3) is delayed" in text.read_text()
