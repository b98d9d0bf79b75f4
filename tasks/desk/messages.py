"""The messages about an order as staff see them: each with its outcome, its tries and its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, literal, null, select, union_all

from models.customers import LINK_PLACEHOLDER
from models.enums import State
from rules.contact.masking import mask_address
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_MAILS, EVENTS, NOTICES, OUTBOX

NO_TOKEN = "private-link"  # noqa: S105 - the opposite of a secret
"""Stands in the words that staff see where the customer's message has the token of their link."""
EXCERPT_CHARS = 90
_STATE_COLUMNS = ("channel", "state", "reason", "queued_at", "not_before", "attempts", "sending_at", "settled_at")
_MORE_COLUMNS = ("reference", "trial", "lease_holder")


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """Something that happened to a message."""

    at: datetime
    kind: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """One message about an order, without its words."""

    number: int
    """Counts the messages of the order from 1, the oldest first: the last part of its page's address."""
    id: str
    channel: str
    state: State
    trial: bool
    subject: str
    excerpt: str
    """The beginning of the words of a text; empty for a mail."""
    to: str
    """Masked; empty where there was no address."""
    created_at: datetime
    not_before: datetime
    sending_at: datetime | None
    settled_at: datetime | None
    reason: str
    reference: str
    attempts: int
    change: str
    """A ChangeKind; empty for a mail that answers the customer."""
    why: str
    expected_on: date | None
    revision: int
    run_id: str
    trial_name: str = ""
    """The trial of two wordings that it takes part in; empty: none."""
    wording: str = ""
    """Which of the two it has, A or B."""
    message: str = ""
    """The folder of its words; empty for a mail that answers the customer."""
    events: tuple[MessageEvent, ...] = ()

    @property
    def at(self) -> datetime:
        """Return when it left, or when else it was decided."""
        return self.sending_at or self.settled_at or self.created_at

    @property
    def is_text(self) -> bool:
        """Return whether it is a text message."""
        return self.channel == "sms"


@dataclass(frozen=True, slots=True)
class MessageWords:
    """The words of a message as they were sent, but for the token of their link."""

    subject: str
    text: str
    html: str
    locale: str


def load_messages(connection: Connection, order_id: str) -> tuple[OrderMessage, ...]:
    """Return the messages about an order, the oldest first."""
    rows = connection.execute(_MESSAGES, {"order": order_id}).mappings().all()
    events = load_events_of(connection, [row["id"] for row in rows])
    return tuple(_message(number, dict(row), events.get(row["id"], ())) for number, row in enumerate(rows, 1))


def load_message(connection: Connection, order_id: str, number: int) -> OrderMessage | None:
    """Return an order's nth message; None where it has fewer."""
    messages = load_messages(connection, order_id)
    return messages[number - 1] if 0 < number <= len(messages) else None


def load_words(connection: Connection, message_id: str) -> MessageWords:
    """Return the words of a message; empty once they were deleted."""
    for table in (NOTICES, CUSTOMER_MAILS):
        columns = (table.c[name] for name in ("subject", "text", "html", "locale"))
        row = connection.execute(select(*columns).where(table.c.id == message_id)).first()
        if row is not None:
            return MessageWords(row.subject, hide_links(row.text), hide_links(row.html), row.locale)
    return MessageWords("", "", "", "")


def load_events_of(connection: Connection, subjects: Sequence[str]) -> Mapping[str, tuple[MessageEvent, ...]]:
    """Return what happened to some things, by their ids, the oldest first."""
    if not subjects:
        return {}
    columns = (EVENTS.c[name] for name in ("subject", "at", "kind", "who", "why"))
    query = select(*columns).where(in_list(connection, EVENTS.c.subject, subjects)).order_by(EVENTS.c.id)
    found: dict[str, tuple[MessageEvent, ...]] = {}
    for subject, *event in connection.execute(query):
        found[subject] = (*found.get(subject, ()), MessageEvent(*event))
    return found


def outcome_at(context: Context, message: OrderMessage) -> date:
    """Return the shop's day on which a message left or was decided."""
    return message.at.astimezone(context.zone).date()


def hide_links(words: str) -> str:
    """Return words whose link to the customer's own page leads nowhere."""
    return words.replace(LINK_PLACEHOLDER, NO_TOKEN)


def _shortened(words: str) -> str:
    return f"{words.rpartition(' ')[0]} …" if len(words) >= EXCERPT_CHARS else words


def _message(number: int, row: Mapping[str, Any], events: tuple[MessageEvent, ...]) -> OrderMessage:
    values = {name: row[name] for name in ("id", "channel", "trial", "created_at", "not_before", "sending_at")}
    excerpt = _shortened(hide_links(row["excerpt"])) if row["channel"] == "sms" else ""
    return OrderMessage(
        number=number,
        **values,
        state=State(row["state"]),
        subject=row["subject"],
        excerpt=excerpt,
        to=mask_address(row["address"]) if row["address"] else "",
        settled_at=row["settled_at"],
        reason=row["reason"] or "",
        reference=row["reference"] or "",
        attempts=row["attempts"],
        change=row["change"],
        why=row["why"],
        expected_on=row["expected_on"],
        revision=row["revision"],
        run_id=row["run_id"],
        trial_name=row["experiment"] or "",
        wording=row["wording"] or "",
        message=row["message"],
        events=events,
    )


def _select(table: Any, **own: Any) -> Select[Any]:
    columns = (table.c[name] for name in ("id", "subject", "address", "created_at"))
    excerpt = func.substr(table.c.text, 1, EXCERPT_CHARS).label("excerpt")
    states = (OUTBOX.c[name] for name in (*_STATE_COLUMNS, *_MORE_COLUMNS))
    return select(*columns, excerpt, *states, *(value.label(name) for name, value in own.items()))


def _messages() -> Select[Any]:
    columns = ("change", "why", "expected_on", "revision", "run_id", "experiment", "wording", "message")
    notices = _select(NOTICES, **{name: NOTICES.c[name] for name in columns}).select_from(NOTICES_WITH_STATE)
    blank = {"change": literal(""), "why": CUSTOMER_MAILS.c.kind, "expected_on": null()}
    rest = {"revision": literal(0), "run_id": literal(""), "experiment": null(), "wording": null()}
    rest["message"] = literal("")
    mails = _select(CUSTOMER_MAILS, **blank, **rest)
    mails = mails.join(OUTBOX, OUTBOX.c.id == CUSTOMER_MAILS.c.id)
    order: BindParameter[str] = bindparam("order")
    both = union_all(
        notices.where(NOTICES.c.order_id == order), mails.where(CUSTOMER_MAILS.c.order_id == order)
    ).subquery()
    return select(both).order_by(both.c.created_at, both.c.channel, both.c.id)


_MESSAGES = _messages()
