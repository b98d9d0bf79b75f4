"""Sign in and out."""

import re
from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from models.staff import Right
from tasks.db.sql import read_only
from tasks.staff.accounts import find_account, list_accounts
from tasks.staff.passwords import fits
from tasks.staff.sessions import end_session, start_session
from web.staff.addresses import DESK, SIGN_IN
from web.staff.desk import Desk, Fields, OpenRoute, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.guard import forget_token, keep_token, session_token
from web.staff.visit import Visit

WRONG = "That mail address and password do not belong together."
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def open_routes(desk: Desk) -> Sequence[OpenRoute]:
    """Return the page of signing in."""
    return [OpenRoute("/sign-in", partial(ask, desk), partial(sign_in, desk))]


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the act of signing out."""
    return [StaffRoute("/sign-out", Right.OWN, None, sign_out)]


def ask(desk: Desk, request: Request) -> Response:
    """Return the page that asks for mail and password."""
    return _show(desk, request.query_params.get("next", ""), NEW)


def sign_in(desk: Desk, request: Request, fields: Fields) -> Response:
    """Sign a person in."""
    form = Form("", fields)
    account = None
    with read_only(desk.context.engine) as connection:
        account = find_account(connection, form.text("mail"))
    is_right = fits(form.password("password"), account.password_hash if account else None)
    if account is None or not is_right:
        form.wrong("mail", WRONG)
        return _show(desk, form.text("next"), form)
    with desk.context.engine.begin() as connection:
        if before := session_token(request):
            from tasks.staff.sessions import hashed

            end_session(connection, hashed(before))
        token = start_session(connection, account.person.id, browser_of(request), desk.clock())
    response = RedirectResponse(inside(form.text("next")), 303)
    keep_token(response, token)
    return response


def sign_out(visit: Visit, _: Form) -> Response:
    """End this session."""
    with visit.writing() as connection:
        end_session(connection, visit.session_id)
    response = RedirectResponse(SIGN_IN, 303)
    forget_token(response)
    return response


def _show(desk: Desk, following: str, form: Form) -> Response:
    with read_only(desk.context.engine) as connection:
        is_empty = not list_accounts(connection)
    status = 422 if form.errors else 200
    return desk.open_page(
        "desk/sign_in.html", "Sign in", status, form, action=SIGN_IN, following=inside(following), is_empty=is_empty
    )


def inside(address: str) -> str:
    """Return an address if it is one of the desk's pages; the first page for any other."""
    return address if re.fullmatch(r"/desk(/[^\\\s]*|\?[^\\\s]*)?", address) else DESK


def browser_of(request: Request) -> str:
    """Return a browser and its system in words."""
    agent = request.headers.get("user-agent", "")
    browser = next((name for mark, name in BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser
