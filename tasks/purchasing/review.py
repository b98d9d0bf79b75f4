"""What staff see of purchase requests, and what only they can decide."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select, update

from models.enums import Skip, State
from models.errors import ForewarnError
from models.purchasing import VendorAnswer
from tasks.context import Desk
from tasks.db.events import happened
from tasks.db.lookup import find_one
from tasks.db.sql import reading
from tasks.delivery.queue import FORGET
from tasks.purchasing.requests import unanswered
from tasks.purchasing.requirements import same_product, still_wanted
from tasks.runs.records import Now
from tasks.tables import LINES, ORDERS, PURCHASED, REQUESTS, VENDORS

MAY_LEAVE = (State.HELD, State.REJECTED, State.IN_DOUBT, State.SKIPPED)
"""States of a request that only staff let leave, or leave again."""

NOT_TAKEN = (State.REJECTED, State.SKIPPED)
"""States of a request that its vendor does not have."""
GIVEN_BACK = (VendorAnswer.REFUSED, VendorAnswer.TOO_LATE)

STUCK = {
    State.HELD: "held: its run asked for more lines than one may by itself",
    State.REJECTED: "not taken",
    State.IN_DOUBT: "nobody knows whether it arrived",
}
"""States of a request in which only staff can help, and what is said of them."""
UNKNOWN = "the shop's facts do not name the vendor"


def waiting(desk: Desk, now: Now) -> list[dict[str, Any]]:
    """Return what waits for staff, the oldest first: requests without an answer or stuck, and lines to decide on."""
    with reading(desk.engine) as connection:
        found = [*_silent(desk, now, connection), *_stuck(desk, now, connection), *_of_lines(desk, now, connection)]
    return sorted(found, key=lambda one: (one["since"], one["request"], one["order"] or "", one["line"] or ""))


def _silent(desk: Desk, now: Now, connection: Connection) -> Iterator[dict[str, Any]]:
    reminders = REQUESTS.alias()
    reminded = select(reminders.c.id).where(reminders.c.chases == REQUESTS.c.id, reminders.c.state == State.SENT)
    query = select(REQUESTS.c.id, REQUESTS.c.vendor_id, REQUESTS.c.settled_at, reminded.exists())
    silent = query.where(unanswered(desk, now, desk.policy.vendors.staff_hours))
    for key, vendor, since, reminded in connection.execute(silent):
        yield _waits(key, vendor, since, "no answer, though it was reminded" if reminded else "no answer")


def _stuck(desk: Desk, now: Now, connection: Connection) -> Iterator[dict[str, Any]]:
    asked = func.coalesce(REQUESTS.c.chases, REQUESTS.c.id)
    asks = select(PURCHASED.c.id).where(PURCHASED.c.request_id == asked, PURCHASED.c.answer.is_(None)).exists()
    long_ago = REQUESTS.c.created_at <= now.moment - timedelta(hours=desk.policy.vendors.staff_hours)
    late = and_(REQUESTS.c.state == State.QUEUED, long_ago)
    query = (
        select(REQUESTS.c.id, REQUESTS.c.vendor_id, REQUESTS.c.created_at, REQUESTS.c.state)
        .add_columns(case((VENDORS.c.id.is_(None), UNKNOWN), else_=REQUESTS.c.reason))
        .outerjoin(VENDORS, VENDORS.c.id == REQUESTS.c.vendor_id)
        .where(asks, or_(late, REQUESTS.c.state.in_(list(STUCK))))
    )
    for key, vendor, since, state, reason in connection.execute(query):
        yield _waits(key, vendor, since, STUCK.get(state, "has not left") + (f": {reason}" if reason else ""))


def _of_lines(desk: Desk, now: Now, connection: Connection) -> Iterator[dict[str, Any]]:
    wanted, answer = still_wanted(desk.end_of(now.as_of)), PURCHASED.c.answer
    asked = and_(REQUESTS.c.state == State.SENT, or_(answer.is_(None), answer == VendorAnswer.ACCEPTED))
    about = {
        "refused: {reason}": and_(answer == VendorAnswer.REFUSED, wanted, same_product()),
        "accepted, though it was cancelled: tell the vendor not to send it": answer == VendorAnswer.TOO_LATE,
        "asked for {product}, and the line wants {wants} now": and_(asked, wanted, ~same_product()),
    }
    query = (
        select(PURCHASED.c.request_id, REQUESTS.c.vendor_id, PURCHASED.c.order_id, PURCHASED.c.line)
        .add_columns(func.coalesce(PURCHASED.c.answered_at, REQUESTS.c.settled_at).label("since"), PURCHASED.c.reason)
        .add_columns(PURCHASED.c.product_id.label("product"), LINES.c.product_id.label("wants"))
        .join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id)
        .join(LINES, and_(LINES.c.order_id == PURCHASED.c.order_id, LINES.c.number == PURCHASED.c.line))
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
    )
    for what, which in about.items():
        for row in connection.execute(query.where(which)).mappings():
            said = what.format_map(dict(row))
            yield _waits(row["request_id"], row["vendor_id"], row["since"], said, row["order_id"], row["line"])


def _waits(
    request: str, vendor: str, since: Any, what: str, order: str | None = None, line: str | None = None
) -> dict[str, Any]:
    return {"request": request, "vendor": vendor, "order": order, "line": line, "since": since, "what": what}


def listed(desk: Desk, most: int) -> list[dict[str, Any]]:
    """Return the newest purchase requests and reminders, with how many of their lines were answered."""
    left = PURCHASED.c.answer.is_distinct_from(VendorAnswer.NOT_SENT)
    lines = (
        select(PURCHASED.c.request_id, func.count().label("lines"), func.count(PURCHASED.c.answer).label("answered"))
        .where(left)
        .group_by(PURCHASED.c.request_id)
        .subquery()
    )
    names = ("id", "vendor_id", "channel", "state", "reason", "created_at", "settled_at", "chases")
    query = (
        select(*(REQUESTS.c[name] for name in names), VENDORS.c.name, lines.c.lines, lines.c.answered)
        .outerjoin(VENDORS, VENDORS.c.id == REQUESTS.c.vendor_id)
        .outerjoin(lines, lines.c.request_id == REQUESTS.c.id)
        .order_by(REQUESTS.c.created_at.desc(), REQUESTS.c.id)
        .limit(most)
    )
    with reading(desk.engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def let_go(desk: Desk, now: Now, beginning: str, who: str, why: str = "") -> str:
    """Queue a request that is held, refused by its door, dropped or in doubt, as a person says; return its id.

    Raises ForewarnError where none, or more than one, begins so.
    """
    with desk.engine.begin() as connection:
        key = _meant(connection, beginning, MAY_LEAVE)
        _move(connection, key, State.QUEUED, why or None, not_before=now.moment)
        happened(connection, [("approved", key, why)], now.moment, who)
    return key


def drop(desk: Desk, now: Now, beginning: str, who: str, why: str = "") -> str:
    """Never send a request that has not left; its lines count as asked for. Return its id. Raises ForewarnError."""
    with desk.engine.begin() as connection:
        key = _meant(connection, beginning, (State.HELD, State.QUEUED, State.REJECTED, State.IN_DOUBT))
        _move(connection, key, State.SKIPPED, Skip.DROPPED, settled_at=now.moment)
        happened(connection, [(Skip.DROPPED, key, why)], now.moment, who)
    return key


def arrived(desk: Desk, now: Now, beginning: str, who: str, why: str = "") -> str:
    """Count a request in doubt as sent, as a person says; return its id. Raises ForewarnError."""
    with desk.engine.begin() as connection:
        key = _meant(connection, beginning, (State.IN_DOUBT,))
        _move(connection, key, State.SENT, why or f"{who} says that it arrived", settled_at=now.moment)
        happened(connection, [("settled_sent", key, why)], now.moment, who)
    return key


def ask_again(desk: Desk, now: Now, beginning: str, who: str, why: str = "") -> int:
    """Let lines be asked for once more by the next run that a vendor refused, or never got; return how many.

    The lines of a request that was not taken or was dropped are such as well. Raises ForewarnError where none, or more
    than one, request begins so, or it has no such line.
    """
    with desk.engine.begin() as connection:
        key = _meant(connection, beginning, tuple(State))
        ended = select(REQUESTS.c.id).where(REQUESTS.c.id == key, REQUESTS.c.state.in_(NOT_TAKEN))
        free = or_(PURCHASED.c.answer.in_(GIVEN_BACK), and_(PURCHASED.c.answer.is_(None), ended.exists()))
        lines = and_(PURCHASED.c.request_id == key, free)
        moved = connection.execute(update(PURCHASED).where(lines).values(answer=VendorAnswer.ASK_AGAIN)).rowcount
        if not moved:
            said = f"no line of request {key[:8]} was refused, and it was neither dropped nor turned down as a whole"
            raise ForewarnError(f"{said}; `forewarn vendors waiting` shows those")
        happened(connection, [(VendorAnswer.ASK_AGAIN, key, why or f"{moved} lines")], now.moment, who)
    return moved


def _meant(connection: Connection, beginning: str, states: Iterable[State]) -> str:
    what = "purchase requests that may be decided on (`forewarn vendors list` shows them)"
    return find_one(connection, REQUESTS, beginning, REQUESTS.c.state.in_(list(states)), what)


def _move(connection: Connection, key: str, state: State, reason: str | None, **moment: Any) -> None:
    connection.execute(
        update(REQUESTS).where(REQUESTS.c.id == key).values(**FORGET, state=state, reason=reason, **moment)
    )
