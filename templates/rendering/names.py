"""Make names safe to show: on one line, without invisible characters, no longer than a sentence allows."""

import re
import unicodedata
from functools import lru_cache

MAX_NAME_CHARACTERS = 200
MAX_PERSON_CHARACTERS = 60

_CACHE_SIZE = 8192
_REMOVED_CATEGORIES = {"Cf", "Cs"}
_SPACE_CATEGORIES = {"Cc", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"
_FIRST_JOINING_LETTER = "\u0590"
"""From here on there are scripts in which a joiner is part of the spelling; Latin, Greek, Cyrillic come before."""
_REGIONAL_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
"""The flag of a region, such as Scotland: a black flag, invisible letters and digits, and an end mark."""
_WEB_OR_MAIL_ADDRESS = re.compile(r"://|@|\bwww\.|\b\d{1,3}(?:\.\d{1,3}){3}\b|\w\.[^\W\d_]{2,}(?!\w)", re.IGNORECASE)
"""What mail programs turn into a link: an address with a scheme, a mail address, a host name or number."""


def strip_control_chars(text: str) -> str:
    """Return a text on one line, without control, zero-width or direction characters.

    Joiners stay where spelling or an emoji needs them: after a letter that joins, or a symbol.
    """
    if not text.isprintable():
        in_flags = {index for flag in _REGIONAL_FLAG.finditer(text) for index in range(*flag.span())}
        text = "".join(text[index] if index in in_flags else _safe_character(text, index) for index in range(len(text)))
    return " ".join(text.split())


def _safe_character(text: str, index: int) -> str:
    character = text[index]
    if character in _JOINERS:
        return character if index and _allows_joiner(text[index - 1]) else ""
    category = unicodedata.category(character)
    return "" if category in _REMOVED_CATEGORIES else " " if category in _SPACE_CATEGORIES else character


def _allows_joiner(character: str) -> bool:
    category = unicodedata.category(character)
    return character >= _FIRST_JOINING_LETTER and (category[0] in "LM" or category in {"So", "Sk"})


@lru_cache(_CACHE_SIZE)
def display_name(name: str) -> str:
    """Return a name to show in a sentence: on one line, at most 200 characters."""
    return truncate(strip_control_chars(name), MAX_NAME_CHARACTERS)


def greeting_name(name: str) -> str:
    """Return a customer's name for a greeting or a To header; empty if mail programs would make a link of it.

    Anybody can order with somebody else's mail address, and type a web address as their name.
    """
    name = strip_control_chars(name)
    normalized = unicodedata.normalize("NFKC", name).replace("\u3002", ".")
    return "" if _WEB_OR_MAIL_ADDRESS.search(normalized) else truncate(name, MAX_PERSON_CHARACTERS)


def strip_mentions(name: str) -> str:
    """Return a name without the @ signs that would mention an account on a social network."""
    return re.sub(r"[@\uff20]+(?=\w)", "", name)


def truncate(name: str, limit: int) -> str:
    """Return a name of at most `limit` characters, cut between words where that leaves half of them; 0 gives none."""
    if len(name) <= limit or not limit:
        return name if limit else ""
    shortened = name[: limit - 1]
    whole_words = shortened.rpartition(" ")[0]
    return (whole_words if len(whole_words) * 2 >= limit else shortened).rstrip(" ,;:-–(") + "…"
