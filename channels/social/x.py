"""Post on X by its API v2 (docs.x.com)."""

import html
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
from tweepy.asynchronous import AsyncClient
from yarl import URL

from channels.headers import one_line
from channels.http_client import (
    FailureKind,
    HttpClient,
    classify_status,
    failure_for,
    lookup_errors,
    read_json,
    retry_after,
)
from channels.transport import LookupUnavailable, OutcomeUnknown, TemporaryFailure
from models.messages import Message, Receipt

STATUSES: Mapping[int, FailureKind] = {
    503: FailureKind.TEMPORARY
}  # X documents: up, but overloaded; nothing was posted
DUPLICATE_TEXT = "duplicate content"
"""X answers a text that the account has posted before with 403 and these words: the post exists already."""
SUCCESS_STATUSES = {"POST": 201, "GET": 200}
LINK_PATTERN = re.compile(r"https?://\S+")
PAGE_SIZE = 100


class XTransport:
    """Posts on X for one account.

    tweepy signs each request for api.twitter.com, so another `url` works only in tests.
    """

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        access_token: str,
        access_token_secret: str,
        *,
        url: str = "https://api.twitter.com",
        timeout: float = 15,
        parallel: int = 16,
    ) -> None:
        for name in ("tweepy", "oauthlib"):  # at DEBUG they log signed headers and tokens
            logging.getLogger(name).setLevel(logging.INFO)
        self._http = HttpClient(timeout, parallel)
        self._client = AsyncClient(
            consumer_key=consumer_key,
            consumer_secret=consumer_secret,
            access_token=access_token,
            access_token_secret=access_token_secret,
            return_type=aiohttp.ClientResponse,
            wait_on_rate_limit=False,
        )
        self._client.session = _TweepySession(self._http, url.rstrip("/"))

    async def send(self, message: Message) -> Receipt:
        try:
            response = await self._client.create_tweet(text=message.text)
        except _AlreadyPostedError as error:
            return Receipt("", {"status": "already there", "said": str(error)})
        post = (await read_json(response)).get("data")
        if not isinstance(post, dict) or not post.get("id"):
            raise OutcomeUnknown(f"X answered {response.status} without the post's id", code=str(response.status))
        return Receipt(str(post["id"]), {"status": "posted"})

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            account = (await self._data(await self._client.get_me(user_auth=True), dict))["id"]
            page: dict[str, str] = {}
            while True:
                response = await self._client.get_users_tweets(
                    account, start_time=since, max_results=PAGE_SIZE, user_auth=True, **page
                )
                for post in await self._data(response, list):
                    if _without_links(html.unescape(post["text"])) == _without_links(message.text):
                        return Receipt(str(post["id"]), {"status": "posted"})
                next_token = (await read_json(response)).get("meta", {}).get("next_token")
                if not next_token:
                    return None
                page = {"pagination_token": next_token}

    async def check(self) -> str:
        try:
            with lookup_errors():
                account = await self._data(await self._client.get_me(user_auth=True), dict)
        except TemporaryFailure as error:
            if error.code == "403":  # some plans may post and not read
                raise LookupUnavailable(error.reason, code=error.code) from error
            raise
        return f"the account is @{one_line(str(account.get('username') or account['id']))}"

    async def close(self) -> None:
        await self._http.close()

    @staticmethod
    async def _data(response: aiohttp.ClientResponse, kind: type) -> Any:
        """Return the response's data; raises TemporaryFailure when it is not of this kind or incomplete."""
        body = await read_json(response)
        # For an empty list X leaves `data` out and answers result_count 0.
        data = body.get("data", [] if body.get("meta", {}).get("result_count") == 0 else None)
        is_complete = (
            all({"id", "text"} <= set(post) for post in data) if isinstance(data, list) else "id" in (data or {})
        )
        if not isinstance(data, kind) or not is_complete:
            raise TemporaryFailure(
                f"X answered {response.status} without what was asked for", code=str(response.status)
            )
        return data


def _without_links(text: str) -> str:
    """Return a post's text without links, which X replaces by its own."""
    return " ".join(LINK_PATTERN.sub("", text).split())


class _AlreadyPostedError(Exception):
    """Raised when X refuses a text that the account has posted before."""


class _TweepySession:
    """The session that tweepy uses, over HttpClient: tweepy fixes the host, and its errors lose the headers."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http, self._url = http, url

    @asynccontextmanager
    async def request(self, method: str, url: URL, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        response = await self._http.request(method, f"{self._url}{url.raw_path_qs}", **options)
        if response.status != SUCCESS_STATUSES[method]:
            raise await _failure(response)
        yield response


async def _failure(response: aiohttp.ClientResponse) -> Exception:
    body = await read_json(response)
    details = one_line(str(body.get("detail") or body.get("title") or response.reason))[:300]
    if response.status == 403 and DUPLICATE_TEXT in details.lower():
        return _AlreadyPostedError(details)
    reason = f"X answered {response.status}: {details}"
    return failure_for(
        classify_status(response.status, STATUSES), reason, code=response.status, wait=retry_after(response.headers)
    )
