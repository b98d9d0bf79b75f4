"""The desk as an application: its routes with the right that each needs, and everything else denied."""

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from app.company_sign_in import CompanySignInSettings
from app.shop_edits import ShopEdits
from models.messages import Message
from models.schedules import ScheduledStart
from models.staff import Right, Role
from tasks.context import Context
from tasks.staff.accounts import list_accounts
from tasks.staff.audit import AlreadyDone, AlreadyUndone, by_form
from tasks.staff.sessions import open_session
from web.staff.addresses import DESK, desk_address, subject_address
from web.staff.forms import NEW, TOKEN, BadForm, Form, FormSigner
from web.staff.frame import frame, render_desk
from web.staff.guard import Sent, read_fields, session_token
from web.staff.visit import Refused, Visit, visit_context
from web.static_files import DESK_STYLE, FOREVER, MEDIA_TYPES, SCRIPT, STYLE, shared_file

LOG = logging.getLogger("forewarn.desk")
Fields = Mapping[str, Sequence[str]]
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BAD_METHOD, TOO_MANY, FAULT = 401, 403, 404, 405, 429, 500
ROLES_OF = {
    Right.SEE: "any role",
    Right.ACT: f"the role {Role.SERVICE}",
    Right.PUBLISH: f"the role {Role.MARKETING}",
    Right.ADMINISTER: f"the role {Role.ADMIN}",
}


class TooManyTries(Exception):
    """Raised for too many tries; `seconds` until the next is possible."""

    def __init__(self, seconds: int, sentence: str) -> None:
        super().__init__(sentence)
        self.seconds, self.sentence = seconds, sentence


@dataclass(frozen=True, slots=True)
class StaffRoute:
    """A page below the desk's prefix, and the right that it needs: without one it cannot be built."""

    path: str
    """`/orders/{order}/hold`; a part in braces is any value of one part of the path."""
    right: Right
    get: Callable[[Visit], Response] | None
    post: Callable[[Visit, Form], Response] | None = None
    right_to_post: Right | None = None
    """The right of `post`, where it is another one."""
    repeats: bool = False
    """Whether `post` answers a form that was sent before itself: it shows a secret once more, for example."""
    previews: bool = False
    """Whether `post` only shows what the form of the page above would do; a button of that form sends it here."""
    takes_file: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.right, Right) or (self.right_to_post and not isinstance(self.right_to_post, Right)):
            raise TypeError(f"{self.path}: a route of the desk needs a right")
        if self.get is None and self.post is None:
            raise TypeError(f"{self.path}: a route of the desk answers GET, POST or both")

    def needs(self, method: str) -> Right:
        """Return the right that a method needs."""
        return self.right_to_post if method == "POST" and self.right_to_post else self.right


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A page for people who are not signed in."""

    path: str
    get: Callable[[Request], Response] | None
    post: Callable[[Request, Fields], Response] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a request's path leads to."""

    route: StaffRoute | OpenRoute
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class CompanySignIn:
    """The link to the company's sign-in."""

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Services:
    """What the settings of this installation add to the desk."""

    company: CompanySignInSettings | None = None
    """The company's sign-in."""
    settings_keys: tuple[str, ...] = ()
    """The last four characters of each key in FOREWARN_API_KEYS."""
    webhook_host: str = ""
    """Of FOREWARN_WEBHOOK_URL: the whole address may hold a secret."""
    desk_url: str = ""
    """FOREWARN_DESK_URL."""
    network_pages: Mapping[str, str] = field(default_factory=dict)
    """Where each network shows the shop's posts."""
    by_sendgrid: bool = True
    """Whether mails leave by SendGrid; else by the shop's own relay."""
    own_templates: Path | None = None
    """The shop's own message texts."""
    edits: ShopEdits | None = None
    """The shop's files, which the desk may edit where `refusal` is empty."""
    starts: Callable[[datetime], Mapping[str, ScheduledStart]] | None = None
    """Returns when each flow starts by the schedule, around a moment; None: there is no schedule."""
    words_changed: Callable[[], None] = lambda: None
    """Has the server use words that were just written."""
    send_mail: Callable[[Message], None] | None = None
    """Sends a mail by the shop's own transport; raises ForewarnError."""
    mails_arrive: bool = False
    """Whether mails reach who they are for: neither kept here nor redirected for a trial."""
    keeps_mails: bool = False
    """Whether that transport is the local outbox: mails are kept, and none leaves."""
    send_test: Callable[[], str] | None = None
    """Sends a test event to the webhook, and returns what became of it, after `the webhook`."""


class Desk:
    """The desk of one shop, an ASGI application below `/desk`."""

    rights = tuple(Right)

    def __init__(self, context: Context, clock: Callable[[], datetime], services: "Services") -> None:
        self.context, self.clock, self.services = context, clock, services
        self.routes: list[StaffRoute] = []
        self.open_routes: list[OpenRoute] = []

    def add(self, routes: Iterable[StaffRoute]) -> None:
        """Add pages for signed-in people, before the first request."""
        self.routes.extend(routes)

    def add_open(self, routes: Iterable[OpenRoute]) -> None:
        """Add pages for people who are not signed in, before the first request."""
        self.open_routes.extend(routes)

    def wait_sentence(self, seconds: int) -> str:
        """Say when the next try is possible."""
        at = (self.clock() + timedelta(seconds=seconds)).astimezone(self.context.zone)
        # To the next whole minute: at the minute that is named, a try is possible.
        return f"Try again at {at + timedelta(seconds=59):%H:%M}, or ask an admin for help."

    def company_sign_in(self, following: str) -> "CompanySignIn":
        """Return the link to the company's sign-in; without an address where there is none."""
        company = self.services.company
        if company is None:
            return CompanySignIn("", "")
        return CompanySignIn(desk_address("oidc", next="" if following == DESK else following), company.name)

    def path_of(self, request: Request) -> str:
        """Return the path of a request as it was sent: an id in it may have a slash, encoded."""
        raw: bytes | None = request.scope.get("raw_path")
        return request.url.path if raw is None else raw.partition(b"?")[0].decode("latin-1")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._respond(request)
            await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            sent = Sent()
            if request.method == "POST":
                takes_file = await run_in_threadpool(self._takes_file, request)
                sent = await read_fields(request, urlsplit(self.services.desk_url).netloc, takes_file=takes_file)
            return await run_in_threadpool(self._answer, request, sent)
        except BadForm:
            return self.bare_page(
                request,
                "This form cannot be used",
                ["It was not made for this page and this sign-in. Nothing was changed.", "Open the page again."],
                FORBIDDEN,
            )
        except HTTPException as problem:
            return PlainTextResponse(problem.detail, problem.status_code, problem.headers)
        except Exception:  # noqa: BLE001 - whatever it is, the person gets a page with a reference to the log
            return self._fault(request)

    def _takes_file(self, request: Request) -> bool:
        """Return whether a page takes a file from this person; nobody else may send so much."""
        found = self._find(self.path_of(request).removeprefix(DESK).rstrip("/"))
        if found is None or not isinstance(found.route, StaffRoute) or not found.route.takes_file:
            return False
        token = session_token(request)
        session = open_session(self.context.engine, token, self.clock()) if token else None
        return session is not None and session.person.may(found.route.needs("POST"))

    def _answer(self, request: Request, sent: Sent) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in ("GET", "POST"):
            raise HTTPException(BAD_METHOD, headers={"Allow": "GET, POST"})
        found = self._find(self.path_of(request).removeprefix(DESK).rstrip("/"))
        try:
            if found and isinstance(found.route, OpenRoute):
                return self._answer_openly(request, found.route, sent.fields)
            return self._answer_person(request, found, method, sent)
        except TooManyTries as tries:
            page = self.bare_page(request, "Too many tries", [tries.sentence], TOO_MANY)
            page.headers["Retry-After"] = str(tries.seconds)
            return page

    def _answer_openly(self, request: Request, route: OpenRoute, fields: Fields) -> Response:
        if request.method == "POST":
            return route.post(request, fields) if route.post else self._wrong_method()
        return route.get(request) if route.get else self._wrong_method()

    def _answer_person(self, request: Request, found: Found | None, method: str, sent: Sent) -> Response:
        now = self.clock()
        token = session_token(request)
        session = open_session(self.context.engine, token, now) if token else None
        if session is None:
            return self._sign_in_first(request, method)
        context = visit_context(self.context, now)
        signer = FormSigner(token)
        values = found.values if found else {}
        visit = Visit(session.person, request, now, context, self, session.id, signer, values)
        if found is None or not isinstance(found.route, StaffRoute):
            return visit.not_found("There is no such page on the desk.")
        if not visit.person.may(found.route.needs(method)):
            return self.forbid(visit, found.route.needs(method))
        try:
            return self._handle(visit, found.route, method, sent)
        except Refused as refused:
            return visit.conflict(refused.sentence, **refused.values)
        except AlreadyUndone as undone:
            return visit.conflict(f"This was undone before: {undone.entry.who} {undone.entry.what.rstrip('.')}.")

    def _handle(self, visit: Visit, route: StaffRoute, method: str, sent: Sent) -> Response:
        if method == "GET":
            return route.get(visit) if route.get else self._wrong_method()
        if route.post is None:
            return self._wrong_method()
        made_for = visit.here.rpartition("/")[0] if route.previews else visit.here
        form_id = visit.signer.read(next(iter(sent.fields.get(TOKEN, ())), ""), made_for)
        if route.previews:
            return route.post(visit, Form("", sent.fields, files=sent.files))
        with visit.reading() as connection:
            done = by_form(connection, form_id)
        try:
            if done is None or route.repeats:
                return route.post(visit, Form(form_id, sent.fields, files=sent.files, done=done))
        except AlreadyDone as already:
            done = already.entry
            if route.repeats:
                return route.post(visit, Form(form_id, sent.fields, files=sent.files, done=done))
        return visit.done(subject_address(done.subject_kind, done.subject), done.id)

    def _sign_in_first(self, request: Request, method: str) -> Response:
        path = self.path_of(request)
        if method == "GET":
            query = request.url.query
            return RedirectResponse(
                desk_address("sign-in", next=f"{path}?{query}" if query else "" if path == DESK else path), 303
            )
        texts = ["You are not signed in any more, and nothing was changed.", "Sign in, and send the form again."]
        link = (desk_address("sign-in", next=path), "Sign in")
        return self.bare_page(request, "Sign in first", texts, UNAUTHORIZED, [link])

    def forbid(self, visit: Visit, right: Right) -> Response:
        """Return the page that says who can do this."""
        with visit.reading() as connection:
            admins = [one.person.name for one in list_accounts(connection) if Role.ADMIN in one.person.roles]
        asked = f"Ask {' or '.join(admins[:3])} (admin)." if admins else ""
        texts = [f"This needs {ROLES_OF[right]}. {asked}"]
        return visit.page("desk/problem.html", title="Not allowed", status=FORBIDDEN, texts=texts, links=())

    def _wrong_method(self) -> Response:
        raise HTTPException(BAD_METHOD)

    def _fault(self, request: Request) -> Response:
        reference = secrets.token_hex(4)
        LOG.exception("the desk could not answer a request; reference %s", reference)
        return self.bare_page(
            request,
            "Something went wrong on our side",
            ["Nothing was saved.", f"Tell your admin this reference: {reference}. It stands in the log of the server."],
            FAULT,
        )

    def bare_page(
        self,
        request: Request,
        title: str,
        texts: Sequence[str],
        status: int,
        links: Sequence[tuple[str, str]] = ((DESK, "Back to the desk"),),
    ) -> Response:
        """Return a page that says something, for whoever asked."""
        return self.open_page("desk/problem.html", title, status, texts=list(texts), links=tuple(links))

    def open_page(self, template: str, title: str, status: int = 200, form: Form = NEW, **values: object) -> Response:
        """Return a page for people who are not signed in."""
        shop = self.context.shop
        around = frame(shop=shop.name, zone=shop.zone, title=title, is_wrong=bool(form.errors))
        html = render_desk(template, around, form=form, form_token=str, may={}, **values)
        return HTMLResponse(html, status)

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], StaffRoute | OpenRoute]]:
        every: list[StaffRoute | OpenRoute] = [*self.open_routes, *self.routes]
        # Words before values: `/orders/{order}/hold` before `/orders/{order}/{act}`.
        every.sort(key=lambda route: [part.startswith("{") for part in route.path.split("/")])
        return [(_pattern(route.path), route) for route in every]

    def _find(self, path: str) -> Found | None:
        for pattern, route in self._patterns:
            # PostgreSQL stores no NUL, so nothing has one in its id.
            if (match := pattern.fullmatch(path)) and "%00" not in path:
                return Found(route, {name: unquote(value) for name, value in match.groupdict().items()})
        return None


@cache
def _pattern(path: str) -> re.Pattern[str]:
    parts = [f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in path.split("/")]
    return re.compile("/".join(parts))


def static_routes() -> list[OpenRoute]:
    """Return the style sheets and the script."""

    def serve(name: str) -> Callable[[Request], Response]:
        file = shared_file(name)
        media_type = MEDIA_TYPES[name[name.rindex(".") :]]
        return lambda _: Response(file.content, headers=FOREVER, media_type=media_type)

    return [OpenRoute(f"/static/{name}", serve(name)) for name in (STYLE, DESK_STYLE, SCRIPT)]
