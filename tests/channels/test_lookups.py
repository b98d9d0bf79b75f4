"""What holds where a provider is asked afterwards whether it took a message."""

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from channels.local.outbox import LocalOutbox, location_of
from channels.transport import DeliveryLookup, LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.config.shop import Sender
from tests.channels.test_transports import MAIL, NOW, POST, TEXT, WAYS, description
from tests.support.provider import Answer, Fault, ProviderRecords

SINCE = NOW - timedelta(minutes=15)
SPECS = {
    "sendgrid": ("/messages", "/messages/{msg_id}"),
    "twilio": ("/2010-04-01/Accounts/{AccountSid}/Messages.json",),
    "x": ("/2/users/me", "/2/users/{id}/tweets"),
}


@pytest.fixture(params=WAYS)
def name(request):
    return request.param


async def asked(name, provider, message=None, since=SINCE):
    """Ask for a message, and return what came back, receipt or exception."""
    transport = WAYS[name].transport(provider.url)
    assert isinstance(transport, DeliveryLookup)
    try:
        return await transport.lookup(message or WAYS[name].message, since)
    except (TemporaryFailure, LookupUnavailable, PermanentFailure) as outcome:
        return outcome
    finally:
        await transport.close()


def check_question(way, question, path):
    """Hold a question against the provider's official description."""
    from openapi_core.testing import MockRequest

    base, _, query = question.path.partition("?")
    request = MockRequest(
        way.served_at, "get", base,
        args={key: values[0] for key, values in parse_qs(query).items()},
        headers={key: value for key, value in question.headers.items() if key != "Host"},
    )  # fmt: skip
    description(way.spec, path).validate_request(request)


async def left_in_doubt(name, provider, *, takes):
    provider.records = ProviderRecords(NOW, takes=takes, breaks=True)
    transport = WAYS[name].transport(provider.url)
    with pytest.raises(OutcomeUnknown):
        await transport.send(WAYS[name].message)
    await transport.close()
    assert len(provider.records.taken) == int(takes)


async def test_what_was_taken_before_the_line_broke_is_found_with_its_reference(name, provider):
    await left_in_doubt(name, provider, takes=True)
    found = await asked(name, provider)
    assert found.reference == "1"
    assert len(provider.records.taken) == 1


async def test_what_never_came_is_told_as_never_taken(name, provider):
    await left_in_doubt(name, provider, takes=False)
    assert await asked(name, provider) is None


async def test_another_message_to_the_same_person_is_not_taken_for_this_one(name, provider):
    await left_in_doubt(name, provider, takes=True)
    other = replace(WAYS[name].message, id="n-other", text="Something else", subject="Another order")
    assert await asked(name, provider, other) is None


@pytest.mark.filterwarnings("ignore:Unsupported scheme type:UserWarning")
async def test_what_is_asked_is_what_the_providers_official_description_knows(name, provider):
    await left_in_doubt(name, provider, takes=True)
    await asked(name, provider)
    asks = [one for one in provider.requests if one.method == "GET"]
    assert len(asks) == len(SPECS[name])
    for one, path in zip(asks, SPECS[name], strict=True):
        check_question(WAYS[name], one, path)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(400), LookupUnavailable),
        (Answer(401), TemporaryFailure),
        (Answer(429, {}, {"Retry-After": "60"}), TemporaryFailure),
        (Answer(500), TemporaryFailure),
        (Answer(503), TemporaryFailure),
        (Answer(200, "<h1>Not JSON</h1>"), TemporaryFailure),
        (Answer(200, {}), TemporaryFailure),
        (Answer(200, {"messages": [{}], "data": [{}]}), TemporaryFailure),
        (Answer(200, {"messages": None, "data": None}), TemporaryFailure),
        (Answer(204), TemporaryFailure),
        (Fault.RESET, TemporaryFailure),
        (Fault.SILENCE, TemporaryFailure),
        (Fault.GARBAGE, TemporaryFailure),
    ],
    ids=repr,
)
async def test_an_answer_that_is_none_is_never_read_as_never_taken(name, provider, answer, outcome):
    provider.answer_with(answer)
    assert type(await asked(name, provider)) is outcome


async def test_the_wait_that_a_provider_asks_for_is_told(name, provider):
    provider.answer_with(Answer(429, {}, {"Retry-After": "60"}))
    assert (await asked(name, provider)).retry_after == timedelta(minutes=1)


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_sendgrid_account_without_email_activity_cannot_be_asked(provider, status):
    provider.answer_with(Answer(status, {"errors": [{"message": "access forbidden"}]}))
    assert type(await asked("sendgrid", provider)) is LookupUnavailable


async def test_a_mail_without_the_notices_id_in_its_record_is_left_to_people(provider):
    mail = {"msg_id": "m-1", "subject": MAIL.subject, "last_event_time": "2026-11-23T06:30:00Z"}
    provider.answer_with(Answer(200, {"messages": [mail]}), Answer(200, mail))
    assert type(await asked("sendgrid", provider)) is LookupUnavailable


def text(body, minutes):
    return {
        "sid": "SM7",
        "body": body,
        "status": "queued",
        "date_created": format_datetime(NOW - timedelta(minutes=minutes)),
    }


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        ([text(TEXT.text, 0)], "SM7"),
        ([text(TEXT.text + " ", 14)], "SM7"),
        ([text(TEXT.text, 16)], None),
        ([text("Another", 0)], None),
        ([text("", 0)], LookupUnavailable),
        ([text("", 16)], None),
        ([text("Another", 0)] * 1000, LookupUnavailable),
        ([text(TEXT.text, 0) | {"status": "failed", "error_code": 30007}], PermanentFailure),
        ([text(TEXT.text, 0) | {"status": "undelivered", "error_code": None}], PermanentFailure),
        ([text(TEXT.text, 0) | {"status": "failed", "sid": "SM6"}, text(TEXT.text, 0)], "SM7"),
    ],
)
async def test_twilios_texts_are_told_apart_by_number_words_and_time(provider, known, outcome):
    provider.answer_with(Answer(200, {"messages": known}))
    found = await asked("twilio", provider)
    got = found.reference if hasattr(found, "reference") else found
    assert got == outcome or type(got) is outcome
    assert "DateSent" not in provider.requests[0].path


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Late: see https://lamps.example.com/p/7", "Late: see https://t.co/abc"),
        ("Lamp & shade, late", "Lamp &amp; shade, late"),
        ("Two\nlines", "Two lines"),
    ],
)
async def test_a_post_is_known_by_its_words_whatever_x_makes_of_its_links(provider, ours, theirs):
    me = Answer(200, {"data": {"id": "42"}})
    provider.answer_with(me, Answer(200, {"data": [{"id": "9", "text": theirs}], "meta": {"result_count": 1}}))
    assert (await asked("x", provider, replace(POST, text=ours))).reference == "9"


async def test_a_long_timeline_is_read_to_its_end(provider):
    me = Answer(200, {"data": {"id": "42"}})
    first = Answer(200, {"data": [{"id": "8", "text": "Sale"}], "meta": {"result_count": 1, "next_token": "t2"}})
    last = Answer(200, {"data": [{"id": "9", "text": POST.text}], "meta": {"result_count": 1}})
    provider.answer_with(me, first, last)
    assert (await asked("x", provider)).reference == "9"
    assert "pagination_token=t2" in provider.requests[2].path


async def test_the_outbox_knows_a_message_by_its_record(tmp_path):
    transport = LocalOutbox(tmp_path, Sender(name="Tea", email="shop@example.com"))
    assert await transport.lookup(MAIL, SINCE) is None
    receipt = await transport.send(MAIL)
    assert (await transport.lookup(MAIL, SINCE)).reference == receipt.reference
    location_of(tmp_path, MAIL).with_suffix(".json").unlink()
    assert await transport.lookup(MAIL, SINCE) is None
