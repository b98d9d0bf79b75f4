"""Personal notes of staff: each goes with one message to the customer, and with no other one.

Whether a note was used is in no column: it is what the notices say that have left.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from models.errors import ForewarnError
from tasks.db.sql import in_list
from tasks.orders.due import lock_orders, touch_orders
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.tables import NOTICES, ORDER_NOTES, OUTBOX
from templates.rendering.names import strip_control_chars

MAX_NOTE = 300
"""The most characters of a note: two or three sentences; a text of them needs two parts more."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was not withdrawn or sent by itself, and the revision of the message that it went with, if any."""

    id: str
    order_id: str
    text: str
    written_by: str
    written_at: datetime
    used_by: frozenset[int] = frozenset()

    def fits(self, revision: int) -> bool:
        """Return whether it belongs into the messages of a revision: it went with no other one."""
        return self.used_by <= {revision}


def clean_note(text: str) -> str:
    """Return a note as one paragraph of plain text; raises ForewarnError where it is empty or too long."""
    cleaned = " ".join(strip_control_chars(" ".join(text.split())).split())
    if not cleaned:
        raise ForewarnError("Write the note.")
    if len(cleaned) > MAX_NOTE:
        raise ForewarnError(f"The note has {len(cleaned)} characters; {MAX_NOTE} is the most.")
    return cleaned


def load_notes(connection: Connection, orders: Collection[str]) -> dict[str, Note]:
    """Return by order id the oldest note that waits, or that a message has taken that may still be written again.

    A note that went with a message which has left is returned only while no other one waits.
    """
    if not orders:
        return {}
    query = (
        select(ORDER_NOTES)
        .where(
            in_list(connection, ORDER_NOTES.c.order_id, orders),
            ORDER_NOTES.c.withdrawn_at.is_(None),
            ORDER_NOTES.c.sent_as.is_(None),
        )
        .order_by(ORDER_NOTES.c.written_at, ORDER_NOTES.c.id)
    )
    rows = connection.execute(query).all()
    used = _used_by(connection, {row.order_id for row in rows})
    notes: dict[str, Note] = {}
    for row in rows:
        note = Note(row.id, row.order_id, row.text, row.written_by, row.written_at, frozenset(used[row.id]))
        if row.order_id not in notes or notes[row.order_id].used_by:
            notes[row.order_id] = note
    return notes


def _used_by(connection: Connection, orders: Collection[str]) -> dict[str, set[int]]:
    """Return by note the revisions of the messages that have left with it."""
    used: dict[str, set[int]] = defaultdict(set)
    query = select(NOTICES.c.note_id, NOTICES.c.revision).select_from(NOTICES_WITH_STATE)
    mine = in_list(connection, NOTICES.c.order_id, orders)
    left = query.where(mine, NOTICES.c.note_id.is_not(None), LEFT_FILTER)
    for note, revision in connection.execute(left) if orders else ():
        used[note].add(revision)
    return used


def waiting_note(connection: Connection, order: str) -> Note | None:
    """Return the note of an order that goes with its next message; None where none waits."""
    note = load_notes(connection, [order]).get(order)
    return None if note is None or note.used_by else note


def add_note(connection: Connection, order: str, text: str, now: datetime, who: str) -> str:
    """Have a note go with the next message about an order; return its id. Raises ForewarnError where one waits.

    A message that waits is written again with it before it leaves.
    """
    lock_orders(connection, {order})
    if (waiting := waiting_note(connection, order)) is not None:
        raise ForewarnError(f"A note by {waiting.written_by} waits for the next message already. Take it back first.")
    key = uuid4().hex
    row = {"id": key, "order_id": order, "text": clean_note(text), "written_by": who, "written_at": now}
    connection.execute(insert(ORDER_NOTES).values(row))
    touch_orders(connection, {order})
    return key


def withdraw_note(connection: Connection, key: str, now: datetime) -> bool:
    """Take a note back that has not left; return whether it was taken back. What waits is written again without it."""
    row = connection.execute(select(ORDER_NOTES).where(ORDER_NOTES.c.id == key)).first()
    if row is None or row.withdrawn_at is not None or row.sent_as is not None:
        return False
    _lock_messages(connection, row.order_id, key)
    lock_orders(connection, {row.order_id})
    if _has_left(connection, row.order_id, key):
        return False
    connection.execute(update(ORDER_NOTES).where(ORDER_NOTES.c.id == key).values(withdrawn_at=now))
    touch_orders(connection, {row.order_id})
    return True


def use_by_itself(connection: Connection, key: str, message: str) -> None:
    """Record that a waiting note was sent by itself."""
    changed = update(ORDER_NOTES).where(ORDER_NOTES.c.id == key, ORDER_NOTES.c.sent_as.is_(None))
    if connection.execute(changed.values(sent_as=message)).rowcount != 1:
        raise ForewarnError("The note was sent already.")


def _lock_messages(connection: Connection, order: str, key: str) -> None:
    """Lock the messages with a note, so that none of them begins to leave meanwhile."""
    mine = select(NOTICES.c.id).where(NOTICES.c.order_id == order, NOTICES.c.note_id == key)
    connection.execute(select(OUTBOX.c.id).where(OUTBOX.c.id.in_(mine)).order_by(OUTBOX.c.id).with_for_update())


def _has_left(connection: Connection, order: str, key: str) -> bool:
    left = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE)
    mine = left.where(NOTICES.c.order_id == order, NOTICES.c.note_id == key, LEFT_FILTER)
    return connection.execute(mine.limit(1)).first() is not None
