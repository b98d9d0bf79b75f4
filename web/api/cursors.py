"""Write the place of a choice in a list as a text, and read it."""

import base64
import binascii
import json
from datetime import datetime

from tasks.customers.choice_list import Place

MAX_CURSOR_CHARS = 1_000


def write_cursor(place: Place) -> str:
    """Return a place as a text for an address."""
    made_at, key = place
    return base64.urlsafe_b64encode(json.dumps([made_at.isoformat(), key]).encode()).decode().rstrip("=")


def read_cursor(text: str) -> Place:
    """Return the place that a text names; raises ValueError for a text that is none."""
    if len(text) > MAX_CURSOR_CHARS or not text.isascii():
        raise ValueError("no place")
    try:
        made_at, key = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(made_at)
    except (binascii.Error, UnicodeDecodeError, TypeError, RecursionError) as error:
        raise ValueError("no place") from error
    if moment.tzinfo is None or not isinstance(key, str) or "\x00" in key:
        raise ValueError("no place")
    return moment, key
