"""Posts on X."""

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

STATUSES: Mapping[int, FailureKind] = {503: FailureKind.LATER}  # X says: up, but overloaded
DUPLICATE_TEXT = "duplicate content"
"""How X refuses, with a 403, words that the account has posted before: they are already there."""
SUCCESS_STATUSES = {"POST": 201, "GET": 200}
LINK_PATTERN = re.compile(r"https?://\S+")
PAGE_SIZE = 100


class XTransport:
    """Post to X in the name of one account.

    tweepy signs each request for api.twitter.com, so another `url` is for trials only.
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
        for name in ("tweepy", "oauthlib"):  # at DEBUG they write signed headers and tokens into the log
            logging.getLogger(name).setLevel(logging.INFO)
        self._wire = HttpClient(timeout, parallel)
        self._client = AsyncClient(
            consumer_key=consumer_key,
            consumer_secret=consumer_secret,
            access_token=access_token,
            access_token_secret=access_token_secret,
            return_type=aiohttp.ClientResponse,
            wait_on_rate_limit=False,
        )
        self._client.session = _Session(self._wire, url.rstrip("/"))

    async def send(self, message: Message) -> Receipt:
        try:
            response = await self._client.create_tweet(text=message.text)
        except _AlreadyThereError as said:
            return Receipt("", {"status": "already there", "said": str(said)})
        post = (await read_json(response)).get("data")
        if not isinstance(post, dict) or not post.get("id"):
            raise OutcomeUnknown(f"X answered {response.status} without the post's id", code=str(response.status))
        return Receipt(str(post["id"]), {"status": "posted"})

    async def find(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            me = (await self._told(await self._client.get_me(user_auth=True), dict))["id"]
            page: dict[str, str] = {}
            while True:
                response = await self._client.get_users_tweets(
                    me, start_time=since, max_results=PAGE_SIZE, user_auth=True, **page
                )
                for post in await self._told(response, list):
                    if _words(html.unescape(post["text"])) == _words(message.text):
                        return Receipt(str(post["id"]), {"status": "posted"})
                more = (await read_json(response)).get("meta", {}).get("next_token")
                if not more:
                    return None
                page = {"pagination_token": more}

    async def check(self) -> str:
        try:
            with lookup_errors():
                me = await self._told(await self._client.get_me(user_auth=True), dict)
        except TemporaryFailure as error:
            if error.code == "403":  # a plan may let an account post, and read nothing
                raise LookupUnavailable(error.reason, code=error.code) from error
            raise
        return f"the account is @{one_line(str(me.get('username') or me['id']))}"

    async def close(self) -> None:
        await self._wire.close()

    @staticmethod
    async def _told(response: aiohttp.ClientResponse, kind: type) -> Any:
        """Return the answer's data; raises SendError where it is not what was asked for."""
        told = await read_json(response)
        # X leaves `data` out of an empty list, and counts it.
        data = told.get("data", [] if told.get("meta", {}).get("result_count") == 0 else None)
        whole = all({"id", "text"} <= set(one) for one in data) if isinstance(data, list) else "id" in (data or {})
        if not isinstance(data, kind) or not whole:
            raise TemporaryFailure(
                f"X answered {response.status} without what was asked for", code=str(response.status)
            )
        return data


def _words(text: str) -> str:
    """Return a post without its links: X puts its own in their place."""
    return " ".join(LINK_PATTERN.sub("", text).split())


class _AlreadyThereError(Exception):
    pass


class _Session:
    """What tweepy needs of a session, over our wire: its host is written into tweepy, and its errors lose headers."""

    def __init__(self, wire: HttpClient, url: str) -> None:
        self._wire, self._url = wire, url

    @asynccontextmanager
    async def request(self, method: str, url: URL, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        response = await self._wire.request(method, f"{self._url}{url.raw_path_qs}", **options)
        if response.status != SUCCESS_STATUSES[method]:
            raise await _refusal(response)
        yield response


async def _refusal(response: aiohttp.ClientResponse) -> Exception:
    told = await read_json(response)
    said = one_line(str(told.get("detail") or told.get("title") or response.reason))[:300]
    if response.status == 403 and DUPLICATE_TEXT in said.lower():
        return _AlreadyThereError(said)
    reason = f"X answered {response.status}: {said}"
    return failure_for(
        classify_status(response.status, STATUSES), reason, code=response.status, wait=retry_after(response.headers)
    )
