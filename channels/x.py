"""Posts on X."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from tweepy.asynchronous import AsyncClient
from yarl import URL

from channels.door import InDoubt
from channels.headers import one_line
from channels.http import Refusal, Wire, meaning, read_json, refused, wait_of
from models.values import Message, Receipt

STATUSES: Mapping[int, Refusal] = {503: Refusal.LATER}  # X says: up, but overloaded
DUPLICATE = "duplicate content"
"""How X refuses, with a 403, words that the account has posted before: they are already there."""


class X:
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
        self._wire = Wire(timeout, parallel)
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
            raise InDoubt(f"X answered {response.status} without the post's id", code=str(response.status))
        return Receipt(str(post["id"]), {"status": "posted"})

    async def close(self) -> None:
        await self._wire.close()


class _AlreadyThereError(Exception):
    pass


class _Session:
    """What tweepy needs of a session, over our wire: its host is written into tweepy, and its errors lose headers."""

    def __init__(self, wire: Wire, url: str) -> None:
        self._wire, self._url = wire, url

    @asynccontextmanager
    async def request(self, method: str, url: URL, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        response = await self._wire.request(method, f"{self._url}{url.raw_path_qs}", **options)
        if response.status != 201:
            raise await _refusal(response)
        yield response


async def _refusal(response: aiohttp.ClientResponse) -> Exception:
    told = await read_json(response)
    said = one_line(str(told.get("detail") or told.get("title") or response.reason))[:300]
    if response.status == 403 and DUPLICATE in said.lower():
        return _AlreadyThereError(said)
    reason = f"X answered {response.status}: {said}"
    return refused(meaning(response.status, STATUSES), reason, code=response.status, wait=wait_of(response.headers))
