"""Post on a Facebook Page by the Graph API (developers.facebook.com/docs/pages-api)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import FormData

from channels.headers import one_line
from channels.http_client import FailureKind, HttpClient, before_posting, lookup_errors, read_json
from channels.social.posts import check_picture, first_link, post_text, refusal, same_words
from channels.transport import LookupUnavailable, OutcomeUnknown, TemporaryFailure
from models.messages import Message, Picture, Receipt

NAME = "Facebook"
MAX_PICTURE_BYTES = 9_999_999
"""A photo must be less than 10 MB."""
PICTURE_KINDS = ("image/jpeg", "image/png", "image/gif", "image/webp")
PAGE_SIZE = 100
DUPLICATE = 506
"""The Page's last post has the same words: it is there already."""
CODES: Mapping[int, FailureKind] = {
    1: FailureKind.UNKNOWN,
    2: FailureKind.UNKNOWN,
    4: FailureKind.TEMPORARY,
    10: FailureKind.CHANNEL_DOWN,
    17: FailureKind.TEMPORARY,
    32: FailureKind.TEMPORARY,
    100: FailureKind.PERMANENT,
    102: FailureKind.CHANNEL_DOWN,
    190: FailureKind.CHANNEL_DOWN,
    341: FailureKind.TEMPORARY,
    368: FailureKind.CHANNEL_DOWN,
    459: FailureKind.CHANNEL_DOWN,
    613: FailureKind.TEMPORARY,
    2500: FailureKind.CHANNEL_DOWN,  # no such version or path
    80_001: FailureKind.TEMPORARY,
}
"""By the `code` of an error, which tells more than its status: most are 400."""
PERMISSION_CODES = range(200, 300)
READ_CODES = (10, *PERMISSION_CODES)


class FacebookTransport:
    """Posts on one Page, by the Page's own token."""

    def __init__(
        self,
        page: str,
        token: str,
        *,
        version: str,
        url: str = "https://graph.facebook.com",
        timeout: float = 15,
        parallel: int = 16,
    ) -> None:
        self._http = HttpClient(timeout, parallel)
        self._page, self._base = page, f"{url.rstrip('/')}/{version}"
        # In a header, because proxies log addresses.
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, message: Message) -> Receipt:
        post = {"message": post_text(message)}
        if message.picture:
            with before_posting():
                photo = await self._upload(message.picture)
            post["attached_media[0]"] = json.dumps({"media_fbid": photo})
        elif link := first_link(message.text):
            post["link"] = link
        response = await self._ask("POST", f"/{self._page}/feed", data=post)
        body = await read_json(response)
        if response.status != 200:
            if _error(body).get("code") == DUPLICATE:
                return Receipt("", {"status": "already there", "said": _said(body)})
            raise await _failure(response)
        if not body.get("id"):
            raise OutcomeUnknown(f"{NAME} answered {response.status} without the post's id", code=str(response.status))
        return Receipt(str(body["id"]), {"status": "posted"})

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            page = {"fields": "id,message,created_time", "limit": str(PAGE_SIZE), "since": f"{since.timestamp():.0f}"}
            while True:
                response = await self._ask("GET", f"/{self._page}/published_posts", params=page)
                body = await _body(response)
                posts = body.get("data")
                if not isinstance(posts, list):
                    raise TemporaryFailure(f"{NAME} answered {response.status} without posts", code="200")
                for post in posts:
                    if same_words(str(post.get("message") or "")) == same_words(message.text):
                        return Receipt(str(post["id"]), {"status": "posted"})
                paging = body.get("paging") or {}
                if "next" not in paging:
                    return None
                after = str((paging.get("cursors") or {}).get("after") or "")
                if after in ("", page.get("after")):
                    raise TemporaryFailure(f"{NAME} told of more posts and not where they begin", code="200")
                page["after"] = after

    async def check(self) -> str:
        try:
            with lookup_errors():
                body = await _body(await self._ask("GET", "/me", params={"fields": "id,name"}))
        except TemporaryFailure as error:
            if error.code.isdecimal() and int(error.code) in READ_CODES:
                raise LookupUnavailable(error.reason, code=error.code) from error
            raise
        name = one_line(str(body.get("name") or body.get("id")))
        if str(body.get("id")) != self._page:
            # A person's token cannot post as the Page.
            raise TemporaryFailure(f"the token is that of {name}, not of the page {self._page}", channel_down=True)
        return f"the page is {name}"

    async def close(self) -> None:
        await self._http.close()

    async def _upload(self, picture: Picture) -> str:
        """Upload a photo that nobody sees before a post names it; return its id."""
        check_picture(picture, NAME, MAX_PICTURE_BYTES, PICTURE_KINDS)
        form = FormData()
        name = f"picture.{picture.kind.partition('/')[2]}"
        form.add_field("source", picture.content, content_type=picture.kind, filename=name)
        form.add_field("published", "false")
        form.add_field("alt_text_custom", picture.description)
        response = await self._ask("POST", f"/{self._page}/photos", data=form)
        photo = (await _body(response)).get("id")
        if not photo:
            raise TemporaryFailure(f"{NAME} took the picture without telling its id", code=str(response.status))
        return str(photo)

    async def _ask(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        return await self._http.request(method, f"{self._base}{path}", headers=self._headers, **options)


async def _body(response: aiohttp.ClientResponse) -> dict[str, Any]:
    if response.status != 200:
        raise await _failure(response)
    return await read_json(response)


def _error(body: Mapping[str, Any]) -> Mapping[str, Any]:
    error = body.get("error")
    return error if isinstance(error, dict) else {}


def _said(body: Mapping[str, Any]) -> str:
    error = _error(body)
    return one_line(str(error.get("error_user_msg") or error.get("message") or ""))


async def _failure(response: aiohttp.ClientResponse) -> Exception:
    body = await read_json(response)
    code = _error(body).get("code")
    kind = None
    if isinstance(code, int):
        kind = FailureKind.CHANNEL_DOWN if code in PERMISSION_CODES else CODES.get(code)
    return refusal(response, NAME, _said(body), kind=kind, code=code)
