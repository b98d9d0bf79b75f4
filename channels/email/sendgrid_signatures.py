"""Verify that an event webhook is SendGrid's: an ECDSA signature over its timestamp and its raw body."""

import base64
import binascii
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from channels.signatures import BadSignature

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
MAX_KEYS = 2
"""Two, while one key takes the place of another: SendGrid has no rotation of its own."""
PublicKey = ec.EllipticCurvePublicKey


def read_keys(text: str) -> list[PublicKey]:
    """Return the verification keys of a list with commas; raises ValueError for one that is none."""
    keys = [_read_key(key) for key in filter(None, (one.strip() for one in text.split(",")))]
    if len(keys) > MAX_KEYS:
        raise ValueError(f"at most {MAX_KEYS} keys are accepted, the new one and the one before")
    return keys


def _read_key(text: str) -> PublicKey:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("a verification key is base64 on one line, without the lines of a PEM file") from error
    if not isinstance(key, PublicKey):
        raise ValueError("a verification key is one of an elliptic curve")  # noqa: TRY004 - the text is wrong
    return key


def verify(keys: Sequence[PublicKey], headers: Mapping[str, str], body: bytes) -> str:
    """Return the timestamp of a genuine message, as it was signed; raises BadSignature for any other."""
    # Not by the SDK: it wants the body as text, which a body need not be, and raises for a signature that is no base64.
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    try:
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, ""), validate=True)
        signed = timestamp.encode("latin-1") + body
    except ValueError as error:
        raise BadSignature(f"{SIGNATURE_HEADER} is not base64") from error
    if not signature or not any(_fits(key, signature, signed) for key in keys):
        raise BadSignature(f"{SIGNATURE_HEADER} does not fit the timestamp and the body")
    return timestamp


def _fits(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
