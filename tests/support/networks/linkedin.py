"""LinkedIn's Posts and Images APIs, as learn.microsoft.com/linkedin/marketing and its text format `little` say."""

import itertools
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from aiohttp import web

from models.messages import Picture
from tests.support.networks.server import Network, Post, RefusedByNetwork, form_of

VERSIONS = ("202605", "202606")
REQUIRED = {"author", "commentary", "visibility", "distribution", "lifecycleState"}
FIELDS = REQUIRED | {"content", "isReshareDisabledByAuthor"}
LITTLE = re.compile(
    r"\\(?P<escaped>.)|\{hashtag\|\\?[#＃]\|(?P<tag>(?:\\.|[^}\\])+)\}|(?P<plain>[^\\|{}@\[\]()<>#*_~])", re.DOTALL
)
"""What a text is made of; any other character begins an element that this stand-in does not know."""
KINDS = ("image/jpeg", "image/png", "image/gif")


class LinkedIn(Network):
    """An organisation's page; with `reads=False` the token may post and not read."""

    ORGANIZATION = "2000"
    AUTHOR = "urn:li:organization:2000"

    def __init__(self, *args: Any, reads: bool = True) -> None:
        super().__init__(*args)
        self.reads = reads
        self.has_ended, self.ends = False, 40
        """Whether the first token is refused, and in how many days what is asked about ends."""
        self._renewed: set[str] = set()
        self._numbers = itertools.count(7_000_000_000_000_000_001)
        self._places: set[str] = set()
        self._images: dict[str, Picture] = {}

    def settings(self) -> dict[str, str]:
        return {
            "FOREWARN_LINKEDIN": "linkedin",
            "FOREWARN_LINKEDIN_URL": self.url,
            "FOREWARN_LINKEDIN_ORGANIZATION": self.ORGANIZATION,
            "FOREWARN_LINKEDIN_TOKEN": self.TOKEN,
        }

    def _signed_in(self, path: str, form: dict[str, Any]) -> web.Response:
        """Answer as www.linkedin.com/oauth/v2 does: renew a token, or say when one ends."""
        if (form.get("client_id"), form.get("client_secret")) != ("app", "secret"):
            raise RefusedByNetwork(401, {"error": "invalid_client", "error_description": "wrong secret"})
        if path == "/oauth/v2/introspectToken":
            ends = self.clock() + timedelta(days=self.ends)
            return web.json_response({"active": True, "status": "active", "expires_at": int(ends.timestamp())})
        if (form.get("grant_type"), form.get("refresh_token")) != ("refresh_token", "refresh"):
            raise RefusedByNetwork(400, {"error": "invalid_request", "error_description": "it is expired"})
        token = f"renewed-{len(self._renewed)}"
        self._renewed.add(token)
        seconds = self.ends * 24 * 3600
        return web.json_response({"access_token": token, "expires_in": 5_184_000, "refresh_token_expires_in": seconds})

    async def answer(self, request: web.Request) -> web.Response:
        if request.path.startswith("/oauth/v2/"):
            return self._signed_in(request.path, await form_of(request))
        tokens = self._renewed if self.has_ended else {self.TOKEN, *self._renewed}
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in tokens:
            raise _error(401, "INVALID_ACCESS_TOKEN", "Invalid access token")
        if request.method == "PUT" and request.path.startswith("/dms-uploads/"):
            return await self._put(request)
        version = request.headers.get("LinkedIn-Version", "")
        if version not in VERSIONS:
            raise _error(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
        if request.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            raise _error(400, "ILLEGAL_ARGUMENT", "X-Restli-Protocol-Version")
        match request.method, request.path:
            case "POST", "/rest/posts":
                return self._post(request, await request.json())
            case "POST", "/rest/images" if request.query.get("action") == "initializeUpload":
                return self._place(await request.json())
            case "GET", "/rest/posts":
                return self._found(request)
        raise _error(404, "RESOURCE_NOT_FOUND", f"No virtual resource found at {request.path}")

    def _post(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        for name in sorted(REQUIRED - set(body)):
            raise _error(422, "UNPROCESSABLE", f"ERROR :: /{name} :: field is required but not found")
        _must(set(body) <= FIELDS, "unrecognized field found but not allowed")
        _must(body["author"] == self.AUTHOR, "/author")
        _must((body["visibility"], body["lifecycleState"]) == ("PUBLIC", "PUBLISHED"), "/visibility")
        _must(body["distribution"].get("feedDistribution") == "MAIN_FEED", "/distribution")
        text = read_little(body["commentary"])
        _must(len(text) <= 3000, "/commentary :: length is beyond maximum 3000")
        picture = self._pictured(body.get("content", {}))
        for twin in self.posts:
            if (twin.text, twin.picture) == (text, picture):
                details = {"inputErrors": [{"description": "Duplicate post is detected", "code": "DUPLICATE_POST"}]}
                message = f"Content is a duplicate of {twin.key}"
                raise RefusedByNetwork(422, {"message": message, "errorDetails": details, "status": 422})
        post = Post(f"urn:li:share:{next(self._numbers)}", text, self.clock(), picture, body)
        return self.publish(request, post, web.Response(status=201, headers={"x-restli-id": post.key}))

    def _pictured(self, content: dict[str, Any]) -> Picture | None:
        if "article" in content:
            article = content["article"]
            _must({"source", "title"} <= set(article) <= {"source", "title", "description"}, "/content/article")
        if "media" not in content:
            return None
        media = content["media"]
        _must(set(media) <= {"id", "altText", "title"} and media["id"] in self._images, "/content/media/id")
        _must(len(media.get("altText", "")) <= 4086, "/content/media/altText")
        kept = self._images[media["id"]]
        return Picture(kept.content, kept.kind, media.get("altText", ""))

    def _place(self, body: dict[str, Any]) -> web.Response:
        _must(body == {"initializeUploadRequest": {"owner": self.AUTHOR}}, "/initializeUploadRequest")
        image = f"urn:li:image:{next(self._numbers)}"
        self._places.add(image)
        value = {"uploadUrlExpiresAt": 1, "uploadUrl": f"{self.url}/dms-uploads/{image}?ca=vector", "image": image}
        return web.json_response({"value": value})

    async def _put(self, request: web.Request) -> web.Response:
        image = request.path.rpartition("/")[2]
        _must(image in self._places and request.content_type in KINDS, "no place for this picture")
        picture = Picture(await request.read(), request.content_type, "")
        response: web.Response = self.keep(request, self._images, image, picture, web.Response(status=201))
        return response

    def _found(self, request: web.Request) -> web.Response:
        if not self.reads:
            raise _error(
                403, "ACCESS_DENIED", "Not enough permissions to access: partnerApiPostsExternal.FINDER-author"
            )
        _must(request.headers.get("X-RestLi-Method") == "FINDER" and request.query.get("q") == "author", "finder")
        if f"author={quote(self.AUTHOR, safe='')}" not in request.query_string and ":" in request.raw_path:
            raise _error(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
        start, count = int(request.query.get("start", "0")), int(request.query.get("count", "10"))
        _must(count <= 100 and request.query.get("sortBy") in ("LAST_MODIFIED", "CREATED"), "count or sortBy")
        page = list(reversed(self.posts))[start : start + count]
        return web.json_response({"paging": {"start": start, "count": count}, "elements": [_told(one) for one in page]})


def _told(post: Post) -> dict[str, Any]:
    at = int(post.at.timestamp() * 1000)
    return {"id": post.key, "commentary": post.told["commentary"], "createdAt": at, "publishedAt": at}


def read_little(text: str) -> str:
    """Return what a text in LinkedIn's format reads as; raises RefusedByNetwork where a reserved character is bare."""
    parts, place = [], 0
    while place < len(text):
        found = LITTLE.match(text, place)
        if found is None:
            raise _error(400, "ILLEGAL_ARGUMENT", f"/commentary :: reserved character {text[place]!r}")
        tag = found["tag"]
        parts.append(f"#{read_little(tag)}" if tag else found["escaped"] or found["plain"])
        place = found.end()
    return "".join(parts)


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise _error(422, "UNPROCESSABLE", f"ERROR :: {what}")


def _error(status: int, code: str, message: str) -> RefusedByNetwork:
    return RefusedByNetwork(status, {"status": status, "code": code, "message": message})
