"""Signatures on what goes to vendors and comes from them: HMAC-SHA256 over the moment and the body.

`X-Forewarn-Signature: t=1732345678,v1=HEX`, where HEX signs the seconds, a dot, and the body as it stands.
"""

import hmac
import re
from datetime import datetime, timedelta

HEADER = "X-Forewarn-Signature"
TOLERANCE = timedelta(minutes=5)
"""How far apart two clocks, and a message's way, may be."""
SHORTEST = 16
"""Characters of a key; a shorter one could be guessed."""
_WRITTEN = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


class BadSignature(Exception):
    """A message that is not believed; the text says why, and what would be right."""


def sign(key: str, body: bytes, now: datetime) -> str:
    """Return the header's value for a body that leaves now."""
    seconds = int(now.timestamp())
    return f"t={seconds},v1={_digest(key, seconds, body)}"


def verify(key: str, body: bytes, header: str, now: datetime) -> str:
    """Return the signature of a body that is genuine and of now, to know it again by; raises BadSignature."""
    seconds, signature = check_header(header, now)
    if not hmac.compare_digest(signature, _digest(key, seconds, body)):
        raise BadSignature(f"{HEADER} does not fit the body; HMAC-SHA256 of SECONDS, a dot and the body is right")
    return signature


def check_header(header: str, now: datetime) -> tuple[int, str]:
    """Return a header's seconds and signature, before a body is read; raises BadSignature where it cannot be right."""
    found = _WRITTEN.fullmatch(header.replace(" ", ""))
    if found is None:
        raise BadSignature(f"{HEADER} is missing or malformed; t=SECONDS,v1=HEX is right")
    seconds = int(found[1])
    if abs(now.timestamp() - seconds) > TOLERANCE.total_seconds():
        raise BadSignature(f"{HEADER} is of another time; sign anew, with a clock that is right")
    return seconds, found[2]


def _digest(key: str, seconds: int, body: bytes) -> str:
    return hmac.new(key.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()
