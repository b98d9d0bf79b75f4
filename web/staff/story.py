"""An order's story, the pages of its messages, and its evidence."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import HTMLResponse, Response

from models.errors import ForewarnError
from models.staff import Right
from models.versions import BY_FILES, Area
from rules.contact.masking import mask_address
from tasks.desk.acts_of_staff import load_acts_of_staff
from tasks.desk.last_import import last_import_words
from tasks.desk.messages import OrderMessage, load_message, load_words
from tasks.desk.staff_words import CHANGES, channel_word
from tasks.desk.story import load_story
from tasks.orders.queries import get_order_as_sold
from tasks.promise_clock.evidence import load_evidence
from tasks.versions.history import used_at
from web.evidence.page import evidence_page
from web.security import MAIL_POLICY
from web.staff.addresses import message_address, order_address
from web.staff.desk import Desk, StaffRoute
from web.staff.story_view import full_moment, message_chip, message_history, outcome_sentence, story_view
from web.staff.visit import Visit

PRINT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Of the evidence, which carries its style with it, so that a saved page prints as well."""
MAX_AFTER = 100_000
TABS = (("sent", "As sent"), ("plain", "Plain text"), ("details", "Details"))
MAIL_KINDS = {
    "choice_received": "Confirms an answer",
    "choice_undone": "Confirms that an answer was taken back",
    "choice_done": "Says that the shop has done it",
    "choice_refused": "Says that the shop could not do it",
    "discount_code": "Carries the discount code",
    "new_link": "Carries a new link",
}


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages about one order."""
    return (
        StaffRoute("/orders/{order}", Right.SEE, show),
        StaffRoute("/orders/{order}/evidence", Right.SEE, show_evidence),
        StaffRoute("/orders/{order}/messages/{number}", Right.SEE, show_message),
        StaffRoute("/orders/{order}/messages/{number}/mail", Right.SEE, show_mail),
    )


def show(visit: Visit) -> Response:
    """Show an order's story."""
    order, zone = visit.path("order"), visit.context.zone
    with visit.reading() as connection:
        story = load_story(visit.context, connection, order, load_acts_of_staff(connection, order))
        if story is None:
            return unknown_order(visit, order)
    view = story_view(story, zone, may_act=visit.person.may(Right.ACT), after=_number(visit.query("after")))
    return visit.page("desk/story.html", title=view.title, view=view, order=order)


def unknown_order(visit: Visit, order: str) -> Response:
    """Return the page about an order that is not known here."""
    with visit.reading() as connection:
        imported = last_import_words(visit.context, connection)
    return visit.not_found(f"No order {order} here. {imported}")


def show_evidence(visit: Visit) -> Response:
    """Show all that can be proved about an order, as a page to print or as JSON."""
    order = visit.path("order")
    with visit.reading() as connection:
        try:
            evidence = load_evidence(visit.context, connection, order)
        except ForewarnError:
            return unknown_order(visit, order)
    if not visit.person.may(Right.ACT):
        evidence = _without_addresses(evidence)
    if visit.query("as") == "json":
        content = orjson.dumps(evidence, default=str, option=orjson.OPT_INDENT_2)
        return Response(content, media_type="application/json")
    return HTMLResponse(evidence_page(evidence), headers={"Content-Security-Policy": PRINT_POLICY})


def _without_addresses(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence with its addresses masked, for who may not have them shown."""
    customer = evidence["customer"]
    masked = {
        name: [{**one, "to": mask_address(one["to"]) if one["to"] else one["to"]} for one in evidence[name]]
        for name in ("told", "confirmed")
    }
    mail = mask_address(customer["email"]) if customer["email"] else customer["email"]
    return {**evidence, **masked, "customer": {**customer, "email": mail}}


def show_message(visit: Visit) -> Response:
    """Show what became of a message, and its words exactly as they were sent."""
    order, number = visit.path("order"), _number(visit.path("number"))
    context, zone, today = visit.context, visit.context.zone, visit.today
    with visit.reading() as connection:
        sold = get_order_as_sold(context, connection, order)
        if sold is None:
            return unknown_order(visit, order)
        message = load_message(connection, order, number)
        if message is None:
            return visit.not_found(f"Order {order} has no message {number}.")
        words = load_words(connection, message.id)
    here = message_address(order, number)
    asked = visit.query("tab")
    tab = asked if asked in dict(TABS) else "sent"
    customer = sold.order.customer.name or "The customer"
    return visit.page(
        "desk/story_message.html",
        title=f"{channel_word(message.channel).capitalize()} {number} of order {order}",
        order=order,
        story=order_address(order),
        number=number,
        chip=message_chip(message, zone),
        outcome=outcome_sentence(message, customer, zone, today, context.policy.sending.max_age_hours),
        acts=_acts(visit, order, message),
        tabs=[(label, here if name == "sent" else f"{here}?tab={name}", name == tab) for name, label in TABS],
        tab=tab,
        subject=words.subject,
        text=words.text,
        mail=f"{here}/mail" if words.html else "",
        details=_details(visit, message, words.locale),
        steps=message_history(message, zone, today),
        kept_days=context.policy.retention.message_days,
    )


def show_mail(visit: Visit) -> Response:
    """Return a mail as it was sent, for the frame of its page."""
    order, number = visit.path("order"), _number(visit.path("number"))
    with visit.reading() as connection:
        message = load_message(connection, order, number)
        words = load_words(connection, message.id) if message else None
    if words is None or not words.html:
        return visit.not_found("This mail is not kept here.")
    return HTMLResponse(words.html, headers={"Content-Security-Policy": MAIL_POLICY})


def _acts(visit: Visit, order: str, message: OrderMessage) -> list[tuple[str, str]]:
    """Return how the message can be sent again; only notices that have ended can."""
    if not visit.person.may(Right.ACT) or not message.change:
        return []
    if message.state == "in_doubt":
        return [("Settle whether it left", order_address(order, "doubt"))]
    if message.state in ("held", "queued", "sending"):
        return []
    again, other = order_address(order, "again"), "mail" if message.is_text else "text"
    by = "email" if message.is_text else "sms"
    return [
        (f"Send again by {other}", f"{again}?{urlencode({'message': message.number, 'by': by})}"),
        ("Send again to another address", f"{again}?{urlencode({'message': message.number, 'to': 'other'})}"),
    ]


def _details(visit: Visit, message: OrderMessage, locale: str) -> list[tuple[str, str]]:
    zone, today = visit.context.zone, visit.today

    def moment(at: Any) -> str:
        return full_moment(at, zone, today) if at else "Not yet"

    pairs = [
        ("What it is about", CHANGES.get(message.change, "") or MAIL_KINDS.get(message.why, message.why)),  # type: ignore[call-overload]
        ("To", message.to or "No address"),
        ("Language", locale or "Not known"),
        ("Decided", moment(message.created_at)),
        ("Left", moment(message.sending_at)),
        ("Outcome since", moment(message.settled_at)),
        ("Tries", str(message.attempts)),
        ("The provider's reference", message.reference or "None"),
    ]
    if version := _version_words(visit, message, locale):
        pairs.insert(1, ("Words", version))
    if message.trial_name:
        pairs.insert(1, ("Words", f"Wording {message.wording} of the trial “{message.trial_name}”"))
    if message.reason and message.reason.replace("_", "").isalpha() is False:
        pairs.append(("The provider said", message.reason))
    return pairs


def _version_words(visit: Visit, message: OrderMessage, locale: str) -> str:
    """Return which version of the words was in use when a message was written; empty where none is known."""
    if not message.message or not locale:
        return ""
    with visit.reading() as connection:
        found = used_at(connection, Area.WORDS, f"{message.message}/{locale}", message.created_at)
    if found is None:
        return ""
    return f"Version {found.number}" + ("" if found.author == BY_FILES else f", by {found.author}")


def _number(text: str) -> int:
    return min(int(text), MAX_AFTER) if text.isascii() and text.isdigit() and len(text) < 7 else 0
