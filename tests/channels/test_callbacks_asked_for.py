"""What providers are asked for as a message is sent, so that callbacks name it; and what callbacks mean."""

import json
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from urllib.parse import parse_qs, urlsplit

import pytest

from app.callbacks import status_callback
from app.transports import open_provider
from channels.email import sendgrid_events
from channels.email.sendgrid import mail_body, shop_fields
from channels.local.outbox import LocalOutbox, location_of
from channels.sms import twilio_callbacks
from channels.sms.twilio_codes import ERROR_CODES
from models.callbacks import DeliveryReport, Progress
from models.config.settings import GivenSettings, TransportKind
from models.config.shop import Sender
from tests.channels.test_transports import MAIL, NOW, TEXT, TIMEOUT, WAYS, check, sent
from tests.support.callbacks import STATUS, URL

SENDER = Sender(name="Tea & Co", email="shop@example.com")
LINK = "https://orders.shop.example.com/u/abc"
CREDENTIALS = {
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": "planted-auth-token",
    "twilio_from": "+4915100000000",
    "timeout": TIMEOUT,
}


async def posted(provider, message, **settings):
    """Return the form of a text as Twilio gets it."""
    provider.answer_with(WAYS["twilio"].taken)
    given = GivenSettings(**CREDENTIALS, **settings, twilio_url=provider.url)
    transport = open_provider(TransportKind.TWILIO, given, SENDER, lambda: NOW)
    await transport.send(message)
    await transport.close()
    return parse_qs(provider.requests[-1].body.decode())


async def test_twilio_is_given_an_address_that_names_the_text(provider):
    form = await posted(provider, replace(TEXT, id="A/1 & B-1-sms"), callback_url=URL)
    (address,) = form["StatusCallback"]
    assert address.startswith(f"{URL}{STATUS}?")
    assert parse_qs(urlsplit(address).query) == {"message": ["A/1 & B-1-sms"]}


async def test_without_an_address_for_callbacks_twilio_is_asked_for_none(provider):
    assert "StatusCallback" not in await posted(provider, TEXT)
    assert status_callback(GivenSettings()) == ""


DOMAIN = "shop.example.com"


def body_of(message, label="lantern-loom"):
    return mail_body(message, shop_fields(SENDER, sandbox=False), DOMAIN, label)


def test_sendgrid_repeats_our_id_in_its_events():
    assert body_of(MAIL)["personalizations"][0]["custom_args"][sendgrid_events.MESSAGE_ARGUMENT] == MAIL.id


def test_sendgrid_is_told_shop_message_and_days_late_and_nothing_of_the_person():
    late = replace(MAIL, days_late=9, days_group="8 to 14")
    body = body_of(late)
    args = body["personalizations"][0]["custom_args"]
    assert body["categories"] == ["lantern-loom", "week", "8 to 14 days late"]
    assert args == {"notice": "n-1", "shop": "lantern-loom", "message": "week", "days_late": "9"}
    told = f"{body['categories']} {args}"
    assert [one for one in (MAIL.to, MAIL.to_name, *MAIL.to_name.split(), MAIL.subject) if one in told] == []


@pytest.mark.parametrize(("label", "message"), [("x" * 300, MAIL), ("week", MAIL), ("", replace(MAIL, category=""))])
def test_categories_and_arguments_are_within_sendgrids_limits(label, message):
    body = body_of(replace(message, days_group="15 or more"), label)
    names = body["categories"]
    assert len(names) == len(set(names)) <= 10
    assert max(map(len, names)) <= 255
    assert len(json.dumps(body["personalizations"][0]["custom_args"])) < 10_000


def test_an_event_with_more_arguments_than_we_know_is_read_as_before():
    event = {"event": "delivered", "email": MAIL.to, "notice": "n-1", "sg_message_id": "a.b", "sg_event_id": "e"}
    more = event | {"shop": "lantern-loom", "message": "week", "days_late": "9", "category": ["week"], "new_field": {}}
    (plain,), (fuller,) = (sendgrid_events.read_events(json.dumps([one]).encode(), "1") for one in (event, more))
    assert replace(fuller, payload={}) == replace(plain, payload={})
    assert sendgrid_events.report_of(fuller.kind, fuller.payload) == DeliveryReport(Progress.DELIVERED)


def test_a_notice_has_no_header_to_unsubscribe_and_marketing_has_both():
    assert "List-Unsubscribe" not in body_of(MAIL)["headers"]
    headers = body_of(replace(MAIL, unsubscribe_url=LINK))["headers"]
    assert headers["List-Unsubscribe"] == f"<{LINK}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_mail_with_the_headers_is_one_that_sendgrid_describes(provider):
    way = WAYS["sendgrid"]
    await sent(way, provider, way.taken, message=replace(MAIL, unsubscribe_url=LINK))
    check(way, provider.requests[0])
    assert b"List-Unsubscribe-Post" in provider.requests[0].body


async def test_a_text_with_an_address_for_callbacks_is_one_that_twilio_describes(provider):
    await posted(provider, TEXT, callback_url=URL)
    check(WAYS["twilio"], provider.requests[0])


async def test_the_local_outbox_shows_the_headers_too(tmp_path):
    for message, expected in ((MAIL, None), (replace(MAIL, unsubscribe_url=LINK), f"<{LINK}>")):
        await LocalOutbox(tmp_path, SENDER).send(message)
        mail = message_from_bytes(location_of(tmp_path, message).with_suffix(".eml").read_bytes())
        assert mail["List-Unsubscribe"] == expected


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("accepted", Progress.TAKEN),
        ("sent", Progress.TAKEN),
        ("delivered", Progress.DELIVERED),
        ("read", Progress.DELIVERED),
        ("undelivered", Progress.FAILED),
        ("failed", Progress.FAILED),
        ("canceled", Progress.FAILED),
        ("partially_delivered", None),
        ("brand_new", None),
    ],
)
def test_each_status_of_a_text_means_one_thing(status, progress):
    assert twilio_callbacks.report_of(status, {}).progress is progress


@pytest.mark.parametrize("code", [*ERROR_CODES, 0, 99999])
def test_a_failed_text_is_tried_again_or_it_is_not(code):
    report = twilio_callbacks.report_of("undelivered", {"ErrorCode": str(code)})
    assert report.progress is Progress.FAILED
    assert (report.retry_after is None) is (report.max_retries == 0)
    assert [report.suppress, report.channel_down, report.retry_after is not None].count(True) <= 1


@pytest.mark.parametrize(
    ("code", "suppress", "down", "wait", "staff"),
    [
        (21610, True, False, None, False),
        (30006, True, False, None, False),
        (30640, True, False, None, True),
        (30007, False, True, None, True),
        (30034, False, True, None, True),
        (30003, False, False, timedelta(minutes=30), False),
        (30610, False, False, timedelta(hours=8), False),
        (30450, False, False, None, True),
        ("", False, False, None, False),
        ("none", False, False, None, False),
        ("9" * 40, False, False, None, False),
    ],
)
def test_the_code_of_a_failed_text_says_what_follows(code, suppress, down, wait, staff):
    report = twilio_callbacks.report_of("failed", {"ErrorCode": str(code)})
    assert (report.suppress, report.channel_down, report.retry_after, report.for_staff) == (suppress, down, wait, staff)


@pytest.mark.parametrize("name", ["inbound_parse", "", "machine_opened"])
def test_an_event_of_sendgrid_that_is_unknown_says_nothing(name):
    assert sendgrid_events.report_of(name, {}) == DeliveryReport()
