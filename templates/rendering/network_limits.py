"""Measure a post as each network does: what counts, and how much of it is taken."""

from dataclasses import dataclass

import regex

from models.enums import Channel
from templates.rendering import social

FACEBOOK_CHARACTERS = 63_206
LINKEDIN_CHARACTERS = 3_000
BLUESKY_GRAPHEMES, BLUESKY_BYTES = 300, 3_000
"""Of `text` in the lexicon app.bsky.feed.post: maxGraphemes and maxLength."""
MASTODON_CHARACTERS = 500
"""Unless a server says another number in `configuration.statuses.max_characters` of /api/v2/instance."""
MASTODON_LINK = "x" * 23
"""What stands for a link of any length: URL_PLACEHOLDER of Mastodon's StatusLengthValidator."""

_GRAPHEME = regex.compile(r"\X")
_MENTION = regex.compile(r"(?<![=/\w])@(?P<name>[a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)@\w[\w.-]*\w", regex.IGNORECASE)
"""An account on another server, as in Account::MENTION_RE of Mastodon."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How long a post is, in what its network counts, and the most that it takes."""

    count: int
    limit: int
    unit: str = "characters"

    @property
    def fits(self) -> bool:
        """Return whether the network takes so much."""
        return self.count <= self.limit


def measure(network: Channel, text: str, mastodon_limit: int = MASTODON_CHARACTERS) -> Measure:
    """Return how long a post is on a network; `mastodon_limit` is that of the shop's own server."""
    match network:
        case Channel.BLUESKY:
            size = len(text.encode(errors="replace"))
            if size > BLUESKY_BYTES:
                return Measure(size, BLUESKY_BYTES, "bytes")
            return Measure(_graphemes(text), BLUESKY_GRAPHEMES)
        case Channel.MASTODON:
            return Measure(_mastodon_length(text), mastodon_limit)
        case Channel.FACEBOOK:
            return Measure(_utf16_units(text), FACEBOOK_CHARACTERS)
        case Channel.LINKEDIN:
            return Measure(_utf16_units(text), LINKEDIN_CHARACTERS)
        case _:
            return Measure(social.weight(text), social.MAX_WEIGHT)


def _graphemes(text: str) -> int:
    return sum(1 for _ in _GRAPHEME.finditer(text))


def _mastodon_length(text: str) -> int:
    pieces, rest = [], 0
    for link in social.find_links(text):
        pieces += [_MENTION.sub(r"@\g<name>", text[rest : link.start()]), MASTODON_LINK]
        rest = link.end()
    return _graphemes("".join([*pieces, _MENTION.sub(r"@\g<name>", text[rest:])]))


def _utf16_units(text: str) -> int:
    # Neither network says what a character is. These are the smallest that it can be, so that no post is refused.
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
