"""What staff do about a purchase request at the desk, and take back again, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from models.purchasing import VendorResponse
from rules.ids import reminder_id
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE, insert_messages, outbox_row, skip_messages
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import insert
from tasks.orders.due import mark_orders_due
from tasks.tables import OUTBOX, PURCHASE_LINES, PURCHASE_REQUESTS

TOO_LATE_TO_UNDO = "something has happened since, so this can no longer be undone"
RESTORABLE = (State.HELD, State.IN_DOUBT)
"""States that a request which was sent again returns to while it has not left."""


def remind_in(context: Context, connection: Connection, request: str, who: str, why: str = "") -> str:
    """Queue a further reminder of a request that was sent and has lines without an answer. Return the reminder's id.

    Raises ForewarnError where the request was not sent, is answered, or has a reminder that has not left.
    """
    row = connection.execute(
        select(PURCHASE_REQUESTS.c.vendor_id, PURCHASE_REQUESTS.c.run_id, OUTBOX.c.channel, OUTBOX.c.state)
        .join(OUTBOX, OUTBOX.c.id == PURCHASE_REQUESTS.c.id)
        .where(PURCHASE_REQUESTS.c.id == request, PURCHASE_REQUESTS.c.reminder_of.is_(None))
        .with_for_update(of=OUTBOX)
    ).first()
    open_lines = select(func.count()).where(PURCHASE_LINES.c.request_id == request, PURCHASE_LINES.c.response.is_(None))
    if row is None or row.state != State.SENT or not connection.execute(open_lines).scalar_one():
        raise ForewarnError("only a request that was sent and has lines without an answer can be reminded of")
    reminders = select(func.count(), func.count().filter(OUTBOX.c.settled_at.is_(None))).join(
        OUTBOX, OUTBOX.c.id == PURCHASE_REQUESTS.c.id
    )
    earlier, waiting = connection.execute(reminders.where(PURCHASE_REQUESTS.c.reminder_of == request)).one()
    if waiting:
        raise ForewarnError("a reminder of this request waits to be sent already")
    key = reminder_id(request, earlier + 1)
    reminder = {"id": key, "run_id": row.run_id, "vendor_id": row.vendor_id, "created_at": context.started_at}
    connection.execute(insert(connection, PURCHASE_REQUESTS).values(**reminder, reminder_of=request))
    insert_messages(connection, [outbox_row(key, row.channel, State.QUEUED, context.started_at)])
    record_events(connection, [("reminded", request, why)], context.started_at, who)
    return key


def drop_reminder_in(context: Context, connection: Connection, reminder: str, who: str) -> None:
    """Drop a reminder that has not left. Raises ForewarnError where it has."""
    not_left = and_(OUTBOX.c.id == reminder, OUTBOX.c.state == State.QUEUED)
    if not skip_messages(connection, not_left, SkipReason.DROPPED, context.started_at):
        raise ForewarnError(TOO_LATE_TO_UNDO)
    record_events(connection, [(SkipReason.DROPPED, reminder, "undone")], context.started_at, who)


def restore_state_in(
    context: Context, connection: Connection, request: str, now_is: State, was: State, who: str
) -> None:
    """Return a request to the state that it had before staff queued it or said that it arrived.

    Raises ForewarnError where it has left or was answered since, or where no message can return to that state.
    """
    if was not in RESTORABLE:
        raise ForewarnError(TOO_LATE_TO_UNDO)
    unanswered = select(PURCHASE_REQUESTS.c.id).where(
        PURCHASE_REQUESTS.c.id == request, PURCHASE_REQUESTS.c.responded_at.is_(None)
    )
    same = and_(OUTBOX.c.id == request, OUTBOX.c.state == now_is, unanswered.exists())
    uncount_settled(connection, same)
    restored = update(OUTBOX).where(same).values(**CLEAR_LEASE, state=was, settled_at=None)
    if connection.execute(restored).rowcount != 1:
        raise ForewarnError(TOO_LATE_TO_UNDO)
    record_events(connection, [(was, request, "undone")], context.started_at, who)


def load_answers(connection: Connection, request: str, lines: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the answers of a request's lines as plain data, by the line's id; `lines` are such ids."""
    query = select(PURCHASE_LINES).where(PURCHASE_LINES.c.request_id == request).order_by(PURCHASE_LINES.c.id)
    return {
        row["id"]: {
            "response": row["response"],
            "reason": row["reason"],
            "promised_on": row["promised_on"].isoformat() if row["promised_on"] else None,
        }
        for row in connection.execute(query).mappings()
        if lines is None or row["id"] in lines
    }


def restore_answers_in(
    context: Context,
    connection: Connection,
    request: str,
    now_are: Mapping[str, Any],
    were: Mapping[str, Any],
    who: str,
) -> None:
    """Give lines back the answers that they had, and have their orders checked again.

    Raises ForewarnError where an answer changed since, or where a line was requested again.
    """
    if load_answers(connection, request, list(now_are)) != dict(now_are) or _requested_again(connection, list(were)):
        raise ForewarnError(TOO_LATE_TO_UNDO)
    for key, answer in were.items():
        promised_on = date.fromisoformat(answer["promised_on"]) if answer["promised_on"] else None
        values = {"response": answer["response"], "reason": answer["reason"], "promised_on": promised_on}
        responded_at = {} if answer["response"] else {"responded_at": None}
        line = update(PURCHASE_LINES).where(PURCHASE_LINES.c.id == key)
        connection.execute(line.values(**values, **responded_at))
    if any(answer["response"] is None for answer in were.values()):
        reopened = update(PURCHASE_REQUESTS).where(PURCHASE_REQUESTS.c.id == request)
        connection.execute(reopened.values(responded_at=None))
    orders = select(PURCHASE_LINES.c.order_id).where(PURCHASE_LINES.c.id.in_(list(were)))
    due: set[tuple[str, ...]] = {(order,) for order in connection.execute(orders).scalars()}
    mark_orders_due(connection, "orders", set(), due, context.as_of, context.end_of(context.as_of))
    record_events(connection, [("responded", request, "undone")], context.started_at, who)


def _requested_again(connection: Connection, lines: Sequence[str]) -> bool:
    later = PURCHASE_LINES.alias()
    again = (
        select(later.c.id)
        .join(
            PURCHASE_LINES, and_(later.c.order_id == PURCHASE_LINES.c.order_id, later.c.line == PURCHASE_LINES.c.line)
        )
        .where(PURCHASE_LINES.c.id.in_(lines), later.c.attempt > PURCHASE_LINES.c.attempt)
        .where(later.c.response.is_distinct_from(VendorResponse.NOT_SENT))
    )
    return connection.execute(again.limit(1)).first() is not None
