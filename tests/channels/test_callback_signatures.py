"""Signatures of providers' callbacks: what the providers' own libraries sign is accepted, and nothing else."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhook
from starlette.datastructures import Headers, ImmutableMultiDict
from twilio.request_validator import HMAC_SHA256, RequestValidator

from channels import signatures
from channels.email import sendgrid_signatures as sendgrid
from channels.signatures import BadSignature
from channels.sms.twilio_signatures import TwilioKeys, verify_form, verify_json
from tests.support.paths import ROOT

VECTORS_FILE = ROOT.parent / "shared/data/promise-clock/vectors.json"
VECTORS = json.loads(VECTORS_FILE.read_text()) if VECTORS_FILE.is_file() else {}
SETTINGS = "x-twilio-webhooks-signature-settings"
URL = "https://shop.example.com/callbacks/twilio/status?message=1041-1-sms"
FORM = (("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("ErrorCode", ""), ("Body", "não 🙏"))
TOKEN, SHARED = "0123456789abcdef0123456789abcdef", "shared-key-secret"
KEYS = TwilioKeys(TOKEN, SHARED)
PRIVATE, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
EVENTS = b'[{"event":"delivered","email":"jos\xc3\xa9@example.com"}]\r\n'


def is_genuine(check, *given):
    try:
        check(*given)
    except BadSignature:
        return False
    return True


def public_text(key):
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed_events(key=PRIVATE, timestamp="1774972805", body=EVENTS):
    signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    return {sendgrid.SIGNATURE_HEADER: signature, sendgrid.TIMESTAMP_HEADER: timestamp}


def signed_form(url=URL, form=FORM, secret=TOKEN, algorithm=None):
    fields = ImmutableMultiDict(list(form))
    return {"x-twilio-signature": RequestValidator(secret).compute_signature(url, fields, algorithm)}


@pytest.mark.parametrize("case", VECTORS.get("twilio", ()), ids=lambda case: case["id"])
def test_twilio_cases_of_the_reference_get_their_verdict(case):
    headers = {"x-twilio-signature": case["header_x_twilio_signature"]}
    if settings := case.get("header_x_twilio_webhooks_signature_settings"):
        headers[SETTINGS] = settings
    keys = TwilioKeys(shared_key=case["secret"]) if settings else TwilioKeys(case["secret"])
    if "raw_body" in case:
        genuine = is_genuine(verify_json, keys, case["request_url"], headers, case["raw_body"].encode())
    else:
        genuine = is_genuine(verify_form, keys, case["request_url"], headers, map(tuple, case["form"]))
    assert genuine is (case["expected"] is True)


@pytest.mark.parametrize("case", VECTORS.get("sendgrid", {}).get("cases", ()), ids=lambda case: case["id"])
def test_sendgrid_cases_of_the_reference_get_their_verdict(case):
    headers = {
        sendgrid.SIGNATURE_HEADER: case["header_signature"],
        sendgrid.TIMESTAMP_HEADER: case["header_timestamp"],
    }
    body = base64.b64decode(case["raw_body_base64"])
    try:
        keys = sendgrid.read_keys(case["public_key_base64_der"])
    except ValueError:
        keys = []
    expected = case["expected"] is True or str(case["expected"]).startswith("valid over bytes")
    assert is_genuine(sendgrid.verify, keys, headers, body) is expected


@pytest.mark.parametrize("case", VECTORS.get("standard_webhooks", ()), ids=lambda case: case["id"])
def test_standard_webhooks_cases_of_the_reference_get_their_verdict(case):
    if "signature_right" in case:
        signed_at = datetime.fromisoformat(case["sign_time"])
        headers = signatures.sign(WEBHOOK_SECRET, case["headers"]["webhook-id"], case["raw_body"], signed_at)
        assert headers[signatures.SIGNATURE_HEADER] == case["signature_right"] != case["signature_by_library"]
    elif case["secret"] == signatures.SECRET_PREFIX:
        assert not signatures.is_secret(case["secret"])
    else:
        given = (case["secret"], Headers(case["headers"]), case["raw_body"], datetime.fromtimestamp(case["now"], UTC))
        assert is_genuine(signatures.verify, *given) is (case["expected"] is True)


@pytest.mark.skipif(not VECTORS, reason="the reference is not here")
def test_the_reference_has_all_its_cases():
    twilio, mails, webhooks = VECTORS["twilio"], VECTORS["sendgrid"]["cases"], VECTORS["standard_webhooks"]
    assert len(twilio) + len(mails) + len(webhooks) == 74


@pytest.mark.parametrize(
    ("url", "form", "headers", "genuine"),
    [
        (URL, FORM, signed_form(), True),
        (URL, FORM[::-1], signed_form(), True),
        (URL.replace("https", "http"), FORM, signed_form(), False),
        (URL.replace("1041", "1042"), FORM, signed_form(), False),
        (URL, FORM[:2], signed_form(), False),
        (URL, (*FORM, ("Body", "again")), signed_form(), False),
        (URL, (*FORM, ("Body", "again")), signed_form(form=(*FORM, ("Body", "again"))), True),
        (URL, FORM, signed_form(secret="another"), False),
        (URL, FORM, {}, False),
        (URL, FORM, {"x-twilio-signature": "é"}, False),
        (URL, FORM, signed_form(secret=SHARED, algorithm=HMAC_SHA256), False),
        (
            URL,
            FORM,
            signed_form(secret=SHARED, algorithm=HMAC_SHA256) | {SETTINGS: "key=k,algorithm=HMAC_SHA256"},
            True,
        ),
        (URL, FORM, signed_form(algorithm=HMAC_SHA256) | {SETTINGS: "key=k,algorithm=HMAC_SHA256"}, False),
        (URL, FORM, signed_form() | {SETTINGS: "key=k,algorithm=HMAC_SHA512"}, False),
        (URL, FORM, signed_form() | {SETTINGS: ""}, True),
        ("https://shop.example.com:bad/x", FORM, signed_form(), False),
    ],
)
def test_a_form_is_accepted_as_twilio_signs_it_for_this_address(url, form, headers, genuine):
    assert is_genuine(verify_form, KEYS, url, headers, form) is genuine


def test_without_a_key_no_form_is_accepted():
    assert not is_genuine(verify_form, TwilioKeys(), URL, signed_form(secret=""), FORM)


@pytest.mark.parametrize(
    ("digest_of", "body", "genuine"),
    [(b'{"a":1}', b'{"a":1}', True), (b'{"a":1}', b'{"a": 1}', False), (b"\xff", b"\xff", True), (None, b"{}", False)],
)
def test_a_json_body_is_the_one_whose_digest_the_signed_address_has(digest_of, body, genuine):
    url = URL if digest_of is None else f"{URL}&bodySHA256={hashlib.sha256(digest_of).hexdigest()}"
    assert is_genuine(verify_json, KEYS, url, signed_form(url, ()), body) is genuine


@pytest.mark.parametrize(
    ("headers", "body", "genuine"),
    [
        (signed_events(), EVENTS, True),
        (signed_events(OTHER), EVENTS, True),
        (signed_events(ec.generate_private_key(ec.SECP256R1())), EVENTS, False),
        (signed_events(), EVENTS.strip(), False),
        (signed_events(body=b"\xff"), b"\xff", True),
        (signed_events() | {sendgrid.TIMESTAMP_HEADER: "1774972806"}, EVENTS, False),
        (signed_events() | {sendgrid.SIGNATURE_HEADER: "%%%a"}, EVENTS, False),
        (signed_events() | {sendgrid.SIGNATURE_HEADER: "é"}, EVENTS, False),
        (signed_events() | {sendgrid.SIGNATURE_HEADER: ""}, EVENTS, False),
        ({}, EVENTS, False),
    ],
)
def test_events_are_accepted_as_either_key_signs_them(headers, body, genuine):
    keys = sendgrid.read_keys(f"{public_text(PRIVATE)}, {public_text(OTHER)}")
    assert is_genuine(sendgrid.verify, keys, headers, body) is genuine


def test_sendgrids_own_library_agrees_on_a_signature():
    headers = signed_events()
    given = (EVENTS.decode(), headers[sendgrid.SIGNATURE_HEADER], headers[sendgrid.TIMESTAMP_HEADER])
    assert EventWebhook(public_text(PRIVATE)).verify_signature(*given)


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN PUBLIC KEY-----\n{public_text(PRIVATE)}\n-----END PUBLIC KEY-----",
        "not base64!",
        "bm8ga2V5",
        ",".join([public_text(PRIVATE)] * 3),
    ],
)
def test_a_key_that_would_verify_nothing_is_refused_when_it_is_read(text):
    with pytest.raises(ValueError, match="key"):
        sendgrid.read_keys(text)
