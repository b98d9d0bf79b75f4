"""Find words that messages and posts may not have, should not have, or must have."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from models.policy.words import WordPolicy, Words
from templates.rendering.word_lists import ANY, CAREFUL, FORBIDDEN, REQUIRED

SHOUTED_WORDS = 3
_SHOUTING = re.compile(rf"\b[^\W\d_a-zß-öø-ÿ]{{3,}}(?:\W+[^\W\d_a-zß-öø-ÿ]{{3,}}){{{SHOUTED_WORDS - 1},}}\b")
_TAG = re.compile(r"<[^<>]*>")
_EXCLAMATION = re.compile(r"![!?1]+")


@dataclass(frozen=True, slots=True)
class WordProblem:
    """A word that is wrong in a text: on which line, and why in a sentence."""

    line: int
    what: str
    is_forbidden: bool
    """False: it may be used by somebody who is sure."""


def find_word_problems(text: str, language: str, policy: WordPolicy) -> Iterator[WordProblem]:
    """Yield the forbidden words of a text, and those that ask for care; `language` as `en` or `pt_BR`."""
    for match in _matches(text, _listed(FORBIDDEN, policy.forbidden, language, built_in=policy.built_in)):
        text = text[: match.start()] + re.sub(r"\S", " ", match[0]) + text[match.end() :]
        yield WordProblem(_line(text, match), f"{_shown(match)} may not be used", is_forbidden=True)
    for match in _matches(text, _listed(CAREFUL, policy.careful, language, built_in=policy.built_in)):
        what = f"{_shown(match)} may put people off, or send a mail to spam"
        yield WordProblem(_line(text, match), what, is_forbidden=False)
    if policy.built_in:
        for match in _EXCLAMATION.finditer(text):
            yield WordProblem(_line(text, match), f"{_shown(match)} looks like an advertisement", is_forbidden=False)
        for match in _SHOUTING.finditer(text):
            yield WordProblem(_line(text, match), f"{_shown(match)} reads as shouting", is_forbidden=False)


def missing_words(text: str, language: str, policy: WordPolicy) -> list[str]:
    """Return what a mail about a delay must say and this one does not, as sentences."""
    missing = []
    for entry in _listed(REQUIRED, policy.required, language, built_in=policy.built_in):
        choices = tuple(filter(None, map(str.strip, entry.split("|"))))
        if next(_matches(text, choices), None) is None:
            says = "must say how to cancel" if entry in REQUIRED.get(_main(language), ()) else "lacks a word"
            missing.append(f"a mail about a delay {says}: it has none of {_listing(choices)}")
    return missing


def without_tags(text: str) -> str:
    """Return a text with each HTML tag replaced by as many lines of nothing."""
    return _TAG.sub(lambda tag: "\n" * tag[0].count("\n") or " ", text)


def _listing(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word.removesuffix('*')}'" + ("..." if word.endswith("*") else "") for word in words)


def _listed(known: Mapping[str, tuple[str, ...]], own: Words, language: str, *, built_in: bool) -> tuple[str, ...]:
    keys = dict.fromkeys((ANY, _main(language), language))
    lists = [own, known] if built_in else [own]
    return tuple(word for words in lists for key in keys for word in words.get(key, ()))


def _main(language: str) -> str:
    return language.split("_")[0]


def _matches(text: str, words: tuple[str, ...]) -> Iterator[re.Match[str]]:
    if words:
        yield from _pattern(words).finditer(text)


@lru_cache(256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    # The longest first: "100% free" before "free".
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(_expression, ordered)), re.IGNORECASE)


def _expression(word: str) -> str:
    parts = r"\s+".join(map(re.escape, word.removesuffix("*").split()))
    return rf"(?<!\w){parts}" + (r"\w*" if word.endswith("*") else r"(?!\w)")


def _shown(match: re.Match[str]) -> str:
    return f"'{' '.join(match[0].split())}'"


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
