"""Where a list goes on: the sort keys of its last row, in an address."""

import base64
import json
from datetime import date, datetime
from typing import Any


def write_cursor(*keys: Any) -> str:
    """Return the keys of a list's last row as one value of an address."""
    plain = [key.isoformat() if isinstance(key, date) else key for key in keys]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def read_cursor(text: str, *kinds: type[Any]) -> tuple[Any, ...] | None:
    """Return the keys in a value of an address, each of its kind; None for one that was not written here."""
    if not text:
        return None
    try:
        keys = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(keys, list) or len(keys) != len(kinds):
            return None
        return tuple(_read(kind, key) for kind, key in zip(kinds, keys, strict=True))
    except (ValueError, TypeError):
        return None


def _read(kind: type[Any], key: Any) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(key)
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment
    if kind is date:
        return date.fromisoformat(key)
    if isinstance(key, bool) or (kind is str) != isinstance(key, str):
        raise TypeError("another kind of key")
    return kind(key)
