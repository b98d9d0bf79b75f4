"""A day of an admin: invite a person, find who changed what, change keys, send an event again, print the evidence."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from models.webhooks import WebhookKind
from tasks.customers.webhook_events import queue_webhook_event
from tasks.tables import OUTBOX
from tests.support.browser import lacking, opened
from tests.support.busy_desk import make_busy
from tests.support.desk import PASSWORD, desk_app, desk_client, give_password
from tests.support.desk_person import DeskPerson
from tests.support.ledgers import sqlite_ledger
from tests.support.order_pages import made_choice
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context
from web.staff.desk import Services

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")


@pytest.fixture(scope="module")
def ana(tmp_path_factory):
    """Sign an admin in at a busy shop whose webhook has refused an event."""
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("admin") / "ledger.db"))
    make_busy(context)
    told = replace(context, has_webhook=True)
    with context.engine.begin() as connection:
        event = queue_webhook_event(told, connection, made_choice(), WebhookKind.REQUESTED, noon(0))
        refused = {"state": "rejected", "reason": "the webhook answered 500", "settled_at": noon(0)}
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == event).values(**refused))
    app = desk_app(told, noon(0), Services(webhook_host="shop.example.com", send_test=lambda: "took it"))
    admin = desk_client(context, "admin", now=noon(0), app=app, name="Ana Berger")
    give_password(context, admin.person)
    with serving(app) as url, opened() as driver:
        yield DeskPerson(driver, url).sign_in(admin.person.mail, PASSWORD)
    context.engine.dispose()


def test_an_admin_invites_a_person_who_may_act_but_not_administer(ana):
    ana.press("People").press("Invite a person").type("Jan de Vries", "Name").type(
        "jan@lamps.example.com", "Mail address"
    )
    ana.choose("Service").press("Invite").see("Pass this link on to Jan de Vries (jan@lamps.example.com) yourself.")
    link = ana.driver.find_element("css selector", "code.copied").text
    cookies = ana.driver.get_cookies()
    ana.driver.delete_all_cookies()
    ana.driver.get(link if link.startswith("http") else f"{ana.url}{link}")
    ana.type("a long enough password", "New password").press("Set the password and sign in")
    ana.see("Today, ", "Jan de Vries service")
    assert not ana.offers("Settings")
    ana.search("1050").press("Hold this order").type("she is on the phone", "Why").press("Hold this order")
    ana.see("You held order 1050")
    ana.driver.delete_all_cookies()
    for cookie in cookies:
        ana.driver.add_cookie(cookie)
    ana.driver.get(f"{ana.url}/desk")
    ana.see("Ana Berger")


def test_an_admin_finds_who_changed_an_order_and_takes_it_back(ana):
    ana.press("Log").see("Jan de Vries held order 1050", "Why: she is on the phone")
    ana.press("Undo").type("he had forgotten it", "Why").press("Undo it").see("You released order 1050.")
    ana.press("Log").type("1050", "Order").press("Show").see("Ana Berger released order 1050", "Undone.")


def test_an_admin_makes_a_key_and_revokes_it(ana):
    ana.press("Settings").press("Keys of the API", begins=True).press("Make a key").type("Zendesk", "What is it for?")
    ana.press("Make the key").see("Copy it now: it is not shown again.")
    ana.press("All keys").see("Zendesk", "In use").press("Revoke", begins=True)
    ana.type("the ticket system is gone", "Why").press("Revoke the key").see("Revoked")


def test_an_admin_sees_that_the_webhook_fails_and_sends_the_event_again(ana):
    ana.press("Settings").press("Webhook", begins=True).see("the webhook answered 500").press("Send again", begins=True)
    ana.type("the shop's system is back", "Why").press("Send it again").see("to the webhook again.", "Waits")
    ana.press("Send a test").press("Send a test", "main button").see("You sent a test to the webhook, and it took it.")


def test_an_admin_prints_the_evidence_of_an_order(ana):
    ana.search("1041").press("Evidence, to print").see("What was promised, told, answered, delivered and refunded")
    ana.driver.back()
    ana.see("What happened")
