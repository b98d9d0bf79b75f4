"""Counting a text message as the networks bill it, and keeping it cheap."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from anyascii import anyascii

AT_MOST = 2
"""Parts that one text may take."""

# 3GPP TS 23.038, 6.2.1: the default alphabet and its extension, each of whose characters costs an escape as well.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM7 = BASIC | EXTENSION

EQUALS = {
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
"""What joins or styles the characters beside it: part of the spelling, but beside characters of GSM-7."""
_PLAIN = {ord(fancy): plain for plain, characters in EQUALS.items() for fancy in characters}


class Encoding(StrEnum):
    """How the characters of a text travel."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


LIMITS = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}
"""Units in a text of one part, and in each part of a longer one, whose header takes the rest."""


@dataclass(frozen=True, slots=True)
class Sms:
    """What a text costs: septets in GSM-7, or 16-bit units in UCS-2, and the parts they fill."""

    encoding: Encoding
    units: int
    parts: int


def parts(text: str) -> Sms:
    """Count a text's units and parts; an escaped character or a surrogate pair never straddles two parts."""
    if GSM7.issuperset(text):
        return _filled(Encoding.GSM7, (2 if character in EXTENSION else 1 for character in text))
    return _filled(Encoding.UCS2, (2 if ord(character) > 0xFFFF else 1 for character in text))


def plain(text: str) -> str:
    """Replace typographic characters that would make the text UCS-2 where GSM-7 has an equal meaning."""
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    bare = text.translate(_JOINERS)
    return bare if BASIC.union(EXTENSION).issuperset(bare) else text


def cheapest(text: str) -> str:
    """Return a text without the accents that GSM-7 lacks, if that saves parts: `São` as `Sao`, as is usual in texts.

    Letters that GSM-7 has keep their accents, and addresses of pages stay as they are. A text with other scripts or
    emoji is UCS-2 anyway, and keeps everything.
    """
    if GSM7.issuperset(text):
        return text
    folded = "".join(word if "://" in word else _folded(word) for word in re.split(r"(\s+)", text))
    return folded if GSM7.issuperset(folded) and parts(folded).parts < parts(text).parts else text


def _folded(word: str) -> str:
    return "".join(anyascii(one) if one not in GSM7 and _is_latin(one) else one for one in word)


def _is_latin(character: str) -> bool:
    return character in "ªº" or unicodedata.name(character, "").startswith("LATIN ")


def _filled(encoding: Encoding, costs: Iterable[int]) -> Sms:
    alone, joined = LIMITS[encoding]
    units, count, room = 0, 1, joined
    for cost in costs:
        if cost > room:
            count, room = count + 1, joined
        units, room = units + cost, room - cost
    return Sms(encoding, units, 1 if units <= alone else count)
