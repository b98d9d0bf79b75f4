"""Say what it means if a customer does not answer, and find which of a law's statements a notice makes."""

from collections.abc import Iterator
from datetime import datetime, time
from zoneinfo import ZoneInfo

from models.decisions import Plan
from models.promise_clock import SILENCE, Silence, Statement
from templates.rendering.page_words import PageWords, WordBook

KEYS = {
    Statement.CONSENTS: "silence_consents",
    Statement.CANCELS: "silence_cancels",
    Statement.NOTHING: "silence_nothing",
}
NOON = time(12)


def silence_sentence(book: WordBook, plan: Plan, language: str) -> str:
    """Return what no answer to a notice means; empty where nothing can be said, or not in this language."""
    if plan.silence is None:
        return ""
    words = book.choose([language], datetime.combine(plan.delay.as_of, NOON, ZoneInfo(book.zone)))
    if words.language != language:
        return ""
    return silence_text(words, plan.silence, len(plan.delay.late), is_dated=plan.delay.expected_on is not None)


def silence_text(words: PageWords, silence: Silence, count: int, *, is_dated: bool) -> str:
    """Return what silence means for so many late items; `is_dated`: a new date is known for all of them."""
    if silence.by is None:
        return words.say(KEYS[silence.meaning]) if silence.meaning is Statement.NOTHING else ""
    text = words.say(KEYS[silence.meaning], day=words.day(silence.by), count=count)
    if silence.meaning is Statement.CANCELS and not is_dated:
        return " ".join((text, words.say("silence_open")))
    return text


def statements_in(plan: Plan, text: str, silence: str, reason: str | None) -> tuple[str, ...]:
    """Return which statements a rendered notice makes: a shop's own templates may leave one out."""
    return tuple(_statements(plan, " ".join(text.split()), silence, reason))


def _statements(plan: Plan, text: str, silence: str, reason: str | None) -> Iterator[str]:
    if plan.silence is not None and silence and silence in text:
        if plan.silence.meaning in SILENCE:  # its sentence names the right to cancel and the refund, too
            yield Statement.CANCEL
        yield plan.silence.meaning
    if reason and reason in text:
        yield Statement.REASON
