"""Whom a shop's run reaches and how, from its own files to the outbox read back."""

import csv
import json
from collections import defaultdict
from email import message_from_bytes, policy

import pytest

from sources.starter_folder import write_starter
from templates.rendering import sms
from tests.cli.test_cli import forewarn

DAY = "2026-01-13"
LINK = f"https://emporio.example.com/orders?key={'k' * 300}"
CUSTOMERS = """\
id,name,email,phone,country,locale,prefers,sms_consent,marketing_consent,opted_out
C1,Ida,ida@example.com,4915112345678,DE,en,sms,yes,yes,no
C2,Leo,leo@example.com,030 23125000,DE,en,sms,yes,yes,no
C3,Uma,uma@example.com,07911 123456,UK,en,sms,yes,no,no
C4,Opt,opt@example.com,0151 99999999,DE,en,,no,no,yes
C5,Opt,Opt@Example.com,,DE,en,,no,no,no
C6,,noname@example.com,,DE,en,,no,no,no
C7,Oto,oto@example.com,+49 151 99999999,DE,en,,yes,no,no
C8,Ana,ana@example.com,+55 11 98765-4321,BR,pt_BR,,yes,no,no
C9,,noname2@example.com,,UK,pt_BR,,no,no,no
C10,Zed,zed@example.com,,ZZ,en,,no,no,no
"""


def shop_of(folder, customers=CUSTOMERS):
    """Write a shop with an order for each customer, ten days late."""
    shop = folder / "shop"
    write_starter(shop)
    settings = shop / "shop.toml"
    settings.write_text(settings.read_text().replace('name = "My Shop"', 'name = "Empório São João"', 1))
    (shop / "data" / "customers.csv").write_text(customers)
    (shop / "sources" / "customers.sql").write_text("SELECT * FROM 'customers.csv'")
    ids = [row["id"] for row in csv.DictReader(customers.splitlines())]
    orders = [f"{key[1:]},{key},2026-01-02 10:00:00,,4.90,{LINK if key == 'C8' else ''}" for key in ids]
    (shop / "data" / "orders.csv").write_text("\n".join(["number,customer,placed,cancelled,shipping,url", *orders, ""]))
    orders_sql = "SELECT number AS id, customer AS customer_id, placed AS placed_at, shipping AS shipping_fee, url"
    (shop / "sources" / "orders.sql").write_text(f"{orders_sql} FROM 'orders.csv'")
    lines = [f"{key[1:]},1,MUG-1,1,14.00,2026-01-03,2026-01-20," for key in ids]
    head = "order,line,sku,quantity,price,promised,expected,shipped"
    (shop / "data" / "lines.csv").write_text("\n".join([head, *lines, ""]))
    return shop


def run(place, *more, ok=True, day=DAY):
    return json.loads(forewarn(place, "run", *more, "--as-of", day, "--json", ok=ok).stdout)


def outbox(place):
    """Return what left, by the address it went to: channels with their messages."""
    left = defaultdict(dict)
    for record in place.glob("var/*/outbox/*/*/*.json"):
        message = json.loads(record.read_text())
        if message["channel"] == "email":
            mail = message_from_bytes(record.with_suffix(".eml").read_bytes(), policy=policy.default)
            assert mail["To"].addresses[0].addr_spec == message["to"]
            assert mail["To"].addresses[0].display_name == message["to_name"]
        left[message["to"]][message["channel"]] = message
    return left


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contact")
    shop_of(folder)
    return folder


@pytest.fixture(scope="module")
def completed(place):
    forewarn(place, "import", "--as-of", DAY)
    dry = run(place, "--dry-run")
    return dry, run(place), outbox(place)


def test_every_customer_is_told_by_the_channels_that_can_reach_them(completed):
    _, _, left = completed
    assert {to: set(channels) for to, channels in left.items()} == {
        "+4915112345678": {"sms"},  # the plus was lost in a spreadsheet
        "leo@example.com": {"email"},  # prefers texts, and has a landline
        "+447911123456": {"sms"},  # UK is GB
        "noname@example.com": {"email"},
        "oto@example.com": {"email"},  # his number is one of a customer who opted out
        "ana@example.com": {"email"},
        "+5511987654321": {"sms"},
        "noname2@example.com": {"email"},
    }


def test_a_run_a_dry_run_and_explain_say_the_same(place, completed):
    dry, wet, _ = completed
    assert {name: dry[name] for name in ("changes", "notices", "skipped", "problems")} == {
        name: wet[name] for name in ("changes", "notices", "skipped", "problems")
    }
    assert wet["skipped"] == {"not_mobile": 1, "opted_out": 3}
    story = json.loads(forewarn(place, "explain", "2", "--as-of", DAY, "--json").stdout)
    assert {one["channel"]: one["reason"] for one in story["told"]} == {"email": None, "sms": "not_mobile"}
    assert story["customer"]["phone"] == "+49…00"


def test_a_text_of_a_shop_with_accents_takes_one_part_and_a_link_that_fits(completed):
    _, _, left = completed
    english, portuguese = left["+4915112345678"]["sms"]["text"], left["+5511987654321"]["sms"]["text"]
    assert english.startswith("Emporio Sao Joao: sorry, order 1 ")
    assert portuguese.endswith("https://example.com/orders/8")
    assert [sms.count_segments(text) for text in (english, portuguese)] == [
        sms.SmsSize(sms.SmsEncoding.GSM7, len(english), 1),
        sms.SmsSize(sms.SmsEncoding.GSM7, len(portuguese), 1),
    ]
    mail = left["ana@example.com"]["email"]
    assert LINK in mail["text"]
    assert "Empório São João" in mail["text"]


def test_who_has_no_name_is_greeted_without_one(completed):
    _, _, left = completed
    assert left["noname@example.com"]["email"]["text"].startswith("Hello,\n")
    assert left["noname2@example.com"]["email"]["text"].startswith("Olá!\n")


def test_an_offer_to_a_customer_in_the_uk_waits_for_consent(place, completed):
    assert "Shipping" not in completed[2]["noname2@example.com"]["email"]["text"]
    ledger = next(place.glob("var/*/rejects*")).read_text()
    assert "ZZ" in ledger
    assert "no country has this ISO code; one such as 'DE' is right" in ledger


def test_a_broken_text_template_keeps_no_mail_back_and_the_run_says_so(tmp_path):
    shop = shop_of(tmp_path, CUSTOMERS.splitlines()[0] + "\nC1,Ida,ida@example.com,0151 12345678,DE,en,,yes,no,no\n")
    (shop / "templates" / "long").mkdir(parents=True)
    (shop / "templates" / "long" / "sms.en.txt").write_text("{{ order.nummer }}\n")
    found = run(tmp_path, "--import", ok=False)
    assert (found["sent"], found["skipped"]) == ({"email": 1}, {"render_failed": 1})
    assert len(found["problems"]) == 1
    assert set(outbox(tmp_path)) == {"ida@example.com"}
    preview = forewarn(tmp_path, "preview", "--order", "1", "--as-of", DAY).stdout
    assert "Left out: " in preview
    assert "sms.en.txt" in preview
    assert run(tmp_path)["problems"] == []


def test_an_opt_out_and_its_end_at_the_next_import_hold_for_all_who_share_the_address(tmp_path):
    both = (
        CUSTOMERS.splitlines()[0]
        + "\nC4,Opt,opt@example.com,,DE,en,,no,no,yes\nC5,Opt,OPT@example.com,,DE,en,,no,no,no\n"
    )
    shop = shop_of(tmp_path, both)
    assert run(tmp_path, "--import")["skipped"] == {"opted_out": 2}
    (shop / "data" / "customers.csv").write_text(both.replace("no,no,yes", "no,no,no"))
    assert run(tmp_path, "--import")["sent"] == {"email": 1}
    lines = shop / "data" / "lines.csv"
    lines.write_text(lines.read_text().replace("2026-01-20", "2026-02-20"))
    assert run(tmp_path, "--import", day="2026-01-16")["sent"] == {"email": 2}
