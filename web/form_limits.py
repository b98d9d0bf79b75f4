"""Read a posted form within limits of size and time."""

import asyncio

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

BODY_TIMEOUT_SECONDS = 10


async def read_limited_form(
    request: Request, *, max_bytes: int, max_fields: int, max_files: int = 0, seconds: float = BODY_TIMEOUT_SECONDS
) -> FormData:
    """Return a form; raises HTTPException for one without a length, a long one, and one that takes too long."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise HTTPException(411)
    if int(length) > max_bytes:
        raise HTTPException(413)
    try:
        async with asyncio.timeout(seconds):
            return await request.form(max_files=max_files, max_fields=max_fields)
    except TimeoutError as error:
        raise HTTPException(408) from error
