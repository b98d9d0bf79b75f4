"""Take in what vendors answer: each line's answer is kept, its order looked at again, and bad rows are kept aside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from models.enums import State
from models.purchasing import VendorAnswer
from sources.rows import Refused, Row
from sources.vendor_responses import TABLE, Answered, AnswerRow, checked
from tasks.context import Desk
from tasks.csv_files import meant
from tasks.db.events import happened
from tasks.db.sql import among
from tasks.delivery.queue import FORGET
from tasks.orders.due import wake
from tasks.orders.filters import CLOSED
from tasks.runs.records import Now
from tasks.tables import EVENTS, LINES, ORDERS, PURCHASED, REQUESTS

ANSWER = ("answer", "reason", "promised_on")
CANCELLED = ("answer", "the line was cancelled: do not send it")
SEEN = "answer_message"
"""The event of a signed message, by its signature: it is taken once."""


@dataclass(slots=True)
class Taken:
    """What came of taking answers in."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    bad: list[Refused] = field(default_factory=list)
    """Rows that were not taken, and why."""


class Replayed(Exception):
    """A signed message that was taken in before."""


def take_in(
    desk: Desk,
    now: Now,
    rows: Iterable[Row | Refused],
    who: str,
    *,
    vendor: str | None = None,
    signature: str | None = None,
    refuse: Callable[[Refused], object] = lambda _: None,
) -> Taken:
    """Write answers down; a later one about the same line takes an earlier one's place.

    A `vendor` may answer its own requests alone. Raises Replayed for a signature that was seen before.
    """
    taken, answers = Taken(), list[Answered]()
    for one in checked(rows, desk.zone, now.as_of):
        if isinstance(one, Refused):
            taken.bad.append(one)
        else:
            answers.append(one)
    with desk.engine.begin() as connection:
        if signature is not None:
            _once(connection, now, signature, who)
        _write(desk, now, connection, answers, who, vendor, taken)
    for bad in taken.bad:
        refuse(bad)
    return taken


def _once(connection: Connection, now: Now, signature: str, who: str) -> None:
    seen = select(EVENTS.c.id).where(EVENTS.c.subject == signature, EVENTS.c.kind == SEEN)
    if connection.execute(seen).first() is not None:
        raise Replayed("this very message was taken in before; sign a new one")
    happened(connection, [(SEEN, signature, "")], now.moment, who)


def _write(
    desk: Desk,
    now: Now,
    connection: Connection,
    answers: Sequence[Answered],
    who: str,
    vendor: str | None,
    taken: Taken,
) -> None:
    lines = _lines(connection, {one.row.request for one in answers}, vendor)
    changed: dict[str, dict[str, Any]] = {}
    for one in answers:
        line = _meant(one.row, lines)
        wrong = _wrong(one.row, line, lines)
        if wrong is not None:
            column, reason = wrong
            taken.bad.append(Refused(TABLE, one.file, one.line, column, getattr(one.row, column), reason))
        if line is None or (wrong is not None and wrong != CANCELLED):
            continue
        if all(line[name] == getattr(one.row, name) for name in ANSWER):
            taken.unchanged += 1
        else:
            line.update({name: getattr(one.row, name) for name in ANSWER})
            line["answer"] = line["answer"] if wrong is None else VendorAnswer.TOO_LATE
            changed[line["id"]] = line
    if changed:
        _keep(desk, now, connection, [changed[key] for key in sorted(changed)], who)
    taken.accepted = sum(line["answer"] == VendorAnswer.ACCEPTED for line in changed.values())
    taken.refused = sum(line["answer"] == VendorAnswer.REFUSED for line in changed.values())


Lines = Mapping[str, Mapping[tuple[str, str], dict[str, Any]]]
"""By the request that an answer names, which may be a reminder: its lines by order and number."""


def _lines(connection: Connection, named: set[str], vendor: str | None) -> Lines:
    query = select(REQUESTS.c.id, func.coalesce(REQUESTS.c.chases, REQUESTS.c.id))
    query = query.where(among(connection, REQUESTS.c.id, named))
    if vendor is not None:
        query = query.where(REQUESTS.c.vendor_id == vendor)
    request_of: dict[str, str] = dict(connection.execute(query).all())
    lines: dict[str, dict[tuple[str, str], dict[str, Any]]] = {key: {} for key in request_of.values()}
    locked = select(REQUESTS.c.id).where(among(connection, REQUESTS.c.id, lines)).order_by(REQUESTS.c.id)
    connection.execute(locked.with_for_update())  # staff, and what sends, decide on the same lines
    for row in connection.execute(_asked().where(among(connection, PURCHASED.c.request_id, lines))).mappings():
        lines[row["request_id"]][row["order_id"], row["line"]] = dict(row)
    return {key: lines[request] for key, request in request_of.items()}


def _asked() -> Any:
    """Return the lines that left with requests: whether each is cancelled, and asked of another vendor since."""
    later, others = PURCHASED.alias(), REQUESTS.alias()
    elsewhere = (
        select(later.c.id)
        .join(others, others.c.id == later.c.request_id)
        .where(later.c.order_id == PURCHASED.c.order_id, later.c.line == PURCHASED.c.line)
        .where(later.c.nth > PURCHASED.c.nth, others.c.vendor_id != REQUESTS.c.vendor_id)
        .where(or_(later.c.answer.is_(None), later.c.answer == VendorAnswer.ACCEPTED))
        .exists()
    )
    cancelled = or_(LINES.c.cancelled_at.is_not(None), ORDERS.c.cancelled_at.is_not(None), CLOSED)
    return (
        select(PURCHASED, cancelled.label("cancelled"), elsewhere.label("elsewhere"))
        .join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id)
        .outerjoin(LINES, and_(LINES.c.order_id == PURCHASED.c.order_id, LINES.c.number == PURCHASED.c.line))
        .outerjoin(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .where(PURCHASED.c.answer.is_distinct_from(VendorAnswer.NOT_SENT))
    )


def _meant(row: AnswerRow, lines: Lines) -> dict[str, Any] | None:
    there = lines.get(row.request, {})
    return there.get((row.order, row.line)) or there.get((meant(row.order), meant(row.line)))


def _wrong(row: AnswerRow, line: Mapping[str, Any] | None, lines: Lines) -> tuple[str, str] | None:
    """Return which field of an answer is not right, and what is."""
    if row.request not in lines:
        return "request", "no such request; the id in the request's file is right"
    if line is None:
        return "line", f"the request asks for no such line of order {row.order}; as it names them is right"
    if line["answer"] == VendorAnswer.ASK_AGAIN:
        return "request", "the line was asked for anew; the id of the newest request is right"
    if row.answer == "accepted" and line["cancelled"] and line["answer"] != VendorAnswer.ACCEPTED:
        return CANCELLED
    if row.answer == "accepted" and line["answer"] == VendorAnswer.REFUSED and line["elsewhere"]:
        return "answer", "it was refused, and asked of another vendor since: do not send it"
    return None


def _keep(desk: Desk, now: Now, connection: Connection, changed: Sequence[Mapping[str, Any]], who: str) -> None:
    answered = update(PURCHASED).where(PURCHASED.c.id == bindparam("key"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ANSWER}
    rows = [{"key": line["id"], **{f"new_{name}": line[name] for name in ANSWER}} for line in changed]
    connection.execute(answered.values(**values, answered_at=now.moment), rows)
    requests = {line["request_id"] for line in changed}
    open_lines = select(PURCHASED.c.id).where(PURCHASED.c.request_id == REQUESTS.c.id, PURCHASED.c.answer.is_(None))
    whole = update(REQUESTS).where(among(connection, REQUESTS.c.id, requests), REQUESTS.c.answered_at.is_(None))
    connection.execute(whole.where(~open_lines.exists()).values(answered_at=now.moment))
    doubt = or_(REQUESTS.c.state == State.IN_DOUBT, and_(REQUESTS.c.state == State.QUEUED, REQUESTS.c.attempts > 0))
    doubted = update(REQUESTS).where(among(connection, REQUESTS.c.id, requests), doubt)
    sent = {"state": State.SENT, "reason": "the vendor answered it", "settled_at": now.moment}
    connection.execute(doubted.values(**FORGET, **sent))
    happened(connection, [("answered", line["request_id"], _said(line)) for line in changed], now.moment, who)
    orders: set[tuple[str, ...]] = {(line["order_id"],) for line in changed}
    wake(connection, "orders", set(), orders, now.as_of, desk.end_of(now.as_of))


def _said(line: Mapping[str, Any]) -> str:
    by = f", promised by {line['promised_on']}" if line["promised_on"] else ""
    why = f": {line['reason']}" if line["reason"] else ""
    return f"order {line['order_id']}, line {line['line']}, {line['quantity']} pieces: {line['answer']}{by}{why}"
