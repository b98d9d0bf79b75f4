"""Where vendors answer purchase requests over HTTP: `POST /vendors/answers`, signed with the vendor's key."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.signatures import HEADER, BadSignature, verify
from models.errors import ForewarnError
from sources.answers import rows_in
from sources.rows import Refused
from tasks.desk import Desk
from tasks.runs import Now
from tasks.vendor_answers import Replayed, Taken, take_in

PATH = "/vendors/answers"
VENDOR = "X-Forewarn-Vendor"
LARGEST = 1_000_000
"""Bytes of one message: some thousand answers."""


def routes(desk: Desk, keys: Mapping[str, str], clock: Callable[[], datetime]) -> list[Route]:
    """Return the routes that take vendors' answers; `keys` are their secrets by vendor."""
    nobodys = secrets.token_hex()

    async def answers(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _no(413, f"at most {LARGEST} bytes are taken at once; send fewer answers")
        vendor, now = _vendor(request), clock()
        try:
            # A vendor that is not known looks like one whose signature is wrong: nobody learns who is one.
            signature = verify(keys.get(vendor) or nobodys, body, request.headers.get(HEADER, ""), now)
            rows = list(rows_in(body, "the message"))
            run = Now("", now.astimezone(desk.zone).date(), now)
            who = f"vendor {vendor}"
            taken = await asyncio.to_thread(take_in, desk, run, rows, who, vendor=vendor, signature=signature)
        except BadSignature as error:
            return _no(401, str(error))
        except Replayed as error:
            return _no(409, str(error))
        except ForewarnError as error:
            return _no(400, str(error))
        return _answer(200, _told(taken))

    return [Route(PATH, answers, methods=["POST"])]


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
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _no(status: int, why: str) -> Response:
    return _answer(status, {"error": why})


def _answer(status: int, told: Mapping[str, Any]) -> Response:
    # In ASCII, so that a value which is no whole text, such as half of a surrogate pair, can be told too.
    return Response(json.dumps(told), status, media_type="application/json")


def _told(taken: Taken) -> dict[str, Any]:
    counts = {"accepted": taken.accepted, "refused": taken.refused, "unchanged": taken.unchanged}
    return counts | {"not_taken": [_bad(one) for one in taken.bad]}


def _bad(one: Refused) -> dict[str, object]:
    return {"answer": one.line, "field": one.column, "value": one.value, "right": one.reason}
