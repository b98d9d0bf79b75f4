"""Find what of an added language still stands in the language that it began with."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from templates.rendering.environment import BUILT_IN
from templates.rendering.formats import parse_locale
from templates.rendering.sentences.document import document_of
from templates.rendering.sentences.reading import Unreadable

BUILT_IN_LANGUAGES = frozenset(path.name.split(".")[1] for path in (BUILT_IN / "layout").glob("letter.*.html"))
FEWEST_WORDS = 2
"""Of a sentence that is compared: single words, such as a name, may be the same in two languages."""
_CACHE_SIZE = 1024
"""Parts that are compared again and again: all built-in ones, and those of a few added languages."""
_BRACES = re.compile(r"\{[^{}]*\}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FRAME = re.compile(r"""\{%-?\s*extends\s+["']layout/(\w+)\.(\w+)\.(\w+)["']""")


@dataclass(frozen=True, slots=True)
class Untranslated:
    """A part with sentences that are those of another language, or in the frame of another one."""

    part: str
    language: str
    """The language in which they are."""
    sentences: int
    frame: str = ""
    """The frame that is missing in the part's own language, as a file; empty: it has its own."""


def find_untranslated(own: Path, path: Path) -> Untranslated | None:
    """Return what of a file of the shop, in a language that Forewarn does not have, is in another language."""
    name, _, rest = path.name.partition(".")
    language, _, kind = rest.partition(".")
    if not kind or language in BUILT_IN_LANGUAGES or not (text := _read(path)):
        return None
    said = _sentences(text, kind)
    others = {
        file.name: file for folder in (BUILT_IN, own) for file in (folder / path.parent.name).glob(f"{name}.*.{kind}")
    }
    same = {
        other: len(said & _sentences(_read(file), kind))
        for file in others.values()
        if (other := file.name.split(".")[1]) != language and parse_locale(other)
    }
    nearest = max(same, key=lambda other: same[other], default="")
    frame = _FRAME.search(text)
    missing = f"layout/{frame[1]}.{language}.{frame[3]}" if frame and frame[2] != language else ""
    if not missing and not same.get(nearest):
        return None
    where = nearest if same.get(nearest) or frame is None else frame[2]
    return Untranslated(f"{name}.{kind}", where, same.get(nearest, 0), missing)


@lru_cache(_CACHE_SIZE)
def _sentences(text: str, kind: str) -> frozenset[str]:
    try:
        document = document_of(text, is_html=kind == "html")
    except Unreadable:
        return frozenset({text.strip()} if _has_words(text) else ())
    return frozenset(each.text for each in document.sentences if _has_words(each.text))


def _has_words(text: str) -> bool:
    return len(_WORD.findall(_BRACES.sub(" ", text))) >= FEWEST_WORDS


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError:
        return ""  # the check says so
