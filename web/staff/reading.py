"""One message to read, before or after it leaves: its words, a mail in a frame of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from models.enums import State
from models.staff import Right
from tasks.desk.staff_words import STATE_CHIPS, TRIAL_CHIP, channel_word
from tasks.desk.waiting_words import MessageWords, load_words
from web.customer.order_endpoints import with_new_windows
from web.security import MAIL_POLICY
from web.staff.addresses import desk_address, order_address
from web.staff.desk import Desk, StaffRoute
from web.staff.visit import Visit

NO_MESSAGE = "There is no such message here. It may have been deleted with old records."


@dataclass(frozen=True, slots=True)
class ReadView:
    """What the page of a message says."""

    chip: tuple[str, str]
    to: str
    address: str
    when: str
    frame: str
    """The address of the mail; empty for a text."""
    text: str
    order: str
    order_url: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of single messages."""
    return [
        StaffRoute("/messages/{message}", Right.SEE, show),
        StaffRoute("/messages/{message}/mail", Right.SEE, show_mail),
    ]


def show(visit: Visit) -> Response:
    """Return the page of a message."""
    with visit.reading() as connection:
        words = load_words(connection, visit.path("message"))
    if words is None:
        return visit.not_found(NO_MESSAGE)
    word = channel_word(words.channel)
    title = words.subject or {"text": "A text", "post": "A post"}.get(word, "A mail")
    return visit.page("desk/message_words.html", title=title, view=_view(visit, words))


def _view(visit: Visit, words: MessageWords) -> ReadView:
    chip = TRIAL_CHIP if words.trial else STATE_CHIPS[State(words.state)]
    if words.sent_at is not None:
        when = f"Sent {visit.full_moment(words.sent_at)}"
    elif words.state in (State.HELD, State.QUEUED):
        when = f"May leave from {visit.full_moment(words.not_before)} on"
    else:
        when = ""
    return ReadView(
        chip=chip,
        to=words.customer,
        address=words.address,
        when=when,
        frame=desk_address("messages", words.id, "mail") if words.html else "",
        text=words.text,
        order=words.order_id,
        order_url=order_address(words.order_id) if words.order_id else "",
    )


def show_mail(visit: Visit) -> Response:
    """Return a mail for a sandboxed frame; the link to the order's page in it leads nowhere."""
    with visit.reading() as connection:
        words = load_words(connection, visit.path("message"))
    if words is None or not words.html:
        return visit.not_found(NO_MESSAGE)
    return HTMLResponse(with_new_windows(words.html), headers={"Content-Security-Policy": MAIL_POLICY})
