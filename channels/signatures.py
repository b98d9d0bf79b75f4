"""Sign messages to the systems of vendors and the shop, and verify messages from them, by Standard Webhooks.

Three headers: `webhook-id` is the same for every copy of a message, `webhook-timestamp` is in seconds since 1970, and
`webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 of id, timestamp and body, joined by dots.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
"""How far a message's timestamp may be from now, as in the libraries of Standard Webhooks."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret, not a secret
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
SECRET_FORM = f"{SECRET_PREFIX} and the base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} random bytes"
_ID = re.compile(r"[!-~]{1,200}")
_SECONDS = re.compile(r"[0-9]{1,11}")


class BadSignature(Exception):
    """Raised for a message that is not genuine or too old; the text says what is expected."""


def is_secret(text: str) -> bool:
    """Return whether a text has the form of a Standard Webhooks secret."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(SECRET_PREFIX) and MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES


def sign(secret: str, message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of a message that is sent now."""
    sent_at = now.astimezone(UTC)
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(int(sent_at.timestamp())),
        SIGNATURE_HEADER: Webhook(secret).sign(message_id, sent_at, body),
    }


def verify(secret: str, headers: Mapping[str, str], body: str, now: datetime) -> str:
    """Return the id of a genuine message of the last five minutes; raises BadSignature for any other.

    The header may hold several signatures, as while a secret is replaced; one that fits is enough.
    """
    message_id, sent_at = check_headers(headers, now)
    expected = Webhook(secret).sign(message_id, sent_at, body).encode()
    given = headers[SIGNATURE_HEADER].encode().split()
    if not any(hmac.compare_digest(expected, signature) for signature in given):
        raise BadSignature(f"{SIGNATURE_HEADER} does not fit the body; standardwebhooks.com says how to sign")
    return message_id


def check_headers(headers: Mapping[str, str], now: datetime) -> tuple[str, datetime]:
    """Return a message's id and when it was sent, before its body is read; raises BadSignature where one is wrong."""
    message_id, seconds = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    if not headers.get(SIGNATURE_HEADER):
        raise BadSignature(f"{SIGNATURE_HEADER} is missing; v1,BASE64 is right")
    if _ID.fullmatch(message_id) is None:
        raise BadSignature(f"{ID_HEADER} is missing or malformed; 1 to 200 ASCII characters without a space are right")
    if _SECONDS.fullmatch(seconds) is None:
        raise BadSignature(f"{TIMESTAMP_HEADER} is missing or malformed; whole seconds since 1970 are right")
    if abs(now.timestamp() - int(seconds)) > TOLERANCE.total_seconds():
        raise BadSignature(f"{TIMESTAMP_HEADER} is more than five minutes off; sign again, with a correct clock")
    return message_id, datetime.fromtimestamp(int(seconds), UTC)
