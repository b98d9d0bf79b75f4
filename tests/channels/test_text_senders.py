"""What texts are sent from, by country; and how Twilio is signed in to."""

from base64 import b64decode
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from channels.sms.twilio import TwilioLogin, TwilioTransport
from channels.transport import LookupUnavailable, PermanentFailure, TemporaryFailure
from rules.contact.addresses import country_of
from tests.channels.test_credential_checks import ACCOUNT, NUMBERS
from tests.channels.test_transports import NOW, TEXT, TIMEOUT, WAYS, check
from tests.support.provider import Answer

SERVICE = "MG" + "0123456789abcdef" * 2
ACCOUNT_SID, KEY_SID = "AC" + "0" * 32, "SK" + "1" * 32
SENDERS = {"US": "+12025550143", "GB": "Lantern", "DE": SERVICE, "default": "+33700000000"}
TOKEN = TwilioLogin(ACCOUNT_SID, "planted-auth-token")
KEY = TwilioLogin(ACCOUNT_SID, "planted-key-secret", KEY_SID)


def opened(provider, senders, login=TOKEN):
    return TwilioTransport(login, senders, country_of, now=lambda: NOW, url=provider.url, timeout=TIMEOUT)


async def texted(provider, to, senders=SENDERS, login=TOKEN):
    """Send a text to a number; return what Twilio was asked."""
    provider.answer_with(WAYS["twilio"].taken)
    transport = opened(provider, senders, login)
    try:
        await transport.send(replace(TEXT, to=to))
    finally:
        await transport.close()
    return provider.requests[-1]


@pytest.mark.parametrize(
    ("to", "field", "sender"),
    [
        ("+12025550188", "From", "+12025550143"),
        ("+447400123456", "From", "Lantern"),
        ("+4915112345678", "MessagingServiceSid", SERVICE),
        ("+33612345678", "From", "+33700000000"),  # no sender of its own
        ("+14165550188", "From", "+33700000000"),  # Canada shares +1 with the US
        ("+8821612345678", "From", "+33700000000"),  # a satellite phone, of no country
    ],
)
async def test_a_text_is_sent_from_the_sender_of_its_numbers_country(provider, to, field, sender):
    asked = await texted(provider, to)
    form = parse_qs(asked.body.decode())
    assert (form[field], {"From", "MessagingServiceSid"} & form.keys()) == ([sender], {field})
    check(WAYS["twilio"], asked)


@pytest.mark.parametrize(
    ("to", "senders", "reason"),
    [
        ("+33612345678", {"US": "+12025550143"}, "there is no sender for texts to FR"),
        ("+12025550188", {"default": "Lantern"}, "networks of US take no name as a sender"),
    ],
)
async def test_a_country_without_a_sender_gets_no_text_and_the_mail_takes_its_place(provider, to, senders, reason):
    with pytest.raises(PermanentFailure, match=reason) as caught:
        await texted(provider, to, senders)
    assert (caught.value.suppress, provider.requests) == (False, [])


async def test_a_text_in_doubt_is_found_whatever_it_was_sent_from(provider):
    record = {"sid": "SM7", "body": TEXT.text, "status": "sent", "from": "+15005550006", "messaging_service_sid": None}
    provider.answer_with(Answer(200, {"messages": [record], "next_page_uri": None}))
    transport = opened(provider, SENDERS)
    assert (await transport.lookup(TEXT, NOW)).reference == "SM7"
    await transport.close()
    assert parse_qs(provider.requests[0].path.partition("?")[2]).keys() == {"To", "PageSize"}


def user_of(asked):
    return tuple(b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode().split(":"))


async def test_an_api_key_signs_in_for_its_account(provider):
    asked = await texted(provider, "+4915112345678", login=KEY)
    assert user_of(asked) == (KEY_SID, "planted-key-secret")
    assert asked.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"


async def test_an_api_key_is_checked_by_what_it_may_read(provider):
    provider.answer_with(Answer(200, NUMBERS))
    transport = opened(provider, {"default": "+4915100000000"}, KEY)
    assert await transport.check() == "the API key is accepted, and +4915100000000 can send texts"
    await transport.close()
    assert [user_of(asked)[0] for asked in provider.requests] == [KEY_SID]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(401, {"code": 20003, "message": "Authenticate"}), TemporaryFailure),
        (Answer(403, {"code": 70051, "message": "Authorization failed"}), LookupUnavailable),
    ],
)
async def test_a_key_that_may_only_send_is_not_called_wrong(provider, answer, outcome):
    provider.answer_with(answer)
    transport = opened(provider, {"default": "+4915100000000"}, KEY)
    for question in (transport.check, lambda: transport.lookup(TEXT, NOW), lambda: transport.report(TEXT, "SM1")):
        with pytest.raises(outcome):
            await question()
    await transport.close()


async def test_every_sender_is_checked_once(provider):
    numbers = {"incoming_phone_numbers": [NUMBERS["incoming_phone_numbers"][0] | {"phone_number": "+12025550143"}]}
    provider.answer_with(ACCOUNT, Answer(200, numbers), Answer(200, {"sid": SERVICE}))
    transport = opened(provider, {"US": "+12025550143", "PR": "+12025550143", "GB": "Lantern", "DE": SERVICE})
    said = await transport.check()
    await transport.close()
    assert said.endswith(f"+12025550143 can send texts, and it has the messaging service {SERVICE}")
    assert len(provider.requests) == 3


async def test_a_twilio_error_names_neither_the_account_nor_the_key(provider):
    provider.answer_with(Answer(404, {"code": 20404, "message": f"/Accounts/{ACCOUNT_SID} as {KEY_SID} was not found"}))
    transport = opened(provider, SENDERS, KEY)
    with pytest.raises(TemporaryFailure) as caught:
        await transport.send(TEXT)
    await transport.close()
    assert [sid for sid in (ACCOUNT_SID, KEY_SID) if sid in caught.value.reason] == []
