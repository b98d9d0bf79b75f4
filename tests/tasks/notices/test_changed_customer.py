"""An order that changed hands after it was told: its new customer hears of it, the other no more."""

import csv
import email
import email.policy
from dataclasses import asdict, replace
from unicodedata import normalize

import pytest
from sqlalchemy import MetaData, Table, insert, select, text, update

from models.enums import ChangeKind, State
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.sql import read_only
from tasks.orders.told import load_told
from tasks.reporting.dry_run import dry_run
from tasks.tables import CUSTOMERS, ORDERS, WATCHES
from tests.models.test_migrations import VERSIONS, up
from tests.support.builders import ANNA, DAY, day, line
from tests.support.shop_driver import customer, noon, open_context
from tests.tasks.db.test_ownership import DAY as STARTED
from tests.tasks.db.test_ownership import forewarn, place  # noqa: F401 - fixtures

pytestmark = pytest.mark.sqlite_suffices(
    "who is told what; all that is read and written for it is so on both databases by a few"
)

BERT = customer("c2")


def hand_over(driver, to, on=0):
    """Give the order to another customer, as an import would."""
    with driver.context.engine.begin() as connection:
        if to.id not in set(connection.execute(select(CUSTOMERS.c.id)).scalars()):
            connection.execute(insert(CUSTOMERS).values(**asdict(to)))
        connection.execute(update(ORDERS).values(customer_id=to.id))
        driver.mark_due(connection, "1041", on)


def test_the_new_customer_is_told_at_the_next_run_as_for_the_first_time(driver):
    driver.order("1041", line(promised=-9, expected=5))
    assert [one.to for one in driver.run_day()] == [ANNA.email]
    hand_over(driver, BERT, on=1)
    (mail,) = driver.run_day(1)
    assert mail.to == BERT.email
    first, second = sorted(driver.notices, key=lambda row: row["revision"])
    assert (second["change"], second["message"]) == (ChangeKind.FIRST, first["message"])
    assert driver.told().customer == BERT.id
    assert driver.run_day(2) == []


def test_the_other_customer_hears_no_more(driver):
    driver.order("1041", line(promised=-9, expected=5))
    driver.run_day()
    hand_over(driver, BERT, on=1)
    driver.run_day(1)
    told = [one.to for n in range(2, 30) for one in driver.run_day(n)]
    assert set(told) == {BERT.email}


@pytest.mark.both_databases
def test_a_notice_to_the_former_customer_is_not_sent(driver):
    driver.order("1041", line(promised=-9))
    driver.evaluate()
    hand_over(driver, BERT)
    assert [one.to for one in driver.run_day()] == [BERT.email]
    assert {row["customer_id"]: row["state"] for row in driver.notices if row["channel"] == "email"} == {
        ANNA.id: State.SKIPPED,
        BERT.id: State.SENT,
    }


def test_a_new_customer_with_the_same_address_is_the_same_person(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    hand_over(driver, replace(ANNA, id="c9", email=f" {ANNA.email.upper()}"), on=1)
    assert [one for n in (1, 2) for one in driver.run_day(n)] == []


@pytest.mark.both_databases
def test_an_address_that_was_put_right_is_no_other_customer(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    driver.customer(ANNA.id, email="anna.keller@example.com")
    with driver.context.engine.begin() as connection:
        driver.mark_due(connection, "1041", 1)
    assert driver.run_day(1) == []


def test_an_order_that_comes_back_is_not_told_again(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    for on, to in ((1, BERT), (2, ANNA), (3, BERT)):
        hand_over(driver, to, on)
        assert [one.to for one in driver.run_day(on)] == ([BERT.email] if on == 1 else [])


@pytest.mark.both_databases
def test_of_a_customer_who_cannot_be_told_the_earlier_one_keeps_what_they_know(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    hand_over(driver, replace(BERT, opted_out=True), on=1)
    assert driver.run_day(1) == []
    assert driver.told() is None
    hand_over(driver, ANNA, on=2)
    assert driver.run_day(2) == []


@pytest.mark.both_databases
def test_a_look_without_writing_says_the_same(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    hand_over(driver, BERT, on=1)
    found = dry_run(driver.context.with_run("", day(1), noon(1)), batch=10)
    assert found.summary.changes.total() == 1


@pytest.mark.both_databases
def test_what_an_older_ledger_told_is_read_from_its_notices(database):
    engine = connect(database)
    up(engine, VERSIONS[VERSIONS.index("0007") - 1])
    told = {"revision": 2, "told_on": DAY, "lines": []}
    table = Table("notice", MetaData(), autoload_with=engine)
    notice = {column.name: "" for column in table.c if not column.nullable}
    notice |= told | {"days": 9, "attempts": 0, "created_at": noon(0), "not_before": noon(0), "state": State.SENT}
    with engine.begin() as connection:
        for order, customer_id in (("1", "c1"), ("2", "c2")):
            row = notice | {"id": f"n{order}", "order_id": order, "customer_id": customer_id, "channel": "email"}
            connection.execute(insert(table).values(row))
        watch = text(
            "INSERT INTO watch (order_id, version, look_again_on, revision, told_revision) VALUES (:a, 0, :b, 2, :c)"
        )
        given = [{"a": order, "b": DAY, "c": revision} for order, revision in (("1", 2), ("2", None), ("3", 2))]
        connection.execute(watch, given)
    engine.dispose()
    context = open_context(database)
    customers = {order: (f"c{order}", None) for order in "123"}
    with read_only(context.engine) as connection:
        told = load_told(context, connection, customers)
        baselines = list(connection.execute(select(WATCHES.c.baseline_revision)).scalars())
    context.engine.dispose()
    assert {order: notice.customer for order, (notice,) in told.items()} == {"1": "c1", "2": "c2"}
    assert baselines == [None] * 3


def rewritten(file, change):
    with file.open(newline="") as stream:
        rows = [change(row) for row in csv.DictReader(stream)]
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def mails(folder):
    """Return who got a mail, and its subject."""
    read = (email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in folder.rglob("*.eml"))
    return sorted((str(one["to"]), str(one["subject"])) for one in read)


def test_after_an_import_the_new_customer_reads_of_the_order(place, forewarn):  # noqa: F811
    write_starter(place / "shop")
    forewarn("run", "--import", "--as-of", STARTED)
    assert [to for to, subject in mails(place) if "1001" in subject] == ["Ada Lovelace <ada@example.com>"]
    rewritten(
        place / "shop" / "data" / "orders.csv",
        lambda row: row | ({"customer": "C2"} if row["number"] == "1001" else {}),
    )
    forewarn("run", "--import", "--as-of", "2026-01-16")
    _, (to, subject) = [one for one in mails(place) if "1001" in one[1]]
    assert "maria@example.com" in to
    assert "atraso" in subject.lower()
    assert "the customer was told" in forewarn("explain", "1001", "--as-of", "2026-01-16")


def test_one_order_id_in_two_forms_of_unicode_is_told_once(place, forewarn):  # noqa: F811
    write_starter(place / "shop")
    data = place / "shop" / "data"
    for form in ("NFC", "NFD"):
        rewritten(data / "orders.csv", lambda row, form=form: row | {"number": named(row["number"], form)})
        rewritten(data / "lines.csv", lambda row, form=form: row | {"order": named(row["order"], form)})
        said = forewarn("run", "--import", "--as-of", STARTED)
        if form == "NFC":
            told = mails(place)
    assert "nothing changed" in said
    assert mails(place) == told != []
    # Upper and lower case count.
    rewritten(data / "orders.csv", lambda row: row | {"number": row["number"].lower()})
    assert "3 inserted" in forewarn("import", "--as-of", STARTED)


def named(number, form):
    return normalize(form, f"É-{number[-4:]}")
