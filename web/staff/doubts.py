"""Messages in doubt: what they say, what the provider said, where to look, and what a person found."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from models.enums import NETWORKS, Channel
from models.errors import ForewarnError
from models.staff import Right
from tasks.delivery.in_doubt import settle_doubt
from tasks.desk.doubts import Doubt, find_doubt, find_settled, list_doubts
from tasks.desk.staff_words import channel_word
from tasks.staff.audit import record
from web.staff.addresses import desk_address, order_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import sentence
from web.staff.visit import Refused, Visit

SETTLED = "doubt_settled"
"""Kind of entries of the log."""
SENT, NOT_SENT = "sent", "not_sent"
ERROR_NAME = re.compile(r"^\w*(?:Error|Exception|Timeout): ")
"""What a program calls a failure, before the words that say it."""
SEE_LIST = ((desk_address("in-doubt"), "See what is in doubt"),)
LOOK_AT: Mapping[str, tuple[str, str]] = {
    Channel.EMAIL: ("https://app.sendgrid.com/email_activity", "SendGrid's activity of mails"),
    Channel.SMS: ("https://console.twilio.com/us1/monitor/logs/sms", "Twilio's log of texts"),
    Channel.X: ("https://x.com/home", "the shop's posts on X"),
    Channel.FACEBOOK: ("https://www.facebook.com/", "the shop's page on Facebook"),
    Channel.BLUESKY: ("https://bsky.app/", "the shop's posts on Bluesky"),
    Channel.MASTODON: ("https://joinmastodon.org/", "the shop's posts on its Mastodon server"),
    Channel.LINKEDIN: ("https://www.linkedin.com/", "the shop's page on LinkedIn"),
}
RELAY_LOG = ("", "the log of the shop's mail relay")


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """A message in doubt, in the list."""

    url: str
    who: str
    address: str
    order: str
    order_url: str
    what: str
    sent: str
    machine: str
    said: str
    asked: str
    look: tuple[str, str]


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of messages in doubt."""
    return [
        StaffRoute("/in-doubt", Right.SEE, show_list),
        StaffRoute("/in-doubt/{message}", Right.SEE, show, settle, right_to_post=Right.ACT),
    ]


def show_list(visit: Visit) -> Response:
    """Return the messages in doubt, the oldest first."""
    place = read_cursor(visit.query("after"), datetime, str)
    with visit.reading() as connection:
        page = list_doubts(connection, visit.now, place)
    return visit.page(
        "desk/doubts.html",
        title="In doubt",
        rows=[_row(visit, doubt) for doubt in page.rows],
        may_act=visit.person.may(Right.ACT),
        next=desk_address("in-doubt", after=write_cursor(*page.rows[-1].place)) if page.more else "",
        first=desk_address("in-doubt") if place else "",
    )


def _row(visit: Visit, doubt: Doubt) -> DoubtRow:
    said = [ERROR_NAME.sub("", words) for words in doubt.said or (doubt.reason,) if words]
    return DoubtRow(
        url=desk_address("in-doubt", doubt.id),
        who=doubt.customer,
        address=doubt.address,
        order=doubt.order_id,
        order_url=order_address(doubt.order_id) if doubt.order_id else "",
        what=f"{channel_word(doubt.channel).capitalize()}: {doubt.subject or doubt.text}",
        sent=visit.moment(doubt.sent_at),
        machine=doubt.sent_at.isoformat(),
        said=" ".join(map(sentence, said)),
        asked="Needs you" if doubt.waits_for_staff else "The provider is asked again",
        look=_look_at(visit, doubt.channel),
    )


def _look_at(visit: Visit, channel: str) -> tuple[str, str]:
    """Return where a person sees whether it left: its address, if it has one, and what is there."""
    if channel == Channel.EMAIL and not visit.desk.services.by_sendgrid:
        return RELAY_LOG
    url, words = LOOK_AT[channel]
    return visit.desk.services.network_pages.get(channel, url), words


def show(visit: Visit, form: Form = NEW) -> Response:
    """Return a message in doubt, with the question whether it was sent."""
    with visit.reading() as connection:
        doubt = find_doubt(connection, visit.path("message"))
    if doubt is None:
        return _gone(visit)
    word, name = channel_word(doubt.channel), doubt.customer or "The customer"
    again = f"It leaves again within a minute. If it did arrive, {name} gets it twice."
    if doubt.channel in NETWORKS:
        again = "It is posted again within a minute. If it is there, it stands there twice."
    choices = (
        (SENT, "It was sent", f"{name} counts as told by this {word}." if doubt.channel not in NETWORKS else ""),
        (NOT_SENT, "It was not sent", again),
    )
    return visit.page(
        "desk/doubt.html",
        title=f"Did this {word} leave?",
        form=form,
        row=_row(visit, doubt),
        text=doubt.text,
        read=desk_address("messages", doubt.id),
        choices=choices,
        may_act=visit.person.may(Right.ACT),
        action=visit.here,
        back=desk_address("in-doubt"),
    )


def settle(visit: Visit, form: Form) -> Response:
    """Record whether a message was sent; one that was not is queued again."""
    message_id, answer = visit.path("message"), form.text("answer")
    if answer not in (SENT, NOT_SENT):
        form.wrong("answer", "Choose whether it was sent.")
        return show(visit, form)
    sent, why = answer == SENT, form.text("why")
    try:
        with visit.writing() as connection:
            doubt = find_doubt(connection, message_id)
            if doubt is None:
                return _gone(visit)
            settle_doubt(visit.context, connection, visit.now, message_id, visit.person.name, sent=sent, why=why)
            about = f"about order {doubt.order_id}" if doubt.order_id else f"about {doubt.customer}"
            entry = record(
                connection,
                **visit.act(form),
                kind=SETTLED,
                subject_kind="order" if doubt.order_id else "message",
                subject=doubt.order_id or message_id,
                what=f"said that the {channel_word(doubt.channel)} {about} of {visit.full_moment(doubt.sent_at)} "
                f"was {'' if sent else 'not '}sent{'' if sent else '; it leaves again'}",
                why=why,
                before={"state": "in_doubt"},
                after={"message": message_id, "sent": sent},
            )
    except ForewarnError as error:
        raise Refused(_faster(visit), links=SEE_LIST) from error
    return visit.done(desk_address("in-doubt"), entry)


def _gone(visit: Visit) -> Response:
    return visit.conflict(_faster(visit), links=SEE_LIST)


def _faster(visit: Visit) -> str:
    with visit.reading() as connection:
        settled = find_settled(connection, visit.path("message"))
    if settled is None:
        return "This message is not in doubt any more: the provider's records answered it."
    who, at = settled
    return f"{who} settled this message at {visit.moment(at)}."
