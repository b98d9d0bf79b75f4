"""Weigh a social post as X does.

The numbers are those of twitter-text's configuration 3 (github.com/twitter/twitter-text, config/v3.json), and the cases
in tests/templates/test_social.py are from its conformance suite.
"""

import unicodedata
from collections.abc import Iterator

import regex

MAX_WEIGHT = 280
LINK_WEIGHT = 23
"""X shortens every link to so many characters."""
EMOJI_WEIGHT = 2
"""Of an emoji, however many code points it is made of."""
SINGLE_WEIGHT_RANGES = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points that weigh 1, first and last included; every other one weighs 2."""

_LETTER = r"a-z0-9\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u1E00-\u1EFF"
_PATH_LETTER = rf"{_LETTER}\u0300-\u036F\u0400-\u04FF"
_PATH_CHARACTER = rf"[{_PATH_LETTER}!*';:=+,.$/%#\[\]\u2013_~@|&-]"
_PARENTHESES = rf"\((?:{_PATH_CHARACTER}|\({_PATH_CHARACTER}*\))*\)"
_PATH = rf"(?:{_PATH_CHARACTER}|{_PARENTHESES})*(?:[{_PATH_LETTER}=_#/+-]|{_PARENTHESES})"
_QUERY = r"[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*[a-z0-9_&=#/-]"
_REST = rf"(?::\d+)?(?:/(?:{_PATH})?)?(?:\?{_QUERY})?"
_HOST_CHARACTER = r"[^\p{P}\p{Z}\p{C}$+<=>^`|~]"
_LABEL = rf"{_HOST_CHARACTER}(?:(?:[_-]|{_HOST_CHARACTER}){{0,61}}{_HOST_CHARACTER})?"
_LINK = rf"(?<![a-z0-9@$#])https?://(?:{_LABEL}\.){{1,16}}\p{{L}}{{2,63}}(?![\p{{L}}\p{{N}}]){_REST}"
_DOMAIN_LABEL = rf"[{_LETTER}](?:[{_LETTER}-]{{0,61}}[{_LETTER}])?"
_DOMAIN = rf"(?<![{_LETTER}@$#])(?:{_DOMAIN_LABEL}\.){{1,16}}[a-z]{{2,63}}(?![a-z0-9]){_REST}"
_PICTURE = r"\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier}|[\U000E0020-\U000E007E]{1,6}\U000E007F)?"
_EMOJI = rf"{_PICTURE}(?:\u200D{_PICTURE}){{0,3}}|\p{{Regional_Indicator}}{{2}}|[#*0-9]\uFE0F?\u20E3"

_UNITS = regex.compile(
    rf"(?P<link>{_LINK})|(?P<domain>{_DOMAIN})|(?P<emoji>{_EMOJI})|(?P<character>.)",
    regex.IGNORECASE | regex.DOTALL,
)


def find_links(text: str) -> Iterator[regex.Match[str]]:
    """Yield the links of a post that begin with http:// or https://, as twitter-text finds them."""
    return (unit for unit in _UNITS.finditer(text) if unit.lastgroup == "link")


def weight(text: str) -> int:
    """Return a post's weighted characters, of which X takes 280: a link counts 23, most ideographs and emoji 2.

    A word such as `example.com` is a link where X knows the top-level domain, by a list that grows; the greater of both
    weights counts here, so that no post is refused as too long.
    """
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return sum(_unit_weight(unit.lastgroup, unit[0]) for unit in _UNITS.finditer(normal))


def _unit_weight(kind: str | None, unit: str) -> int:
    match kind:
        case "link":
            return LINK_WEIGHT
        case "domain":
            return max(LINK_WEIGHT, sum(map(_character_weight, unit)))
        case "emoji":
            return EMOJI_WEIGHT
        case _:
            return _character_weight(unit)


def _character_weight(character: str) -> int:
    return 1 if any(first <= ord(character) <= last for first, last in SINGLE_WEIGHT_RANGES) else 2
