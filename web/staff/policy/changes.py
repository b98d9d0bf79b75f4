"""Two policies compared in words: what was, and what is then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from models.policy.policy import Bucket, Policy
from tasks.desk.staff_words import OFFERS, channel_word
from web.staff.bucket_words import days_late_words
from web.staff.list_parts import listed_words
from web.staff.policy.reading import value_at
from web.staff.policy.sentences import DAYS_LATE, OPERATORS_OWN, SENTENCES, TRIAL, Sentence
from web.staff.policy.trials import changed_trials
from web.staff.policy.values import HOURS, SHARE

NOTHING = "nothing"
NO_ROW = "no such row"


@dataclass(frozen=True, slots=True)
class Change:
    """One number that differs between two policies."""

    path: str
    words: str
    before: str
    after: str


def changes_between(before: Policy, after: Policy) -> list[Change]:
    """Return what differs, in the order of the page; what is the operator's follows."""
    trials = (Change(TRIAL, *each) for each in changed_trials(before, after))
    return [*_rows(before, after), *_sentences(before, after), *trials, *_operators(before, after)]


def shown(sentence: Sentence, value: Any) -> str:
    """Return a value in words, as it stands in its sentence."""
    texts = sentence.kind.show(value)
    if sentence.kind is HOURS:
        pairs = [f"{texts[n]} to {texts[n + 1]}" if texts[n] else "" for n in (0, 2)]
        named = [f"{name} {pair}" for name, pair in zip(("texts", "mails"), pairs, strict=True) if pair]
        return ", ".join(named) or "at any hour"
    options = dict(sentence.kind.options)
    text = options.get(texts[0], texts[0]) if options else texts[0]
    return f"{text} %" if sentence.kind is SHARE else text or NOTHING


def in_words(sentence: Sentence, value: Any) -> str:
    """Return a sentence with its value."""
    if sentence.kind is HOURS:
        return "Send nothing at these hours of the customer's clock"
    words = shown(sentence, value)
    return (
        sentence.text.replace("[] %", "[]").replace("[]", words) if "%" in words else sentence.text.replace("[]", words)
    )


def without_value(sentence: Sentence) -> str:
    """Return a sentence as the name of its number: the place of a value that may change is left open."""
    if sentence.kind is HOURS:
        return in_words(sentence, {})
    return sentence.text.removesuffix(": []").replace("[]", "\N{HORIZONTAL ELLIPSIS}")


def _sentences(before: Policy, after: Policy) -> Iterator[Change]:
    for sentence in SENTENCES.values():
        was, is_then = value_at(before, sentence.path), value_at(after, sentence.path)
        if was != is_then:
            yield Change(sentence.path, without_value(sentence), shown(sentence, was), shown(sentence, is_then))


def _operators(before: Policy, after: Policy) -> Iterator[Change]:
    for path, about in OPERATORS_OWN.items():
        was, is_then = value_at(before, path), value_at(after, path)
        if was != is_then:
            yield from _keys(path, about, was, is_then)


def _keys(path: str, about: str, was: Any, is_then: Any) -> Iterator[Change]:
    fields = getattr(type(was), "model_fields", None)
    if fields is None:
        yield Change(path, f"{about} ({path})", plain(was), plain(is_then))
        return
    for key in fields:
        first, second = getattr(was, key), getattr(is_then, key)
        if first != second:
            yield Change(f"{path}.{key}", f"{about} ({path}.{key})", plain(first), plain(second))


def plain(value: Any) -> str:
    """Return a value of the file as a text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(each)}" for key, each in value.items()) or NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} {plain(each)}" for key, each in value if each not in (None, (), {}))
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or NOTHING
    text = str(value)
    return NOTHING if value is None else text if len(text) <= 120 else f"{text[:120]}..."


def _rows(before: Policy, after: Policy) -> Iterator[Change]:
    old, new = ({bucket.name: bucket for bucket in policy.bucket} for policy in (before, after))
    for name, bucket in old.items():
        if name not in new:
            words = f"{_days(before, bucket)}: the row in the table"
            yield Change(DAYS_LATE, words, row_words(bucket), "removed")
        else:
            yield from _row(before, bucket, new[name])
    for name, bucket in new.items():
        if name not in old:
            yield Change(DAYS_LATE, f"{_days(after, bucket)}: a row in the table", NO_ROW, row_words(bucket))


def _days(policy: Policy, bucket: Bucket) -> str:
    words = days_late_words(policy, bucket.name)
    return f"{words[:1].upper()}{words[1:]}"


def _row(policy: Policy, was: Bucket, then: Bucket) -> Iterator[Change]:
    days = _days(policy, was)
    if was.from_days != then.from_days:
        words = f"{days}: the row begins at this many days late"
        if was == next((bucket for bucket in policy.bucket if bucket.notify), None) and then.notify:
            words = "Write to customers from this many days late on"
        yield Change(f"{DAYS_LATE}.from_days", words, str(was.from_days), str(then.from_days))
    if was.notify != then.notify:
        yield Change(f"{DAYS_LATE}.notify", f"{days}: write to customers", plain(was.notify), plain(then.notify))
    if was.channels != then.channels:
        yield Change(f"{DAYS_LATE}.channels", f"{days}: write by", channels_words(was), channels_words(then))
    if was.remedies != then.remedies:
        yield Change(f"{DAYS_LATE}.remedies", f"{days}: offer", offers_words(was), offers_words(then))
    if was.words != then.words:
        yield Change(f"{DAYS_LATE}.message", f"{days}: send the message", was.words, then.words)


def channels_words(bucket: Bucket) -> str:
    """Return the channels of a row, as `mail and text`."""
    return listed_words([channel_word(channel) for channel in bucket.channels])


def offers_words(bucket: Bucket) -> str:
    """Return what a row offers."""
    return ", ".join(OFFERS[kind][:1].lower() + OFFERS[kind][1:] for kind in bucket.remedies) or NOTHING


def row_words(bucket: Bucket) -> str:
    """Return what a row of the table says."""
    if not bucket.notify:
        return f"nobody is told; {offers_words(bucket)}"
    return f"written to by {channels_words(bucket)}; offer: {offers_words(bucket)}"


def counted_changes(changes: Sequence[Change]) -> str:
    """Return how many numbers change, as a heading."""
    return "Change 1 number" if len(changes) == 1 else f"Change {len(changes)} numbers"
