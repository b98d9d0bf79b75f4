"""Post on a Mastodon server by its API (docs.joinmastodon.org/methods)."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import FormData

from channels.headers import one_line
from channels.http_client import (
    JSON_TYPE,
    FailureKind,
    HttpClient,
    before_posting,
    json_body,
    lookup_errors,
    read_json,
    read_list,
)
from channels.social.posts import check_picture, post_text, refusal, same_words
from channels.transport import LookupUnavailable, OutcomeUnknown, TemporaryFailure
from models.messages import Message, Picture, Receipt

NAME = "Mastodon"
MAX_PICTURE_BYTES = 16_777_216
"""Of Mastodon as it is installed; a server may take less, and then says so."""
MAX_DESCRIPTION = 1_500
PICTURE_KINDS = ("image/jpeg", "image/png", "image/gif", "image/webp")
PAGE_SIZE = 40
PROCESSING = (202, 206)
"""Statuses of an upload, and of a question about it, while the server still works on the picture."""
WAIT_SECONDS, MAX_QUESTIONS = 1.0, 30
STATUSES: Mapping[int, FailureKind] = {422: FailureKind.PERMANENT}
CHARACTERS = "max_characters"


class MastodonTransport:
    """Posts on one server for one account."""

    def __init__(self, url: str, token: str, *, timeout: float = 15, parallel: int = 16) -> None:
        self._http, self._url = HttpClient(timeout, parallel), url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, message: Message) -> Receipt:
        status: dict[str, Any] = {
            "status": post_text(message),
            "visibility": "public",
            "language": message.locale.replace("_", "-").partition("-")[0],
        }
        if message.picture:
            with before_posting():
                status["media_ids"] = [await self._upload(message.picture)]
        headers = JSON_TYPE | {"Idempotency-Key": message.id}
        response = await self._ask("POST", "/api/v1/statuses", data=json_body(status), headers=headers)
        return _receipt(await _body(response))

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            account = (await self._account())["id"]
            page = {"limit": str(PAGE_SIZE), "exclude_reblogs": "true"}
            while True:
                response = await self._ask("GET", f"/api/v1/accounts/{account}/statuses", params=page)
                if response.status != 200:
                    raise await _failure(response)
                posts = [post for post in await read_list(response) if _is_post(post)]
                for post in posts:
                    if _words(_plain(post["content"])) == _words(message.text) and _moment(post) >= since:
                        return _receipt(post)
                # A pinned post of long ago may come first: only the last of a page says how far back it goes.
                if not posts or _moment(posts[-1]) < since:
                    return None
                page["max_id"] = posts[-1]["id"]

    async def check(self) -> str:
        try:
            with lookup_errors():
                account, most = await self._account(), await self.most_characters()
        except TemporaryFailure as error:
            if error.code == "403":  # a token that may post and not read
                raise LookupUnavailable(error.reason, code=error.code) from error
            raise
        host = urlsplit(self._url).netloc
        return f"the account is @{one_line(str(account.get('acct') or account['id']))}@{host}; {most:,} characters"

    async def most_characters(self) -> int:
        """Return the longest post that the server takes."""
        response = await self._ask("GET", "/api/v2/instance")
        found = (await _body(response)).get("configuration", {}).get("statuses", {}).get(CHARACTERS)
        if not isinstance(found, int):
            raise TemporaryFailure(f"{NAME} answered {response.status} without its limits", code=str(response.status))
        return found

    async def close(self) -> None:
        await self._http.close()

    async def _account(self) -> dict[str, Any]:
        response = await self._ask("GET", "/api/v1/accounts/verify_credentials")
        account = await _body(response)
        if not account.get("id"):
            raise TemporaryFailure(f"{NAME} answered {response.status} without the account", code=str(response.status))
        return account

    async def _upload(self, picture: Picture) -> str:
        check_picture(picture, NAME, MAX_PICTURE_BYTES, PICTURE_KINDS)
        form = FormData()
        name = f"picture.{picture.kind.partition('/')[2]}"
        form.add_field("file", picture.content, content_type=picture.kind, filename=name)
        form.add_field("description", picture.description[:MAX_DESCRIPTION])
        response = await self._ask("POST", "/api/v2/media", data=form)
        uploaded = str((await _body(response, *PROCESSING)).get("id") or "")
        if not uploaded:
            raise TemporaryFailure(f"{NAME} took the picture without telling its id", code=str(response.status))
        for _ in range(MAX_QUESTIONS):
            if response.status not in PROCESSING:
                return uploaded
            await asyncio.sleep(WAIT_SECONDS)
            response = await self._ask("GET", f"/api/v1/media/{uploaded}")
            await _body(response, *PROCESSING)
        raise TemporaryFailure(f"{NAME} is still working on the picture", code=str(response.status))

    async def _ask(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        headers = options.pop("headers", {}) | self._headers
        return await self._http.request(method, f"{self._url}{path}", headers=headers, **options)


async def _body(response: aiohttp.ClientResponse, *also: int) -> dict[str, Any]:
    if response.status not in (200, *also):
        raise await _failure(response)
    return await read_json(response)


async def _failure(response: aiohttp.ClientResponse) -> Exception:
    body = await read_json(response)
    return refusal(response, NAME, body.get("error_description") or body.get("error"), own=STATUSES)


def _receipt(post: Mapping[str, Any]) -> Receipt:
    if not post.get("id"):
        raise OutcomeUnknown(f"{NAME} answered without the post's id", code="200")
    return Receipt(str(post["id"]), {"status": "posted", "url": one_line(str(post.get("url") or ""))})


def _is_post(post: object) -> bool:
    return isinstance(post, dict) and all(isinstance(post.get(name), str) for name in ("id", "content", "created_at"))


def _moment(post: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(post["created_at"])
    except ValueError as error:
        raise TemporaryFailure(f"{NAME} told of a post without its time") from error


def _words(text: str) -> str:
    """Return a text without links, and without the servers of the accounts that it mentions."""
    return " ".join(word.rpartition("@")[0] if word.count("@") == 2 else word for word in same_words(text).split())


def _plain(content: str) -> str:
    reader = _Reader()
    reader.feed(content)
    reader.close()
    return "".join(reader.parts)


class _Reader(HTMLParser):
    """Reads the text of a post, which the server tells as HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "br"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
