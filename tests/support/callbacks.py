"""Callbacks as the providers send them, signed by the providers' own libraries and keys."""

import base64
import json
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from channels.email import sendgrid_signatures

URL = "https://orders.shop.example.com"
STATUS, INBOUND, EVENTS = "/callbacks/twilio/status", "/callbacks/twilio/inbound", "/callbacks/sendgrid/events"
TOKEN = "0123456789abcdef0123456789abcdef"
FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}
EVENT_KEY = ec.generate_private_key(ec.SECP256R1())
SIGNED_AT = 1774972805


def public_text(key=EVENT_KEY):
    """Return a verification key as SendGrid shows it."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def twilio_request(path, fields, url=URL, token=TOKEN):
    """Return the path, the body and the headers of a form that Twilio posts."""
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
    signature = RequestValidator(token).compute_signature(url + path, ImmutableMultiDict(pairs))
    return path, urlencode(pairs).encode(), FORM_TYPE | {"x-twilio-signature": signature}


def status_fields(status="delivered", sid="SM1", **fields):
    """Return the fields of a status callback."""
    common = {"AccountSid": "AC1", "From": "+15557650000", "To": "+4915112345678", "ApiVersion": "2010-04-01"}
    return common | {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status} | fields


def inbound_fields(body="STOP", sid="SM9", sender="+4915112345678", **fields):
    """Return the fields of a text that somebody sends."""
    return {"AccountSid": "AC1", "MessageSid": sid, "From": sender, "To": "+15557650000", "Body": body} | fields


def event(name="delivered", key="e1", message="1041-1-email", email="anna@example.com", **fields):
    """Return one event of SendGrid's."""
    common = {"email": email, "timestamp": 1774972800, "event": name, "sg_message_id": "abc.filter0001.1.1-0"}
    return common | {"sg_event_id": key, "notice": message} | fields


def sendgrid_request(events, key=EVENT_KEY, signed_at=SIGNED_AT):
    """Return the path, the body and the headers of events that SendGrid posts."""
    body = events if isinstance(events, bytes) else json.dumps(events).encode() + b"\r\n"
    signature = key.sign(str(signed_at).encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "content-type": "application/json",
        sendgrid_signatures.SIGNATURE_HEADER: base64.b64encode(signature).decode(),
        sendgrid_signatures.TIMESTAMP_HEADER: str(signed_at),
    }
    return EVENTS, body, headers
