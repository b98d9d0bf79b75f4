"""What the desk's lists share: numbers in words, and how an act is undone."""

from collections.abc import Callable

from sqlalchemy import Connection

from models.quantities import counted
from models.staff import AuditEntry
from tasks.desk.bounded import Count
from tasks.desk.staff_words import channel_word
from tasks.staff.audit import mark_undone, record
from web.staff.forms import Form
from web.staff.visit import Refused, Visit

PLURALS: dict[str, Callable[[int], str]] = {
    "person": lambda n: "1 person" if n == 1 else f"{n:,} people",
    "reply": lambda n: "1 reply" if n == 1 else f"{n:,} replies",
}
MASKED_RUN = 8
"""Characters of a run's id that staff read."""


def count_words(count: Count, noun: str) -> str:
    """Return a number of things, as `49 messages`, or `more than 10,000 messages`."""
    number = PLURALS[noun](count.n) if noun in PLURALS else counted(count.n, noun)
    return f"more than {number}" if count.more else number


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
