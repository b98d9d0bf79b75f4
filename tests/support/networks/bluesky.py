"""A Bluesky server (PDS): the lexicons of bluesky-social/atproto, and errors as @atproto/pds 0.5.35 answers them."""

import hashlib
import json
import re
from typing import Any

import regex
from aiohttp import web

from models.messages import Picture
from tests.support.networks.server import Network, Post, RefusedByNetwork

TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s\x00-\x20]+")
COLLECTION, FACET = "app.bsky.feed.post", "app.bsky.richtext.facet"
POST_FIELDS = {"$type", "text", "createdAt", "langs", "facets", "embed", "reply", "labels", "tags", "entities"}
EXTERNAL_FIELDS = {"uri", "title", "description"}
MAX_IMAGE_BYTES = 1_000_000


class Bluesky(Network):
    """A server with the account `lamps.example`; `handles` are the accounts that mentions may name.

    `expire()` ends the access token that is in use, `expire(refresh=True)` the session.
    """

    DID, HANDLE, PASSWORD = "did:plc:lampslampslampslampslamps", "lamps.example", "app-password"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.handles = {self.HANDLE: self.DID}
        self.sessions = 0
        self._access = self._refresh = ""
        self._expired: set[str] = set()
        self._blobs: dict[str, Picture] = {}

    def settings(self) -> dict[str, str]:
        return {
            "FOREWARN_BLUESKY": "bluesky",
            "FOREWARN_BLUESKY_URL": self.url,
            "FOREWARN_BLUESKY_HANDLE": self.HANDLE,
            "FOREWARN_BLUESKY_APP_PASSWORD": self.PASSWORD,
        }

    def expire(self, *, refresh: bool = False) -> None:
        self._expired |= {self._access} | ({self._refresh} if refresh else set())

    async def answer(self, request: web.Request) -> web.Response:
        match request.method, request.path.removeprefix("/xrpc/"):
            case "POST", "com.atproto.server.createSession":
                return self._signed_in(await _json(request))
            case "POST", "com.atproto.server.refreshSession":
                self._check_token(request, self._refresh)
                return self._new_session()
            case "GET", "com.atproto.identity.resolveHandle":
                handle = request.query.get("handle", "")
                if handle not in self.handles:
                    raise _invalid("Unable to resolve handle")
                return web.json_response({"did": self.handles[handle]})
            case "POST", "com.atproto.repo.uploadBlob":
                self._check_token(request, self._access)
                return await self._upload(request)
            case "POST", "com.atproto.repo.createRecord":
                self._check_token(request, self._access)
                return self._create(request, await _json(request))
            case "GET", "com.atproto.repo.getRecord":
                return self._get(request)
        raise RefusedByNetwork(501, {"error": "MethodNotImplemented", "message": "Method Not Implemented"})

    def _signed_in(self, body: dict[str, Any]) -> web.Response:
        if set(body) != {"identifier", "password"}:
            raise _invalid("Input must have the properties identifier and password")
        if (body["identifier"], body["password"]) != (self.HANDLE, self.PASSWORD):
            message = "Invalid identifier or password"
            raise RefusedByNetwork(401, {"error": "AuthenticationRequired", "message": message})
        return self._new_session()

    def _new_session(self) -> web.Response:
        self.sessions += 1
        self._access, self._refresh = f"access-{self.sessions}", f"refresh-{self.sessions}"
        tokens = {"accessJwt": self._access, "refreshJwt": self._refresh}
        return web.json_response(tokens | {"did": self.DID, "handle": self.HANDLE, "active": True})

    def _check_token(self, request: web.Request, wanted: str) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer":
            raise RefusedByNetwork(401, {"error": "AuthMissing", "message": "Authentication Required"})
        if token in self._expired:
            raise RefusedByNetwork(400, {"error": "ExpiredToken", "message": "Token has expired"})
        if token != wanted:
            raise RefusedByNetwork(400, {"error": "InvalidToken", "message": "Token could not be verified"})

    async def _upload(self, request: web.Request) -> web.Response:
        content = await request.read()
        key = f"bafkrei{hashlib.sha256(content).hexdigest()[:52]}"
        blob = {"$type": "blob", "ref": {"$link": key}, "mimeType": request.content_type, "size": len(content)}
        picture = Picture(content, request.content_type, "")
        response: web.Response = self.keep(request, self._blobs, key, picture, web.json_response({"blob": blob}))
        return response

    def _create(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        if body.get("repo") not in (self.DID, self.HANDLE) or body.get("collection") != COLLECTION:
            raise _invalid("Could not find repo or collection")
        key, record = body.get("rkey", ""), body.get("record")
        if not TID.fullmatch(key):
            raise _invalid(f"Invalid record key for {COLLECTION}: string does not match the format tid")
        picture = self._check(record)
        if any(post.key == key for post in self.posts):
            raise RefusedByNetwork(500, {"error": "InternalServerError", "message": "Internal Server Error"})
        answer = {"uri": f"at://{self.DID}/{COLLECTION}/{key}", "cid": "bafyrei", "validationStatus": "valid"}
        return self.publish(
            request, Post(key, record["text"], self.clock(), picture, record), web.json_response(answer)
        )

    def _get(self, request: web.Request) -> web.Response:
        asked = {name: request.query.get(name, "") for name in ("repo", "collection", "rkey")}
        if asked["repo"] not in (self.DID, self.HANDLE) or asked["collection"] != COLLECTION:
            raise _invalid("Could not find repo")
        for post in self.posts:
            if post.key == asked["rkey"]:
                uri = f"at://{self.DID}/{COLLECTION}/{post.key}"
                return web.json_response({"uri": uri, "cid": "bafyrei", "value": post.told})
        message = f"Could not locate record: at://{self.DID}/{COLLECTION}/{asked['rkey']}"
        raise RefusedByNetwork(400, {"error": "RecordNotFound", "message": message})

    def _check(self, record: Any) -> Picture | None:
        """Hold a record against the lexicon; return its picture."""
        _must(isinstance(record, dict) and record.get("$type") == COLLECTION, "$type")
        _must(set(record) <= POST_FIELDS, "an unknown field")
        text = record.get("text")
        _must(isinstance(text, str) and len(text.encode()) <= 3000, "text: string too long (maximum 3000)")
        graphemes = len(regex.findall(r"\X", text))
        _must(graphemes <= 300, f"grapheme too big (maximum 300, got {graphemes}) at $.record.text")
        _must(bool(DATETIME.fullmatch(record.get("createdAt", ""))), "createdAt")
        languages = record.get("langs", [])
        _must(len(languages) <= 3 and all(LANGUAGE.fullmatch(one) for one in languages), "langs")
        for facet in record.get("facets", []):
            _check_facet(text.encode(), facet)
        return self._embedded(record["embed"]) if "embed" in record else None

    def _embedded(self, embed: dict[str, Any]) -> Picture | None:
        if embed["$type"] == "app.bsky.embed.external":
            external = embed["external"]
            _must(set(external) == EXTERNAL_FIELDS and bool(URI.fullmatch(external["uri"])), "embed.external")
            return None
        _must(embed["$type"] == "app.bsky.embed.images" and len(embed["images"]) == 1, "embed")
        (image,) = embed["images"]
        _must({"image", "alt"} <= set(image) <= {"image", "alt", "aspectRatio"}, "embed.images")
        blob = image["image"]
        kept = self._blobs.get(blob["ref"]["$link"])
        if kept is None:
            raise _invalid("Could not find blob")
        _must(blob["mimeType"] == kept.kind and blob["mimeType"].startswith("image/"), "embed.images: mimeType")
        _must(blob["size"] == len(kept.content) <= MAX_IMAGE_BYTES, "embed.images: size")
        return Picture(kept.content, kept.kind, image["alt"])


def _check_facet(text: bytes, facet: dict[str, Any]) -> None:
    begin, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
    _must(0 <= begin < end <= len(text), "facet: index")
    try:
        shown = text[begin:end].decode()
    except UnicodeDecodeError as error:
        raise _invalid("facet: index within a character") from error
    for feature in facet["features"]:
        match feature["$type"].removeprefix(FACET):
            case "#link":
                _must(bool(URI.fullmatch(feature["uri"])) and feature["uri"] == shown, "facet: uri")
            case "#mention":
                _must(feature["did"].startswith("did:") and shown.startswith("@"), "facet: did")
            case "#tag":
                _must(len(feature["tag"]) <= 64 and shown[1:] == feature["tag"], "facet: tag")
            case _:
                raise _invalid("facet: $type")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise _invalid(f"Invalid {COLLECTION} record: {what}")


def _invalid(message: str) -> RefusedByNetwork:
    return RefusedByNetwork(400, {"error": "InvalidRequest", "message": message})


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise _invalid("Request encoding (Content-Type) required but not provided")
    body: dict[str, Any] = json.loads(await request.read())
    return body
