"""The commands about choices and links, as somebody at a terminal uses them."""

import csv
import json
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from app.composition import open_app
from models.enums import State
from tasks.customers.links import open_link
from tasks.tables import CUSTOMERS, ORDER_LINKS, OUTBOX
from tests.support.builders import line
from tests.support.choices import choice_row, insert_choices
from tests.support.commands import run_command
from tests.support.shop_driver import SHOP_TOML, ShopDriver, noon
from tests.support.webhooks import SECRET, event_rows, queue_events

PAGES = '[order_pages]\nurl = "https://orders.lamps.example.com"\n'
WEBHOOK = {"FOREWARN_WEBHOOK_URL": "https://shop.example.com/hooks", "FOREWARN_WEBHOOK_SECRET": SECRET}
FORMULA = '=HYPERLINK("http://evil.example.com")'


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Return a function that opens a shop with one order and four choices."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.toml").write_text(SHOP_TOML + PAGES)
    monkeypatch.chdir(tmp_path)
    with open_app(tmp_path / "shop") as app:
        ShopDriver(app.context).order("1041", line(promised=-9))
        insert_choices(
            app.context,
            choice_row(refund=Decimal("129.00"), undo_until=noon(0)),
            choice_row(number=2, act="wait", state="done", made_at=noon(1), made_by="Mara"),
            choice_row("7", 1, "swap", made_at=noon(2), product_id=FORMULA, price_difference=Decimal(-6), quantity=2),
            choice_row("8", 1, "ship", "undone", made_at=noon(3), lines=["1", "=2"]),
        )
    return lambda: open_app(tmp_path / "shop")


@pytest.fixture
def forewarn(shop, tmp_path):
    return lambda *arguments, **environment: run_command(tmp_path, *arguments, COLUMNS="250", **environment)


def listed(done):
    return [choice["id"] for choice in json.loads(done.stdout)["choices"]]


def test_the_list_shows_what_waits_for_the_shop_the_oldest_first(forewarn):
    done = forewarn("choices", "list")
    assert done.returncode == 0
    assert "129.00 EUR back" in done.stdout
    assert "-6.00 EUR difference" in done.stdout
    assert "1041-C2" not in done.stdout
    assert listed(forewarn("choices", "list", "--json")) == ["1041-C1", "7-C1"]
    assert listed(forewarn("choices", "list", "--json", "--state", "done")) == ["1041-C2"]
    assert listed(forewarn("choices", "list", "--json", "--all", "--order", "1041")) == ["1041-C1", "1041-C2"]
    assert listed(forewarn("choices", "list", "--json", "--all", "--most", "1")) == ["1041-C1"]
    assert "No choice is in this state" in forewarn("choices", "list", "--state", "refused").stdout


def test_an_export_is_a_file_that_a_spreadsheet_runs_nothing_of(forewarn, tmp_path):
    done = forewarn("choices", "export", "choices.csv")
    assert (done.returncode, done.stdout) == (0, "4 choices in choices.csv\n")
    with (tmp_path / "choices.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["1041-C1", "1041-C2", "7-C1", "8-C1"]
    assert (rows[0]["refund"], rows[0]["currency"], rows[0]["made_at"]) == ("129.00", "EUR", "2026-06-15T10:00:00Z")
    assert (rows[2]["product"], rows[2]["price_difference"], rows[2]["quantity"]) == (f"'{FORMULA}", "-6.00", "2")
    assert rows[3]["lines"] == "1 =2"
    assert [row["made_by"] for row in rows] == ["customer", "staff", "customer", "customer"]


def test_an_export_as_json_has_the_fields_of_the_webhook(forewarn, tmp_path):
    assert forewarn("choices", "export", "a.json", "--state", "requested").returncode == 0
    told = json.loads((tmp_path / "a.json").read_text())
    assert [one["id"] for one in told] == ["1041-C1", "7-C1"]
    assert told[1]["product"] == FORMULA
    assert forewarn("choices", "export", "b.txt", "--format", "json", "--since", "2026-06-17").returncode == 0
    assert [one["id"] for one in json.loads((tmp_path / "b.txt").read_text())] == ["7-C1", "8-C1"]
    assert forewarn("choices", "export", "c.json", "--state", "refused").returncode == 0
    assert json.loads((tmp_path / "c.json").read_text()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("choices", "export", "choices.txt"), "name it .csv or .json"),
        (("choices", "export", "missing/choices.csv"), "cannot be written"),
        (("choices", "export", "missing/choices.json"), "cannot be written"),
        (("choices", "resend"), "no webhook is set"),
        (("choices", "done", "9-C1"), "no choice '9-C1' is known"),
        (("choices", "refused", "8-C1"), "8-C1 is undone"),
        (("links", "create", "9"), "no order '9' is known"),
        (("links", "list", "9"), "no order '9' is known"),
        (("links", "revoke", "9"), "no order '9' is known"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(forewarn, arguments, said):
    done = forewarn(*arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_staff_mark_what_is_done_and_what_could_not_be_done(forewarn):
    done = forewarn("choices", "done", "1041-C1", "--who", "mara", "--why", "refunded")
    assert (done.returncode, done.stdout) == (0, "1041-C1 is done.\n")
    assert forewarn("choices", "done", "1041-C1").stdout == "1041-C1 is done.\n"
    assert listed(forewarn("choices", "list", "--json", "--state", "done")) == ["1041-C1", "1041-C2"]


def test_events_that_were_given_up_are_shown_and_sent_again(forewarn, shop):
    assert "No webhook event was given up" in forewarn("choices", "webhooks").stdout
    with shop() as app:
        (key,) = queue_events(app.context)
        with app.context.engine.begin() as connection:
            lost = {"state": State.REJECTED, "settled_at": noon(0), "reason": "it answered 500", "attempts": 18}
            connection.execute(update(OUTBOX).values(lost))
    assert "it answered 500" in forewarn("choices", "webhooks").stdout
    (event,) = json.loads(forewarn("choices", "webhooks", "--json").stdout)["events"]
    assert (event["event"], event["choice"], event["type"], event["tries"]) == (key, "1041-C1", "choice.done", 18)
    assert forewarn("choices", "resend", "feed", **WEBHOOK).returncode == 1
    done = forewarn("choices", "resend", key[:8], **WEBHOOK)
    assert (done.returncode, done.stdout) == (0, "1 webhook event queued for the next deliver run.\n")
    with shop() as app:
        assert [(row.state, row.attempts) for row in event_rows(app.context)] == [(State.QUEUED, 0)]
    assert key[:8] in forewarn("choices", "webhooks", "--all").stdout


def test_a_link_is_printed_once_opens_the_order_and_can_be_revoked(forewarn, shop):
    done = forewarn("links", "create", "1041")
    assert done.stdout.startswith("https://orders.lamps.example.com/o/")
    link = json.loads(forewarn("links", "create", "1041", "--json").stdout)
    token = link["url"].rpartition("/")[2]
    with shop() as app, app.context.engine.connect() as connection:
        now = connection.execute(select(ORDER_LINKS.c.created_at)).scalars().first()
        assert open_link(app.context, connection, token, now).order_id == "1041"
        name = connection.execute(select(CUSTOMERS.c.email)).scalar_one()
    listed = forewarn("links", "list", "1041")
    assert listed.stdout.count(" yes ") == 2
    assert token not in listed.stdout + forewarn("links", "list", "1041", "--json").stdout
    assert name not in listed.stdout
    assert forewarn("links", "revoke", "1041", "--who", "mara").stdout == "2 links revoked.\n"
    with shop() as app, app.context.engine.connect() as connection:
        assert open_link(app.context, connection, token, now) is None
    assert [one["revoked_by"] for one in json.loads(forewarn("links", "list", "1041", "--json").stdout)["links"]] == [
        "mara",
        "mara",
    ]


def test_a_shop_without_order_pages_has_no_links(forewarn, tmp_path):
    (tmp_path / "shop" / "shop.toml").write_text(SHOP_TOML)
    done = forewarn("links", "create", "1041")
    assert (done.returncode, "shop.toml has no [order_pages]" in done.stderr) == (1, True)
