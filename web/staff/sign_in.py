"""Sign in by mail and password, and out."""

import re
from collections.abc import Sequence
from functools import partial
from math import ceil

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from models.staff import Right
from tasks.db.sql import read_only
from tasks.staff.accounts import Account, find_account, list_accounts, set_password
from tasks.staff.audit import MACHINE, record
from tasks.staff.passwords import fits, hash_password, needs_rehash
from tasks.staff.sessions import end_session, hashed, start_session
from tasks.staff.tries import count_try, forget_tries
from web.customer.visits import address_of
from web.staff.addresses import DESK, SIGN_IN
from web.staff.browsers import browser_of
from web.staff.desk import Desk, Fields, OpenRoute, StaffRoute, TooManyTries
from web.staff.forms import NEW, Form
from web.staff.guard import forget_token, keep_token, session_token
from web.staff.visit import Visit
from web.throttle import Throttle

WRONG = "That mail address and password do not belong together."
SIGN_INS = "60/10minutes"
"""Tries of one address, right or wrong, in one process: each costs a tenth of a second."""


def open_routes(desk: Desk) -> Sequence[OpenRoute]:
    """Return the page of signing in."""
    return [OpenRoute("/sign-in", partial(ask, desk), partial(sign_in, desk, Throttle(SIGN_INS)))]


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the act of signing out."""
    return [StaffRoute("/sign-out", Right.OWN, None, sign_out)]


def ask(desk: Desk, request: Request) -> Response:
    """Return the page that asks for mail and password."""
    return _show(desk, request.query_params.get("next", ""), NEW)


def sign_in(desk: Desk, throttle: Throttle, request: Request, fields: Fields) -> Response:
    """Sign a person in."""
    form, address, now = Form("", fields), address_of(request), desk.clock()
    if seconds := throttle.seconds_to_wait(address):
        raise TooManyTries(seconds, desk.wait_sentence(seconds))
    throttle.count(address)
    mail = form.needed("mail", "Enter your mail address.")
    if not form.password("password"):
        form.wrong("password", "Enter your password.")
    if form.errors:
        return _show(desk, form.text("next"), form)
    tried = count_try(desk.context.engine, mail, address, now)
    if tried.free_at is not None:
        seconds = max(1, ceil((tried.free_at - now).total_seconds()))
        raise TooManyTries(seconds, desk.wait_sentence(seconds))
    with read_only(desk.context.engine) as connection:
        account = find_account(connection, mail)
    is_right = fits(form.password("password"), account.password_hash if account else None)
    if account is None or not is_right:
        record_refusal(desk, account)
        form.wrong("mail", WRONG)
        return _show(desk, form.text("next"), form)
    forget_tries(desk.context.engine, mail, address, tried)
    if account.password_hash and needs_rehash(account.password_hash):
        with desk.context.engine.begin() as connection:
            set_password(connection, account.person.id, hash_password(form.password("password")))
    return enter(desk, request, account, inside(form.text("next")), "signed in")


def enter(desk: Desk, request: Request, account: Account, address: str, what: str) -> Response:
    """Start a session with a new token, end the one of this browser, and go to a page."""
    now, browser, person = desk.clock(), browser_of(request), account.person
    with desk.context.engine.begin() as connection:
        if before := session_token(request):
            end_session(connection, hashed(before))
        token = start_session(connection, person.id, browser, now)
        record(
            connection,
            at=now,
            who=person.name,
            person_id=person.id,
            kind="sign_in",
            subject_kind="person",
            subject=person.id,
            what=f"{what} with {browser}",
        )
    response = RedirectResponse(address, 303)
    keep_token(response, token)
    return response


def sign_out(visit: Visit, form: Form) -> Response:
    """End this session."""
    with visit.writing() as connection:
        end_session(connection, visit.session_id)
        record(
            connection,
            **visit.act(form),
            kind="sign_out",
            subject_kind="person",
            subject=visit.person.id,
            what="signed out",
        )
    response = RedirectResponse(SIGN_IN, 303)
    forget_token(response)
    return response


def record_refusal(desk: Desk, account: Account | None) -> None:
    """Record that a password was wrong."""
    whose = f"as {account.person.name}" if account else "with a mail address that has no account"
    with desk.context.engine.begin() as connection:
        record(
            connection,
            at=desk.clock(),
            who=MACHINE,
            kind="sign_in_refused",
            subject_kind="person",
            subject=account.person.id if account else "",
            what=f"refused a sign-in {whose}: the password was wrong",
        )


def _show(desk: Desk, following: str, form: Form) -> Response:
    with read_only(desk.context.engine) as connection:
        is_empty = not list_accounts(connection)
    status = 422 if form.errors else 200
    return desk.open_page(
        "desk/sign_in.html",
        "Sign in",
        status,
        form,
        action=SIGN_IN,
        following=inside(following),
        is_empty=is_empty,
        company=desk.company_sign_in(inside(following)),
    )


def inside(address: str) -> str:
    """Return an address if it is one of the desk's pages; the first page for any other."""
    return address if re.fullmatch(r"/desk(/[^\\\s]*|\?[^\\\s]*)?", address) else DESK
