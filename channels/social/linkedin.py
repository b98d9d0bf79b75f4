"""Post as an organisation on LinkedIn by its Posts API (learn.microsoft.com/linkedin/marketing)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from yarl import URL

from channels.headers import one_line
from channels.http_client import (
    JSON_TYPE,
    FailureKind,
    HttpClient,
    before_posting,
    json_body,
    lookup_errors,
    read_json,
)
from channels.social.linkedin_token import LinkedInApp, LinkedInToken
from channels.social.posts import HASHTAG, check_picture, post_text, refusal
from channels.transport import LookupUnavailable, OutcomeUnknown, TemporaryFailure
from models.messages import Message, Picture, Receipt

NAME = "LinkedIn"
MAX_PICTURE_BYTES = 10_000_000
MAX_DESCRIPTION = 4_086
PICTURE_KINDS = ("image/jpeg", "image/png", "image/gif")
PAGE_SIZE = 100
STATUSES: Mapping[int, FailureKind] = {
    422: FailureKind.PERMANENT,
    426: FailureKind.CHANNEL_DOWN,  # the version of the API is no longer served
}
DUPLICATE = "DUPLICATE_POST"
DUPLICATE_OF = re.compile(r"duplicate of (urn:li:\w+:\d+)")
RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
"""Characters with a meaning in LinkedIn's text format `little`, whether or not they are used for it."""
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
HASHTAG_TEMPLATE = re.compile(r"\{hashtag\|\\?[#＃]\|((?:\\.|[^}\\])*)\}")


class LinkedInTransport:
    """Posts for one organisation."""

    def __init__(
        self,
        organization: str,
        token: str,
        *,
        version: str,
        now: Callable[[], datetime],
        app: LinkedInApp | None = None,
        url: str = "https://api.linkedin.com",
        sign_in_url: str = "https://www.linkedin.com",
        timeout: float = 15,
        parallel: int = 16,
    ) -> None:
        self._http, self._url = HttpClient(timeout, parallel), url.rstrip("/")
        self._author = f"urn:li:organization:{organization.rpartition(':')[2]}"
        self._token, self.warning = LinkedInToken(self._http, token, app, sign_in_url, now), ""
        self._headers = {
            "LinkedIn-Version": version,
            "X-Restli-Protocol-Version": "2.0.0",
        }

    async def send(self, message: Message) -> Receipt:
        with before_posting():
            content = await self._content(message)
        post = {
            "author": self._author,
            "commentary": little_text(post_text(message)),
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        } | content
        response = await self._ask("POST", "/rest/posts", data=json_body(post), headers=JSON_TYPE)
        if response.status != 201:
            said = (await response.read()).decode(errors="replace")
            if response.status == 422 and DUPLICATE in said:
                twin = DUPLICATE_OF.search(said)
                return Receipt(twin[1] if twin else "", {"status": "already there"})
            raise await _failure(response)
        key = unquote(response.headers.get("x-restli-id", ""))
        if not key:
            raise OutcomeUnknown(f"{NAME} answered {response.status} without the post's id", code="201")
        return Receipt(key, {"status": "posted", "url": f"https://www.linkedin.com/feed/update/{key}/"})

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            start, wanted = 0, _words(message.text)
            while True:
                posts = await self._posts(start, PAGE_SIZE)
                for post in posts:
                    if _words(plain_text(str(post.get("commentary") or ""))) == wanted and _moment(post) >= since:
                        return Receipt(str(post["id"]), {"status": "posted"})
                if len(posts) < PAGE_SIZE or _moment(posts[-1]) < since:
                    return None
                start += PAGE_SIZE

    async def check(self) -> str:
        try:
            with lookup_errors():
                await self._posts(0, 1)
        except TemporaryFailure as error:
            if error.code == "403":  # a token that may post and not read
                raise LookupUnavailable(error.reason, code=error.code) from error
            raise
        with lookup_errors():
            ends, self.warning = await self._token.ends_in()
        return f"the posts of {self._author} may be read" + (f"; {ends}" if ends else "")

    async def close(self) -> None:
        await self._http.close()

    async def _posts(self, start: int, count: int) -> list[dict[str, Any]]:
        # Rest.li 2.0 wants the colons of an URN encoded.
        query = f"author={quote(self._author, safe='')}&q=author&start={start}&count={count}&sortBy=CREATED"
        response = await self._ask("GET", f"/rest/posts?{query}", headers={"X-RestLi-Method": "FINDER"})
        if response.status != 200:
            raise await _failure(response)
        posts = (await read_json(response)).get("elements")
        if not isinstance(posts, list) or not all(isinstance(post, dict) and "id" in post for post in posts):
            raise TemporaryFailure(f"{NAME} answered {response.status} without posts", code="200")
        return posts

    async def _content(self, message: Message) -> dict[str, Any]:
        if message.picture:
            image = await self._upload(message.picture)
            alt = message.picture.description[:MAX_DESCRIPTION]
            return {"content": {"media": {"id": image, "altText": alt}}}
        if card := message.card:
            article = {"source": card.url, "title": card.title, "description": card.description}
            return {"content": {"article": {name: value for name, value in article.items() if value}}}
        return {}

    async def _upload(self, picture: Picture) -> str:
        check_picture(picture, NAME, MAX_PICTURE_BYTES, PICTURE_KINDS)
        wanted = json_body({"initializeUploadRequest": {"owner": self._author}})
        response = await self._ask("POST", "/rest/images?action=initializeUpload", data=wanted, headers=JSON_TYPE)
        if response.status != 200:
            raise await _failure(response)
        value = (await read_json(response)).get("value") or {}
        address, image = str(value.get("uploadUrl") or ""), str(value.get("image") or "")
        if not image or not self._is_own(address):
            raise TemporaryFailure(f"{NAME} answered {response.status} without a place for the picture", code="200")
        headers = {"Authorization": self._token.bearer, "Content-Type": picture.kind}
        response = await self._http.request("PUT", address, data=picture.content, headers=headers)
        if response.status not in (200, 201):
            raise await _failure(response)
        return image

    def _is_own(self, address: str) -> bool:
        """Return whether the token may be sent to an address."""
        parts, own = urlsplit(address), urlsplit(self._url)
        is_linkedin = parts.scheme == "https" and (parts.hostname or "").endswith(".linkedin.com")
        return is_linkedin or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)

    async def _ask(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        headers, url = options.pop("headers", {}) | self._headers, URL(f"{self._url}{path}", encoded=True)
        used = self._token.bearer
        response = await self._http.request(method, url, headers=headers | {"Authorization": used}, **options)
        if response.status == 401 and await self._token.replace(used):  # nothing was taken with the old one
            headers["Authorization"] = self._token.bearer
            response = await self._http.request(method, url, headers=headers, **options)
        return response


def little_text(text: str) -> str:
    """Return a text in LinkedIn's format `little`, in which it reads as it is and its hashtags are hashtags."""
    parts, rest = [], 0
    for found in HASHTAG.finditer(text):
        parts += [_escaped(text[rest : found.start()]), f"{{hashtag|\\#|{_escaped(found['tag'])}}}"]
        rest = found.end()
    return "".join([*parts, _escaped(text[rest:])])


def plain_text(little: str) -> str:
    """Return what a text in the format `little` reads as."""
    return ESCAPED.sub(r"\1", HASHTAG_TEMPLATE.sub(r"#\1", little))


def _escaped(text: str) -> str:
    return RESERVED.sub(r"\\\g<0>", text)


def _words(text: str) -> str:
    return " ".join(text.split())


def _moment(post: Mapping[str, Any]) -> datetime:
    moment = post.get("publishedAt") or post.get("createdAt")
    if not isinstance(moment, int):
        raise TemporaryFailure(f"{NAME} told of a post without its time")
    return datetime.fromtimestamp(moment / 1000, UTC)


async def _failure(response: aiohttp.ClientResponse) -> Exception:
    body = await read_json(response)
    return refusal(response, NAME, one_line(str(body.get("message") or "")), own=STATUSES)
