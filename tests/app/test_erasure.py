"""After `forewarn erase`, nothing that names the person is left in any table or file, and imports keep it so."""

import json
import stat
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import update
from sqlmodel import SQLModel

from app.composition import current_erasure_key
from app.erasure import erase_customer, export_customer
from channels.email.sendgrid_events import read_events
from channels.sms.twilio_callbacks import inbound_text, status_callback
from models.errors import ForewarnError
from rules.contact.keyed_hash import hashed_address
from tasks.callbacks.review import list_for_staff
from tasks.customers.links import list_links
from tasks.db.sql import read_only
from tasks.notices.marketing import find_objections
from tasks.notices.suppressions import OF_ERASED, suppressed_addresses
from tasks.privacy.holdings import HOLDINGS, WITHOUT_PERSONS
from tasks.privacy.lift import lift_erasure
from tasks.promise_clock.evidence import load_evidence
from tasks.reporting.check_ledger import check_ledger
from tasks.tables import (
    CALLBACK_EVENTS,
    CONSENTS,
    CUSTOMER_CHOICES,
    CUSTOMERS,
    ERASED_CUSTOMERS,
    EVENTS,
    NOTICES,
    ORDERS,
    OUTBOX,
    SUPPRESSIONS,
)
from tests.support.callbacks import SIGNED_AT, event, inbound_fields, status_fields
from tests.support.commands import run_command
from tests.support.paths import ROOT
from tests.support.planted_person import DAY, E164, EMAIL, ID, MARKERS, NOON, PHONE, PlantedShop
from web.callbacks.intake import append_to
from web.callbacks.unsubscribe import stop_in

NEVER_STORED = {"note"}
"""What the source has and the ledger does not take."""
OF_NOBODY = {"rejected"}
"""A wrong value in the rejects file: the file does not say whose row it is in. It is erased, and not exported."""


@pytest.fixture
def planted(tmp_path):
    shop = PlantedShop(tmp_path)
    shop.run_day()
    shop.plant()
    return shop


def erase(shop, given=ID):
    with shop.app() as app:
        return erase_customer(app, app.context, given, "eva")


def test_every_table_holds_persons_or_is_known_to_hold_none():
    held, without = {one.table.name for one in HOLDINGS}, {table.name for table in WITHOUT_PERSONS}
    assert held | without == set(SQLModel.metadata.tables)
    assert not held & without


def test_no_marker_is_left_in_any_table_or_file(planted):
    before = {what for what, _ in planted.found_in_tables() | planted.found_in_files()}
    assert before == set(MARKERS) - NEVER_STORED
    erase(planted)
    assert planted.found_in_tables() == set()
    assert planted.found_in_files() == set()


def test_what_must_be_proved_stays(planted):
    (notice,) = planted.rows(NOTICES, order_id="1001", channel="email")
    told = {name: notice[name] for name in ("id", "lines", "told_on", "expected_on", "revision", "created_at", "days")}
    (state,) = planted.rows(OUTBOX, id=notice["id"])
    report = erase(planted)
    (after,) = planted.rows(NOTICES, id=notice["id"])
    assert {name: after[name] for name in told} == told
    assert planted.rows(OUTBOX, id=notice["id"]) == [state]
    assert [row["act"] for row in planted.rows(CUSTOMER_CHOICES)] == ["cancel"]
    assert [row["customer_id"] for row in planted.rows(ORDERS, id="1001")] == [report.customer]
    with planted.app() as app, read_only(app.context.engine) as connection:
        evidence = load_evidence(app.context, connection, "1001")
        assert list(check_ledger(connection)) == []
        assert not any(link["works"] for link in list_links(app.context, connection, "1001", app.context.started_at))
    assert evidence["customer"] == {"name": "", "email": None}
    assert [one["id"] for one in evidence["answered"]] == ["1001-C1"]
    assert evidence["told"]


def test_who_erased_and_when_is_recorded_by_a_keyed_hash_and_the_neighbour_is_untouched(planted):
    (neighbour,), orders = planted.rows(CUSTOMERS, id="C2"), planted.rows(ORDERS, id="1002")
    notices = planted.rows(NOTICES, order_id="1002")
    report = erase(planted)
    (mark,), (event,) = planted.rows(ERASED_CUSTOMERS), planted.rows(EVENTS, kind="erased")
    assert (mark["customer_id"], mark["erased_by"]) == (report.customer, "eva")
    assert (event["subject"], event["who"]) == (report.customer, "eva")
    assert planted.rows(CUSTOMERS, id="C2") == [neighbour]
    assert planted.rows(ORDERS, id="1002") == orders
    assert planted.rows(NOTICES, order_id="1002") == notices
    assert list((planted.folder / "var").rglob("*.eml")), "the neighbour's mail stays in the outbox"


def test_an_import_brings_back_neither_the_person_nor_a_message(planted):
    before = len(planted.rows(NOTICES, order_id="1001"))
    erase(planted)
    for n in (1, 9, 30):
        planted.run_day(DAY + timedelta(days=n))
    assert planted.found_in_tables() == set()
    assert planted.found_in_files() == set()
    later = [row for row in planted.rows(NOTICES, order_id="1001") if row["address"] or row["text"]]
    assert (later, before > 0) == ([], True)
    assert len(planted.rows(CUSTOMERS)) == 2


def test_a_suppressed_address_is_not_written_to_although_nobody_can_read_it(planted):
    erase(planted)
    (row,) = planted.rows(SUPPRESSIONS)
    assert row["address"].startswith("hash:")
    data = planted.shop / "data" / "customers.csv"
    data.write_text(
        data.read_text().replace("C2,Bert Nachbar,bert@example.org,,", "C2,Bert Nachbar,,+49 151 23456789,")
    )
    data.write_text(data.read_text().replace("Europe/Berlin,,no,yes,no", "Europe/Berlin,sms,yes,yes,no"))
    planted.run_day(DAY + timedelta(days=9))
    by_text = planted.rows(NOTICES, order_id="1002", channel="sms")
    states = {planted.rows(OUTBOX, id=row["id"])[0]["reason"] for row in by_text}
    assert states == {"suppressed"}


def test_an_import_without_the_secret_is_refused(planted):
    erase(planted)
    (secret,) = planted.folder.glob("var/*/erasure-secret")
    secret.unlink()
    with pytest.raises(ForewarnError, match="erased from this ledger with another secret"):
        planted.run_day(DAY + timedelta(days=1))


def test_nothing_is_erased_while_a_message_is_in_doubt(planted):
    (notice,) = planted.rows(NOTICES, order_id="1001", channel="email")
    with planted.app() as app, app.context.engine.begin() as connection:
        in_doubt = update(OUTBOX).where(OUTBOX.c.id == notice["id"])
        connection.execute(in_doubt.values(state="in_doubt", settled_at=None))
    before = planted.found_in_tables(), planted.found_in_files()
    with pytest.raises(ForewarnError, match="in-doubt list"):
        erase(planted)
    after = planted.found_in_tables(), {found for found in planted.found_in_files() if "secret" not in found[1]}
    assert after == before


def arrive_late(app, notice):
    """Let providers tell of an erased customer, by everything that has the address in it."""
    load_key = partial(current_erasure_key, app)
    bounce = {"type": "bounce", "reason": f"550 5.1.1 <{EMAIL}>: no mailbox", "useragent": "glideragent"}
    about = {"email": EMAIL, "message": notice["id"]}
    events = [
        event("bounce", "e1", **about, **bounce),
        event("unsubscribe", "e2", **about, payload="europayload"),
        event("open", "e3", email=EMAIL, message="", useragent="glideragent"),
    ]
    texts = [status_callback(status_fields("undelivered", "SM5", To=E164, ErrorCode="21610").items(), "")]
    answers = [inbound_text(inbound_fields(body, sid, E164).items()) for body, sid in (("STOP", "SM6"), ("Hm?", "SM7"))]
    append = append_to(app.context, lambda: NOON, load_key)
    append([*read_events(json.dumps(events).encode(), str(SIGNED_AT)), *texts, *answers])
    stop_in(app.context, load_key)(EMAIL.lower(), NOON)


def test_what_arrives_after_an_erasure_is_kept_without_the_person_and_their_wishes_hold(planted):
    (notice,) = planted.rows(NOTICES, order_id="1001", channel="email")
    with planted.app() as app:  # as `forewarn serve`, which opened it before the first erasure
        erase(planted)
        arrive_late(app, notice)
    late = planted.rows(CALLBACK_EVENTS)[1:]
    assert len(late) == 6
    assert all(row["address"].startswith("hash:") for row in late)
    assert planted.found_in_tables() == set()
    planted.deliver()
    assert planted.found_in_tables() | planted.found_in_files() == set()
    with planted.app() as app, read_only(app.context.engine) as connection:
        shown = list_for_staff(app.context, 10)
        number = hashed_address(app.context.erasure_key, E164)
        stopped = {row["purpose"] for row in planted.rows(CONSENTS, address=number, source="stop", given=False)}
        assert find_objections(app.context, connection, {EMAIL.lower()}) == {EMAIL.lower()}
    wrote = {row["details"]: row["address"] for row in shown if row["source"] == "twilio_inbound"}
    assert wrote == {"STOP": OF_ERASED, "Hm?": OF_ERASED}
    assert stopped == {"service", "marketing"}
    erase(planted)
    assert {str(row["payload"]) for row in planted.rows(CALLBACK_EVENTS)} == {"{}"}


def test_who_opted_out_and_was_erased_stays_opted_out_when_they_come_back(planted):
    with planted.app() as app:
        stop_in(app.context, lambda: b"")(EMAIL.lower(), NOON)
        assert "stopped marketing" in erase(planted).stays
    with planted.app() as app, app.context.engine.begin() as connection:
        lift_erasure(app.context, connection, ID, "eva")
    planted.run_day(DAY + timedelta(days=9))
    assert [row["phone"] for row in planted.rows(CUSTOMERS, id=ID)] == [PHONE]
    with planted.app() as app, read_only(app.context.engine) as connection:
        assert find_objections(app.context, connection, {EMAIL.lower(), "b@example.org"}) == {EMAIL.lower()}
        assert set(suppressed_addresses(connection, {E164}, app.context.erasure_key)) == {E164}


def test_a_wish_to_stop_that_waits_is_not_lost_by_an_erasure(planted):
    with planted.app() as app:
        text = inbound_text(inbound_fields("STOP", "SM6", E164).items())
        append_to(app.context, lambda: NOON, lambda: b"")([text])
    erase(planted)
    assert {row["source"] for row in planted.rows(CONSENTS, channel="sms")} == {"stop"}
    assert planted.found_in_tables() == set()


def test_erasing_again_erases_what_came_since(planted):
    report = erase(planted)
    with planted.app() as app, app.context.engine.begin() as connection:
        connection.execute(update(CUSTOMERS).where(CUSTOMERS.c.id == report.customer).values(name="Zebulonia"))
    assert planted.found_in_tables()
    assert erase(planted).customer == report.customer
    assert planted.found_in_tables() == set()
    assert len(planted.rows(ERASED_CUSTOMERS)) == 1


def test_an_export_has_everything_that_the_ledger_and_the_files_have(planted):
    with planted.app() as app:
        held = export_customer(app, app.context, EMAIL)
    text = json.dumps(held, default=str, ensure_ascii=False).lower()
    assert {what for what, marker in MARKERS.items() if marker.lower() not in text} == NEVER_STORED | OF_NOBODY
    assert "bert@example.org" not in text
    assert held["files"]


def test_the_commands_ask_write_privately_and_say_what_stays(planted):
    home = {"FOREWARN_HOME": str(planted.folder), "FOREWARN_SHOP": str(planted.shop)}
    refused = run_command(planted.folder, "erase", ID, "--who", "eva", **home)
    assert refused.returncode == 1
    assert "add --yes" in refused.stderr
    file = planted.folder / "export.json"
    file.write_text("")
    file.chmod(0o644)
    done = run_command(planted.folder, "export", ID, "--json", str(file), **home)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["held"]["customer"][0]["email"] == EMAIL
    file.unlink()
    erased = run_command(planted.folder, "erase", ID, "--who", "eva", "--yes", "--json", **home)
    assert erased.returncode == 0, erased.stderr
    said = json.loads(erased.stdout)
    assert "notices" in said["stays"]
    assert said["compacted"] is True
    assert planted.found_in_files() == set()
    nobody = run_command(planted.folder, "export", "nobody@example.com", **home)
    assert "no customer" in nobody.stderr


def test_the_page_lists_what_stays():
    page = (ROOT / "docs" / "privacy.md").read_text()
    assert [one.title for one in HOLDINGS if f"| {one.title} | {one.stays or 'nothing'} |" not in page] == []
