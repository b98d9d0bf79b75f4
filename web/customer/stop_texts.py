"""Stop text messages: a page with one button, and the page that says so."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from web.customer.form_bodies import read_form
from web.customer.forms import FormSigner
from web.customer.service import OrderService
from web.customer.site import Site
from web.customer.view_models import NoticeView
from web.customer.visits import MissingLink, Visit, Visits

TEXTS = "texts"
"""The act of its form."""


class StopTextsEndpoints:
    """The page, opened by the link of an order: a GET changes nothing."""

    def __init__(self, site: Site, service: OrderService, visits: Visits, signer: FormSigner) -> None:
        self._site, self._service, self._visits, self._signer = site, service, visits, signer

    def ask(self, request: Request) -> Response:
        """Return the page that asks."""
        visit = self._visits.open(request)
        number = self._service.number(visit.page.order_id)
        if number is None:
            raise MissingLink
        words = visit.words
        view = NoticeView(words.say("stop_texts_title"), (words.say("stop_texts_text", number=number),))
        return self._page(visit, view, self._signer.sign(visit.link_id, TEXTS, 0, {}))

    async def stop(self, request: Request) -> Response:
        """Stop texts, and say so."""
        form = await read_form(request)
        return await run_in_threadpool(self._stop, request, form)

    def _stop(self, request: Request, form: dict[str, str]) -> Response:
        visit = self._visits.open(request)
        self._signer.read(form.get("form", ""), visit.link_id, TEXTS)
        self._service.stop_texts(visit.page.order_id, visit.now)
        words = visit.words
        return self._page(visit, NoticeView(words.say("texts_stopped_title"), (words.say("texts_stopped_text"),)), "")

    def _page(self, visit: Visit, view: NoticeView, form: str) -> Response:
        return self._site.page(
            "one_button.html",
            visit.words,
            visit.links,
            here=visit.here,
            withdraws=visit.withdraws,
            view=view,
            action=visit.links.texts() if form else "",
            hidden=("form", form),
            button="stop_texts_button",
        )
