"""Count the parts of a text message as networks bill them, and write a text in as few parts as possible."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from anyascii import anyascii

MAX_PARTS = 2
"""The most parts that one text may need."""

# 3GPP TS 23.038, 6.2.1: the default alphabet and its extension, each of whose characters costs an escape as well.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM7 = BASIC | EXTENSION

PLAIN_FORMS = {
    "'": "‘’‚‛′´`ʼ",
    '"': "“”„‟″«»",
    "-": "‐‑‒–—―−•·",
    "...": "…",
    " ": "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "": "\u00ad\u200b\u2060\ufeff",
    "x": "×",
    "/": "⁄",
    "<": "‹",
    ">": "›",
    "1/2": "½",
    "1/4": "¼",
    "3/4": "¾",
    "TM": "™",
    "(R)": "®",
    "(C)": "©",
}
_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d\ufe0f"))
"""Joiners and variation selectors: beside characters of GSM-7 they mean nothing."""
_PLAIN_FORM_OF = {ord(character): plain for plain, characters in PLAIN_FORMS.items() for character in characters}


class SmsEncoding(StrEnum):
    """The alphabet in which a text is sent."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


LIMITS = {SmsEncoding.GSM7: (160, 153), SmsEncoding.UCS2: (70, 67)}
"""Units in a text of one part, and in each part of a longer one, whose header takes the rest."""


@dataclass(frozen=True, slots=True)
class SmsSize:
    """The size of a text: septets in GSM-7 or 16-bit units in UCS-2, and the parts that they fill."""

    encoding: SmsEncoding
    units: int
    parts: int


def count_segments(text: str) -> SmsSize:
    """Count a text's units and parts; an escaped character or a surrogate pair never straddles two parts."""
    if GSM7.issuperset(text):
        return _fill_parts(SmsEncoding.GSM7, (2 if character in EXTENSION else 1 for character in text))
    return _fill_parts(SmsEncoding.UCS2, (2 if ord(character) > 0xFFFF else 1 for character in text))


def plain_punctuation(text: str) -> str:
    """Replace typographic characters by those of GSM-7 with the same meaning, as “ by "."""
    text = unicodedata.normalize("NFC", text).translate(_PLAIN_FORM_OF)
    without_joiners = text.translate(_JOINERS)
    return without_joiners if GSM7.issuperset(without_joiners) else text


def drop_accents_if_cheaper(text: str) -> str:
    """Drop the accents that GSM-7 lacks if that saves parts, as is usual in texts: `São` becomes `Sao`.

    Letters that GSM-7 has keep their accents, and web addresses stay as they are. A text in another script, or with
    emoji, is UCS-2 anyway and stays unchanged.
    """
    if GSM7.issuperset(text):
        return text
    unaccented = "".join(word if "://" in word else _without_accents(word) for word in re.split(r"(\s+)", text))
    return (
        unaccented
        if GSM7.issuperset(unaccented) and count_segments(unaccented).parts < count_segments(text).parts
        else text
    )


def _without_accents(word: str) -> str:
    return "".join(anyascii(letter) if letter not in GSM7 and _is_latin(letter) else letter for letter in word)


def _is_latin(character: str) -> bool:
    return character in "ªº" or unicodedata.name(character, "").startswith("LATIN ")


def _fill_parts(encoding: SmsEncoding, costs: Iterable[int]) -> SmsSize:
    single_limit, part_limit = LIMITS[encoding]
    units, parts, room = 0, 1, part_limit
    for cost in costs:
        if cost > room:
            parts, room = parts + 1, part_limit
        units, room = units + cost, room - cost
    return SmsSize(encoding, units, 1 if units <= single_limit else parts)
