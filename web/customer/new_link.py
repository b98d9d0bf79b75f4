"""Send a new link to whom an order belongs: the answer is the same whether or not the two belong together."""

from collections.abc import Callable
from datetime import datetime

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rules.contact.addresses import BadAddress, email_address
from templates.rendering.names import strip_control_chars
from templates.rendering.page_words import PageWords
from web.customer.form_bodies import read_form
from web.customer.service import OrderService
from web.customer.site import Site
from web.customer.view_models import LinkForm, NoticeView
from web.customer.visits import address_of, check_tries
from web.throttle import Throttle

MAX_ORDER_CHARS, MAX_MAIL_CHARS = 200, 254


class NewLinkEndpoints:
    """The page with order number and mail address."""

    def __init__(self, site: Site, service: OrderService, clock: Callable[[], datetime], tries: Throttle) -> None:
        self._site, self._service, self._clock, self._tries = site, service, clock, tries

    def ask(self, request: Request) -> Response:
        """Return the form."""
        return self._form(request, 200)

    def sent(self, request: Request) -> Response:
        """Return the page that says where to look."""
        words, links = self._words(request), self._site.links(request)
        view = NoticeView(words.say("sent_title"), (words.say("sent_text"),))
        return self._site.page("notice.html", words, links, here=links.new_link_sent(""), view=view)

    async def send(self, request: Request) -> Response:
        """Send a new link, if the order was placed with that address."""
        form = await read_form(request)
        return await run_in_threadpool(self._send, request, form)

    def _send(self, request: Request, form: dict[str, str]) -> Response:
        order = strip_control_chars(form.get("order", "")).removeprefix("#")[:MAX_ORDER_CHARS]
        mail = form.get("mail", "").strip()[:MAX_MAIL_CHARS]
        words = self._words(request)
        if problems := tuple(_problems(words, order, mail)):
            return self._form(request, 422, order, mail, problems)
        check_tries(self._tries, request)
        self._tries.count(address_of(request))
        # After the response, so that the time it takes does not say whether the two belong together.
        sending = BackgroundTask(self._service.send_link, order, mail, self._clock())
        return RedirectResponse(self._site.links(request).new_link_sent(), 303, background=sending)

    def _form(
        self,
        request: Request,
        status: int,
        order: str = "",
        mail: str = "",
        problems: tuple[tuple[str, str], ...] = (),
    ) -> Response:
        words, links = self._words(request), self._site.links(request)
        view = LinkForm(words.say("new_link"), links.new_link(), order, mail, problems)
        return self._site.page("new_link.html", words, links, here=links.new_link(""), status=status, view=view)

    def _words(self, request: Request) -> PageWords:
        return self._site.words(request, self._clock())


def _problems(words: PageWords, order: str, mail: str) -> list[tuple[str, str]]:
    problems = [] if order else [("order", words.say("link_order_missing"))]
    try:
        email_address(mail)
    except BadAddress:
        problems.append(("mail", words.say("link_mail_wrong")))
    return problems
