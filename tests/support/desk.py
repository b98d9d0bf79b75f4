"""The desk in tests: a person signed in, and the desk served for a browser."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser

from starlette.applications import Starlette

from models.staff import Person, Role
from tasks.staff.accounts import add_person, set_password
from tasks.staff.passwords import hash_password
from tasks.staff.sessions import start_session
from tests.support.serving import serving
from tests.support.web_client import FORM, WebClient
from web.staff.desk import Services
from web.staff.guard import COOKIE
from web.staff.site import staff_routes

_NUMBERS = itertools.count(1)


@dataclass
class DeskForm:
    """A form of a page: what is in it as a browser would send it."""

    action: str
    method: str
    fields: dict[str, list[str]]
    options: dict[str, list[str]]


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms, self._area, self._select, self._inside = [], None, None, False

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append(DeskForm(given.get("action", ""), given.get("method", "get"), {}, {}))
            self._inside = True
        if not self._inside or not given.get("name"):
            if tag == "option" and self._select:
                self._add_option(given)
            return
        name, form = given["name"], self.forms[-1]
        if tag == "input" and given.get("type") in ("radio", "checkbox"):
            form.options.setdefault(name, []).append(given.get("value", "on"))
            if "checked" in given:
                form.fields.setdefault(name, []).append(given.get("value", "on"))
        elif tag in ("input", "button"):
            if tag == "input":
                form.fields.setdefault(name, []).append(given.get("value", ""))
        elif tag == "textarea":
            form.fields.setdefault(name, []).append("")
            self._area = name
        elif tag == "select":
            self._select = name

    def _add_option(self, given):
        form = self.forms[-1]
        form.options.setdefault(self._select, []).append(given.get("value", ""))
        if "selected" in given or self._select not in form.fields:
            form.fields[self._select] = [given.get("value", "")]

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside = False
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None

    def handle_data(self, data):
        if self._area:
            self.forms[-1].fields[self._area][-1] += data


def forms_of(page) -> list[DeskForm]:
    """Return the forms of a page."""
    reader = _Reader()
    reader.feed(page.html)
    return reader.forms


class DeskClient:
    """A browser in which a person is signed in."""

    def __init__(self, app, person: Person | None, token: str = ""):
        self.app, self.person, self.token, self._web = app, person, token, WebClient(app)

    def get(self, path, **headers):
        return self._web.get(path, **self._cookie(), **headers)

    def form(self, path, action=None) -> DeskForm:
        """Return the form of a page that is sent to an address; by default to the page itself."""
        page = self.get(path)
        wanted = (action or path).partition("?")[0]
        found = [one for one in forms_of(page) if one.action.partition("?")[0] == wanted and one.method == "post"]
        assert found, f"{path} ({page.status}) has no form for {wanted}: {page.text[:300]}"
        return found[0]

    def forms(self, path) -> list[DeskForm]:
        """Return all forms of a page."""
        return forms_of(self.get(path))

    def post(self, path, data=None, *, page=None, **headers):
        """Read the form for an address, which is on its own page or on `page`; fill it in and send it."""
        form = self.form(page or path, path)
        return self.send(form, data, **headers)

    def send(self, form: DeskForm, data=None, **headers):
        """Send a form, filled in; twice is possible. A value may be a list."""
        given = {name: value if isinstance(value, list) else [value] for name, value in (data or {}).items()}
        pairs = [(name, str(value)) for name, values in (form.fields | given).items() for value in values]
        return self._web.post(form.action, pairs, FORM | self._cookie() | headers)

    def post_raw(self, path, data, headers=None):
        """Post fields as they are, without reading a form first."""
        return self._web.post(path, data, FORM | self._cookie() | (headers or {}))

    def post_body(self, path, body, content_type):
        """Post a body as it is, of a form with a file for example."""
        return self._web.ask("POST", path, body, FORM | {"Content-Type": content_type} | self._cookie())

    def follow(self, page):
        """Return the page to which an answer sends the browser."""
        return self.get(page.location)

    def _cookie(self):
        return {"Cookie": f"{COOKIE}={self.token}"} if self.token else {}


def desk_app(context, now=None, services=Services()):  # noqa: B008 - frozen
    """Return the desk as an application; `now` is a moment or a clock, by default the context's."""
    clock = now if callable(now) else lambda: now or context.started_at
    return Starlette(routes=staff_routes(context, clock, services))


def desk_client(context, *roles, now=None, name="", app=None) -> DeskClient:
    """Return a browser in which a new person with these roles is signed in."""
    moment = now() if callable(now) else now or context.started_at
    n = next(_NUMBERS)
    with context.engine.begin() as connection:
        given = frozenset(map(Role, roles))
        person = add_person(connection, name or f"Mara {n}", f"mara{n}@lamps.example.com", given, moment, "a test")
        token = start_session(connection, person.id, "Firefox on Linux", moment)
    return DeskClient(app or desk_app(context, now), person, token)


@contextmanager
def serve_desk(context, now=None) -> Iterator[str]:
    """Serve the desk, and give its address."""
    with serving(desk_app(context, now)) as url:
        yield url


def sign_in_browser(browser, url: str, client: DeskClient) -> None:
    """Sign a person in, in a browser, without the page of signing in."""
    browser.get(f"{url}/desk/sign-in")
    browser.add_cookie({"name": COOKIE, "value": client.token, "path": "/", "secure": True, "httpOnly": True})


PASSWORD = "correct horse battery"


def give_password(context, person: Person, password: str = PASSWORD) -> None:
    """Give a person a password."""
    with context.engine.begin() as connection:
        set_password(connection, person.id, hash_password(password))


def cookie_of(answer) -> str:
    """Return the session's token that an answer gives to the browser; empty where it gives none."""
    name, _, rest = answer.headers.get("set-cookie", "").partition("=")
    return rest.partition(";")[0].strip('"') if name == COOKIE else ""
