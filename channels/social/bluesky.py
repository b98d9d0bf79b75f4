"""Post on Bluesky by the XRPC of the AT Protocol (docs.bsky.app, and the lexicons of bluesky-social/atproto)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

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
from channels.social.bluesky_records import (
    COLLECTION,
    card_embed,
    card_of,
    mentioned,
    picture_embed,
    post_record,
    record_key,
)
from channels.social.posts import check_picture, refusal
from channels.transport import OutcomeUnknown, TemporaryFailure
from models.messages import Message, Picture, Receipt

NAME = "Bluesky"
MAX_PICTURE_BYTES = 1_000_000
PICTURE_KINDS = ("image/jpeg", "image/png", "image/webp")
ERRORS: Mapping[str, FailureKind] = {
    "AccountTakedown": FailureKind.CHANNEL_DOWN,
    "AccountDeactivated": FailureKind.CHANNEL_DOWN,
    "AuthFactorTokenRequired": FailureKind.CHANNEL_DOWN,
    "AuthMissing": FailureKind.CHANNEL_DOWN,
    "InvalidToken": FailureKind.CHANNEL_DOWN,
    "InvalidSwap": FailureKind.TEMPORARY,  # another write to the account came between
    "RateLimitExceeded": FailureKind.TEMPORARY,
}
"""By the `error` of an answer, which tells more than its status: most are 400."""
EXPIRED, NOT_FOUND = "ExpiredToken", "RecordNotFound"


@dataclass(frozen=True, slots=True)
class _Session:
    did: str
    handle: str
    access: str
    refresh: str


class BlueskyTransport:
    """Posts on Bluesky for one account, signed in by an app password."""

    def __init__(
        self,
        handle: str,
        app_password: str,
        *,
        now: Callable[[], datetime],
        url: str = "https://bsky.social",
        timeout: float = 15,
        parallel: int = 16,
    ) -> None:
        self._identifier, self._password, self._now = handle.removeprefix("@"), app_password, now
        self._http, self._url = HttpClient(timeout, parallel), url.rstrip("/")
        self._session: _Session | None = None
        self._signing_in = asyncio.Lock()

    async def send(self, message: Message) -> Receipt:
        with before_posting():
            session = await self._signed_in()
            accounts = {handle: did for handle in mentioned(message.text) if (did := await self._did_of(handle))}
            embed = await self._embed(message)
        record = post_record(message, self._now(), accounts, embed)
        key = record_key(message.id)
        wanted = {"repo": session.did, "collection": COLLECTION, "rkey": key, "record": record}
        response = await self._ask("POST", "com.atproto.repo.createRecord", data=json_body(wanted), headers=JSON_TYPE)
        return await self._receipt(response, key)

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            session, key = await self._signed_in(), record_key(message.id)
            wanted = {"repo": session.did, "collection": COLLECTION, "rkey": key}
            response = await self._ask("GET", "com.atproto.repo.getRecord", params=wanted)
            if response.status != 200 and (await read_json(response)).get("error") == NOT_FOUND:
                return None
            return await self._receipt(response, key)

    async def check(self) -> str:
        with lookup_errors():
            session = await self._signed_in()
        return f"the account is @{one_line(session.handle)}"

    async def close(self) -> None:
        await self._http.close()

    async def _receipt(self, response: aiohttp.ClientResponse, key: str) -> Receipt:
        if response.status != 200:
            raise await _failure(response)
        uri = (await read_json(response)).get("uri")
        if not isinstance(uri, str) or not uri.endswith(key):
            raise OutcomeUnknown(f"{NAME} answered {response.status} without the post's address", code="200")
        return Receipt(uri, {"status": "posted"})

    async def _embed(self, message: Message) -> dict[str, Any] | None:
        if message.picture:
            return picture_embed(await self._upload(message.picture), message.picture)
        card = card_of(message)
        return card_embed(card) if card else None

    async def _upload(self, picture: Picture) -> object:
        check_picture(picture, NAME, MAX_PICTURE_BYTES, PICTURE_KINDS)
        headers = {"Content-Type": picture.kind}
        response = await self._ask("POST", "com.atproto.repo.uploadBlob", data=picture.content, headers=headers)
        if response.status != 200:
            raise await _failure(response)
        blob = (await read_json(response)).get("blob")
        if not isinstance(blob, dict):
            raise TemporaryFailure(f"{NAME} took the picture without telling its reference", code="200")
        return blob

    async def _did_of(self, handle: str) -> str | None:
        """Return the account that a handle names; None for one that names none, which then is plain text."""
        response = await self._ask("GET", "com.atproto.identity.resolveHandle", params={"handle": handle})
        if response.status == 400:
            return None
        if response.status != 200:
            raise await _failure(response)
        did = (await read_json(response)).get("did")
        return did if isinstance(did, str) else None

    async def _ask(self, method: str, name: str, **options: Any) -> aiohttp.ClientResponse:
        """Send a request as the account; once more with a new token where the old one has expired."""
        session = await self._signed_in()
        response = await self._request(method, name, session.access, **options)
        if response.status in (400, 401) and (await read_json(response)).get("error") == EXPIRED:
            session = await self._renewed(session)
            response = await self._request(method, name, session.access, **options)
        return response

    async def _request(self, method: str, name: str, token: str | None, **options: Any) -> aiohttp.ClientResponse:
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return await self._http.request(method, f"{self._url}/xrpc/{name}", headers=headers, **options)

    async def _signed_in(self) -> _Session:
        async with self._signing_in:
            if self._session is None:
                self._session = await self._sign_in()
            return self._session

    async def _renewed(self, expired: _Session) -> _Session:
        async with self._signing_in:
            if self._session is expired:
                response = await self._request("POST", "com.atproto.server.refreshSession", expired.refresh)
                is_refused = response.status in (400, 401)
                self._session = await self._sign_in() if is_refused else await _session(response)
            return self._session or await self._sign_in()

    async def _sign_in(self) -> _Session:
        wanted = {"identifier": self._identifier, "password": self._password}
        name = "com.atproto.server.createSession"
        response = await self._request("POST", name, None, data=json_body(wanted), headers=JSON_TYPE)
        return await _session(response)


async def _session(response: aiohttp.ClientResponse) -> _Session:
    body = await read_json(response)
    if response.status != 200:
        # A sign-in that is refused as a request has a handle that is none.
        raise await _failure(response, {400: FailureKind.CHANNEL_DOWN})
    fields = [body.get(name) for name in ("did", "handle", "accessJwt", "refreshJwt")]
    if not all(isinstance(value, str) and value for value in fields):
        raise TemporaryFailure(f"{NAME} answered {response.status} without a session", code=str(response.status))
    return _Session(*map(str, fields))


async def _failure(response: aiohttp.ClientResponse, own: Mapping[int, FailureKind] | None = None) -> Exception:
    body = await read_json(response)
    error = str(body.get("error") or "")
    said = body.get("message") or error
    return refusal(response, NAME, said, own=own, kind=ERRORS.get(error), code=error or response.status)
