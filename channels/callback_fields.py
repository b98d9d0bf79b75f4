"""Make what a provider posted fit to be stored: texts of a limited length, and no structure within a field."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from channels.headers import one_line

MAX_TEXT = 2_000
MAX_ID = 200
MAX_ADDRESS = 320
MAX_FIELDS = 100


class BadCallback(ValueError):
    """Raised for a body that is not what the provider sends."""


def storable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an event: numbers and flags as they are, anything else as a text."""
    return {_text(name, MAX_ID): _storable(value) for name, value in list(fields.items())[:MAX_FIELDS]}


def _storable(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < 2**53:
        return value
    return _text(value if isinstance(value, str) else json.dumps(value), MAX_TEXT)


def _text(value: str, limit: int) -> str:
    # NUL and halves of surrogate pairs cannot be stored on every database; line breaks of a text may stay.
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def short_text(value: object, limit: int = MAX_ID) -> str:
    """Return a value as a short text on one line; empty for one that is no text."""
    return one_line(value)[:limit] if isinstance(value, str) else ""


def digest_of(*parts: object) -> str:
    """Return a digest of values, the same for every copy of an event."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def read_json(body: bytes) -> Any:
    """Return the JSON value of a body; raises BadCallback."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadCallback("the body is not JSON in UTF-8") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
