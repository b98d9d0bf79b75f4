"""Stop marketing mails by one click (RFC 8058): a page with one button, and the POST that mail software sends."""

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Message

from rules.customers.unsubscribe_tokens import open_address
from tasks.context import Context
from tasks.notices.erased import kept_forms
from tasks.notices.marketing import BY_LINK, stop_marketing
from web.callbacks.bodies import read_body
from web.customer.site import Site
from web.customer.view_models import NoticeView
from web.security import SecurityHeaders

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 10
ONE_CLICK = ("List-Unsubscribe", "one-click")
"""The field that mail software posts; its value in lower case, because some write it in their own."""
CONFIRM = ("confirm", "1")
"""The field of our page's button."""
Stop = Callable[[str, datetime], None]


def stop_in(context: Context, load_key: Callable[[], bytes]) -> Stop:
    """Return the function that stops marketing mails to an address, in a ledger; `load_key` returns the erasure key."""

    def stop(address: str, now: datetime) -> None:
        with context.engine.begin() as connection:
            kept = kept_forms(connection, load_key(), {address}, context.shop.country)
            stop_marketing(connection, {kept[address]: BY_LINK}, now)

    return stop


def unsubscribe_routes(site: Site, key: bytes, stop: Stop, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """Return the routes of the links to unsubscribe."""
    pages = _UnsubscribePages(site, key, stop, clock)
    routes = [Route("/{token}", pages.ask), Route("/{token}", pages.unsubscribe, methods=["POST"])]
    return [Mount("/u", SecurityHeaders(Starlette(routes=routes)))]


class _UnsubscribePages:
    """The pages. They are the same for a token that opens nothing: nobody learns which ones do."""

    def __init__(self, site: Site, key: bytes, stop: Stop, clock: Callable[[], datetime]) -> None:
        self._site, self._key, self._stop, self._clock = site, key, stop, clock

    def ask(self, request: Request) -> Response:
        """Return the page with the button. It changes nothing, because scanners open every link."""
        return self._page(request, done=False)

    async def unsubscribe(self, request: Request) -> Response:
        """Stop marketing mails to the token's address, and say so; never redirect."""
        is_meant = await _is_meant(request)
        address = open_address(self._key, request.path_params["token"]) if is_meant else None
        if address is not None:
            await run_in_threadpool(self._stop, address, self._clock())
        return await run_in_threadpool(self._page, request, done=is_meant)

    def _page(self, request: Request, *, done: bool) -> Response:
        links = self._site.links(request)
        action = links.unsubscribe(request.path_params["token"])
        words, here = self._site.words(request, self._clock()), action.partition("?")[0]
        if done:
            view, action = NoticeView(words.say("unsubscribed_title"), (words.say("unsubscribed_text"),)), ""
        else:
            view = NoticeView(words.say("unsubscribe_title"), (words.say("unsubscribe_text"),))
        button = "unsubscribe_button"
        return self._site.page(
            "one_button.html", words, links, here=here, view=view, action=action, hidden=CONFIRM, button=button
        )


async def _is_meant(request: Request) -> bool:
    """Return whether a form is that of mail software, or of our page; raises HTTPException for one that is too long."""
    body = await read_body(request, MAX_BODY_BYTES)

    async def replay() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        form = await Request(request.scope, replay).form(max_files=0, max_fields=MAX_FIELDS)
    except (HTTPException, ValueError):  # malformed: the page has the button
        return False
    fields = [(name, value.strip().lower()) for name, value in form.multi_items() if isinstance(value, str)]
    return ONE_CLICK in fields or CONFIRM in fields
