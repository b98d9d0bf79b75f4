"""What every request to the JSON API passes first: its path, its key and the size of its body."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Collection, MutableMapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 16_384
BODY_TIMEOUT_SECONDS = 10
OPEN_PATHS = ("/openapi.json",)
"""Paths that need no key."""
SAFE_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class _TooLong(Exception):
    """Raised for a body of more than MAX_BODY_BYTES."""


class Guards:
    """Middleware that lets a request pass if it has a key and a short body, with its path still percent-encoded.

    An id in a path may have any character: decoded here, `a%2Fb` would be two parts of the path.
    """

    def __init__(self, app: ASGIApp, keys: Collection[str], is_known: Callable[[str], bool] = lambda _: False) -> None:
        """Take the keys, and a function that looks up in the ledger whether a text is another one."""
        self._app, self._keys, self._is_known = app, [_digest(key) for key in keys], is_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return
        safe_send = _with_safe_headers(send)
        path = _encoded_path(scope)
        headers = Headers(scope=scope)
        if path.removeprefix(scope.get("root_path", "")) not in OPEN_PATHS and not await self._has_key(headers):
            await _refuse(safe_send, 401, "a key is needed: send `Authorization: Bearer KEY`", bearer=True)
            return
        try:
            body = await _read_body(headers, receive)
        except _TooLong:
            await _refuse(safe_send, 413, f"at most {MAX_BODY_BYTES} bytes are accepted in one request")
            return
        except TimeoutError:
            await _refuse(safe_send, 408, f"the body did not arrive within {BODY_TIMEOUT_SECONDS} seconds")
            return
        if body is None:
            return  # the client is gone
        await self._app({**scope, "path": path}, _replay(body, receive), safe_send)

    async def _has_key(self, headers: Headers) -> bool:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        given = _digest(key.strip())
        # All are compared, and digests of one length, so that the time says nothing about any key.
        fits = [hmac.compare_digest(given, known) for known in self._keys]
        if scheme.lower() != "bearer":
            return False
        # A hash that is looked up tells by its time nothing about any key either.
        return any(fits) or await run_in_threadpool(self._is_known, key.strip())


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _encoded_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return str(scope["path"]) if raw is None else raw.partition(b"?")[0].decode("latin-1")


async def _read_body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the whole body; None where the client left before its end. Raises _TooLong and TimeoutError."""
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise _TooLong
    body = bytearray()
    async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                raise _TooLong
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then what comes after it."""
    messages: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _with_safe_headers(send: Send) -> Send:
    async def safe_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *SAFE_HEADERS]}
        await send(message)

    return safe_send


async def _refuse(send: Send, status: int, error: str, *, bearer: bool = False) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"www-authenticate", b"Bearer")] if bearer else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
