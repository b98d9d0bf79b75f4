"""What staff see of purchase requests, and what only they can decide."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from models.purchasing import VendorResponse
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_one
from tasks.db.sql import read_only
from tasks.delivery.queue import CLEAR_LEASE
from tasks.purchasing.requests import overdue_clause
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.tables import ORDER_LINES, ORDERS, PURCHASE_LINES, PURCHASE_REQUESTS, VENDORS

MAY_LEAVE = (State.HELD, State.REJECTED, State.IN_DOUBT, State.SKIPPED)
"""States of a request that only staff let leave, or leave again."""

NOT_TAKEN = (State.REJECTED, State.SKIPPED)
"""States of a request that its vendor does not have."""
GIVEN_BACK = (VendorResponse.REFUSED, VendorResponse.TOO_LATE)

STUCK = {
    State.HELD: "held: its run asked for more lines than one may by itself",
    State.REJECTED: "not taken",
    State.IN_DOUBT: "nobody knows whether it arrived",
}
"""States of a request in which only staff can help, and what is said of them."""
UNKNOWN = "the shop's facts do not name the vendor"


def list_waiting(context: Context) -> list[dict[str, Any]]:
    """Return what waits for staff, the oldest first: requests without an answer or stuck, and lines to decide on."""
    with read_only(context.engine) as connection:
        found = [
            *_overdue_filter(context, connection),
            *_stuck_filter(context, connection),
            *_of_lines(context, connection),
        ]
    return sorted(found, key=lambda one: (one["since"], one["request"], one["order"] or "", one["line"] or ""))


def _overdue_filter(context: Context, connection: Connection) -> Iterator[dict[str, Any]]:
    reminders = PURCHASE_REQUESTS.alias()
    reminded = select(reminders.c.id).where(
        reminders.c.reminder_of == PURCHASE_REQUESTS.c.id, reminders.c.state == State.SENT
    )
    query = select(
        PURCHASE_REQUESTS.c.id, PURCHASE_REQUESTS.c.vendor_id, PURCHASE_REQUESTS.c.settled_at, reminded.exists()
    )
    silent = query.where(overdue_clause(context, context.policy.purchasing.staff_hours))
    for key, vendor, since, reminded in connection.execute(silent):
        yield _describe_wait(key, vendor, since, "no answer, though it was reminded" if reminded else "no answer")


def _stuck_filter(context: Context, connection: Connection) -> Iterator[dict[str, Any]]:
    asked = func.coalesce(PURCHASE_REQUESTS.c.reminder_of, PURCHASE_REQUESTS.c.id)
    asks = (
        select(PURCHASE_LINES.c.id)
        .where(PURCHASE_LINES.c.request_id == asked, PURCHASE_LINES.c.answer.is_(None))
        .exists()
    )
    long_ago = PURCHASE_REQUESTS.c.created_at <= context.started_at - timedelta(
        hours=context.policy.purchasing.staff_hours
    )
    late = and_(PURCHASE_REQUESTS.c.state == State.QUEUED, long_ago)
    query = (
        select(
            PURCHASE_REQUESTS.c.id,
            PURCHASE_REQUESTS.c.vendor_id,
            PURCHASE_REQUESTS.c.created_at,
            PURCHASE_REQUESTS.c.state,
        )
        .add_columns(case((VENDORS.c.id.is_(None), UNKNOWN), else_=PURCHASE_REQUESTS.c.reason))
        .outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id)
        .where(asks, or_(late, PURCHASE_REQUESTS.c.state.in_(list(STUCK))))
    )
    for key, vendor, since, state, reason in connection.execute(query):
        yield _describe_wait(key, vendor, since, STUCK.get(state, "has not left") + (f": {reason}" if reason else ""))


def _of_lines(context: Context, connection: Connection) -> Iterator[dict[str, Any]]:
    wanted, answer = wanted_filter(context.end_of(context.as_of)), PURCHASE_LINES.c.answer
    asked = and_(PURCHASE_REQUESTS.c.state == State.SENT, or_(answer.is_(None), answer == VendorResponse.ACCEPTED))
    about = {
        "refused: {reason}": and_(answer == VendorResponse.REFUSED, wanted, same_product_filter()),
        "accepted, though it was cancelled: tell the vendor not to send it": answer == VendorResponse.TOO_LATE,
        "asked for {product}, and the line wants {wants} now": and_(asked, wanted, ~same_product_filter()),
    }
    query = (
        select(
            PURCHASE_LINES.c.request_id, PURCHASE_REQUESTS.c.vendor_id, PURCHASE_LINES.c.order_id, PURCHASE_LINES.c.line
        )
        .add_columns(
            func.coalesce(PURCHASE_LINES.c.answered_at, PURCHASE_REQUESTS.c.settled_at).label("since"),
            PURCHASE_LINES.c.reason,
        )
        .add_columns(PURCHASE_LINES.c.product_id.label("product"), ORDER_LINES.c.product_id.label("wants"))
        .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
    )
    for what, which in about.items():
        for row in connection.execute(query.where(which)).mappings():
            said = what.format_map(dict(row))
            yield _describe_wait(row["request_id"], row["vendor_id"], row["since"], said, row["order_id"], row["line"])


def _describe_wait(
    request: str, vendor: str, since: Any, what: str, order: str | None = None, line: str | None = None
) -> dict[str, Any]:
    return {"request": request, "vendor": vendor, "order": order, "line": line, "since": since, "what": what}


def find_requests(context: Context, most: int) -> list[dict[str, Any]]:
    """Return the newest purchase requests and reminders, with how many of their lines were answered."""
    left = PURCHASE_LINES.c.answer.is_distinct_from(VendorResponse.NOT_SENT)
    lines = (
        select(
            PURCHASE_LINES.c.request_id,
            func.count().label("lines"),
            func.count(PURCHASE_LINES.c.answer).label("answered"),
        )
        .where(left)
        .group_by(PURCHASE_LINES.c.request_id)
        .subquery()
    )
    names = ("id", "vendor_id", "channel", "state", "reason", "created_at", "settled_at", "reminder_of")
    query = (
        select(*(PURCHASE_REQUESTS.c[name] for name in names), VENDORS.c.name, lines.c.lines, lines.c.answered)
        .outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id)
        .outerjoin(lines, lines.c.request_id == PURCHASE_REQUESTS.c.id)
        .order_by(PURCHASE_REQUESTS.c.created_at.desc(), PURCHASE_REQUESTS.c.id)
        .limit(most)
    )
    with read_only(context.engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def approve_request(context: Context, beginning: str, who: str, why: str = "") -> str:
    """Queue a request that is held, refused by its door, dropped or in doubt, as a person says; return its id.

    Raises ForewarnError where none, or more than one, begins so.
    """
    with context.engine.begin() as connection:
        key = _find_request(connection, beginning, MAY_LEAVE)
        _move(connection, key, State.QUEUED, why or None, not_before=context.started_at)
        record_events(connection, [("approved", key, why)], context.started_at, who)
    return key


def drop_request(context: Context, beginning: str, who: str, why: str = "") -> str:
    """Never send a request that has not left; its lines count as asked for. Return its id. Raises ForewarnError."""
    with context.engine.begin() as connection:
        key = _find_request(connection, beginning, (State.HELD, State.QUEUED, State.REJECTED, State.IN_DOUBT))
        _move(connection, key, State.SKIPPED, SkipReason.DROPPED, settled_at=context.started_at)
        record_events(connection, [(SkipReason.DROPPED, key, why)], context.started_at, who)
    return key


def mark_delivered(context: Context, beginning: str, who: str, why: str = "") -> str:
    """Count a request in doubt as sent, as a person says; return its id. Raises ForewarnError."""
    with context.engine.begin() as connection:
        key = _find_request(connection, beginning, (State.IN_DOUBT,))
        _move(connection, key, State.SENT, why or f"{who} says that it arrived", settled_at=context.started_at)
        record_events(connection, [("settled_sent", key, why)], context.started_at, who)
    return key


def reopen_lines(context: Context, beginning: str, who: str, why: str = "") -> int:
    """Let lines be asked for once more by the next run that a vendor refused, or never got; return how many.

    The lines of a request that was not taken or was dropped are such as well. Raises ForewarnError where none, or more
    than one, request begins so, or it has no such line.
    """
    with context.engine.begin() as connection:
        key = _find_request(connection, beginning, tuple(State))
        ended = select(PURCHASE_REQUESTS.c.id).where(
            PURCHASE_REQUESTS.c.id == key, PURCHASE_REQUESTS.c.state.in_(NOT_TAKEN)
        )
        free = or_(PURCHASE_LINES.c.answer.in_(GIVEN_BACK), and_(PURCHASE_LINES.c.answer.is_(None), ended.exists()))
        lines = and_(PURCHASE_LINES.c.request_id == key, free)
        moved = connection.execute(update(PURCHASE_LINES).where(lines).values(answer=VendorResponse.ASK_AGAIN)).rowcount
        if not moved:
            said = f"no line of request {key[:8]} was refused, and it was neither dropped nor turned down as a whole"
            raise ForewarnError(f"{said}; `forewarn vendors waiting` shows those")
        record_events(connection, [(VendorResponse.ASK_AGAIN, key, why or f"{moved} lines")], context.started_at, who)
    return moved


def _find_request(connection: Connection, beginning: str, states: Iterable[State]) -> str:
    what = "purchase requests that may be decided on (`forewarn vendors list` shows them)"
    return find_one(connection, PURCHASE_REQUESTS, beginning, PURCHASE_REQUESTS.c.state.in_(list(states)), what)


def _move(connection: Connection, key: str, state: State, reason: str | None, **moment: Any) -> None:
    connection.execute(
        update(PURCHASE_REQUESTS)
        .where(PURCHASE_REQUESTS.c.id == key)
        .values(**CLEAR_LEASE, state=state, reason=reason, **moment)
    )
