"""What each provider is told, and what its own words mean for the next message."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from channels.email.sendgrid import SendGridTransport
from channels.sms.twilio import TwilioLogin, TwilioTransport
from channels.social.x import XTransport
from channels.transport import PermanentFailure, TemporaryFailure
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Message
from rules.contact.addresses import country_of
from tests.support.provider import Answer

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
TAKEN = Answer(201, {"sid": "SM1", "status": "queued", "num_segments": "2"})
TEXT = Message("n-2", Channel.SMS, "+4915112345678", "Bestellung später: café €5 & mehr")
MAIL = Message(
    "n-1", Channel.EMAIL, "anna@example.com", "Hello Anna", subject="Your order 7", html="<p>Hello Anna</p>",
    to_name="Anna Schmidt", category="week",
)  # fmt: skip
POST = Message("p-1", Channel.X, "", "The kettle ships later than we said.")


async def mailed(provider, message=MAIL, sender=None):
    sender = sender or Sender(name="Tea & Co", email="shop@example.com", reply_to="help@example.com")
    transport = SendGridTransport("SG.key", sender, url=provider.url, timeout=10)
    try:
        return await transport.send(message)
    finally:
        await transport.close()


async def texted(provider, message=TEXT, sender="+4915100000000", now=NOW):
    login, senders = TwilioLogin("AC1", "token"), {"default": sender}
    transport = TwilioTransport(login, senders, country_of, now=lambda: now, url=provider.url, timeout=10)
    try:
        return await transport.send(message)
    finally:
        await transport.close()


async def posted(provider):
    transport = XTransport("key", "secret", "token", "token-secret", url=provider.url, timeout=10)
    try:
        return await transport.send(POST)
    finally:
        await transport.close()


async def test_a_mail_carries_both_bodies_the_shops_names_and_the_notice_and_nothing_more_of_the_person(provider):
    provider.answer_with(Answer(202))
    await mailed(provider)
    assert json.loads(provider.requests[0].body) == {
        "from": {"name": "Tea & Co", "email": "shop@example.com"},
        "reply_to": {"email": "help@example.com"},
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
        "subject": "Your order 7",
        "personalizations": [
            {
                "to": [{"name": "Anna Schmidt", "email": "anna@example.com"}],
                "custom_args": {"notice": "n-1", "message": "week"},
            }
        ],
        "headers": {"Auto-Submitted": "auto-generated", "Message-ID": "<n-1@example.com>"},
        "content": [
            {"type": "text/plain", "value": "Hello Anna"},
            {"type": "text/html", "value": "<p>Hello Anna</p>"},
        ],
        "categories": ["week"],
    }


async def test_a_mail_leaves_out_what_it_does_not_have(provider):
    provider.answer_with(Answer(202))
    bare = Message("n-3", Channel.EMAIL, "anna@example.com", "Hello", subject="Hello")
    await mailed(provider, bare, Sender(name="Tea", email="shop@example.com"))
    told = json.loads(provider.requests[0].body)
    assert told.keys() == {"from", "subject", "personalizations", "content", "tracking_settings", "headers"}
    assert told["personalizations"][0]["to"] == [{"email": "anna@example.com"}]
    assert [content["type"] for content in told["content"]] == ["text/plain"]


async def test_line_breaks_in_names_and_subjects_become_spaces(provider):
    provider.answer_with(Answer(202))
    odd = Message(
        "n-4", Channel.EMAIL, "anna@example.com", "Hello", subject="A\r\nBcc: x@example.com", to_name="A\nB\x00"
    )
    await mailed(provider, odd)
    told = json.loads(provider.requests[0].body)
    assert told["subject"] == "A Bcc: x@example.com"
    assert told["personalizations"][0]["to"][0]["name"] == "A B"


async def test_a_shop_with_letters_beyond_ascii_in_its_domain_can_send(provider):
    provider.answer_with(Answer(202))
    await mailed(provider, sender=Sender(name="Tee", email="laden@münchen.example.com"))
    assert json.loads(provider.requests[0].body)["from"]["email"] == "laden@xn--mnchen-3ya.example.com"


async def test_a_mail_without_an_address_is_rejected_before_it_leaves(provider):
    with pytest.raises(PermanentFailure):
        await mailed(provider, Message("n-5", Channel.EMAIL, "nobody", "Hello"))
    assert not provider.requests


@pytest.mark.parametrize(
    ("status", "field", "outcome"),
    [
        (400, "personalizations.0.to.0.email", PermanentFailure),
        (400, "content", PermanentFailure),
        (400, "from.email", TemporaryFailure),
        (400, "reply_to", TemporaryFailure),
        (400, None, PermanentFailure),
        (451, None, TemporaryFailure),
        (413, "from.email", TemporaryFailure),
    ],
)
async def test_a_mail_refused_for_what_is_the_shops_own_stops_the_channel_instead_of_burning_every_notice(
    provider, status, field, outcome
):
    provider.answer_with(Answer(status, {"errors": [{"field": field, "message": "is\nwrong"}]}))
    with pytest.raises(outcome, match=f"{field or 'mail'}: is wrong") as raised:
        await mailed(provider)
    assert getattr(raised.value, "channel_down", False) is (outcome is TemporaryFailure)


async def test_the_reason_of_a_refused_mail_does_not_repeat_the_address(provider):
    error = {"field": "to", "message": f"'{MAIL.to}' is not a valid address"}
    provider.answer_with(Answer(400, {"errors": [error]}))
    with pytest.raises(PermanentFailure, match="to: 'an address' is not a valid address"):
        await mailed(provider)


async def test_a_text_says_who_sends_to_whom_in_the_providers_form(provider):
    provider.answer_with(TAKEN)
    receipt = await texted(provider)
    asked = provider.requests[0]
    assert asked.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert parse_qs(asked.body.decode()) == {
        "To": [TEXT.to], "From": ["+4915100000000"], "Body": [TEXT.text],
    }  # fmt: skip
    assert receipt.detail == {"status": "queued", "segments": "2"}


async def test_a_messaging_service_sends_in_the_place_of_a_number(provider):
    provider.answer_with(TAKEN)
    await texted(provider, sender="MG" + "0" * 31 + "a")
    form = parse_qs(provider.requests[0].body.decode())
    assert form["MessagingServiceSid"] == ["MG" + "0" * 31 + "a"]
    assert "From" not in form


async def test_the_environment_does_not_send_texts_elsewhere(provider, monkeypatch):
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    provider.answer_with(TAKEN)
    await texted(provider)
    (request,) = provider.requests
    assert request.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["Host"] == provider.url.partition("//")[2]


@pytest.mark.parametrize(
    ("left", "validity"),
    [
        (timedelta(seconds=1), "1"),
        (timedelta(minutes=30), "1800"),
        (timedelta(hours=10), "36000"),
        (timedelta(hours=14), "36000"),
    ],
)
async def test_a_text_waits_at_the_provider_no_longer_than_it_may_arrive(provider, left, validity):
    provider.answer_with(TAKEN)
    await texted(provider, Message("n", Channel.SMS, TEXT.to, "Late", valid_until=NOW + left))
    assert parse_qs(provider.requests[0].body.decode())["ValidityPeriod"] == [validity]


@pytest.mark.parametrize("left", [timedelta(milliseconds=900), timedelta(0), timedelta(hours=-1)])
async def test_a_text_whose_hour_has_passed_stays_here_and_may_go_another_day(provider, left):
    with pytest.raises(TemporaryFailure) as raised:
        await texted(provider, Message("n", Channel.SMS, TEXT.to, "Late", valid_until=NOW + left))
    assert not raised.value.channel_down
    assert not provider.requests


@pytest.mark.parametrize(
    ("codes", "suppress"),
    [((21610, 21211, 21614, 21635, 30005, 30006), True), ((30004, 21408, 21612, 21617, 99999), False)],
)
async def test_a_text_that_never_arrives_is_not_sent_again(provider, codes, suppress):
    for code in codes:
        provider.answer_with(Answer(400, {"code": code, "message": "No."}))
        with pytest.raises(PermanentFailure) as raised:
            await texted(provider)
        assert (raised.value.code, raised.value.suppress) == (str(code), suppress)


@pytest.mark.parametrize("code", [20003, 20005, 21606, 21659, 21701, 21703, 30002, 30007, 30034])
async def test_a_text_that_no_message_could_follow_stops_the_channel(provider, code):
    provider.answer_with(Answer(400, {"code": code, "message": "No."}))
    with pytest.raises(TemporaryFailure) as raised:
        await texted(provider)
    assert raised.value.channel_down


@pytest.mark.parametrize(
    ("code", "now", "wait"),
    [
        (20429, NOW, None),
        (21611, NOW, None),
        (30001, NOW, None),
        (30022, NOW, None),
        (30003, NOW, timedelta(minutes=30)),
        (30008, NOW, timedelta(minutes=30)),
        (30023, NOW, timedelta(hours=1, minutes=30)),  # 22:30 in Los Angeles
        (
            30023,
            datetime(2026, 11, 1, 8, 0, tzinfo=UTC),
            timedelta(hours=24),
        ),  # 01:00, an hour before the clocks change
        (30023, datetime(2026, 11, 1, 7, 0, tzinfo=UTC), timedelta(hours=25)),  # midnight of the day with 25 hours
    ],
)
async def test_a_text_that_may_pass_later_waits_as_its_code_asks(provider, code, now, wait):
    provider.answer_with(Answer(429, {"code": code, "message": "Not now."}))
    with pytest.raises(TemporaryFailure) as raised:
        await texted(provider, now=now)
    assert (raised.value.retry_after, raised.value.channel_down) == (wait, False)


async def test_the_providers_own_word_on_waiting_goes_before_ours(provider):
    provider.answer_with(Answer(429, {"code": 30003, "message": "Not now."}, {"Retry-After": "5"}))
    with pytest.raises(TemporaryFailure) as raised:
        await texted(provider)
    assert raised.value.retry_after == timedelta(seconds=5)


async def test_the_reason_of_a_refused_text_does_not_repeat_the_number(provider):
    provider.answer_with(Answer(400, {"code": 21211, "message": f"The 'To' number {TEXT.to} is not valid."}))
    with pytest.raises(PermanentFailure, match="'To' number the number is not valid"):
        await texted(provider)


async def test_a_post_is_its_text_signed_in_the_accounts_name(provider):
    provider.answer_with(Answer(201, {"data": {"id": "1"}}))
    await posted(provider)
    asked = provider.requests[0]
    assert (asked.path, json.loads(asked.body)) == ("/2/tweets", {"text": POST.text})
    assert asked.headers["Authorization"].startswith("OAuth ")


async def test_a_post_that_is_already_there_is_settled(provider):
    said = "You are not allowed to create a Tweet with duplicate content."
    provider.answer_with(Answer(403, {"detail": said, "title": "Forbidden", "status": 403}))
    receipt = await posted(provider)
    assert receipt.detail == {"status": "already there", "said": said}
    assert len(provider.requests) == 1


async def test_an_account_without_money_stops_the_posts(provider):
    provider.answer_with(Answer(402, {"title": "CreditsDepleted"}))
    with pytest.raises(TemporaryFailure, match="CreditsDepleted") as raised:
        await posted(provider)
    assert raised.value.channel_down
