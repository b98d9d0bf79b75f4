"""Read a posted form, no longer than ours are, and in time."""

import asyncio

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.customer.forms import BadForm
from web.security import is_from_another_site

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 10
BODY_TIMEOUT_SECONDS = 10


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; raises BadForm for one that another site sent, HTTPException for a long one."""
    if is_from_another_site(request.headers):
        raise BadForm("another site sent this form")
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise HTTPException(411)
    if int(length) > MAX_BODY_BYTES:
        raise HTTPException(413)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            return _texts(await request.form(max_files=0, max_fields=MAX_FIELDS))
    except TimeoutError as error:
        raise HTTPException(408) from error


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}
