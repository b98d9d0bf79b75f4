"""Set a password by a link that was made for this, once."""

from collections.abc import Sequence
from functools import partial
from math import ceil

from starlette.requests import Request
from starlette.responses import Response

from tasks.db.sql import read_only
from tasks.staff.accounts import Account
from tasks.staff.links import open_link, use_link, used_link
from tasks.staff.passwords import fits, hash_password, password_problem
from tasks.staff.tries import count_try, forget_tries
from web.customer.visits import address_of
from web.staff.addresses import DESK, SIGN_IN, desk_address
from web.staff.desk import Desk, Fields, OpenRoute, TooManyTries
from web.staff.forms import NEW, Form
from web.staff.sign_in import enter, record_refusal
from web.throttle import WRONG_TOKENS, Throttle


def open_routes(desk: Desk) -> Sequence[OpenRoute]:
    """Return the page behind a link."""
    throttle = Throttle(WRONG_TOKENS)
    return [OpenRoute("/password/{token}", partial(ask, desk, throttle), partial(choose, desk, throttle))]


def ask(desk: Desk, throttle: Throttle, request: Request) -> Response:
    """Return the page that asks for a new password."""
    account = _open(desk, throttle, request)
    return _show(desk, request, account, NEW) if account else _closed(desk, request)


def choose(desk: Desk, throttle: Throttle, request: Request, fields: Fields) -> Response:
    """Set the password, and sign the person in."""
    account, form = _open(desk, throttle, request), Form("", fields)
    password = form.password("password")
    if account is None:
        return _closed(desk, request, password)
    if problem := password_problem(password):
        form.wrong("password", problem)
        return _show(desk, request, account, form)
    with desk.context.engine.begin() as connection:
        account = use_link(connection, _token(desk, request), hash_password(password), desk.clock())
    if account is None:
        return _closed(desk, request, password)
    return enter(desk, request, account, DESK, "set a password by a link and signed in")


def _open(desk: Desk, throttle: Throttle, request: Request) -> Account | None:
    address = address_of(request)
    if seconds := throttle.seconds_to_wait(address):
        raise TooManyTries(seconds, desk.wait_sentence(seconds))
    with read_only(desk.context.engine) as connection:
        account = open_link(connection, _token(desk, request), desk.clock())
    if account is None:
        throttle.count(address)
    return account


def _token(desk: Desk, request: Request) -> str:
    return desk.path_of(request).rpartition("/")[2]


def _show(desk: Desk, request: Request, account: Account, form: Form) -> Response:
    return desk.open_page(
        "desk/password.html",
        "Set your password",
        422 if form.errors else 200,
        form,
        action=desk_address("password", _token(desk, request)),
        mail=account.person.mail,
        name=account.person.name,
    )


def _closed(desk: Desk, request: Request, password: str = "") -> Response:
    """Return what a link says that sets no password any more: was it used, its person has an account.

    Who sends the form twice, with the same password, is signed in: the browser shows the second answer only.
    """
    with read_only(desk.context.engine) as connection:
        account = used_link(connection, _token(desk, request))
    if account is None:
        texts = ["A link works once, and for three days. Ask your admin for a new one."]
        return desk.bare_page(request, "This link no longer works", texts, 404, [(SIGN_IN, "Sign in")])
    if password and _is_right(desk, request, account, password):
        return enter(desk, request, account, DESK, "signed in")
    texts = [
        f"The password for {account.person.mail} was set with this link: sign in with it.",
        "If you do not know it any more, or it was not you, ask your admin for a new link.",
    ]
    return desk.bare_page(request, "You are in already", texts, 200, [(SIGN_IN, "Sign in")])


def _is_right(desk: Desk, request: Request, account: Account, password: str) -> bool:
    """Return whether a password is a person's. A wrong one counts as at the page of signing in."""
    mail, address, now = account.person.mail, address_of(request), desk.clock()
    tried = count_try(desk.context.engine, mail, address, now)
    if tried.free_at is not None:
        seconds = max(1, ceil((tried.free_at - now).total_seconds()))
        raise TooManyTries(seconds, desk.wait_sentence(seconds))
    if not fits(password, account.password_hash):
        record_refusal(desk, account)
        return False
    forget_tries(desk.context.engine, mail, address, tried)
    return True
