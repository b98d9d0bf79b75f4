"""Texts that customers wrote, and what providers told that a person must look at."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.responses import Response

from models.callbacks import Effect
from models.staff import AuditEntry, Right
from tasks.desk.replies import Reply, ReplyDone, find_reply, list_replies, mark_reply, reopen_reply
from tasks.staff.audit import record
from web.staff.addresses import desk_address, order_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import sentence, undo_act
from web.staff.undo import UNDO
from web.staff.visit import Refused, Visit

SEEN = "reply_seen"
"""Kind of entries of the log."""
EFFECTS = {
    Effect.BOUNCED: "A message did not arrive, and there is no second way.",
    Effect.CONFLICT: "The provider said first one thing, then another about a message.",
    Effect.SUPPRESSED: "We write to this address no more.",
    Effect.RESUMED: "We may send texts to this number again.",
    Effect.MARKETING_STOPPED: "The person wants no marketing mails.",
    Effect.MARKETING_RESUMED: "The person takes marketing mails again.",
    Effect.UNKNOWN: "It is about no message that is known here.",
}
SEE_LIST = ((desk_address("replies"), "See what customers wrote"),)


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A text of a customer, or another thing to look at."""

    url: str
    at: str
    machine: str
    who: str
    address: str
    order: str
    order_url: str
    words: str
    note: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of what customers wrote."""
    UNDO[SEEN] = _undo_seen
    return [
        StaffRoute("/replies", Right.SEE, show),
        StaffRoute("/replies/{reply}/done", Right.ACT, ask_seen, seen),
    ]


def show(visit: Visit) -> Response:
    """Return what customers wrote, the newest first."""
    before = _number(visit.query("before"))
    with visit.reading() as connection:
        page = list_replies(connection, before)
    return visit.page(
        "desk/replies.html",
        title="Customers' texts",
        rows=[_row(visit, reply) for reply in page.rows],
        may_act=visit.person.may(Right.ACT),
        next=desk_address("replies", before=page.rows[-1].number) if page.more else "",
        first=desk_address("replies") if before is not None else "",
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _row(visit: Visit, reply: Reply) -> ReplyRow:
    effect = EFFECTS.get(Effect(reply.effect), "") if reply.effect else ""
    return ReplyRow(
        url=desk_address("replies", str(reply.number), "done"),
        at=visit.moment(reply.received_at),
        machine=reply.received_at.isoformat(),
        who=reply.customer,
        address=reply.address,
        order=reply.order_id,
        order_url=order_address(reply.order_id) if reply.order_id else "",
        words=f"“{reply.words}”" if reply.is_text else sentence(reply.words),
        note=effect,
    )


def ask_seen(visit: Visit, form: Form = NEW) -> Response:
    """Ask whether a text was dealt with."""
    reply = _find(visit)
    if reply is None:
        return visit.not_found("There is no such text here.")
    if reply.is_done:
        return visit.conflict("Somebody has dealt with it already.", links=SEE_LIST)
    row = _row(visit, reply)
    return visit.page(
        "desk/ask.html",
        title="Is this dealt with?",
        form=form,
        texts=[f"{row.who or row.address}, {row.at}: {row.words} {row.note}", "It leaves the list. You can undo it."],
        button="Mark as dealt with",
        action=visit.here,
        back=desk_address("replies"),
    )


def _find(visit: Visit) -> Reply | None:
    number = _number(visit.path("reply"))
    with visit.reading() as connection:
        return None if number is None else find_reply(connection, number)


def seen(visit: Visit, form: Form) -> Response:
    """Mark a text as dealt with."""
    reply, why = _find(visit), form.text("why")
    if reply is None:
        return visit.not_found("There is no such text here.")
    with visit.writing() as connection:
        try:
            mark_reply(visit.context, connection, reply.number, visit.person.name, why)
        except ReplyDone as error:
            raise Refused("Somebody has dealt with it already.", links=SEE_LIST) from error
        # Without the name: the log keeps its words also when the customer is erased.
        about = "a customer's text" if reply.is_text else "what a provider told"
        about += f" about order {reply.order_id}" if reply.order_id else ""
        entry = record(
            connection,
            **visit.act(form),
            kind=SEEN,
            subject_kind="reply",
            subject=str(reply.number),
            what=f"marked {about} as dealt with",
            why=why,
        )
    return visit.done(desk_address("replies"), entry)


def _undo_seen(visit: Visit, entry: AuditEntry, form: Form) -> int:
    def work(connection: Connection) -> str:
        reopen_reply(visit.context, connection, int(entry.subject), visit.person.name)
        return "put a text back on the list"

    return undo_act(visit, entry, form, work, (ReplyDone,))
