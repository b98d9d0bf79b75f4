"""A Mastodon server, as docs.joinmastodon.org/methods and its StatusLengthValidator say."""

import html
import itertools
import re
from datetime import datetime
from typing import Any

from aiohttp import web

from models.enums import Channel
from models.messages import Picture
from templates.rendering.network_limits import measure
from tests.support.networks.server import Network, Post, RefusedByNetwork, form_of

VISIBILITIES = ("public", "unlisted", "private", "direct")
FIELDS = {"status", "media_ids", "visibility", "language", "sensitive", "spoiler_text"}
KINDS = ("image/jpeg", "image/png", "image/gif", "image/webp")
TOKENS = re.compile(r"(?P<link>https?://[^\s<]+[^\s<.,;:)!?])|(?P<mention>@\w+@[\w.-]*\w)|(?P<tag>#\w+)")


class Mastodon(Network):
    """A server with the account `lamps` and posts of at most `most` characters.

    With `works` the server still works on a picture for so many questions about it.
    """

    def __init__(self, *args: Any, most: int = 500, works: int = 0) -> None:
        super().__init__(*args)
        self.most, self.works = most, works
        self._numbers = itertools.count(1)
        self._media: dict[str, Picture] = {}
        self._working: dict[str, int] = {}
        self._by_idempotency_key: dict[str, Post] = {}

    def settings(self) -> dict[str, str]:
        return {
            "FOREWARN_MASTODON": "mastodon",
            "FOREWARN_MASTODON_URL": self.url,
            "FOREWARN_MASTODON_TOKEN": self.TOKEN,
        }

    async def answer(self, request: web.Request) -> web.Response:
        if (request.method, request.path) == ("GET", "/api/v2/instance"):
            statuses = {"max_characters": self.most, "characters_reserved_per_url": 23}
            return web.json_response({"domain": "social.example", "configuration": {"statuses": statuses}})
        if request.headers.get("Authorization") != f"Bearer {self.TOKEN}":
            raise RefusedByNetwork(401, {"error": "The access token is invalid"})
        match request.method, request.path:
            case "GET", "/api/v1/accounts/verify_credentials":
                return web.json_response({"id": "7", "username": "lamps", "acct": "lamps"})
            case "POST", "/api/v1/statuses":
                return self._post(request, await request.json())
            case "POST", "/api/v2/media":
                return self._upload(request, await form_of(request))
            case "GET", path if path.startswith("/api/v1/media/"):
                return self._uploaded(path.rpartition("/")[2])
            case "GET", "/api/v1/accounts/7/statuses":
                return self._statuses(request)
        raise RefusedByNetwork(404, {"error": "Record not found"})

    def _post(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        key = request.headers.get("Idempotency-Key", "")
        if known := self._by_idempotency_key.get(key):
            return web.json_response(_status(known))
        _must(set(body) <= FIELDS, "unknown field")
        text, media = body.get("status", ""), body.get("media_ids", [])
        _must(bool(text.strip() or media), "Text can't be blank")
        _must(measure(Channel.MASTODON, text).count <= self.most, f"Text character limit of {self.most} exceeded")
        _must(body.get("visibility") in VISIBILITIES, "Visibility is not included in the list")
        _must(bool(re.fullmatch(r"[a-z]{2,3}", body.get("language", "en"))), "Language is invalid")
        _must(all(one in self._media for one in media), "Media is invalid")
        _must(not any(self._working.get(one) for one in media), "Cannot attach files that have not finished processing")
        picture = self._media.pop(media[0]) if media else None
        post = Post(str(next(self._numbers)), text, self.clock(), picture, body)
        response = self.publish(request, post, web.json_response(_status(post)))
        if key and post in self.posts:
            self._by_idempotency_key[key] = post
        return response

    def _upload(self, request: web.Request, form: dict[str, Any]) -> web.Response:
        file, description = form.get("file"), form.get("description", "")
        _must(isinstance(file, Picture) and file.kind in KINDS, "File content type is invalid, File is invalid")
        _must(len(description) <= 1500, "Description is too long")
        key = f"m{next(self._numbers)}"
        self._working[key] = self.works
        told = {"id": key, "type": "image", "url": None if self.works else "https://files.example/1.png"}
        picture = Picture(file.content, file.kind, description)
        answer = web.json_response(told, status=202 if self.works else 200)
        response: web.Response = self.keep(request, self._media, key, picture, answer)
        return response

    def _uploaded(self, key: str) -> web.Response:
        if key not in self._media:
            raise RefusedByNetwork(404, {"error": "Record not found"})
        if self._working[key]:
            self._working[key] -= 1
            return web.json_response({"id": key, "type": "image", "url": None}, status=206)
        return web.json_response({"id": key, "type": "image", "url": "https://files.example/1.png"})

    def _statuses(self, request: web.Request) -> web.Response:
        limit = min(int(request.query.get("limit", "20")), 40)
        before = int(request.query.get("max_id", "999999999"))
        found = [post for post in reversed(self.posts) if int(post.key) < before]
        return web.json_response([_status(post) for post in found[:limit]])


def _status(post: Post) -> dict[str, Any]:
    return {
        "id": post.key,
        "created_at": _stamp(post.at),
        "visibility": "public",
        "language": post.told.get("language"),
        "url": f"https://social.example/@lamps/{post.key}",
        "content": as_html(post.text),
    }


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_html(text: str) -> str:
    """Return a post's text as Mastodon tells it: paragraphs, and links whose beginning and end are hidden."""
    parts, rest = [], 0
    for found in TOKENS.finditer(text):
        parts += [html.escape(text[rest : found.start()]), _linked(found)]
        rest = found.end()
    whole = "".join([*parts, html.escape(text[rest:])])
    paragraphs = re.split(r"\n{2,}", whole.strip())
    return "".join(f"<p>{paragraph.replace(chr(10), '<br />')}</p>" for paragraph in paragraphs)


def _linked(found: re.Match[str]) -> str:
    shown = html.escape(found[0])
    match found.lastgroup:
        case "link":
            begin, rest = re.match(r"(https?://(?:www\.)?)(.*)", found[0]).groups()  # type: ignore[union-attr]
            hidden = f'<span class="invisible">{begin}</span><span class="ellipsis">{html.escape(rest[:30])}</span>'
            end = f'<span class="invisible">{html.escape(rest[30:])}</span>'
            return f'<a href="{shown}" target="_blank" rel="nofollow noopener" translate="no">{hidden}{end}</a>'
        case "mention":
            name = found[0][1:].partition("@")[0]
            return f'<span class="h-card"><a href="https://other.example/@{name}">@<span>{name}</span></a></span>'
        case _:
            return f'<a href="/tags/x" class="mention hashtag" rel="tag">#<span>{shown[1:]}</span></a>'


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RefusedByNetwork(422, {"error": f"Validation failed: {what}"})
