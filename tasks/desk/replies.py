"""What customers wrote by text, and what else providers told that a person must look at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from models.callbacks import CallbackSource
from models.errors import ForewarnError
from tasks.callbacks.review import DETAILS, REVIEWED
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import in_list
from tasks.desk.bounded import PAGE, Count, Listed, count_up_to, listed
from tasks.notices.suppressions import mask_stored
from tasks.tables import CALLBACK_EVENTS, NOTICES

REOPENED = "callback_reopened"


class ReplyDone(ForewarnError):
    """Raised where somebody has looked at a reply already."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One thing that a provider told: a text of a customer, or a message that did not arrive."""

    number: int
    received_at: datetime
    is_text: bool
    """Whether a person wrote it."""
    kind: str
    address: str
    """Masked."""
    words: str
    customer: str
    order_id: str
    """Of the message that it is about; empty: not known."""
    effect: str
    is_done: bool


def count_replies(connection: Connection) -> Count:
    """Return how many of them wait for a person."""
    return count_up_to(connection, select(CALLBACK_EVENTS.c.number).where(for_staff()))


def for_staff() -> ColumnElement[bool]:
    """Return the SQL of what waits for a person."""
    return CALLBACK_EVENTS.c.for_staff


def list_replies(connection: Connection, before: int | None, limit: int = PAGE) -> Listed[Reply]:
    """Return a page of what waits for a person, the newest first."""
    query = select(CALLBACK_EVENTS).where(for_staff()).order_by(CALLBACK_EVENTS.c.number.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(CALLBACK_EVENTS.c.number < before)
    page = listed(connection.execute(query).all(), limit)
    return Listed(_replies(connection, page.rows), page.more)


def find_reply(connection: Connection, number: int) -> Reply | None:
    """Return one of them; None for an unknown one."""
    rows = connection.execute(select(CALLBACK_EVENTS).where(CALLBACK_EVENTS.c.number == number)).all()
    return _replies(connection, rows)[0] if rows else None


def mark_reply(context: Context, connection: Connection, number: int, who: str, why: str) -> None:
    """Mark a reply as looked at; raises ReplyDone where somebody was faster."""
    _move(context, connection, number, (REVIEWED, why), who, waits=True)


def reopen_reply(context: Context, connection: Connection, number: int, who: str) -> None:
    """Let a reply wait for a person again; raises ReplyDone where it does."""
    _move(context, connection, number, (REOPENED, ""), who, waits=False)


def _move(
    context: Context, connection: Connection, number: int, event: tuple[str, str], who: str, *, waits: bool
) -> None:
    listed_now = (CALLBACK_EVENTS.c.number == number, CALLBACK_EVENTS.c.for_staff.is_(waits))
    if connection.execute(update(CALLBACK_EVENTS).where(*listed_now).values(for_staff=not waits)).rowcount != 1:
        raise ReplyDone("somebody has looked at it already" if waits else "it waits for a person already")
    kind, why = event
    record_events(connection, [(kind, str(number), why)], context.started_at, who)


def _replies(connection: Connection, rows: Any) -> tuple[Reply, ...]:
    orders, people = _behind(connection, rows)
    return tuple(_reply(row, orders, people) for row in rows)


def _behind(connection: Connection, rows: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return by message the order that it is about, and by order the customer's name."""
    messages = {row.message_id for row in rows if row.message_id}
    orders: dict[str, str] = {}
    names: dict[str, str] = {}
    if messages:
        query = select(NOTICES.c.id, NOTICES.c.order_id, NOTICES.c.to_name)
        for row in connection.execute(query.where(in_list(connection, NOTICES.c.id, messages))):
            orders[row.id], names[row.order_id] = row.order_id, row.to_name
    return orders, names


def _reply(row: Row[Any], orders: dict[str, str], people: dict[str, str]) -> Reply:
    order = orders.get(row.message_id, "")
    is_text = row.source == CallbackSource.TWILIO_INBOUND
    return Reply(
        number=row.number,
        received_at=row.received_at,
        is_text=is_text,
        kind=row.kind,
        address=mask_stored(row.address) if row.address else "",
        words=next((str(row.payload[name]) for name in DETAILS if row.payload.get(name)), ""),
        customer=people.get(order, ""),
        order_id=order,
        effect=row.effect or "",
        is_done=not row.for_staff,
    )
