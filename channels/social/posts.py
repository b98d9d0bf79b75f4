"""What the transports of all networks share: links, the words of a provider's error, and texts that are compared."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

import aiohttp
from regex import compile as compile_pattern

from channels.headers import one_line
from channels.http_client import FailureKind, classify_status, failure_for, retry_after
from channels.transport import PermanentFailure
from models.messages import Message, Picture

LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_TRAILING = ".,;:!?'\"»”’…"
HASHTAG = compile_pattern(r"(?<![\w&/#])[#＃](?P<tag>(?=[\w]*\p{L})[\w]{1,64})")
"""A word with a letter, so that `#1` is no hashtag; not in a link, as `/page#part`."""


def find_links(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each link of a text begins and ends: without the full stop or the bracket that follows it."""
    for found in LINK.finditer(text):
        link = found[0].rstrip(_TRAILING)
        while link.endswith((")", "]", "}", ">")) and not _is_paired(link):
            link = link[:-1].rstrip(_TRAILING)
        if link.partition("//")[2]:
            yield found.start(), found.start() + len(link)


def _is_paired(link: str) -> bool:
    begins = {")": "(", "]": "[", "}": "{", ">": "<"}[link[-1]]
    return link.count(begins) >= link.count(link[-1])


def first_link(text: str) -> str:
    """Return the first link of a text; empty where it has none."""
    return next((text[begin:end] for begin, end in find_links(text)), "")


def post_text(message: Message) -> str:
    """Return the text of a post, its lines ended as networks end them: a form of a browser ends them by two."""
    return message.text.replace("\r\n", "\n").replace("\r", "\n").strip()


def same_words(text: str) -> str:
    """Return a text as networks give it back: with single spaces, and without links, which they may replace.

    A text of links alone keeps them, because every other one would be the same.
    """
    return " ".join(LINK.sub("", text).split()) or text.strip()


def check_picture(picture: Picture, name: str, most_bytes: int, kinds: tuple[str, ...]) -> None:
    """Raise PermanentFailure for a picture that a network does not take."""
    if picture.kind not in kinds:
        takes = ", ".join(kinds)
        raise PermanentFailure(f"{name} takes no picture of the kind {one_line(picture.kind)[:50]}, but {takes}")
    if len(picture.content) > most_bytes:
        size = len(picture.content)
        raise PermanentFailure(f"the picture has {size:,} bytes; {name} takes {most_bytes:,}: choose a smaller one")


def refusal(
    response: aiohttp.ClientResponse,
    name: str,
    said: object,
    *,
    own: Mapping[int, FailureKind] | None = None,
    kind: FailureKind | None = None,
    code: object = None,
    wait: timedelta | None = None,
) -> Exception:
    """Return the exception for an answer that is no success; `said` is the network's own sentence."""
    details = one_line(str(said or response.reason or ""))[:300]
    return failure_for(
        kind or classify_status(response.status, own),
        f"{name} answered {response.status}: {details}",
        code=response.status if code is None else code,
        wait=wait or retry_after(response.headers),
    )
