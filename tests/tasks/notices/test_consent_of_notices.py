"""Consents are recorded with source and time, decide where an offer stands, and are explained."""

from dataclasses import replace
from functools import partial

import pytest

from cli.explain import _consent_text
from models.callbacks import Callback, CallbackSource
from models.enums import Channel
from models.privacy import ConsentSource, Purpose
from rules.contact.consent import CONSENT_FACTS
from tasks.callbacks.append import append_callbacks
from tasks.callbacks.apply import apply_callbacks
from tasks.db.sql import read_only
from tasks.notices.consent import load_consents, record_consent
from tasks.notices.marketing import BY_LINK, resume_marketing, stop_marketing
from tasks.notices.suppressions import suppress_by_staff, unsuppress
from tasks.privacy.export import load_export
from tasks.privacy.person import load_person
from tasks.reporting.explain_order import explain_order
from tasks.tables import CONSENTS
from tests.support.builders import ANNA, line
from tests.support.shop_driver import noon

ON_PAGE, IN_MAIL = "We have an offer for you", "Your code is"
MAIL_MARKETING = (Channel.EMAIL, Purpose.MARKETING)


def stop(driver, at=0, source=BY_LINK):
    with driver.context.engine.begin() as connection:
        return stop_marketing(connection, {ANNA.email: source}, noon(at))


def explained(driver, channel, purpose):
    with read_only(driver.context.engine) as connection:
        found = explain_order(driver.context, connection, "1041")["consent"]
    (one,) = [row for row in found if (row["channel"], row["purpose"]) == (channel, purpose)]
    return one["allowed"], one["source"], one["at"]


@pytest.mark.parametrize("country", ["DE", "US"])
def test_who_unsubscribed_gets_the_notice_and_finds_the_offer_on_the_page(driver, country):
    driver.order("1041", line(promised=-16), customer=replace(ANNA, country=country))
    stop(driver)
    (sent,) = driver.run_day()
    assert IN_MAIL not in sent.text
    assert ON_PAGE in sent.text


def test_a_notice_that_waits_loses_its_offer_when_the_customer_unsubscribes(driver):
    driver.order("1041", line(promised=-16))
    driver.evaluate()
    assert IN_MAIL in driver.notices[0]["text"]
    stop(driver)
    driver.deliver()
    assert driver.transport.taken == []
    (sent,) = driver.run_day(1)
    assert ON_PAGE in sent.text


def test_an_unsubscription_is_explained_with_its_source_and_time_and_can_be_taken_back(driver):
    driver.order("1041", line(promised=-16))
    assert explained(driver, *MAIL_MARKETING) == (True, "shop", None)
    assert (stop(driver), stop(driver, 1)) == (1, 0)
    assert explained(driver, *MAIL_MARKETING) == (False, "unsubscribe", noon(0))
    assert explained(driver, "email", "service") == (True, "shop", None)
    with driver.context.engine.begin() as connection:
        assert resume_marketing(connection, {ANNA.email}, "group_unsubscribe", noon(2)) == 0
        assert resume_marketing(connection, {ANNA.email}, BY_LINK, noon(2)) == 1
    assert explained(driver, *MAIL_MARKETING) == (True, "resubscribe", noon(2))
    assert [row["given"] for row in driver.rows(CONSENTS)] == [False, True]


def test_the_same_consent_twice_is_one_record(driver):
    recorded = [(True, 0), (True, 1), (False, 2), (True, 3)]
    with driver.context.engine.begin() as connection:
        new = [
            record_consent(connection, ANNA.email, *MAIL_MARKETING, ConsentSource.UNSUBSCRIBE, noon(on), given=given)
            for given, on in recorded
        ]
        assert new == [True, False, True, True]
        found = load_consents(driver.context, connection, {ANNA.email, "b@example.com"})
    assert {key: (one.given, one.at) for key, one in found.items()} == {(ANNA.email, *MAIL_MARKETING): (True, noon(3))}


def test_a_text_that_says_stop_ends_both_consents_to_texts_and_start_gives_one_back(driver):
    number = "+4915123456789"
    texts = [("STOP", 0), ("START", 1)]
    for words, on in texts:
        callback = Callback(CallbackSource.TWILIO_INBOUND, words, words, {"Body": words}, words, "", number)
        with driver.context.engine.begin() as connection:
            append_callbacks(connection, [callback], noon(on))
        apply_callbacks(driver.context, partial(noon, on), "test")
    rows = [(row["purpose"], row["given"], row["source"], row["at"]) for row in driver.rows(CONSENTS)]
    assert rows == [
        ("service", False, "stop", noon(0)),
        ("marketing", False, "stop", noon(0)),
        ("service", True, "start", noon(1)),
    ]


def test_an_imported_consent_is_explained_and_exported_with_its_source_and_time(imported_shop):
    imported_shop.order("1041", line(promised=-16))
    facts = {"sms_consent": "yes", "sms_consent_source": "checkout", "sms_consent_at": noon(-60)}
    facts |= {
        "marketing_consent": "no",
        "marketing_consent_source": "newsletter form",
        "marketing_consent_at": noon(-3),
    }
    imported_shop.customer(ANNA.id, **facts)
    assert explained(imported_shop, "sms", "service") == (True, "shop", noon(-60))
    assert explained(imported_shop, *MAIL_MARKETING) == (False, "shop", noon(-3))
    assert explained(imported_shop, "email", "service") == (True, "shop", None)
    imported_shop.customer(ANNA.id, opted_out="yes", opted_out_at=noon(-1), opted_out_source="phone")
    assert {explained(imported_shop, channel, "service")[2] for channel in ("sms", "email")} == {noon(-1)}
    with read_only(imported_shop.context.engine) as connection:
        person = load_person(imported_shop.context, connection, ANNA.id)
        (row,) = load_export(imported_shop.context, connection, person)["held"]["customer"]
    origins = [row[f"{fact}_{column}"] for fact in CONSENT_FACTS for column in ("source", "at")]
    assert origins == ["checkout", noon(-60), "newsletter form", noon(-3), "phone", noon(-1)]


def test_staff_end_all_messages_and_give_back_what_the_customer_did_not_stop(driver):
    driver.order("1041", line(promised=-16))
    stop(driver)
    with driver.context.engine.begin() as connection:
        suppress_by_staff(connection, ANNA.email, "rang", noon(1), "eva")
    assert explained(driver, "email", "service") == (False, "staff", noon(1))
    assert explained(driver, *MAIL_MARKETING) == (False, "unsubscribe", noon(0))
    with driver.context.engine.begin() as connection:
        unsuppress(connection, ANNA.email, noon(2), "eva", "rang again")
    assert explained(driver, "email", "service") == (True, "staff", noon(2))
    assert explained(driver, *MAIL_MARKETING) == (False, "unsubscribe", noon(0))
    assert {row["detail"] for row in driver.rows(CONSENTS) if row["source"] == "staff"} == {"eva"}


def test_the_order_of_explain_says_where_a_consent_comes_from():
    known = {"channel": "sms", "purpose": "service", "allowed": True, "why": "consented to texts"}
    said = _consent_text([known | {"at": noon(0), "detail": "checkout"}, known | {"at": None, "detail": ""}])
    assert said == "service by sms, service by sms; consented to texts (sms, checkout, on 2026-06-15)"
