"""What may go to a customer by which channel: what the customer did comes before the shop's facts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.enums import Channel
from models.policy.policy import Policy
from models.privacy import ConsentSource, ImportedConsent, Purpose, RecordedConsent
from rules.contact.consent import MARKETING_PARTS, consent_standings, may_carry_offer, purpose_of
from templates.rendering.variables import VARIABLES
from tests.support.builders import ANNA

AT = datetime(2026, 6, 1, tzinfo=UTC)
MAIL_MARKETING = (Channel.EMAIL, Purpose.MARKETING)


@pytest.mark.parametrize(
    ("consented", "country", "objected", "expected"),
    [
        (True, "DE", False, True),
        (False, "DE", False, False),
        (False, "GB", False, False),
        (False, "US", False, True),
        (False, None, False, False),
        (True, "DE", True, False),
        (False, "US", True, False),
    ],
)
def test_an_offer_travels_by_consent_country_and_objection(consented, country, objected, expected):
    customer = replace(ANNA, marketing_consent=consented, country=country)
    assert may_carry_offer(customer, Policy(), "DE", objected=objected) is expected


def standings(customer=ANNA, **recorded):
    origins = recorded.get("imported", {})
    found = consent_standings(customer, recorded.get("recorded", {}), origins, Policy(), "DE")
    return {(one.channel, one.purpose): one for one in found}


def test_what_the_customer_did_has_its_source_and_time():
    recorded = {MAIL_MARKETING: RecordedConsent(False, ConsentSource.UNSUBSCRIBE, AT)}
    found = standings(recorded=recorded)[MAIL_MARKETING]
    assert (found.allowed, found.source, found.at, found.why) == (False, "unsubscribe", AT, "unsubscribed")
    assert standings(recorded=recorded)[Channel.EMAIL, Purpose.SERVICE].allowed


def test_who_took_it_back_is_where_the_shops_facts_are():
    recorded = {MAIL_MARKETING: RecordedConsent(True, ConsentSource.RESUBSCRIBE, AT)}
    assert standings(recorded=recorded)[MAIL_MARKETING].allowed
    without = replace(ANNA, marketing_consent=False)
    assert not standings(without, recorded=recorded)[MAIL_MARKETING].allowed


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        ({}, {("email", "service"), ("email", "marketing")}),
        ({"marketing_consent": False}, {("email", "service")}),
        ({"sms_consent": True, "marketing_consent": False}, {("email", "service"), ("sms", "service")}),
        ({"opted_out": True}, set()),
    ],
)
def test_the_shops_facts_count_where_the_customer_did_nothing(facts, allowed):
    found = standings(replace(ANNA, **facts))
    assert {key for key, one in found.items() if one.allowed} == allowed
    assert {(one.source, one.at) for one in found.values()} == {("shop", None)}


@pytest.mark.parametrize(
    ("facts", "fact"),
    [
        ({"sms_consent": True}, {("sms", "service"): "sms_consent", ("email", "marketing"): "marketing_consent"}),
        ({"sms_consent": False}, {("sms", "service"): "sms_consent", ("sms", "marketing"): "sms_consent"}),
        ({"marketing_consent": False}, {("email", "marketing"): "marketing_consent", ("email", "service"): ""}),
        ({"marketing_consent": False, "country": "US"}, {("email", "marketing"): ""}),
        ({"opted_out": True}, {("email", "service"): "opted_out", ("sms", "marketing"): "opted_out"}),
    ],
)
def test_the_source_and_time_are_those_of_the_fact_that_decides(facts, fact):
    imported = {name: ImportedConsent(name, AT) for name in ("sms_consent", "marketing_consent", "opted_out")}
    found = standings(replace(ANNA, **facts), imported=imported)
    assert {key: (found[key].detail, found[key].at) for key in fact} == {
        key: (name, AT if name else None) for key, name in fact.items()
    }


def test_every_part_that_sells_is_a_variable_of_the_notices():
    assert set().union(*VARIABLES.values()) >= MARKETING_PARTS
    assert {purpose_of(name) for name in ("items", "silence", "choices", "expected_on")} == {Purpose.SERVICE}
    assert purpose_of("discount") is Purpose.MARKETING
