"""What each request to the desk passes first: where a form came from, its size, and the session's cookie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from web.form_limits import read_limited_form
from web.security import PAGE_HEADERS
from web.staff.forms import BadForm

DESK_HEADERS = {**PAGE_HEADERS, "Referrer-Policy": "same-origin"}
"""Referrers stay within the desk: without one a form's Origin would be `null`."""
COOKIE = "__Host-forewarn"
MAX_BODY_BYTES = 256 * 1024
"""A mail of the longest possible parts, with its sentences, has about as much."""
MAX_FIELDS = 400
"""The policy with its longest table of days late has about 320."""
MAX_UPLOAD_BYTES, UPLOAD_SECONDS = 11 * 1024 * 1024, 60
"""Of a form with a file: a slow line takes its time."""


def check_origin(request: Request, own_host: str = "") -> None:
    """Raise BadForm for a form that another site sent, or a browser that says nothing about where it came from.

    `own_host` is where people reach the desk, where a proxy in front of it does not pass the Host header on.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetch_site not in (None, "same-origin"):
        raise BadForm("another site sent this form")
    if origin is not None and urlsplit(origin).netloc not in {request.headers.get("host"), own_host or None}:
        raise BadForm("another site sent this form")
    if fetch_site is None and origin is None:
        raise BadForm("it is not known which site sent this form")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent: its fields, and its files by their fields."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


async def read_fields(request: Request, own_host: str = "", *, takes_file: bool = False) -> Sent:
    """Return what a form sent; raises BadForm, and HTTPException for a long or a slow one."""
    check_origin(request, own_host)
    form = await (
        read_limited_form(
            request, max_bytes=MAX_UPLOAD_BYTES, max_fields=MAX_FIELDS, max_files=1, seconds=UPLOAD_SECONDS
        )
        if takes_file
        else read_limited_form(request, max_bytes=MAX_BODY_BYTES, max_fields=MAX_FIELDS)
    )
    fields: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
        elif isinstance(value, UploadFile) and value.filename:
            files[name] = await value.read()
    await form.close()
    return Sent(fields, files)


def session_token(request: Request) -> str:
    """Return the token in the session's cookie; empty without one."""
    return request.cookies.get(COOKIE, "")


def keep_token(response: Response, token: str) -> None:
    """Give the browser a session's token; it forgets it when it is closed."""
    # A browser takes 127.0.0.1 and localhost for secure, also without TLS.
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")


def forget_token(response: Response) -> None:
    """Have the browser delete its token."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
