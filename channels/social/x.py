"""Post on X by its API v2 (docs.x.com)."""

import base64
import html
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
from oauthlib.oauth1 import Client as OAuthClient
from tweepy.asynchronous import AsyncClient
from yarl import URL

from channels.headers import one_line
from channels.http_client import (
    JSON_TYPE,
    FailureKind,
    HttpClient,
    before_posting,
    classify_status,
    failure_for,
    json_body,
    lookup_errors,
    read_json,
    request_failure,
    retry_after,
)
from channels.social.posts import check_picture, post_text, same_words
from channels.transport import LookupUnavailable, OutcomeUnknown, TemporaryFailure
from models.messages import Message, Picture, Receipt

STATUSES: Mapping[int, FailureKind] = {
    503: FailureKind.TEMPORARY
}  # X documents: up, but overloaded; nothing was posted
DUPLICATE_TEXT = "duplicate content"
"""X answers a text that the account has posted before with 403 and these words: the post exists already."""
POSTS = "/2/tweets"
MAX_PICTURE_BYTES = 5_000_000
MAX_DESCRIPTION = 1_000
PICTURE_KINDS = ("image/jpeg", "image/png", "image/webp")
PAGE_SIZE = 100


class XTransport:
    """Posts on X for one account."""

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        access_token: str,
        access_token_secret: str,
        *,
        url: str = "https://api.x.com",
        timeout: float = 15,
        parallel: int = 16,
    ) -> None:
        logging.getLogger("oauthlib").setLevel(logging.INFO)  # at DEBUG it logs signed headers and tokens
        self._http = HttpClient(timeout, parallel)
        oauth = OAuthClient(consumer_key, consumer_secret, access_token, access_token_secret)
        self._client = _SignedClient(self._http, url.rstrip("/"), oauth)

    async def send(self, message: Message) -> Receipt:
        picture: dict[str, list[str]] = {}
        if message.picture:
            with before_posting():
                picture = {"media_ids": [await self._upload(message.picture)]}
        try:
            response = await self._client.create_tweet(text=post_text(message), **picture)
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
                    if same_words(html.unescape(post["text"])) == same_words(message.text):
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

    async def _upload(self, picture: Picture) -> str:
        check_picture(picture, "X", MAX_PICTURE_BYTES, PICTURE_KINDS)
        content = base64.b64encode(picture.content).decode()
        wanted = {"media": content, "media_category": "tweet_image"}
        response = await self._client.request("POST", "/2/media/upload", json=wanted)
        uploaded = str((await self._data(response, dict))["id"])
        if picture.description:
            told = {"id": uploaded, "metadata": {"alt_text": {"text": picture.description[:MAX_DESCRIPTION]}}}
            await self._client.request("POST", "/2/media/metadata", json=told)
        return uploaded

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


class _AlreadyPostedError(Exception):
    """Raised when X refuses a text that the account has posted before."""


class _SignedClient(AsyncClient):  # type: ignore[misc]  # tweepy ships no types
    """tweepy's client over HttpClient: its own one fixes the host api.twitter.com, and its errors lose the headers."""

    def __init__(self, http: HttpClient, url: str, oauth: OAuthClient) -> None:
        super().__init__(return_type=aiohttp.ClientResponse)
        self._http, self._url, self._oauth = http, url, oauth

    async def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        **_: object,
    ) -> aiohttp.ClientResponse:
        headers = {"User-Agent": self.user_agent} | ({} if json is None else JSON_TYPE)
        try:
            url = URL(f"{self._url}{route}").with_query(sorted((params or {}).items()))
            _uri, signed, _body = self._oauth.sign(str(url), method, headers=headers)
        except ValueError as error:
            raise request_failure(error, self._url) from error
        body = None if json is None else json_body(json)
        response = await self._http.request(method, url, data=body, headers=signed)
        if response.status != (201 if (method, route) == ("POST", POSTS) else 200):
            raise await _failure(response)
        return response


async def _failure(response: aiohttp.ClientResponse) -> Exception:
    body = await read_json(response)
    details = one_line(str(body.get("detail") or body.get("title") or response.reason))[:300]
    if response.status == 403 and DUPLICATE_TEXT in details.lower():
        return _AlreadyPostedError(details)
    reason = f"X answered {response.status}: {details}"
    return failure_for(
        classify_status(response.status, STATUSES), reason, code=response.status, wait=retry_after(response.headers)
    )
