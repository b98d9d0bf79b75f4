"""What each request to the desk passes first: where a form came from, its size, and the session's cookie."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from web.form_limits import read_limited_form
from web.security import PAGE_HEADERS
from web.staff.forms import BadForm

DESK_HEADERS = {**PAGE_HEADERS, "Referrer-Policy": "same-origin"}
"""Referrers stay within the desk: without one a form's Origin would be `null`."""
COOKIE = "__Host-forewarn"
MAX_BODY_BYTES = 64 * 1024
MAX_FIELDS = 200


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


async def read_fields(request: Request, own_host: str = "") -> Mapping[str, Sequence[str]]:
    """Return the fields of a form; raises BadForm, and HTTPException for a long or a slow one."""
    check_origin(request, own_host)
    form = await read_limited_form(request, max_bytes=MAX_BODY_BYTES, max_fields=MAX_FIELDS)
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return fields


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
