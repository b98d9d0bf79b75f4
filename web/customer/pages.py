"""The routes of the pages for customers: an order's page, its choices and messages, and a new link."""

from collections.abc import Callable
from datetime import datetime
from math import ceil

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from tasks.context import Context
from templates.rendering.page_words import PageWords
from web.customer.choice_endpoints import ChoiceEndpoints
from web.customer.forms import BadForm, FormSigner
from web.customer.new_link import NewLinkEndpoints
from web.customer.order_endpoints import OrderEndpoints
from web.customer.outcomes import bad_form_view, fault_view, missing_link_view, too_many_tries_view
from web.customer.service import LedgerOrders, OrderService
from web.customer.site import Site
from web.customer.stop_texts import StopTextsEndpoints
from web.customer.view_models import NoticeView
from web.customer.visits import MissingLink, TooManyTries, Visits
from web.security import SecurityHeaders
from web.throttle import NEW_LINKS, WRONG_TOKENS, Throttle

NOT_FOUND, FORBIDDEN, TOO_MANY, FAULT = 404, 403, 429, 500


def routes(context: Context, clock: Callable[[], datetime], link_key: bytes) -> list[BaseRoute]:
    """Return the routes over a ledger; none where the shop has no order pages."""
    if context.shop.order_pages is None:
        return []
    site = Site(context.shop, context.policy.order_page, lambda: context.renderer.words)
    return page_routes(site, LedgerOrders(context), clock, link_key)


def page_routes(site: Site, service: OrderService, clock: Callable[[], datetime], link_key: bytes) -> list[BaseRoute]:
    """Return the routes over a service; forms are signed with the installation's key of links."""
    signer = FormSigner(link_key)
    visits = Visits(site, service, clock, Throttle(WRONG_TOKENS))
    shows, acts = OrderEndpoints(site, service, visits, signer), ChoiceEndpoints(site, service, visits, signer)
    stops = StopTextsEndpoints(site, service, visits, signer)
    new_link = NewLinkEndpoints(site, service, clock, Throttle(NEW_LINKS))
    routes = [
        Route("/link", new_link.ask),
        Route("/link", new_link.send, methods=["POST"]),
        Route("/link/sent", new_link.sent),
        Route("/{token}", shows.order),
        Route("/{token}/fragment", shows.fragment),
        Route("/{token}/messages/{number:int}", shows.message),
        Route("/{token}/messages/{number:int}/mail", shows.mail),
        Route("/{token}/answers/{number:int}", shows.answer),
        Route("/{token}/answers/{number:int}/undo", acts.undo, methods=["POST"]),
        Route("/{token}/answers/{number:int}/why", acts.give_reason, methods=["POST"]),
        Route("/{token}/texts", stops.ask),
        Route("/{token}/texts", stops.stop, methods=["POST"]),
        Route("/{token}/{act}", acts.ask),
        Route("/{token}/{act}", acts.choose, methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers=_Problems(site, clock).handlers)
    # A redirect would name the scheme and the host of the request: behind a proxy the link would travel in the clear.
    app.router.redirect_slashes = False
    return [Mount("/o", SecurityHeaders(app)), *(file.route() for file in site.files)]


class _Problems:
    """The pages of requests that could not be answered."""

    def __init__(self, site: Site, clock: Callable[[], datetime]) -> None:
        self._site, self._clock = site, clock
        self.handlers = {
            MissingLink: self._missing,
            TooManyTries: self._too_many,
            BadForm: self._bad_form,
            HTTPException: self._http,
            Exception: self._fault,
        }

    def _missing(self, request: Request, _: Exception) -> Response:
        return self._page(request, NOT_FOUND, missing_link_view(self._words(request), self._site.links(request)))

    def _too_many(self, request: Request, problem: Exception) -> Response:
        seconds = problem.seconds if isinstance(problem, TooManyTries) else 0
        words = self._words(request)
        view = too_many_tries_view(words, ceil(seconds / 60))
        return self._page(request, TOO_MANY, view, {"Retry-After": str(seconds)})

    def _bad_form(self, request: Request, _: Exception) -> Response:
        links = self._site.links(request, request.path_params.get("token", ""))
        return self._page(request, FORBIDDEN, bad_form_view(self._words(request), links))

    def _http(self, request: Request, problem: Exception) -> Response:
        if not isinstance(problem, HTTPException) or problem.status_code == NOT_FOUND:
            return self._missing(request, problem)
        return PlainTextResponse(problem.detail, problem.status_code, problem.headers)

    def _fault(self, request: Request, _: Exception) -> Response:
        return self._page(request, FAULT, fault_view(self._words(request)))

    def _page(self, request: Request, status: int, view: NoticeView, headers: dict[str, str] | None = None) -> Response:
        links = self._site.links(request)
        return self._site.page(
            "notice.html",
            self._words(request),
            links,
            here=links.new_link(""),
            status=status,
            headers=headers,
            view=view,
        )

    def _words(self, request: Request) -> PageWords:
        return self._site.words(request, self._clock())
