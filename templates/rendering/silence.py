"""Say what it means if a customer does not answer, and find which of a law's statements a notice makes."""

from collections.abc import Callable, Iterator
from datetime import datetime, time
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from anyascii import anyascii

from models.decisions import Plan
from models.promise_clock import SILENCE, Rights, Silence, Statement
from templates.rendering import sms
from templates.rendering.page_words import PageWords, WordBook
from templates.rendering.variables import NoticeVariables

KEYS = {
    Statement.CONSENTS: "silence_consents",
    Statement.CANCELS: "silence_cancels",
    Statement.NOTHING: "silence_nothing",
}
SHORT_KEYS = {Statement.CONSENTS: "silence_consents_text", Statement.CANCELS: "silence_cancels_text"}
NOON = time(12)


class LegalSentences(NamedTuple):
    """What the law makes a notice say, in its language; an empty one says nothing."""

    silence: str = ""
    short_silence: str = ""
    """The same for a text message, which has no room for silence that changes nothing."""
    rights: str = ""


def legal_sentences(book: WordBook, plan: Plan, language: str) -> LegalSentences:
    """Return what a notice says of silence and of rights; empty where it can say nothing, or not in this language."""
    words = book.choose([language], datetime.combine(plan.delay.as_of, NOON, ZoneInfo(book.zone)))
    if words.language != language:
        return LegalSentences()
    rights, silence = rights_text(words, plan.rights), plan.silence
    if silence is None:
        return LegalSentences(rights=rights)
    is_dated = plan.delay.expected_on is not None
    text = silence_text(words, silence, len(plan.delay.late), is_dated=is_dated)
    return LegalSentences(text, _short_silence(words, silence), rights)


def silence_text(words: PageWords, silence: Silence, count: int, *, is_dated: bool) -> str:
    """Return what silence means for so many late items; `is_dated`: a new date is known for all of them."""
    if silence.by is None:
        return words.say(KEYS[silence.meaning]) if silence.meaning is Statement.NOTHING else ""
    text = words.say(KEYS[silence.meaning], day=words.day(silence.by), count=count)
    if silence.meaning is Statement.CANCELS and not is_dated:
        return " ".join((text, words.say("silence_open")))
    return text


def _short_silence(words: PageWords, silence: Silence) -> str:
    if silence.by is None or silence.meaning not in SHORT_KEYS:
        return ""
    return words.say(SHORT_KEYS[silence.meaning], day=words.short_day(silence.by))


def rights_text(words: PageWords, rights: Rights) -> str:
    """Return what the law gives a customer beside waiting; empty for nothing."""
    return " ".join(_rights(words, rights))


def _rights(words: PageWords, rights: Rights) -> Iterator[str]:
    if rights.three_choices:
        yield words.say("rights_three_choices")
    if rights.refund_days == 0:
        yield words.say("rights_refund_at_once", corrected=rights.corrected)
    elif rights.refund_days is not None:
        yield words.say("rights_refund_within", days=rights.refund_days)


def statements_in(plan: Plan, text: str, silence: str, notice: NoticeVariables, *, is_mail: bool) -> tuple[str, ...]:
    """Return which statements a rendered notice makes: a shop's own templates may leave one out."""
    words = _WordsIn(text, is_mail=is_mail)
    return tuple(_statements(plan, words, silence, notice))


def _statements(plan: Plan, words: "_WordsIn", silence: str, notice: NoticeVariables) -> Iterator[str]:
    if plan.silence is not None and silence in words:
        if plan.silence.meaning in SILENCE:  # its sentence names the right to cancel and the refund, too
            yield Statement.CANCEL
        yield plan.silence.meaning
    if notice["rights"] in words:
        if plan.rights.three_choices:
            yield Statement.THREE_CHOICES
        if plan.rights.refund_days is not None:
            yield Statement.REFUND
    # An item without a date needs its reason; where all have dates, the reason is one that all of them have.
    late = notice["late"]
    reasons = [item.reason for item in late if item.expected_on is None] or [item.reason for item in late]
    if all(reason is not None and reason in words for reason in reasons):
        yield Statement.REASON


class _WordsIn:
    """The words of a message, to look for sentences in; a text message may lose typographic characters and accents."""

    def __init__(self, text: str, *, is_mail: bool) -> None:
        self._plain: Callable[[str], str] = str if is_mail else _plain
        self._text = text

    @cached_property
    def _on_one_line(self) -> str:
        return self._plain(" ".join(self._text.split()))

    def __contains__(self, sentence: str) -> bool:
        return bool(sentence) and (sentence in self._text or self._plain(sentence) in self._on_one_line)


def _plain(words: str) -> str:
    return anyascii(sms.plain_punctuation(words))
