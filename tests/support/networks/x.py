"""X, as its official description (version 2.167) says; what it counts is twitter-text's."""

import base64
import html
import itertools
import re
from datetime import datetime
from typing import Any

from aiohttp import web

from models.messages import Picture
from templates.rendering.social import MAX_WEIGHT, weight
from tests.support.networks.server import Network, Post, RefusedByNetwork

LINK = re.compile(r"https?://\S+")


class X(Network):
    """The account @lamps. Like X it gives back texts with links of its own, and refuses the same words twice."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._numbers = itertools.count(1)
        self._media: dict[str, Picture] = {}

    def settings(self) -> dict[str, str]:
        names = ("X_CONSUMER_KEY", "X_CONSUMER_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET")
        secrets = {f"FOREWARN_{name}": self.TOKEN for name in names}
        return {"FOREWARN_X": "x", "FOREWARN_X_URL": self.url} | secrets

    async def answer(self, request: web.Request) -> web.Response:
        signed = request.headers.get("Authorization", "")
        if not signed.startswith("OAuth ") or f'oauth_token="{self.TOKEN}"' not in signed:
            raise RefusedByNetwork(401, {"title": "Unauthorized", "detail": "Unauthorized"})
        match request.method, request.path:
            case "GET", "/2/users/me":
                return web.json_response({"data": {"id": "42", "name": "Lamps", "username": "lamps"}})
            case "GET", "/2/users/42/tweets":
                return self._timeline(request)
            case "POST", "/2/tweets":
                return self._post(request, await request.json())
            case "POST", "/2/media/upload":
                return self._upload(request, await request.json())
            case "POST", "/2/media/metadata":
                return self._describe(await request.json())
        raise RefusedByNetwork(404, {"title": "Not Found"})

    def _post(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        _must(set(body) <= {"text", "media"} and weight(body["text"]) <= MAX_WEIGHT, "text")
        ids = body.get("media", {}).get("media_ids", [])
        _must(all(one in self._media for one in ids), "media.media_ids")
        if any(post.text == body["text"] for post in self.posts):
            detail = "You are not allowed to create a Tweet with duplicate content."
            raise RefusedByNetwork(403, {"title": "Forbidden", "detail": detail})
        picture = self._media[ids[0]] if ids else None
        post = Post(str(next(self._numbers)), body["text"], self.clock(), picture, body)
        answer = web.json_response({"data": {"id": post.key, "text": _told(post.text)}}, status=201)
        return self.publish(request, post, answer)

    def _upload(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        _must(set(body) == {"media", "media_category"} and body["media_category"] == "tweet_image", "media_category")
        key = str(next(self._numbers))
        picture = Picture(base64.b64decode(body["media"], validate=True), "", "")
        answer = web.json_response({"data": {"id": key, "media_key": f"3_{key}"}})
        response: web.Response = self.keep(request, self._media, key, picture, answer)
        return response

    def _describe(self, body: dict[str, Any]) -> web.Response:
        text = body["metadata"]["alt_text"]["text"]
        _must(len(text) <= 1000 and body["id"] in self._media, "metadata")
        self._media[body["id"]] = Picture(self._media[body["id"]].content, "", text)
        return web.json_response({"data": {"id": body["id"], "associated_metadata": body["metadata"]}})

    def _timeline(self, request: web.Request) -> web.Response:
        since = datetime.fromisoformat(request.query["start_time"])
        most = int(request.query["max_results"])
        _must(5 <= most <= 100, "max_results")
        before = int(request.query.get("pagination_token", "999999999"))
        found = [post for post in reversed(self.posts) if post.at >= since and int(post.key) < before]
        meta: dict[str, Any] = {"result_count": len(found[:most])}
        if len(found) > most:
            meta["next_token"] = found[most - 1].key
        told = [{"id": post.key, "text": _told(post.text)} for post in found[:most]]
        return web.json_response({"meta": meta} | ({"data": told} if told else {}))


def _told(text: str) -> str:
    return LINK.sub("https://t.co/abc", html.escape(text, quote=False))


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RefusedByNetwork(400, {"title": "Invalid Request", "detail": f"One or more parameters: {what}"})
