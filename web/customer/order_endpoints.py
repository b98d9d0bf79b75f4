"""Show an order, its messages and its choices. Nothing here writes."""

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from models.customers import Choice, SentMessage
from web.customer.choice_words import CHANNELS
from web.customer.done_view import done_view
from web.customer.forms import UNDO, WHY, FormSigner
from web.customer.order_view import order_view
from web.customer.service import OrderService
from web.customer.site import Site
from web.customer.view_models import MessageView
from web.customer.visits import MissingLink, Visit, Visits
from web.page_templates import render_page
from web.security import FRAGMENT_POLICY, MAIL_POLICY

HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
NEW_WINDOWS = '<base target="_blank">'


class OrderEndpoints:
    """The pages that only show. Plain functions: the server runs them in threads."""

    def __init__(self, site: Site, service: OrderService, visits: Visits, signer: FormSigner) -> None:
        self._site, self._service, self._visits, self._signer = site, service, visits, signer

    def order(self, request: Request) -> Response:
        """Return the order page."""
        visit = self._visits.open(request)
        view = order_view(visit.words, visit.links, self._site.shop_links, visit.page)
        return self._site.page(
            "order.html", visit.words, visit.links, here=visit.here, withdraws=visit.withdraws, view=view
        )

    def fragment(self, request: Request) -> Response:
        """Return the choices alone, without a style: a shop's server puts them into its own page."""
        visit = self._visits.open(request)
        links = self._site.absolute(visit.links)
        view = order_view(visit.words, links, self._site.shop_links, visit.page)
        html = render_page("fragment.html", lang=visit.words.lang, say=visit.words.say, view=view)
        return HTMLResponse(html, headers={"Content-Security-Policy": FRAGMENT_POLICY})

    def answer(self, request: Request) -> Response:
        """Return the page about a choice that was made."""
        visit = self._visits.open(request)
        choice = find_choice(visit, request)
        forms = {act: self._signer.sign(visit.link_id, act, choice.number, {}) for act in (UNDO, WHY)}
        view = done_view(visit.words, visit.links, self._site, visit.page, choice, visit.now, forms)
        return self._site.page(
            "done.html", visit.words, visit.links, here=visit.here, withdraws=visit.withdraws, view=view
        )

    def message(self, request: Request) -> Response:
        """Return the page of a message that was sent: a mail is in a frame of its own."""
        visit = self._visits.open(request)
        message = _find_message(visit, request)
        words = self._service.read_message(message, visit.links.token)
        channel = visit.words.say(CHANNELS[message.channel])
        sent = visit.words.say("message_sent", channel=channel, moment=visit.words.moment(message.at))
        frame = visit.links.mail(message.number) if words.html else ""
        view = MessageView(message.subject or channel, sent, frame, words.text)
        return self._site.page(
            "message.html", visit.words, visit.links, here=visit.here, withdraws=visit.withdraws, view=view
        )

    def mail(self, request: Request) -> Response:
        """Return a mail as it was sent, for a sandboxed frame."""
        visit = self._visits.open(request)
        words = self._service.read_message(_find_message(visit, request), visit.links.token)
        if not words.html:
            raise MissingLink
        return HTMLResponse(with_new_windows(words.html), headers={"Content-Security-Policy": MAIL_POLICY})


def with_new_windows(html: str) -> str:
    """Return a mail whose links open windows of their own: a page with choices is shown in no frame."""
    head = HEAD.search(html)
    place = head.end() if head else 0
    return f"{html[:place]}{NEW_WINDOWS}{html[place:]}"


def find_choice(visit: Visit, request: Request) -> Choice:
    """Return the choice that an address names; raises MissingLink."""
    number = request.path_params["number"]
    if choice := next((each for each in visit.page.choices if each.number == number), None):
        return choice
    raise MissingLink


def _find_message(visit: Visit, request: Request) -> SentMessage:
    number = request.path_params["number"]
    if message := next((each for each in visit.page.messages if each.number == number), None):
        return message
    raise MissingLink
