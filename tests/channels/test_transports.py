"""What holds at every transport that leads to a provider: three outcomes, doubt, and no foreign exception."""

import asyncio
import json
import logging
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from channels.email.sendgrid import SendGridTransport
from channels.sms.twilio import TwilioLogin, TwilioTransport
from channels.social.x import XTransport
from channels.transport import MessageTransport, OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Message
from rules.contact.addresses import country_of
from tests.support.paths import SHARED
from tests.support.provider import Answer, Fault, Provider, RecordedRequest

SPECS = SHARED / "specs"
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
TIMEOUT = 1.0
"""Seconds: a busy machine may keep a test from running for a third of one."""
SECRETS = ("SG.planted-key", "planted-auth-token", "planted-consumer", "planted-access")

MAIL = Message(
    "n-1", Channel.EMAIL, "anna@example.com", "Hello Anna", subject="Your order 7", html="<p>Hello Anna</p>",
    to_name="Anna Schmidt", category="week",
)  # fmt: skip
TEXT = Message("n-2", Channel.SMS, "+4915112345678", "Your order 7 is late")
POST = Message("p-1", Channel.X, "", "The kettle ships later than we said.")


def sendgrid(url: str) -> MessageTransport:
    sender = Sender(name="Tea & Co", email="shop@example.com", reply_to="help@example.com")
    return SendGridTransport("SG.planted-key", sender, url=url, timeout=TIMEOUT)


def twilio(url: str, sender: str = "+4915100000000") -> MessageTransport:
    login = TwilioLogin("AC" + "0" * 32, "planted-auth-token")
    return TwilioTransport(login, {"default": sender}, country_of, now=lambda: NOW, url=url, timeout=TIMEOUT)


def x(url: str) -> MessageTransport:
    return XTransport(
        "planted-consumer-key", "planted-consumer-secret", "planted-access-token", "planted-access-secret",
        url=url, timeout=TIMEOUT,
    )  # fmt: skip


@dataclass(frozen=True)
class Way:
    """A transport, a message for it, how its provider takes it, and the official description of that."""

    transport: Callable[[str], MessageTransport]
    message: Message
    taken: Answer
    reference: str
    spec: str
    path: str
    served_at: str


WAYS = {
    "sendgrid": Way(
        sendgrid, MAIL, Answer(202, "", {"X-Message-Id": "sg-1"}), "sg-1",
        "sendgrid/oai_v3_stoplight.json", "/mail/send", "http://api.sendgrid.com",
    ),
    "twilio": Way(
        twilio, TEXT, Answer(201, {"sid": "SM1", "status": "queued", "num_segments": "1"}), "SM1",
        "twilio/twilio_api_v2010.json", "/2010-04-01/Accounts/{AccountSid}/Messages.json", "https://api.twilio.com",
    ),
    "x": Way(
        x, POST, Answer(201, {"data": {"id": "1999", "text": "The kettle"}}), "1999",
        "x/openapi.json", "/2/tweets", "https://api.x.com",
    ),
}  # fmt: skip


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request) -> Way:
    return request.param


async def sent(way: Way, provider: Provider, *answers: Answer | Fault, message: Message | None = None):
    """Send one message and return what came back, receipt or exception."""
    provider.answer_with(*answers)
    transport = way.transport(provider.url)
    try:
        async with asyncio.timeout(20 * TIMEOUT):  # a transport without a time limit fails here instead of hanging
            return await transport.send(message or way.message)
    except (PermanentFailure, TemporaryFailure, OutcomeUnknown) as outcome:
        return outcome
    finally:
        await transport.close()


@cache
def description(file: str, path: str) -> Any:
    """Load the one path of an official description; the whole of it takes ten seconds."""
    if not (SPECS / file).is_file():
        pytest.skip(f"the official description {file} is not beside the project")
    from openapi_core import Config, OpenAPI

    told = json.loads((SPECS / file).read_text())
    told["paths"] = {path: told["paths"][path]}
    # X's own file fails its own validation, on an enum that lists a value twice.
    return OpenAPI.from_dict(told, config=Config(spec_validator_cls=None))


def check(way: Way, asked: RecordedRequest) -> None:
    """Hold a request against the provider's official description."""
    from openapi_core.testing import MockRequest

    headers = {name: value for name, value in asked.headers.items() if name != "Host"}
    request = MockRequest(
        way.served_at, asked.method.lower(), asked.path, headers=headers, data=asked.body,
        content_type=asked.headers["Content-Type"],
    )  # fmt: skip
    description(way.spec, way.path).validate_request(request)


async def test_a_message_that_is_taken_gives_the_providers_reference(way, provider):
    receipt = await sent(way, provider, way.taken)
    assert receipt.reference == way.reference
    assert len(provider.requests) == 1


# openapi-core knows no OAuth; the signature is not part of the description's schema
@pytest.mark.filterwarnings("ignore:Unsupported scheme type:UserWarning")
async def test_what_is_sent_is_what_the_providers_official_description_asks_for(way, provider):
    await sent(way, provider, way.taken)
    check(way, provider.requests[0])


async def test_the_check_against_the_description_can_fail(way, provider):
    from openapi_core.exceptions import OpenAPIError

    await sent(way, provider, way.taken)
    description(way.spec, way.path)
    with pytest.raises(OpenAPIError):
        check(way, replace(provider.requests[0], method="PATCH"))


async def test_connections_are_kept_for_the_next_messages(way, provider):
    provider.answer_with(way.taken)
    transport = way.transport(provider.url)
    for _ in range(3):
        await asyncio.gather(*(transport.send(way.message) for _ in range(4)))
    await transport.close()
    assert len(provider.requests) == 12
    assert len(provider.connections) <= 4


@pytest.mark.parametrize(
    ("status", "outcome", "channel_down"),
    [
        (307, TemporaryFailure, True),
        (400, PermanentFailure, None),
        (401, TemporaryFailure, True),
        (403, TemporaryFailure, True),
        (404, TemporaryFailure, True),
        (407, TemporaryFailure, True),
        (408, TemporaryFailure, False),
        (413, PermanentFailure, None),
        (421, TemporaryFailure, False),
        (425, TemporaryFailure, False),
        (429, TemporaryFailure, False),
        (500, OutcomeUnknown, None),
        (502, OutcomeUnknown, None),
        (504, OutcomeUnknown, None),
    ],
)
@pytest.mark.parametrize("body", ["", "<h1>Not JSON</h1>", [1], {"errors": None}, {}])
async def test_a_bare_status_means_the_same_at_every_door(way, provider, status, outcome, channel_down, body):
    got = await sent(way, provider, Answer(status, body, {"Location": f"{provider.url}/elsewhere"}))
    assert type(got) is outcome
    assert getattr(got, "channel_down", None) is channel_down
    assert got.code == str(status)
    assert str(status) in got.reason
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("name", "outcome"), [("sendgrid", TemporaryFailure), ("x", TemporaryFailure), ("twilio", OutcomeUnknown)]
)  # fmt: skip
async def test_a_503_is_a_retry_only_where_the_provider_says_that_nothing_was_taken(provider, name, outcome):
    assert type(await sent(WAYS[name], provider, Answer(503))) is outcome


DATE = {"Date": "Mon, 23 Nov 2026 06:30:00 GMT"}
RESET = str(int(NOW.timestamp()) + 90)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "99999999999999999999"}, 86_400),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 06:31:00 GMT"}, 60),
        ({"Retry-After": "Mon, 23 Nov 2026 06:29:00 GMT"}, 0),
        ({"X-RateLimit-Reset": RESET}, 90),
        ({"x-rate-limit-reset": RESET, "x-rate-limit-remaining": "0"}, 90),
        ({"x-rate-limit-reset": "9" * 30}, 86_400),
        (
            {
                "x-rate-limit-reset": RESET, "x-rate-limit-remaining": "0",
                "x-user-limit-24hour-reset": str(int(RESET) + 9000), "x-user-limit-24hour-remaining": "12",
            },
            90,
        ),
    ],
)  # fmt: skip
async def test_after_a_429_we_wait_as_long_as_the_provider_says(way, provider, headers, seconds):
    got = await sent(way, provider, Answer(429, {}, DATE | headers))
    assert type(got) is TemporaryFailure
    assert got.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("fault", Fault)
async def test_what_breaks_after_the_message_left_leaves_it_in_doubt_and_is_not_sent_again(way, provider, fault):
    assert type(await sent(way, provider, fault)) is OutcomeUnknown
    assert len(provider.requests) == 1


async def test_a_kept_connection_that_breaks_is_not_a_reason_to_send_again(way, provider):
    provider.answer_with(way.taken, Fault.RESET, way.taken)
    transport = way.transport(provider.url)
    await transport.send(way.message)
    with pytest.raises(OutcomeUnknown):
        await transport.send(way.message)
    await transport.close()
    assert len(provider.requests) == 2


async def test_a_success_without_a_readable_answer_is_in_doubt_where_the_answer_is_the_receipt(provider):
    for name in ("twilio", "x"):
        assert type(await sent(WAYS[name], provider, Answer(201, "<h1>Thanks</h1>"))) is OutcomeUnknown
        assert type(await sent(WAYS[name], provider, Answer(201, {"data": {}}))) is OutcomeUnknown


def refused_port() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.parametrize("url", [refused_port(), "http://no-such-host.invalid"], ids=["refused", "unknown"])
async def test_a_provider_that_cannot_be_reached_has_certainly_not_taken_the_message(way, url):
    transport = way.transport(url)
    with pytest.raises(TemporaryFailure) as raised:
        await transport.send(way.message)
    await transport.close()
    assert not raised.value.channel_down


async def test_a_failed_tls_handshake_has_certainly_not_taken_the_message(way, provider):
    transport = way.transport(provider.url.replace("http:", "https:"))
    with pytest.raises(TemporaryFailure):
        await transport.send(way.message)
    await transport.close()
    assert not provider.requests


async def test_a_connection_that_is_not_made_in_time_has_certainly_not_taken_the_message(way):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # a full queue: the kernel lets the next ones wait
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        transport = way.transport(f"http://127.0.0.1:{address[1]}")
        with pytest.raises(TemporaryFailure):
            await transport.send(way.message)
        await transport.close()
        for one in waiting:
            one.close()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "127.0.0.1:9", "http://[::1"])
async def test_an_address_that_is_none_stops_the_channel_and_sends_nothing(way, url):
    transport = way.transport(url)
    with pytest.raises(TemporaryFailure) as raised:
        await transport.send(way.message)
    await transport.close()
    assert raised.value.channel_down


async def test_a_credential_with_a_line_break_stops_the_channel_and_sends_nothing(provider):
    sender = Sender(name="Tea", email="shop@example.com")
    transport = SendGridTransport("SG.planted-key\n", sender, url=provider.url, timeout=TIMEOUT)
    with pytest.raises(TemporaryFailure) as raised:
        await transport.send(MAIL)
    await transport.close()
    assert raised.value.channel_down
    assert not provider.requests


EVERYTHING = [
    Answer(201, {"errors": [{"message": "m"}]}), Answer(400, {"errors": [None, "x", {"message": None}]}),
    Answer(400, {"code": "20003", "message": None}), Answer(403, {"detail": None, "title": 7}), Answer(429, "null"),
    Answer(204), Answer(599, "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")),
    Answer(202, "[]"), *Fault,
]  # fmt: skip


@pytest.mark.parametrize("answer", EVERYTHING, ids=repr)
async def test_no_foreign_exception_and_no_credential_leaves_a_door(way, provider, answer, caplog):
    caplog.set_level(logging.DEBUG)
    provider.answer_with(answer)
    transport = way.transport(provider.url)
    try:
        await transport.send(way.message)
    except (PermanentFailure, TemporaryFailure, OutcomeUnknown) as error:
        told = "".join(traceback.format_exception(error)) + repr(error)
    else:
        told = ""
    await transport.close()
    assert not [secret for secret in SECRETS if secret in told + caplog.text + repr(transport)]
