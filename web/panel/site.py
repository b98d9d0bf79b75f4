"""The side panel of ticket systems: an order's story on 320 to 400 px, to read only."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, quote, unquote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from rules.contact.masking import mask_address
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.desk.order_list import OrderRow, load_rows
from tasks.desk.order_search import orders_of_mail
from tasks.desk.staff_words import days_words
from tasks.desk.story import Story, load_story
from web.panel.access import NoAccess, PanelKeys, allowed_hosts, check_signed, check_token, has_bearer, new_token
from web.security import PAGE_HEADERS, SecurityHeaders
from web.staff.addresses import order_address
from web.staff.forms import NEW
from web.staff.frame import frame, render_desk
from web.staff.story_view import can_do, days_of, item_view, order_chip
from web.staff.visit import visit_context

PREFIX = "/panel"
EVENTS = 6
MAX_BODY_BYTES = 16_384
BODY_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class PanelRow:
    """One order of a customer who has several."""

    order: str
    url: str
    late: str
    why: str


class Panel:
    """The panel over one shop's records."""

    def __init__(self, context: Context, keys: PanelKeys, clock: Callable[[], datetime], desk_url: str = "") -> None:
        self._context, self._keys, self._clock, self._desk_url = context, keys, clock, desk_url.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD", "POST"):
            response: Response = Response(status_code=405, headers={"Allow": "GET, POST"})
        else:
            body = await _read(request) if request.method == "POST" else b""
            response = await run_in_threadpool(self._answer, request, body)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes | None) -> Response:
        path, now = _path(request), self._clock()
        try:
            if request.method == "POST":
                return self._exchange(request, path, body, now)
            self._check(request, now)
        except NoAccess:
            return self._page("Sign in again", 401, texts=["This panel is open for 15 minutes. Open the ticket again."])
        context = visit_context(self._context, now)
        token = request.query_params.get("token", "")
        if path.startswith("/orders/"):
            return self._order(context, unquote(path.removeprefix("/orders/")), token)
        mail = request.query_params.get("mail", "").replace("\x00", "").strip()
        if path == "" and mail:
            return self._mail(context, mail, token)
        texts = ["The ticket system asks for an order, or for a mail address: `/panel?mail=`."]
        return self._page("Which order?", 404, texts=texts)

    def _check(self, request: Request, now: datetime) -> None:
        if not has_bearer(self._keys, request.headers.get("authorization", "")):
            check_token(self._keys, request.query_params.get("token", ""), now)

    def _exchange(self, request: Request, path: str, body: bytes | None, now: datetime) -> Response:
        """Give a token for a bearer key, as JSON; for a ticket system's signed POST, in the page's own address."""
        if path == "/token":
            if not has_bearer(self._keys, request.headers.get("authorization", "")):
                raise NoAccess
            return JSONResponse({"token": new_token(self._keys, now), "expires_in": 900})
        fields = parse_qs((body or b"").decode("ascii", "ignore"))
        check_signed(self._keys, fields.get("token", [""])[0], now)
        given = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        address = f"{PREFIX}{path}?{urlencode([*given, ('token', new_token(self._keys, now))])}"
        return RedirectResponse(address, 303)

    def _order(self, context: Context, order: str, token: str) -> Response:
        with read_only(context.engine) as connection:
            story = load_story(context, connection, order)
        if story is None:
            return self._page(f"No order {order} here.", 404, texts=["Newer orders come with the next import."])
        return self._page(f"Order {order}", 200, story=self._story(context, story), token=token)

    def _story(self, context: Context, story: Story) -> dict[str, object]:
        acts = {act.name: act for act in story.acts}
        buttons = [
            (acts[name].label, self._desk(order_address(story.order_id, name)))
            for name in ("answer", "again", "link")
            if name in acts
        ]
        days = days_of(story.timeline[:EVENTS], story.order_id, context.zone, story.as_of)
        return {
            "chip": order_chip(story),
            "why": story.why,
            "items": [item_view(item, story.as_of) for item in story.items],
            "can": can_do(story),
            "buttons": buttons,
            "days": days,
            "events": sum(len(day.events) for day in days),
            "desk": self._desk(order_address(story.order_id)),
        }

    def _mail(self, context: Context, mail: str, token: str) -> Response:
        with read_only(context.engine) as connection:
            rows = load_rows(context, connection, orders_of_mail(connection, mail))
        if not rows:
            masked = mask_address(mail.lower()) if "@" in mail else "this address"
            return self._page(f"No order of {masked} here.", 404, texts=["Newer orders come with the next import."])
        if len(rows) == 1:
            return self._order(context, rows[0].order, token)
        ordered = sorted(rows, key=lambda row: (-row.days_late, not row.is_open))
        title = f"{len(ordered)} orders"
        return self._page(title, 200, rows=[_row(row, token) for row in ordered])

    def _desk(self, address: str) -> str:
        return f"{self._desk_url}{address}"

    def _page(
        self,
        title: str,
        status: int,
        *,
        texts: Sequence[str] = (),
        story: dict[str, object] | None = None,
        rows: Sequence[PanelRow] = (),
        token: str = "",
    ) -> Response:
        shop = self._context.shop
        around = frame(shop=shop.name, zone=shop.zone, title=title)
        html = render_desk(
            "panel.html", around, form=NEW, form_token=str, may={}, texts=texts, story=story, rows=rows, token=token
        )
        return HTMLResponse(html, status)


def panel_routes(
    context: Context,
    keys: PanelKeys,
    hosts: Sequence[str],
    clock: Callable[[], datetime],
    desk_url: str = "",
) -> list[BaseRoute]:
    """Return the panel's routes; without a key it shows nothing. Only `hosts` may frame it."""
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https:; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors {allowed_hosts(hosts)}"
    )
    headers = {**PAGE_HEADERS, "Content-Security-Policy": policy, "Cross-Origin-Resource-Policy": "cross-origin"}
    app = SecurityHeaders(Panel(context, keys, clock, desk_url), headers)
    methods = ["GET", "POST"]
    return [Route(PREFIX, app, methods=methods, include_in_schema=False), Mount(PREFIX, app=app)]


def _row(row: OrderRow, token: str) -> PanelRow:
    query = f"?{urlencode({'token': token})}" if token else ""
    late = f"{days_words(row.days_late)} late" if row.days_late else "on time" if row.is_open else "over"
    return PanelRow(row.order, f"{PREFIX}/orders/{quote(row.order, safe='')}{query}", late, row.why)


def _path(request: Request) -> str:
    raw: bytes | None = request.scope.get("raw_path")
    path = request.url.path if raw is None else raw.partition(b"?")[0].decode("latin-1")
    return path.removeprefix(PREFIX).rstrip("/")


async def _read(request: Request) -> bytes | None:
    body = b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return None
    except TimeoutError:
        return None
    return body
