"""A ledger is one shop's: no other shop's folder opens it, no mistyped place becomes a new one."""

import asyncio
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict

import pytest
from sqlalchemy import insert, select

from app.composition import isolated_settings, open_app
from app.ledger import state_folder
from cli.main import main
from flows.deliver import deliver
from flows.late_orders import late_orders
from models.config.settings import GivenSettings
from models.config.shop import read_shop
from models.errors import ForewarnError
from models.identity import Identity
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.ownership import WrongShop, load_owner, record_owner
from tasks.db.sql import read_only
from tasks.tables import CUSTOMERS, EVENTS, LEDGER_OWNERS, ORDERS
from tests.models.test_migrations import VERSIONS, up
from tests.support.builders import ANNA
from tests.support.shop_driver import noon

DAY = "2026-01-15"
BEFORE_OWNERS = VERSIONS[VERSIONS.index("0007") - 1]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return an empty folder to work in, as a person does who has set nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path


@pytest.fixture
def forewarn(place, monkeypatch, capsys):
    """Return a function that runs the command, and returns its exit code and all that it said."""

    def run(*arguments, ok=True):
        monkeypatch.setattr(sys, "argv", ["forewarn", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said, code = capsys.readouterr(), ended.value.code
        everything = said.out + said.err + (code if isinstance(code, str) else "")
        assert (code in (None, 0)) is ok, everything
        return everything

    return run


def shop(folder, name="My Shop", key=None, customer="Anna"):
    """Write a starter's folder, with a customer of its own."""
    write_starter(folder)
    config = re.sub(r"^id = .*\n", f'id = "{key}"\n' if key else "", (folder / "shop.toml").read_text(), flags=re.M)
    (folder / "shop.toml").write_text(config.replace('"My Shop"', f'"{name}"'))
    customers = folder / "data" / "customers.csv"
    customers.write_text(customers.read_text().replace("Ada Lovelace", customer).replace("Maria Silva", customer))
    return folder


def one_ledger(place, monkeypatch):
    monkeypatch.setenv("FOREWARN_DATABASE_URL", f"sqlite:///{place / 'one.db'}")
    return place / "one.db"


def customers(ledger):
    with closing(sqlite3.connect(ledger)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM customer")}


COMMANDS = [
    ("import",),
    ("run", "--import"),
    ("run", "--dry-run"),
    ("deliver",),
    ("restock",),
    ("allocate",),
    ("status",),
    ("explain", "1001"),
    ("posts", "list"),
    ("in-doubt", "list"),
    ("vendors", "list"),
    ("shipments", "list"),
    ("storefront", "show"),
    ("stock",),
    ("suppress", "x@example.com"),
    ("offers", "export", "offers.csv"),
    ("preview", "--order", "1001"),
    ("serve", "--port", "65001"),
]


@pytest.mark.parametrize("keys", [("north-1", "south-1"), (None, None), ("north-1", None), (None, "south-1")])
@pytest.mark.parametrize("command", COMMANDS[:3] + COMMANDS[6:7], ids=" ".join)
def test_the_second_shop_in_one_ledger_is_turned_away(place, monkeypatch, forewarn, keys, command):
    ledger = one_ledger(place, monkeypatch)
    shop(place / "north", "North", keys[0], "Anna")
    shop(place / "south", "South", keys[1], "Bert")
    forewarn("import", "--shop", "north", "--as-of", DAY)
    said = forewarn(*command, "--shop", "south", ok=False)
    assert f'the ledger at {ledger} belongs to the shop "North"' in said
    assert '"South"' in said
    assert said.count("\n") <= 1
    assert customers(ledger) == {"Anna"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses_another_shops_ledger(place, monkeypatch, forewarn, command):
    ledger = one_ledger(place, monkeypatch)
    shop(place / "north", "North", "north-1", "Anna")
    shop(place / "south", "South", "south-1", "Bert")
    forewarn("import", "--shop", "north", "--as-of", DAY)
    before = sorted(path.name for path in place.iterdir())
    assert "belongs to the shop" in forewarn(*command, "--shop", "south", ok=False)
    assert (customers(ledger), sorted(path.name for path in place.iterdir())) == ({"Anna"}, before)


@pytest.mark.parametrize("flow", [late_orders, deliver], ids=lambda flow: flow.name)
def test_every_flow_refuses_another_shops_ledger(place, monkeypatch, forewarn, flow):
    ledger = one_ledger(place, monkeypatch)
    shop(place / "north", "North", "north-1", "Anna")
    shop(place / "south", "South", "south-1", "Bert")
    forewarn("import", "--shop", "north", "--as-of", DAY)
    with pytest.raises(WrongShop, match=r"North.*South"):
        asyncio.run(flow.fn(str(place / "south")))
    assert customers(ledger) == {"Anna"}


def test_two_shops_of_one_name_and_no_id_are_two_shops(place, monkeypatch, forewarn):
    one_ledger(place, monkeypatch)
    for name in ("a", "b"):
        shop(place / name)
    forewarn("import", "--shop", "a", "--as-of", DAY)
    assert "give each shop an `id` of its own" in forewarn("import", "--shop", "b", "--as-of", DAY, ok=False)


def test_doctor_says_whose_the_ledger_is(place, monkeypatch, forewarn):
    one_ledger(place, monkeypatch)
    monkeypatch.setenv("COLUMNS", "400")
    shop(place / "north", "North", "north-1")
    shop(place / "south", "South", "south-1")
    forewarn("import", "--shop", "north", "--as-of", DAY)
    assert 'belongs to "North" (id north-1)' in forewarn("doctor", "--shop", "north")
    assert re.search(r'wrong +ledger .*"North".*"South"', forewarn("doctor", "--shop", "south", ok=False))
    assert '"North" (id north-1)' in forewarn("ledger", "show", "--shop", "south")


def test_a_ledger_is_taken_over_by_a_persons_word_alone(place, monkeypatch, forewarn):
    ledger = one_ledger(place, monkeypatch)
    shop(place / "north", "North", "north-1")
    forewarn("run", "--import", "--shop", "north", "--as-of", DAY)
    told = sorted((place / "var").rglob("*.eml"))
    config = place / "north" / "shop.toml"
    config.write_text(config.read_text().replace("North", "North & Daughters"))
    assert "after a rename or with a new id, `forewarn ledger adopt`" in forewarn("status", "--shop", "north", ok=False)
    assert "add --yes" in forewarn("ledger", "adopt", "--shop", "north", ok=False)
    assert "North & Daughters" in forewarn("ledger", "adopt", "--yes", "--who", "mara", "--shop", "north")
    assert "already" in forewarn("ledger", "adopt", "--yes", "--shop", "north")
    forewarn("run", "--import", "--shop", "north", "--as-of", DAY)
    assert sorted((place / "var").rglob("*.eml")) == told != []
    engine = connect(f"sqlite:///{ledger}")
    with read_only(engine) as connection:
        (event,) = connection.execute(select(EVENTS).where(EVENTS.c.kind == "adopted")).all()
    engine.dispose()
    assert (event.subject, event.who) == ("ledger", "mara")
    assert event.why == 'from "North" (id north-1) to "North & Daughters" (id north-1)'


def test_a_folder_may_get_an_id_later_and_is_asked_to_keep_it(place, monkeypatch, forewarn):
    one_ledger(place, monkeypatch)
    shop(place / "north", "North")
    forewarn("import", "--shop", "north", "--as-of", DAY)
    config = place / "north" / "shop.toml"
    without = config.read_text()
    config.write_text(f'id = "north-1"\n{without}')
    forewarn("status", "--shop", "north")
    config.write_text(without)
    assert 'add the line `id = "north-1"`' in forewarn("status", "--shop", "north", ok=False)


def old_ledger(place):
    """Make a ledger as the version before owners left it, with an order."""
    engine = connect(f"sqlite:///{place}")
    up(engine, BEFORE_OWNERS)
    with engine.begin() as connection:
        connection.execute(insert(CUSTOMERS).values(**asdict(ANNA)))
        connection.execute(insert(ORDERS).values(id="1001", customer_id=ANNA.id, placed_at=noon(-60)))
    engine.dispose()
    return place


def test_an_older_ledger_is_its_folders_and_a_folder_with_an_id_must_say_so(place, monkeypatch, forewarn):
    ledger = old_ledger(one_ledger(place, monkeypatch))
    shop(place / "north", "North", "north-1")
    before = ledger.read_bytes()
    assert "`forewarn ledger adopt` says so" in forewarn("status", "--shop", "north", ok=False)
    assert "does not say whose it is" in forewarn("doctor", "--shop", "north", "--json", ok=False)
    assert ledger.read_bytes() == before
    forewarn("ledger", "adopt", "--yes", "--shop", "north")
    forewarn("status", "--shop", "north")


def test_an_older_ledger_is_taken_by_a_folder_that_is_as_old(place, monkeypatch, forewarn):
    old_ledger(one_ledger(place, monkeypatch))
    for name in ("North", "South"):
        shop(place / name, name)
    forewarn("status", "--shop", "North")
    assert 'belongs to the shop "North"' in forewarn("status", "--shop", "South", ok=False)


def test_of_two_shops_that_open_a_new_ledger_the_second_is_refused(ledger):
    engine = connect(ledger)
    migrate(engine)
    north, south = Identity("north-1", "North", "/north"), Identity("south-1", "South", "/south")
    record_owner(engine, "here", north, noon(0))
    record_owner(engine, "here", north, noon(1))
    with pytest.raises(WrongShop, match=r"North.*South"):
        record_owner(engine, "here", south, noon(0))
    assert load_owner(engine) == north
    with read_only(engine) as connection:
        assert [row.since for row in connection.execute(select(LEDGER_OWNERS))] == [noon(0)]
    engine.dispose()


# State folders


def test_two_new_shops_side_by_side_have_a_ledger_each(place, forewarn):
    for name in ("a", "b"):
        forewarn("shop", "init", name)
        forewarn("run", "--import", "--shop", name, "--as-of", DAY)
    assert sorted(path.parent.name[:2] for path in (place / "var").glob("*/forewarn.db")) == ["a-", "b-"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("喫茶店", "喫茶店"),
        ("Магазин", "магазин"),
        ("Cafés São João", "cafés-são-joão"),
        ("★", "shop"),
        ("My Shop", "my-shop"),
    ],
)
def test_a_shop_without_an_id_has_a_folder_by_its_name_in_any_script(place, name, folder):
    assert state_folder(GivenSettings(), read_shop(shop(place / "shop", name))) == place / "var" / folder


def test_a_ledger_in_a_folder_of_older_days_is_found_unless_it_is_anothers(place, forewarn):
    (place / "var" / "shop").mkdir(parents=True)
    old_ledger(place / "var" / "shop" / "forewarn.db")
    shop(place / "one", "喫茶店")
    shop(place / "two", "Магазин")
    forewarn("explain", "1001", "--shop", "one")
    forewarn("import", "--shop", "two", "--as-of", DAY)
    assert {path.parent.name for path in (place / "var").glob("*/forewarn.db")} == {"shop", "магазин"}


def test_a_shop_keeps_its_ledger_when_it_gets_an_id(place, monkeypatch, forewarn):
    shop(place / "shop", "North")
    forewarn("import", "--as-of", DAY)
    config = place / "shop" / "shop.toml"
    config.write_text(f'id = "north-1"\n{config.read_text()}')
    monkeypatch.setenv("COLUMNS", "400")
    assert str(place / "var" / "north" / "forewarn.db") in forewarn("ledger", "show")
    assert "nothing changed" in forewarn("import", "--as-of", DAY)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("north-1", 'id = "north-1"', 'id = "north-2"'),
        ("north-1", 'id = "north-1"', ""),
        ("north-1", 'name = "North"', 'name = "North & Daughters"'),
        (None, 'name = "North"', 'name = "North & Daughters"'),
    ],
)
def test_a_shop_that_changes_its_name_or_id_never_begins_a_second_ledger(place, forewarn, key, before, after):
    config = shop(place / "shop", "North", key) / "shop.toml"
    forewarn("run", "--import", "--as-of", DAY)
    told = sorted((place / "var").rglob("*.eml"))
    config.write_text(config.read_text().replace(before, after, 1))
    for command in (("import",), ("run",), ("status",)):
        assert "belongs to the shop" in forewarn(*command, ok=False)
    with pytest.raises(WrongShop):
        asyncio.run(late_orders.fn(str(place / "shop")))
    forewarn("ledger", "adopt", "--yes")
    forewarn("run", "--import", "--as-of", DAY)
    assert len(list((place / "var").glob("*/forewarn.db"))) == 1
    assert sorted((place / "var").rglob("*.eml")) == told != []


@pytest.mark.parametrize("key", ["a/b", "North", "ab", "", "-north", "x" * 61])
def test_an_id_is_a_plain_word(place, key):
    folder = shop(place / "shop")
    (folder / "shop.toml").write_text(f'id = "{key}"\n{(folder / "shop.toml").read_text()}')
    with pytest.raises(ForewarnError, match="id: 3 to 60 small letters"):
        read_shop(folder)


# Mistyped places


LOOKING = [("status",), ("explain", "1001"), ("posts", "list"), ("in-doubt", "list"), ("run", "--dry-run")]


@pytest.mark.parametrize("command", [*LOOKING, ("suppress", "x@example.com"), ("vendors", "waiting"), ("stock",)])
def test_a_command_that_looks_makes_no_ledger(place, forewarn, command):
    shop(place / "shop")
    said = forewarn(*command, ok=False)
    assert (
        f"there is no ledger at {place / 'var' / 'my-shop' / 'forewarn.db'} yet: `forewarn import` begins one" in said
    )
    assert not (place / "var").exists()


def test_doctor_makes_no_ledger_and_says_that_there_is_none(place, monkeypatch, forewarn):
    shop(place / "shop")
    assert "there is no ledger at" in forewarn("doctor", "--json")
    ledger = one_ledger(place, monkeypatch)
    assert f"there is no ledger at {ledger}" in forewarn("doctor", "--json", ok=False)
    assert sorted(path.name for path in place.iterdir()) == ["shop"]


@pytest.mark.parametrize("command", [*LOOKING, ("import",), ("run",), ("deliver",), ("ledger", "create")])
def test_a_folder_that_is_not_there_is_named_by_every_command(place, monkeypatch, forewarn, command):
    shop(place / "shop")
    monkeypatch.setenv("FOREWARN_DATABASE_URL", f"sqlite:///{place}/nope/dir/x.db")
    said = forewarn(*command, ok=False)
    assert f"FOREWARN_DATABASE_URL: there is no folder {place}/nope/dir; make it, or correct the path" in said
    assert not (place / "nope").exists()


@pytest.mark.parametrize("flow", [late_orders, deliver], ids=lambda flow: flow.name)
def test_the_schedule_never_begins_a_ledger_at_a_place_that_was_named(place, monkeypatch, forewarn, flow):
    ledger = one_ledger(place, monkeypatch)
    shop(place / "shop")
    with pytest.raises(ForewarnError, match=r"no ledger at .*one\.db: correct FOREWARN_DATABASE_URL, or begin one by"):
        asyncio.run(flow.fn(str(place / "shop")))
    assert not ledger.exists()
    assert f"Created a new ledger at {ledger}" in forewarn("ledger", "create")
    assert "already; nothing was changed" in forewarn("ledger", "create", ok=False)
    with open_app(place / "shop"):
        pass


def test_the_schedule_begins_its_ledger_where_no_place_is_named(place):
    shop(place / "shop")
    with open_app(place / "shop") as app:
        assert app.context.engine.url.database == str(place / "var" / "my-shop" / "forewarn.db")


@pytest.mark.parametrize("command", [("import",), ("run", "--import")])
def test_a_person_who_takes_facts_in_is_told_that_the_ledger_is_new(place, monkeypatch, forewarn, command):
    ledger = one_ledger(place, monkeypatch)
    shop(place / "shop")
    assert f"Created a new ledger at {ledger}" in forewarn(*command, "--as-of", DAY)
    assert "A new ledger" not in forewarn(*command, "--as-of", DAY)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_that_would_forget_is_refused(place, monkeypatch, forewarn, url):
    shop(place / "shop")
    monkeypatch.setenv("FOREWARN_DATABASE_URL", url)
    assert "names no file, so its records would be lost" in forewarn("import", ok=False)


def test_an_empty_database_is_no_ledger_either(place, monkeypatch, forewarn, database):
    monkeypatch.setenv("FOREWARN_DATABASE_URL", database)
    shop(place / "shop")
    assert "there is no ledger at" in forewarn("status", ok=False)
    assert "created a new ledger at" in forewarn("import", "--as-of", DAY).lower()
    forewarn("status")


def test_a_home_that_is_not_there_is_named(place, monkeypatch, forewarn):
    shop(place / "shop")
    monkeypatch.setenv("FOREWARN_HOME", str(place / "hone"))
    assert f"FOREWARN_HOME: {place / 'hone'} is not a folder" in forewarn("import", ok=False)


# Names of settings


@pytest.mark.parametrize("command", [("status",), ("import",), ("shop", "check"), ("doctor",)])
def test_a_mistyped_setting_is_named_with_the_right_one(place, monkeypatch, forewarn, command):
    shop(place / "shop")
    monkeypatch.setenv("FOREWARN_EMIAL", "sendgrid")
    monkeypatch.setenv("COLUMNS", "400")
    said = forewarn(*command, ok=False)
    assert "FOREWARN_EMIAL, in the environment, is not a setting of Forewarn; did you mean FOREWARN_EMAIL?" in said
    assert "sendgrid" not in said


def test_a_mistyped_setting_in_a_file_is_named(place, forewarn):
    shop(place / "shop")
    (place / ".env").write_text("OTHER_THING=1\nFOREWARN_OUTBOKS=/tmp\n")
    assert "FOREWARN_OUTBOKS, in .env, is not a setting" in forewarn("import", ok=False)


def test_what_kubernetes_sets_beside_a_service_is_no_mistake(place, monkeypatch, forewarn):
    shop(place / "shop")
    for name in ("SERVICE_HOST", "SERVER_SERVICE_PORT", "SERVER_SERVICE_PORT_API", "PORT_4200_TCP_ADDR", "SERVER_PORT"):
        monkeypatch.setenv(f"FOREWARN_{name}", "tcp://10.0.0.1:4200")
    forewarn("import", "--as-of", DAY)


# The demo


def test_within_given_settings_nothing_that_was_set_counts(place, monkeypatch):
    shop(place / "shop", "Demo", "demo-1")
    (place / "real").mkdir()
    (place / ".env").write_text(f"FOREWARN_DATABASE_URL=sqlite:///{place}/real/real.db\nFOREWARN_OUTBOX={place}/real\n")
    for name in ("DATA", "STOREFRONT", "SHOP", "HOME"):
        monkeypatch.setenv(f"FOREWARN_{name}", str(place / "real"))
    monkeypatch.setenv("FOREWARN_SMS", "twilio")
    monkeypatch.setenv("FOREWARN_SOURCE_URL", "postgresql://real/real")
    with isolated_settings(GivenSettings(shop=place / "shop", home=place / "into")):
        (place / "into").mkdir()
        with open_app() as app:
            assert app.settings == GivenSettings(shop=place / "shop", home=place / "into")
            assert app.outbox == place / "into" / "var" / "demo-1" / "outbox"
        asyncio.run(deliver.fn(str(place / "shop")))
    assert list((place / "real").iterdir()) == []
