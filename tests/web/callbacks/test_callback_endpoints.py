"""Callbacks over HTTP: genuine ones are stored before they are answered, and nothing else is."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from app.callbacks import callback_keys, status_callback
from models.config.settings import GivenSettings
from models.errors import ForewarnError
from tests.support.callbacks import (
    EVENTS,
    FORM_TYPE,
    INBOUND,
    STATUS,
    TOKEN,
    URL,
    event,
    inbound_fields,
    public_text,
    sendgrid_request,
    status_fields,
    twilio_request,
)
from tests.support.web_client import WebClient
from web.callbacks.routes import callback_routes

SETTINGS = GivenSettings(callback_url=f"{URL}/", twilio_auth_token=SecretStr(TOKEN), sendgrid_event_keys=public_text())
SECOND_KEY = public_text(ec.generate_private_key(ec.SECP256R1()))
AWAY = OperationalError("INSERT", {}, Exception("the database is away"))


class Providers:
    """What posts callbacks, and what was stored of them."""

    def __init__(self, settings=SETTINGS, error=None):
        self.stored, self.error = [], error
        self._client = WebClient(Starlette(routes=callback_routes(callback_keys(settings), self._append)))

    def _append(self, callbacks):
        if self.error:
            raise self.error
        self.stored += callbacks

    def post(self, path, body, headers):
        return self._client.ask("POST", path, body, headers)


@pytest.fixture
def providers():
    return Providers()


def test_a_status_is_stored_with_our_id_of_the_text_and_all_its_fields(providers):
    fields = status_fields("undelivered", ErrorCode="30003", BrandNewField="x", RawDlrDoneDate="")
    answer = providers.post(*twilio_request(f"{STATUS}?message=A%2F1-1-sms", fields))
    assert answer.status == 204
    (stored,) = providers.stored
    assert (stored.source, stored.kind, stored.reference) == ("twilio_status", "undelivered", "SM1")
    assert (stored.message_id, stored.address) == ("A/1-1-sms", "+4915112345678")
    assert stored.payload == fields


def test_the_address_that_twilio_is_given_is_the_one_that_is_verified(providers):
    path = f"{status_callback(SETTINGS)}?message=1".removeprefix(URL)
    assert providers.post(*twilio_request(path, status_fields())).status == 204


def test_a_status_in_json_is_stored_by_the_digest_in_its_address(providers):
    body = json.dumps(status_fields()).encode()
    path = f"{STATUS}?message=1&bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(URL + path, {})}
    headers = {"content-type": "application/json; charset=utf-8"} | signature
    assert providers.post(path, body, headers).status == 204
    assert providers.stored[0].kind == "delivered"
    assert providers.post(path, body + b" ", headers).status == 403
    assert len(providers.stored) == 1


def test_the_host_that_a_request_names_is_not_believed(providers):
    path, body, headers = twilio_request(STATUS, status_fields(), url="https://evil.example.com")
    assert providers.post(path, body, headers | {"host": "evil.example.com"}).status == 403


def test_a_text_from_a_person_is_stored_and_answered_with_nothing(providers):
    answer = providers.post(*twilio_request(INBOUND, inbound_fields("Stop", OptOutType="STOP")))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert "<Response/>" in answer.html
    (stored,) = providers.stored
    assert (stored.source, stored.kind, stored.address) == ("twilio_inbound", "STOP", "+4915112345678")


def test_events_are_stored_one_by_one(providers):
    events = [event(), event("bounce", "e2", type="bounce", reason="550 5.1.1 unknown", nested={"a": [1]})]
    assert providers.post(*sendgrid_request(events)).status == 204
    delivered, bounced = providers.stored
    assert (delivered.message_id, delivered.reference, delivered.kind) == ("1041-1-email", "abc", "delivered")
    assert delivered.happened_at == datetime.fromtimestamp(1774972800, UTC)
    assert (bounced.payload["reason"], bounced.payload["nested"]) == ("550 5.1.1 unknown", '{"a": [1]}')


def test_a_copy_of_an_event_has_the_same_key_and_another_event_has_not(providers):
    one, copy, other = event(), event(), event("open", key="")
    late = event("open", key="", timestamp=1774972801)
    providers.post(*sendgrid_request([one, copy, other, dict(other), late]))
    keys = [stored.key for stored in providers.stored]
    assert (keys[0] == keys[1], keys[2] == keys[3], len(set(keys))) == (True, True, 3)


@pytest.mark.parametrize("path", [STATUS, INBOUND, EVENTS])
def test_what_is_not_signed_is_refused_before_its_body_is_read(providers, path):
    assert providers.post(path, b"%", FORM_TYPE).status == 403
    assert providers.stored == []


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        twilio_request(STATUS, status_fields(), token="another"),
        twilio_request(STATUS, status_fields(), url=URL.replace("https", "http")),
        (*twilio_request(STATUS, status_fields())[:2], FORM_TYPE | {"x-twilio-signature": "é".encode("latin-1")}),
        (EVENTS, b"[]", sendgrid_request([])[2]),
        (EVENTS, sendgrid_request([])[1], sendgrid_request([])[2] | {"x-twilio-email-event-webhook-signature": "%"}),
    ],
)
def test_a_wrong_signature_is_refused(providers, path, body, headers):
    assert providers.post(path, body, headers).status == 403
    assert providers.stored == []


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        twilio_request(STATUS, {"MessageSid": "SM1"}),
        twilio_request(STATUS, {}),
        twilio_request(INBOUND, {"From": "+15005550006"}),
        (STATUS, b"MessageSid=%ff", FORM_TYPE | {"x-twilio-signature": "x"}),
        (STATUS, b"\xff", FORM_TYPE | {"x-twilio-signature": "x"}),
        (STATUS, b"&".join([b"a=1"] * 101), FORM_TYPE | {"x-twilio-signature": "x"}),
        sendgrid_request(b"\xff"),
        sendgrid_request(b"[NaN]"),
        sendgrid_request(b"{}"),
        sendgrid_request(b"[1]"),
        sendgrid_request(b"[" * 100_000),
        sendgrid_request([], signed_at="soon"),
        sendgrid_request([{}] * 20_001),
    ],
)
def test_a_malformed_body_is_refused(providers, path, body, headers):
    assert providers.post(path, body, headers).status == 400
    assert providers.stored == []


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [twilio_request(STATUS, {"Body": "x" * 65_536}), sendgrid_request(b"x" * (4 * 1024 * 1024 + 1))],
)
def test_a_body_longer_than_a_provider_sends_is_refused(providers, path, body, headers):
    assert providers.post(path, body, headers).status == 413


def test_strange_fields_are_stored_as_texts_of_a_limited_length(providers):
    strange = event("bounce", reason="\ud800 \0 x" * 2_000, big=10**40, far=1e400, many=["a"], timestamp=10**30)
    body = json.dumps([strange, {}]).replace("Infinity", "1e400").encode()
    assert providers.post(*sendgrid_request(body)).status == 204
    stored, empty = providers.stored
    assert len(stored.payload["reason"]) == 2_000
    assert "\0" not in stored.payload["reason"]
    assert (stored.payload["big"], stored.payload["far"]) == (str(10**40), "Infinity")
    assert (stored.happened_at, empty.kind, empty.message_id) == (None, "", "")


@pytest.mark.parametrize(
    "request_of", [twilio_request(STATUS, status_fields()), sendgrid_request([event()])], ids=["twilio", "sendgrid"]
)
def test_while_the_database_is_away_the_provider_is_asked_to_come_again(request_of):
    answer = Providers(error=AWAY).post(*request_of)
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")


def test_without_the_keys_of_a_provider_there_is_no_endpoint():
    providers = Providers(GivenSettings(callback_url=URL))
    assert providers.post(*sendgrid_request([event()])).status == 404
    assert providers.post(*twilio_request(STATUS, status_fields())).status == 404


def test_both_keys_of_a_provider_verify_while_one_is_replaced():
    both = SETTINGS.model_copy(update={"sendgrid_event_keys": f"{SECOND_KEY},{public_text()}"})
    assert Providers(both).post(*sendgrid_request([event()])).status == 204


def test_a_key_that_verifies_nothing_stops_the_service_at_its_start():
    with pytest.raises(ForewarnError, match="FOREWARN_SENDGRID_EVENT_KEYS: a verification key is base64"):
        callback_keys(GivenSettings(sendgrid_event_keys="-----BEGIN PUBLIC KEY-----"))


@pytest.mark.parametrize(
    "url",
    [
        "http://orders.shop.example.com",
        "https://my_shop.example.com",
        "https://orders.shop.example.com?a=1",
        "https://orders.shop.example.com#rc=3",
        "https://user:pass@orders.shop.example.com",
        "https://orders.shop.example.com:port",
        "orders.shop.example.com",
    ],
)
def test_an_address_that_no_provider_calls_is_refused(url):
    with pytest.raises(ValueError, match="callback_url"):
        GivenSettings(callback_url=url)


async def test_requests_that_come_at_once_are_each_answered_after_their_own_are_stored():
    stored, calls = [], []

    def append(callbacks):
        calls.append(len(callbacks))
        stored.extend(callbacks)

    app = Starlette(routes=callback_routes(callback_keys(SETTINGS), append))
    requests = [sendgrid_request([event(key=f"e{n}")]) for n in range(100)]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=URL) as client:
        posts = (client.post(path, content=body, headers=headers) for path, body, headers in requests)
        answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {204}
    assert (len({one.key for one in stored}), sum(calls)) == (100, 100)
    assert len(calls) < 100


async def test_a_batch_that_fails_is_told_to_its_own_requests_and_the_next_is_stored():
    stored, failures = [], [AWAY]

    def append(callbacks):
        if failures:
            raise failures.pop()
        stored.extend(callbacks)

    app = Starlette(routes=callback_routes(callback_keys(SETTINGS), append))
    path, body, headers = sendgrid_request([event()])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=URL) as client:
        statuses = [(await client.post(path, content=body, headers=headers)).status_code for _ in range(2)]
    assert (statuses, len(stored)) == ([503, 204], 1)
