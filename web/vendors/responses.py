"""Where vendors answer purchase requests over HTTP: `POST /vendors/answers`, signed with the vendor's secret."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from channels.vendors.signatures import SECRET_PREFIX, BadSignature, check_headers, verify
from models.errors import ForewarnError
from sources.rows import RejectedRow
from sources.vendor_responses import rows_in
from tasks.context import Context
from tasks.purchasing.responses import (
    ReplayedMessage,
    ResponseSummary,
    ReusedMessageId,
    SignedMessage,
    record_responses,
)

PATH = "/vendors/answers"
VENDOR = "X-Forewarn-Vendor"
MAX_BODY_BYTES = 1_000_000
"""Bytes of one message: some thousand answers."""
MAX_DRAINED_BYTES = 4 * MAX_BODY_BYTES
"""Bytes of which nothing is read; a client with somewhat too many gets to read why they are not taken."""
BODY_SECONDS, AT_ONCE = 10, 8
"""Within how many seconds a body must arrive, and how many are read at once."""


def routes(context: Context, keys: Mapping[str, str], clock: Callable[[], datetime]) -> list[Route]:
    """Return the routes that take vendors' answers; `keys` are their secrets by vendor. Without keys there are none."""
    return [Route(PATH, _Answers(context, keys, clock).post, methods=["POST"])] if keys else []


class _Answers:
    """The endpoint: a few bodies at once, each within a time."""

    def __init__(self, context: Context, keys: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self._context, self._keys, self._clock = context, keys, clock
        self._unknown_vendor_secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        self._reading = 0

    async def post(self, request: Request) -> Response:
        """Take one message, or say why not."""
        if (refused := _refused_by_head(request, self._clock())) is not None:
            return refused
        if self._reading >= AT_ONCE:
            return _no(503, "too many answers at once; send this one again in a minute")
        self._reading += 1
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return _no(408, f"the body did not arrive within {BODY_SECONDS} seconds")
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        finally:
            self._reading -= 1
        return _too_long() if body is None else await self._take(request, body)

    async def _take(self, request: Request, body: bytes) -> Response:
        vendor, now = _vendor(request), self._clock()
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return _no(400, "the message is not UTF-8; JSON in UTF-8 is right")
        try:
            # A vendor that is not known looks like one whose signature is wrong: nobody learns who is one.
            secret = self._keys.get(vendor) or self._unknown_vendor_secret
            message_id = verify(secret, request.headers, text, now)
            message = SignedMessage(vendor, message_id, hashlib.sha256(body).hexdigest())
            rows = list(rows_in(body, "the message"))
            context = self._context.with_run("", now.astimezone(self._context.zone).date(), now)
            taken = await asyncio.to_thread(record_responses, context, rows, f"vendor {vendor}", message=message)
        except BadSignature as error:
            return _no(401, str(error))
        except ReplayedMessage:
            return _answer(200, _told(ResponseSummary(), duplicate=True))
        except ReusedMessageId as error:
            return _no(409, str(error))
        except ForewarnError as error:
            return _no(400, str(error))
        return _answer(200, _told(taken))


def _refused_by_head(request: Request, now: datetime) -> Response | None:
    """Return the answer to a request that is refused before its body is read; None where it may be right."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_DRAINED_BYTES:
        return _too_long()
    try:
        check_headers(request.headers, now)
    except BadSignature as error:
        return _no(401, str(error))
    return None


def _too_long() -> Response:
    return _no(413, f"at most {MAX_BODY_BYTES} bytes are taken at once; send fewer answers")


def _vendor(request: Request) -> str:
    """Return the vendor's id as it was meant: a header comes as Latin-1, and most write UTF-8."""
    named = request.headers.get(VENDOR, "")
    try:
        return named.encode("latin-1").decode()
    except UnicodeDecodeError:
        return named


async def _body(request: Request) -> bytes | None:
    """Return the message's body; None where it is too long, and then not all of it was read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _no(status: int, why: str) -> Response:
    return _answer(status, {"error": why})


def _answer(status: int, told: Mapping[str, Any]) -> Response:
    # In ASCII, so that a value which is no whole text, such as half of a surrogate pair, can be told too.
    return Response(json.dumps(told), status, media_type="application/json")


def _told(taken: ResponseSummary, *, duplicate: bool = False) -> dict[str, Any]:
    counts = {"accepted": taken.accepted, "refused": taken.refused, "unchanged": taken.unchanged}
    return counts | {"not_taken": [_bad(one) for one in taken.bad], "duplicate": duplicate}


def _bad(one: RejectedRow) -> dict[str, object]:
    return {"answer": one.line, "field": one.column, "value": one.value, "right": one.reason}
