"""Write the record of a post on Bluesky, as the lexicons app.bsky.feed.post and app.bsky.richtext.facet say."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from channels.social.posts import HASHTAG, find_links, first_link, post_text
from models.messages import LinkCard, Message, Picture

COLLECTION = "app.bsky.feed.post"
FACET = "app.bsky.richtext.facet"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
MENTION = re.compile(rf"(?<![\w/@.])@(?P<handle>(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9])", re.IGNORECASE)
"""An account's handle, which is a domain name."""
_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
_KEY_LENGTH, _CLOCK_BITS = 13, 10
_FIRST_MICROSECOND = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_MICROSECONDS = 366 * 86_400 * 1_000_000


def record_key(message_id: str) -> str:
    """Return the key of a message's record: always the same one, so that no message becomes two posts.

    It is a TID, as the lexicon asks, of a moment of 2024 that the id decides, so that it is never in the future. What
    readers see is the record's `createdAt`.
    """
    number = int.from_bytes(hashlib.sha256(message_id.encode()).digest())
    clock, rest = number % 2**_CLOCK_BITS, number >> _CLOCK_BITS
    tid = ((_FIRST_MICROSECOND + rest % _MICROSECONDS) << _CLOCK_BITS) | clock
    return "".join(_SORTABLE[(tid >> 5 * place) & 31] for place in reversed(range(_KEY_LENGTH)))


def mentioned(text: str) -> list[str]:
    """Return the handles that a text names after an @."""
    return list(dict.fromkeys(found["handle"].lower() for found in MENTION.finditer(text)))


def post_record(message: Message, now: datetime, accounts: Mapping[str, str], embed: dict[str, Any] | None) -> Any:
    """Return the record of a post; `accounts` are the DIDs of the handles that it mentions."""
    text = post_text(message)
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": text,
        "createdAt": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "langs": [message.locale.replace("_", "-")],
    }
    if facets := list(_facets(text, accounts)):
        record["facets"] = facets
    if embed:
        record["embed"] = embed
    return record


def picture_embed(blob: object, picture: Picture) -> dict[str, Any]:
    """Return a picture that was uploaded, as part of a post."""
    image: dict[str, Any] = {"image": blob, "alt": picture.description}
    if shape := _shape(picture.content):
        image["aspectRatio"] = shape
    return {"$type": "app.bsky.embed.images", "images": [image]}


def _shape(content: bytes) -> dict[str, int] | None:
    """Return how wide and high a picture is: without it, readers see a square piece of it."""
    # Here, because few posts have a picture.
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
            return {"width": opened.width, "height": opened.height}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def card_embed(card: LinkCard) -> dict[str, Any]:
    """Return the card of a link; Bluesky looks at no page by itself."""
    shown = {"uri": card.url, "title": card.title, "description": card.description}
    return {"$type": "app.bsky.embed.external", "external": shown}


def card_of(message: Message) -> LinkCard | None:
    """Return the card of a post's link: the given one, else one named by the link itself; none without a link."""
    if message.card or not (link := first_link(message.text)):
        return message.card
    return LinkCard(link, link.partition("//")[2].partition("?")[0].rstrip("/"))


def _facets(text: str, accounts: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what is a link in a text, each with its place in bytes."""
    links = list(find_links(text))
    for begin, end in links:
        yield _facet(text, begin, end, {"$type": f"{FACET}#link", "uri": text[begin:end]})
    for found in MENTION.finditer(text):
        if (did := accounts.get(found["handle"].lower())) and not _is_within(links, found.start()):
            yield _facet(text, *found.span(), {"$type": f"{FACET}#mention", "did": did})
    for tag in HASHTAG.finditer(text):
        if not _is_within(links, tag.start()):
            yield _facet(text, *tag.span(), {"$type": f"{FACET}#tag", "tag": tag["tag"]})


def _is_within(links: list[tuple[int, int]], place: int) -> bool:
    return any(begin <= place < end for begin, end in links)


def _facet(text: str, begin: int, end: int, feature: dict[str, str]) -> dict[str, Any]:
    index = {"byteStart": len(text[:begin].encode()), "byteEnd": len(text[:end].encode())}
    return {"index": index, "features": [feature]}
