"""Receive vendors' responses to purchase requests: `POST /vendors/answers`, signed with the vendor's secret."""

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

from channels.signatures import SECRET_PREFIX, BadSignature, check_headers, verify
from models.errors import ForewarnError
from sources.rows import RejectedRow
from sources.vendor_responses import rows_of_json
from tasks.context import Context
from tasks.purchasing.responses import ResponseSummary, record_responses
from tasks.purchasing.signed_messages import ReplayedMessage, ReusedMessageId, SignedMessage

PATH = "/vendors/answers"
VENDOR_HEADER = "X-Forewarn-Vendor"
MAX_BODY_BYTES = 1_000_000
"""The most bytes of one message: room for some thousand responses."""
MAX_DRAINED_BYTES = 4 * MAX_BODY_BYTES
"""Declared bytes above which no body is read. A client with a slightly longer body can still read the response."""
BODY_TIMEOUT_SECONDS = 10
MAX_CONCURRENT_BODIES = 8


def routes(context: Context, keys: Mapping[str, str], clock: Callable[[], datetime]) -> list[Route]:
    """Return the routes for responses; `keys` are the secrets by vendor id. Without keys there is no route."""
    return [Route(PATH, _ResponseEndpoint(context, keys, clock).post, methods=["POST"])] if keys else []


class _ResponseEndpoint:
    """The endpoint. It limits how many bodies are read at once, and for how long."""

    def __init__(self, context: Context, keys: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self._context, self._keys, self._clock = context, keys, clock
        self._unknown_vendor_secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        self._reading = 0

    async def post(self, request: Request) -> Response:
        """Record the responses of one message, or say why it is refused."""
        if (refusal := _refuse_by_headers(request, self._clock())) is not None:
            return refusal
        if self._reading >= MAX_CONCURRENT_BODIES:
            return _error(503, "too many messages at once; send this one again in a minute")
        self._reading += 1
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                body = await _read_body(request)
        except TimeoutError:
            return _error(408, f"the body did not arrive within {BODY_TIMEOUT_SECONDS} seconds")
        except ClientDisconnect:
            return Response(status_code=400)  # the client is gone
        finally:
            self._reading -= 1
        return _too_long() if body is None else await self._record(request, body)

    async def _record(self, request: Request, body: bytes) -> Response:
        vendor, now = _vendor(request), self._clock()
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return _error(400, "the message is not UTF-8; send JSON in UTF-8")
        try:
            # An unknown vendor gets the same response as a wrong signature, so that ids of vendors cannot be guessed.
            secret = self._keys.get(vendor) or self._unknown_vendor_secret
            message_id = verify(secret, request.headers, text, now)
            message = SignedMessage(vendor, message_id, hashlib.sha256(body).hexdigest())
            rows = list(rows_of_json(body, "the message"))
            context = self._context.with_run("", now.astimezone(self._context.zone).date(), now)
            summary = await asyncio.to_thread(record_responses, context, rows, f"vendor {vendor}", message=message)
        except BadSignature as error:
            return _error(401, str(error))
        except ReplayedMessage:
            return _json(200, _counts(ResponseSummary(), duplicate=True))
        except ReusedMessageId as error:
            return _error(409, str(error))
        except ForewarnError as error:
            return _error(400, str(error))
        return _json(200, _counts(summary))


def _refuse_by_headers(request: Request, now: datetime) -> Response | None:
    """Return the refusal of a request whose headers are wrong, before its body is read; else None."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_DRAINED_BYTES:
        return _too_long()
    try:
        check_headers(request.headers, now)
    except BadSignature as error:
        return _error(401, str(error))
    return None


def _too_long() -> Response:
    return _error(413, f"at most {MAX_BODY_BYTES} bytes are accepted in one message; send fewer responses")


def _vendor(request: Request) -> str:
    """Return the vendor's id: a header is decoded as Latin-1, but most clients write UTF-8."""
    header = request.headers.get(VENDOR_HEADER, "")
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


async def _read_body(request: Request) -> bytes | None:
    """Return the body of the message; None, without reading the rest, when it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _error(status: int, reason: str) -> Response:
    return _json(status, {"error": reason})


def _json(status: int, content: Mapping[str, Any]) -> Response:
    # In ASCII: a rejected value may hold half of a surrogate pair, which UTF-8 cannot encode.
    return Response(json.dumps(content), status, media_type="application/json")


def _counts(summary: ResponseSummary, *, duplicate: bool = False) -> dict[str, Any]:
    counts = {"accepted": summary.accepted, "refused": summary.refused, "unchanged": summary.unchanged}
    return counts | {"not_taken": [_rejected(row) for row in summary.rejected], "duplicate": duplicate}


def _rejected(row: RejectedRow) -> dict[str, object]:
    # The keys are part of the vendors' API, docs/vendors.md.
    return {"answer": row.line, "field": row.column, "value": row.value, "right": row.reason}
