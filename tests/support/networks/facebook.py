"""The Graph API of Facebook Pages, as developers.facebook.com/docs/pages-api and its list of errors say."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from models.messages import Picture
from tests.support.networks.server import Network, Post, RefusedByNetwork, form_of

VERSION = "v25.0"
KINDS = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff")
FEED_FIELDS = {"message", "link", "attached_media[0]", "published"}
PHOTO_FIELDS = {"source", "published", "alt_text_custom", "caption", "temporary"}


class Facebook(Network):
    """A Page named Lamps; with `person=True` the token is that of a person who administers it.

    With `pages_by_time` a list of posts has no cursors, as of Graph's edges that are paged by time.
    """

    PAGE = "1000"

    def __init__(self, *args: Any, person: bool = False) -> None:
        super().__init__(*args)
        self.person = person
        self.pages_by_time = False
        self._numbers = itertools.count(1)
        self._photos: dict[str, Picture] = {}

    def settings(self) -> dict[str, str]:
        return {
            "FOREWARN_FACEBOOK": "facebook",
            "FOREWARN_FACEBOOK_URL": self.url,
            "FOREWARN_FACEBOOK_PAGE": self.PAGE,
            "FOREWARN_FACEBOOK_PAGE_TOKEN": self.TOKEN,
        }

    async def answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.TOKEN}":
            raise _error(190, "Invalid OAuth access token - Cannot parse access token")
        version, _, path = request.path.removeprefix("/").partition("/")
        if version != VERSION:
            raise _error(2500, f"Unknown path components: /{version}")
        match request.method, path:
            case "GET", "me":
                return web.json_response(
                    {"id": "5", "name": "Eva"} if self.person else {"id": self.PAGE, "name": "Lamps"}
                )
            case _ if self.person:
                raise _error(200, "Requires a page access token")
            case "POST", "1000/feed":
                return self._feed(request, await form_of(request))
            case "POST", "1000/photos":
                return self._photo(request, await form_of(request))
            case "GET", "1000/published_posts":
                return self._published(request)
        raise _error(100, f"Unsupported {request.method.lower()} request: {path}")

    def _feed(self, request: web.Request, form: dict[str, Any]) -> web.Response:
        _must(set(form) <= FEED_FIELDS, "unknown parameter")
        text = form.get("message", "").replace("\r\n", "\n")
        _must(len(text) <= 63_206, "message is too long")
        _must(bool(text or form.get("link") or form.get("attached_media[0]")), "nothing to publish")
        photo = None
        if attached := form.get("attached_media[0]"):
            fbid = json.loads(attached)["media_fbid"]
            _must(fbid in self._photos, "attached_media: no such photo")
            photo = self._photos.pop(fbid)
        if self.posts and self.posts[-1].text == text and photo is None:
            raise _error(506, "Duplicate status message", "This status update is identical to the last one you posted.")
        post = Post(f"{self.PAGE}_{next(self._numbers)}", text, self.clock(), photo, form)
        return self.publish(request, post, web.json_response({"id": post.key}))

    def _photo(self, request: web.Request, form: dict[str, Any]) -> web.Response:
        _must(set(form) <= PHOTO_FIELDS, "unknown parameter")
        source = form.get("source")
        _must(isinstance(source, Picture) and source.kind in KINDS, "source is no photo")
        _must(len(source.content) < 10_000_000, "the photo is too large")
        _must(form.get("published") == "false", "this stand-in keeps photos for a post only")
        key = str(next(self._numbers))
        picture = Picture(source.content, source.kind, form.get("alt_text_custom", ""))
        response: web.Response = self.keep(request, self._photos, key, picture, web.json_response({"id": key}))
        return response

    def _published(self, request: web.Request) -> web.Response:
        limit, after = int(request.query.get("limit", "25")), int(request.query.get("after", "0"))
        _must(limit <= 100, "limit is too high")
        since = datetime.fromtimestamp(int(request.query.get("since", "0")), UTC)
        found = [post for post in reversed(self.posts) if post.at >= since]
        page = found[after : after + limit]
        told = [
            {"id": one.key, "message": one.text, "created_time": f"{one.at:%Y-%m-%dT%H:%M:%S+0000}"} for one in page
        ]
        paging: dict[str, Any] = {"cursors": {"before": str(after), "after": str(after + len(page))}}
        if len(found) > after + limit:
            paging["next"] = f"{self.url}{request.path_qs}"
        if self.pages_by_time:
            del paging["cursors"]
        return web.json_response({"data": told, "paging": paging} if page else {"data": []})


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise _error(100, f"(#100) {what}")


def _error(code: int, message: str, to_user: str = "") -> RefusedByNetwork:
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    if to_user:
        error["error_user_msg"] = to_user
    return RefusedByNetwork(403 if code in range(200, 300) else 400, {"error": error})
