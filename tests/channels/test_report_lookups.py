"""What holds where a provider is asked what became of a message that it took."""

import pytest

from channels.transport import LookupUnavailable, ReportLookup, TemporaryFailure
from models.callbacks import CallbackSource
from tests.channels.test_lookups import check_question
from tests.channels.test_transports import WAYS
from tests.support.provider import Answer

TEXT = {"sid": "SM1", "to": "+4915112345678", "date_updated": "Mon, 23 Nov 2026 06:30:00 +0000"}
LISTED = {"msg_id": "sg-1.filter0001.1.1-0", "to_email": "anna@example.com", "last_event_time": "2026-11-23T06:30:00Z"}
OTHER = {"msg_id": "sg-10.filter0001", "to_email": "anna@example.com", "status": "delivered"}


async def asked(name, provider, *answers):
    """Ask what became of a message, and return what came back, callback or exception."""
    provider.answer_with(*answers)
    transport = WAYS[name].transport(provider.url)
    assert isinstance(transport, ReportLookup)
    try:
        return await transport.report(WAYS[name].message, WAYS[name].reference)
    except (TemporaryFailure, LookupUnavailable) as outcome:
        return outcome
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("delivered", None, "delivered"),
        ("read", None, "read"),
        ("undelivered", 30006, "undelivered"),
        ("failed", 21610, "failed"),
        ("sent", None, None),
        ("queued", None, None),
        ("something new", None, None),
    ],
)
async def test_twilio_is_asked_by_its_own_id_and_told_ends_are_callbacks(provider, status, code, kind):
    told = await asked("twilio", provider, Answer(200, TEXT | {"status": status, "error_code": code}))
    (question,) = provider.requests
    assert (question.method, question.path.rpartition("/")[2]) == ("GET", "SM1.json")
    assert (told and told.kind) == kind
    if told:
        message = WAYS["twilio"].message
        assert (told.source, told.message_id, told.reference) == (CallbackSource.TWILIO_RECORDS, message.id, "SM1")
        assert (told.address, told.payload.get("ErrorCode")) == (message.to, str(code) if code else None)


async def test_a_text_that_was_deleted_at_twilio_says_nothing(provider):
    assert await asked("twilio", provider, Answer(404, {"code": 20404, "message": "not found", "status": 404})) is None


@pytest.mark.parametrize(
    ("name", "answer", "outcome"),
    [
        ("twilio", Answer(503), TemporaryFailure),
        ("twilio", Answer(401, {"code": 20003}), TemporaryFailure),
        ("sendgrid", Answer(503), TemporaryFailure),
        ("sendgrid", Answer(403), LookupUnavailable),
        ("sendgrid", Answer(200, {"messages": "none"}), TemporaryFailure),
    ],
)
async def test_a_provider_that_cannot_say_is_told_from_one_that_says_nothing(provider, name, answer, outcome):
    assert isinstance(await asked(name, provider, answer), outcome)


async def test_sendgrid_is_asked_by_the_address_and_the_mail_is_found_by_its_id(provider):
    mails = {"messages": [OTHER | {"status": "not_delivered"}, LISTED | {"status": "delivered"}]}
    told = await asked("sendgrid", provider, Answer(200, mails))
    (question,) = provider.requests
    check_question(WAYS["sendgrid"], question, "/messages")
    assert (told.source, told.kind, told.reference) == (CallbackSource.SENDGRID_RECORDS, "delivered", "sg-1")
    assert told.message_id == WAYS["sendgrid"].message.id


@pytest.mark.parametrize(
    ("event", "kind", "payload"),
    [
        (
            {"event_name": "bounced", "bounce_type": "hard", "reason": "550"},
            "bounce",
            {"type": "bounce", "reason": "550"},
        ),
        ({"event_name": "bounced", "bounce_type": "soft"}, "bounce", {"type": "blocked", "reason": ""}),
        ({"event_name": "dropped", "reason": "Bounced Address"}, "dropped", {"reason": "Bounced Address"}),
        ({"event_name": "processed"}, "bounce", {"type": "blocked", "reason": ""}),
    ],
)
async def test_a_mail_that_did_not_arrive_says_why(provider, event, kind, payload):
    listed = LISTED | {"status": "not_delivered"}
    told = await asked(
        "sendgrid", provider, Answer(200, {"messages": [listed]}), Answer(200, listed | {"events": [event]})
    )
    assert (told.kind, told.payload) == (kind, payload)


@pytest.mark.parametrize("mails", [[], [OTHER], [LISTED | {"status": "processed"}], [LISTED]])
async def test_a_mail_on_its_way_or_unknown_says_nothing(provider, mails):
    assert await asked("sendgrid", provider, Answer(200, {"messages": mails})) is None
