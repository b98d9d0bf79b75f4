"""List the purchase requests that wait for staff, and carry out what staff decide about them."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from models.purchasing import VendorChannel, VendorResponse
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_one
from tasks.db.outbox import CLEAR_LEASE, queue_messages, skip_messages
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import read_only
from tasks.purchasing.dispatch import REQUESTS
from tasks.purchasing.requests import overdue_clause
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.tables import ORDER_LINES, ORDERS, OUTBOX, PURCHASE_LINES, PURCHASE_REQUESTS, VENDORS

APPROVABLE = (State.HELD, State.REJECTED, State.IN_DOUBT, State.SKIPPED)
"""States of a request that is sent, or sent again, only when staff say so."""
DROPPABLE = (State.HELD, State.QUEUED, State.REJECTED, State.IN_DOUBT)
NOT_DELIVERED = (State.REJECTED, State.SKIPPED)
"""States of a request that its vendor does not have."""
REOPENABLE = (VendorResponse.REFUSED, VendorResponse.TOO_LATE)

STUCK = {
    State.HELD: "held: its run requested more lines than the policy allows",
    State.REJECTED: "rejected",
    State.IN_DOUBT: "it is unknown whether it arrived",
}
"""States of a request that only staff can end, and how they are described."""
UNKNOWN_VENDOR = "vendors.sql does not name the vendor"


def list_waiting(context: Context) -> list[dict[str, Any]]:
    """Return the requests without a response, the stuck requests and the lines to decide on, oldest first.

    Keys: request, vendor, order, line, since, what. `order` and `line` are None for a whole request.
    """
    with read_only(context.engine) as connection:
        waiting = [
            *_overdue_requests(context, connection),
            *_stuck_requests(context, connection),
            *_lines_to_decide(context, connection),
        ]
    return sorted(waiting, key=lambda item: (item["since"], item["request"], item["order"] or "", item["line"] or ""))


def _overdue_requests(context: Context, connection: Connection) -> Iterator[dict[str, Any]]:
    reminders, sent_reminders = PURCHASE_REQUESTS.alias(), OUTBOX.alias()
    reminded = (
        select(reminders.c.id)
        .join(sent_reminders, sent_reminders.c.id == reminders.c.id)
        .where(reminders.c.reminder_of == PURCHASE_REQUESTS.c.id, sent_reminders.c.state == State.SENT)
    )
    query = select(
        PURCHASE_REQUESTS.c.id, PURCHASE_REQUESTS.c.vendor_id, OUTBOX.c.settled_at, reminded.exists()
    ).select_from(REQUESTS)
    overdue = query.where(overdue_clause(context, context.policy.purchasing.staff_hours))
    for key, vendor, since, reminded in connection.execute(overdue):
        yield _describe_wait(key, vendor, since, "no response, even to a reminder" if reminded else "no response")


def _stuck_requests(context: Context, connection: Connection) -> Iterator[dict[str, Any]]:
    request = func.coalesce(PURCHASE_REQUESTS.c.reminder_of, PURCHASE_REQUESTS.c.id)
    unanswered = (
        select(PURCHASE_LINES.c.id)
        .where(PURCHASE_LINES.c.request_id == request, PURCHASE_LINES.c.response.is_(None))
        .exists()
    )
    created_long_ago = PURCHASE_REQUESTS.c.created_at <= context.started_at - timedelta(
        hours=context.policy.purchasing.staff_hours
    )
    unsent = and_(OUTBOX.c.state == State.QUEUED, created_long_ago)
    query = (
        select(PURCHASE_REQUESTS.c.id, PURCHASE_REQUESTS.c.vendor_id, PURCHASE_REQUESTS.c.created_at, OUTBOX.c.state)
        .add_columns(case((VENDORS.c.id.is_(None), UNKNOWN_VENDOR), else_=OUTBOX.c.reason))
        .select_from(REQUESTS.outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id))
        .where(unanswered, or_(unsent, OUTBOX.c.state.in_(list(STUCK))))
    )
    for key, vendor, since, state, reason in connection.execute(query):
        yield _describe_wait(
            key, vendor, since, STUCK.get(state, "not sent so far") + (f": {reason}" if reason else "")
        )


def _lines_to_decide(context: Context, connection: Connection) -> Iterator[dict[str, Any]]:
    wanted, response = wanted_filter(context.end_of(context.as_of)), PURCHASE_LINES.c.response
    outstanding = or_(response.is_(None), response == VendorResponse.ACCEPTED)
    requested = and_(OUTBOX.c.state == State.SENT, outstanding)
    decisions = {
        "refused: {reason}": and_(response == VendorResponse.REFUSED, wanted, same_product_filter()),
        "accepted after it was cancelled: tell the vendor not to send it": response == VendorResponse.TOO_LATE,
        "requested {product}, but the line orders {ordered} now": and_(requested, wanted, ~same_product_filter()),
    }
    query = (
        select(
            PURCHASE_LINES.c.request_id, PURCHASE_REQUESTS.c.vendor_id, PURCHASE_LINES.c.order_id, PURCHASE_LINES.c.line
        )
        .add_columns(
            func.coalesce(PURCHASE_LINES.c.responded_at, OUTBOX.c.settled_at).label("since"),
            PURCHASE_LINES.c.reason,
        )
        .add_columns(PURCHASE_LINES.c.product_id.label("product"), ORDER_LINES.c.product_id.label("ordered"))
        .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
        .join(OUTBOX, OUTBOX.c.id == PURCHASE_REQUESTS.c.id)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
    )
    for text, applies in decisions.items():
        for row in connection.execute(query.where(applies)).mappings():
            what = text.format_map(dict(row))
            yield _describe_wait(row["request_id"], row["vendor_id"], row["since"], what, row["order_id"], row["line"])


def _describe_wait(
    request: str, vendor: str, since: Any, what: str, order: str | None = None, line: str | None = None
) -> dict[str, Any]:
    return {"request": request, "vendor": vendor, "order": order, "line": line, "since": since, "what": what}


def find_requests(context: Context, most: int) -> list[dict[str, Any]]:
    """Return the newest `most` purchase requests and reminders, with counts of their `lines` and `responses`."""
    was_sent = PURCHASE_LINES.c.response.is_distinct_from(VendorResponse.NOT_SENT)
    lines = (
        select(
            PURCHASE_LINES.c.request_id,
            func.count().label("lines"),
            func.count(PURCHASE_LINES.c.response).label("responses"),
        )
        .where(was_sent)
        .group_by(PURCHASE_LINES.c.request_id)
        .subquery()
    )
    names = ("id", "vendor_id", "created_at", "reminder_of")
    states = [OUTBOX.c[name] for name in ("channel", "state", "reason", "settled_at")]
    query = (
        select(*(PURCHASE_REQUESTS.c[name] for name in names), *states, VENDORS.c.name)
        .add_columns(lines.c.lines, lines.c.responses)
        .select_from(REQUESTS)
        .outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id)
        .outerjoin(lines, lines.c.request_id == PURCHASE_REQUESTS.c.id)
        .order_by(PURCHASE_REQUESTS.c.created_at.desc(), PURCHASE_REQUESTS.c.id)
        .limit(most)
    )
    with read_only(context.engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def approve_request(context: Context, beginning: str, who: str, why: str = "") -> str:
    """Queue a request that is held, rejected, dropped or in doubt. Return its id.

    `beginning` is the beginning of its id. Raises ForewarnError unless exactly one such request matches.
    """
    with context.engine.begin() as connection:
        return approve_in(context, connection, beginning, who, why)


def approve_in(context: Context, connection: Connection, beginning: str, who: str, why: str = "") -> str:
    """Do as `approve_request`, in the caller's transaction."""
    now = context.started_at
    key = _find_request(connection, beginning, APPROVABLE)
    uncount_settled(connection, OUTBOX.c.id == key)
    queue_messages(connection, OUTBOX.c.id == key, now, not_before=now, reason=why or None)
    _forget_earlier_copy(connection, key)
    record_events(connection, [("approved", key, why)], now, who)
    return key


def drop_request(context: Context, beginning: str, who: str, why: str = "") -> str:
    """Drop a request that was not sent; its lines still count as requested. Return its id. Raises ForewarnError."""
    with context.engine.begin() as connection:
        key = _find_request(connection, beginning, DROPPABLE)
        uncount_settled(connection, OUTBOX.c.id == key)
        skip_messages(connection, OUTBOX.c.id == key, SkipReason.DROPPED, context.started_at)
        _forget_earlier_copy(connection, key)
        record_events(connection, [(SkipReason.DROPPED, key, why)], context.started_at, who)
    return key


def mark_delivered(context: Context, beginning: str, who: str, why: str = "") -> str:
    """Count a request in doubt as sent. Return its id. Raises ForewarnError."""
    with context.engine.begin() as connection:
        return mark_delivered_in(context, connection, beginning, who, why)


def mark_delivered_in(context: Context, connection: Connection, beginning: str, who: str, why: str = "") -> str:
    """Do as `mark_delivered`, in the caller's transaction."""
    key = _find_request(connection, beginning, (State.IN_DOUBT,))
    sent = {"state": State.SENT, "reason": why or f"{who} says that it arrived", "settled_at": context.started_at}
    connection.execute(update(OUTBOX).where(OUTBOX.c.id == key).values(**CLEAR_LEASE, **sent))
    _forget_earlier_copy(connection, key)
    record_events(connection, [("settled_sent", key, why)], context.started_at, who)
    return key


def reopen_lines(context: Context, beginning: str, who: str, why: str = "") -> int:
    """Reopen the lines that a vendor refused or never received; the next run requests them again. Return how many.

    A vendor never received the lines of a rejected or dropped request. Raises ForewarnError unless exactly one request
    matches `beginning` and has such a line.
    """
    with context.engine.begin() as connection:
        return reopen_in(context, connection, beginning, who, why)


def reopen_in(context: Context, connection: Connection, beginning: str, who: str, why: str = "") -> int:
    """Do as `reopen_lines`, in the caller's transaction."""
    key = _find_request(connection, beginning, tuple(State))
    lines = update(PURCHASE_LINES).where(PURCHASE_LINES.c.request_id == key, reopenable_filter())
    reopened = connection.execute(lines.values(response=VendorResponse.ASK_AGAIN)).rowcount
    if not reopened:
        raise ForewarnError(
            f"no line of request {key[:8]} was refused, and the request was neither dropped nor rejected; "
            "`forewarn vendors waiting` shows what is"
        )
    events = [(VendorResponse.ASK_AGAIN, key, why or f"{reopened} lines")]
    record_events(connection, events, context.started_at, who)
    return reopened


def reopenable_filter() -> ColumnElement[bool]:
    """Return the SQL of a line that may be requested again: refused, or never received by the vendor."""
    not_delivered = select(OUTBOX.c.id).where(
        OUTBOX.c.id == PURCHASE_LINES.c.request_id, OUTBOX.c.state.in_(NOT_DELIVERED)
    )
    never_received = and_(PURCHASE_LINES.c.response.is_(None), not_delivered.exists())
    return or_(PURCHASE_LINES.c.response.in_(REOPENABLE), never_received)


def _find_request(connection: Connection, beginning: str, states: Iterable[State]) -> str:
    what = "purchase requests that may be decided on (`forewarn vendors list` shows them)"
    in_states = and_(OUTBOX.c.channel.in_(list(VendorChannel)), OUTBOX.c.state.in_(list(states)))
    return find_one(connection, OUTBOX, beginning, in_states, what)


def _forget_earlier_copy(connection: Connection, key: str) -> None:
    # Staff say whether the request arrived, so no earlier copy is open any more.
    request = update(PURCHASE_REQUESTS).where(PURCHASE_REQUESTS.c.id == key)
    connection.execute(request.values(may_have_arrived=False))
