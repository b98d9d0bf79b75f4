"""Fold names, addresses and numbers so that what somebody spells on the phone is found.

Case and accents do not count, and an umlaut equals its two letters: `Mueller`, `MÜLLER` and `Muller` are one name.
"""

import re
import unicodedata
from dataclasses import dataclass

MAX_KEY_CHARS = 120
MIN_PHONE_DIGITS = 5
_SINGLE = str.maketrans({"ß": "ss", "æ": "a", "ø": "o", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_PHONE = re.compile(r"[\d\s+().\-/]+")


@dataclass(frozen=True, slots=True)
class CustomerKeys:
    """By what a customer is found; an empty key is of what is not known."""

    name: str
    """The words of the name as they are written: `nora whitfield`."""
    family: str
    """The same with the last word first: `whitfield nora`."""
    mail: str
    phone: str
    """The digits from behind, without leading zeros: numbers are found with and without country code."""


def folded(text: str) -> str:
    """Return the words of a text in small letters without accents, one space between them."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_SINGLE))
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    for pair, single in _UMLAUTS:
        letters = letters.replace(pair, single)
    return " ".join(re.findall(r"\w+", letters))[:MAX_KEY_CHARS]


def words_of(text: str) -> tuple[str, ...]:
    """Return the different folded words of a text."""
    return tuple(dict.fromkeys(folded(text).split()))


def customer_keys(name: str, mail: str | None, phone: str | None) -> CustomerKeys:
    """Return the keys of a customer."""
    words = folded(name).split()
    family = " ".join([*words[-1:], *words[:-1]])
    return CustomerKeys(" ".join(words), family, mail_key(mail or ""), phone_key(phone or ""))


def mail_key(text: str) -> str:
    """Return the key of a mail address."""
    return text.strip().lower()[:MAX_KEY_CHARS]


def phone_key(text: str) -> str:
    """Return the key of a phone number, or of its last digits."""
    digits = "".join(one for one in text if one.isascii() and one.isdigit()).lstrip("0")
    return digits[::-1][:MAX_KEY_CHARS]


def is_phone(text: str) -> bool:
    """Return whether a text can be a phone number, or the end of one."""
    digits = sum(one.isdigit() for one in text)
    return bool(_PHONE.fullmatch(text)) and digits >= MIN_PHONE_DIGITS


def range_end(prefix: str) -> str:
    """Return the first text after all that begin with a prefix, compared character by character."""
    return f"{prefix}\U0010ffff"
