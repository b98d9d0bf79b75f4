"""What the desk's lists share: places in a list as texts of an address, numbers in words, and how an act is undone."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from models.quantities import counted
from models.staff import AuditEntry
from tasks.desk.bounded import Count
from tasks.desk.staff_words import channel_word
from tasks.staff.audit import mark_undone, record
from web.staff.forms import Form
from web.staff.visit import Refused, Visit

MAX_PLACE_CHARS = 1_000
MASKED_RUN = 8
"""Characters of a run's id that staff read."""


def write_place(*keys: Any) -> str:
    """Return a place in a list as a text for an address."""
    texts = [key.isoformat() if isinstance(key, date) else key for key in keys]
    return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode().rstrip("=")


def read_place(text: str, *kinds: type) -> tuple[Any, ...] | None:
    """Return the place that a text names; None for a text that is none: the list begins at its first row."""
    if not text or len(text) > MAX_PLACE_CHARS or not text.isascii():
        return None
    try:
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            return None
        return tuple(_value(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        return None


def _value(value: Any, kind: type) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no moment")
        return moment
    if kind is date:
        return date.fromisoformat(value)
    if type(value) is not kind or (kind is str and "\x00" in value) or (kind is int and abs(value) > 2**62):
        raise ValueError("no place")
    return value


def count_words(count: Count, noun: str) -> str:
    """Return a number of things, as `49 messages`, or `more than 10,000 messages`."""
    return f"more than {counted(count.n, noun)}" if count.more else counted(count.n, noun)


def sentence(text: str) -> str:
    """Return a text as a sentence: with a capital letter and a full stop."""
    text = text.strip()
    if not text:
        return ""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def messages_words(by_channel: dict[str, int]) -> str:
    """Return messages by channel, as `40 mails and 9 texts`."""
    return listed_words([counted(n, channel_word(channel)) for channel, n in sorted(by_channel.items()) if n])


def listed_words(words: list[str]) -> str:
    """Return words as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def undo_act(
    visit: Visit,
    entry: AuditEntry,
    form: Form,
    work: Callable[[Connection], str],
    refusals: tuple[type[Exception], ...],
) -> int:
    """Undo an act in one transaction and record it; return the new entry's number.

    `work` does it and returns the sentence for the log; one of `refusals` says why it is not possible any more.
    """
    with visit.writing() as connection:
        try:
            what = work(connection)
        except refusals as refusal:
            raise Refused(f"This cannot be undone any more: {sentence(str(refusal))}") from refusal
        number = record(
            connection,
            **visit.act(form),
            kind=f"{entry.kind}_undone",
            subject_kind=entry.subject_kind,
            subject=entry.subject,
            what=what,
            why=form.text("why"),
            undoes=entry.id,
        )
        mark_undone(connection, entry.id, number)
        return number
