"""Open a link: what is shown to whom, in which language; or why nothing is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request

from models.customers import OrderPage
from templates.rendering.page_words import PageWords
from web.customer.links import PageLinks
from web.customer.service import OrderService
from web.customer.site import Site
from web.throttle import Throttle


class MissingLink(Exception):
    """Raised for a link that opens nothing."""


class TooManyTries(Exception):
    """Raised for an address that has tried too often; `seconds` until it may again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} seconds")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with a link that opens an order."""

    now: datetime
    link_id: str
    page: OrderPage
    words: PageWords
    links: PageLinks
    here: str
    """The address of the page that is shown, without a language."""

    @property
    def withdraws(self) -> bool:
        """Return whether the law has each of the order's pages offer the withdrawal."""
        return self.page.open.withdraw is not None

    def with_page(self, page: OrderPage) -> "Visit":
        """Return the visit with the order as it is by now."""
        return replace(self, page=page)


class Visits:
    """Opens links, and counts those of an address that open nothing."""

    def __init__(self, site: Site, service: OrderService, clock: Callable[[], datetime], tries: Throttle) -> None:
        self._site, self._service, self._clock, self._tries = site, service, clock, tries

    def open(self, request: Request) -> Visit:
        """Return what the request's link opens; raises MissingLink or TooManyTries."""
        check_tries(self._tries, request)
        token, now = request.path_params["token"], self._clock()
        opened = self._service.open(token, now)
        if opened is None:
            self._tries.count(address_of(request))
            raise MissingLink
        page = self._service.load(opened.order_id, now)
        words, links = self._site.words(request, now, page), self._site.links(request, token)
        here = f"{links.prefix}{request.url.path}".removesuffix("/undo").removesuffix("/why")
        return Visit(now, opened.id, page, words, links, here)


def check_tries(tries: Throttle, request: Request) -> None:
    """Raise TooManyTries where the client's address has none left."""
    if seconds := tries.seconds_to_wait(address_of(request)):
        raise TooManyTries(seconds)


def address_of(request: Request) -> str:
    """Return the client's address."""
    return request.client.host if request.client else ""
