"""Take in what vendors answer: each line's answer is kept, its order looked at again, and bad rows are kept aside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from models.enums import State
from models.purchasing import VendorResponse
from sources.rows import RejectedRow, Row
from sources.vendor_responses import TABLE, ParsedResponses, ResponseRow, checked
from tasks.context import Context
from tasks.csv_files import unescape_formula
from tasks.db.events import record_events
from tasks.db.sql import in_list
from tasks.delivery.queue import CLEAR_LEASE
from tasks.orders.due import mark_orders_due
from tasks.orders.filters import CLOSED_FILTER
from tasks.tables import EVENTS, ORDER_LINES, ORDERS, PURCHASE_LINES, PURCHASE_REQUESTS

VENDOR_RESPONSE = ("answer", "reason", "promised_on")
CANCELLED = ("answer", "the line was cancelled: do not send it")
MESSAGE_EVENT = "vendor_message"
"""The event of a signed message, by vendor and `webhook-id`; its reason is the digest of the body."""


@dataclass(slots=True)
class ResponseSummary:
    """What came of taking answers in."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    bad: list[RejectedRow] = field(default_factory=list)
    """Rows that were not taken, and why."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A vendor's message whose signature was right."""

    vendor: str
    id: str
    """Its `webhook-id`, the same for every copy."""
    digest: str
    """SHA-256 of its body, in hex."""


class ReplayedMessage(Exception):
    """Raised for a copy of a message that was recorded before."""


class ReusedMessageId(Exception):
    """Raised for another message under the id of one that was recorded before."""


def record_responses(
    context: Context,
    rows: Iterable[Row | RejectedRow],
    who: str,
    *,
    message: SignedMessage | None = None,
    refuse: Callable[[RejectedRow], object] = lambda _: None,
) -> ResponseSummary:
    """Write answers down; a later one about the same line takes an earlier one's place.

    The vendor that signed a `message` can answer its own requests only. Raises ReplayedMessage or ReusedMessageId for
    a message id that was seen before.
    """
    taken, answers = ResponseSummary(), list[ParsedResponses]()
    for one in checked(rows, context.zone, context.as_of):
        if isinstance(one, RejectedRow):
            taken.bad.append(one)
        else:
            answers.append(one)
    with context.engine.begin() as connection:
        if message is not None:
            _record_message(connection, context, message, who)
        _write(context, connection, answers, who, message.vendor if message else None, taken)
    for bad in taken.bad:
        refuse(bad)
    return taken


def _record_message(connection: Connection, context: Context, message: SignedMessage, who: str) -> None:
    subject = f"{message.vendor}/{message.id}"
    earlier = select(EVENTS.c.why).where(EVENTS.c.subject == subject, EVENTS.c.kind == MESSAGE_EVENT)
    digest = connection.execute(earlier).scalar()
    if digest == message.digest:
        raise ReplayedMessage
    if digest is not None:
        raise ReusedMessageId("another message had this webhook-id; a new one for each message is right")
    record_events(connection, [(MESSAGE_EVENT, subject, message.digest)], context.started_at, who)


def _write(
    context: Context,
    connection: Connection,
    answers: Sequence[ParsedResponses],
    who: str,
    vendor: str | None,
    taken: ResponseSummary,
) -> None:
    lines = _lines(connection, {one.row.request for one in answers}, vendor)
    changed: dict[str, dict[str, Any]] = {}
    for one in answers:
        line = _match_line(one.row, lines)
        wrong = _validation_error(one.row, line, lines)
        if wrong is not None:
            column, reason = wrong
            taken.bad.append(RejectedRow(TABLE, one.file, one.line, column, getattr(one.row, column), reason))
        if line is None or (wrong is not None and wrong != CANCELLED):
            continue
        if all(line[name] == getattr(one.row, name) for name in VENDOR_RESPONSE):
            taken.unchanged += 1
        else:
            line.update({name: getattr(one.row, name) for name in VENDOR_RESPONSE})
            line["answer"] = line["answer"] if wrong is None else VendorResponse.TOO_LATE
            changed[line["id"]] = line
    if changed:
        _save(context, connection, [changed[key] for key in sorted(changed)], who)
    taken.accepted = sum(line["answer"] == VendorResponse.ACCEPTED for line in changed.values())
    taken.refused = sum(line["answer"] == VendorResponse.REFUSED for line in changed.values())


Lines = Mapping[str, Mapping[tuple[str, str], dict[str, Any]]]
"""By the request that an answer names, which may be a reminder: its lines by order and number."""


def _lines(connection: Connection, named: set[str], vendor: str | None) -> Lines:
    query = select(PURCHASE_REQUESTS.c.id, func.coalesce(PURCHASE_REQUESTS.c.reminder_of, PURCHASE_REQUESTS.c.id))
    query = query.where(in_list(connection, PURCHASE_REQUESTS.c.id, named))
    if vendor is not None:
        query = query.where(PURCHASE_REQUESTS.c.vendor_id == vendor)
    request_of: dict[str, str] = dict(connection.execute(query).all())
    lines: dict[str, dict[tuple[str, str], dict[str, Any]]] = {key: {} for key in request_of.values()}
    locked = (
        select(PURCHASE_REQUESTS.c.id)
        .where(in_list(connection, PURCHASE_REQUESTS.c.id, lines))
        .order_by(PURCHASE_REQUESTS.c.id)
    )
    connection.execute(locked.with_for_update())  # staff, and what sends, decide on the same lines
    for row in connection.execute(
        _requested_lines().where(in_list(connection, PURCHASE_LINES.c.request_id, lines))
    ).mappings():
        lines[row["request_id"]][row["order_id"], row["line"]] = dict(row)
    return {key: lines[request] for key, request in request_of.items()}


def _requested_lines() -> Any:
    """Return the lines that left with requests: whether each is cancelled, and asked of another vendor since."""
    later, others = PURCHASE_LINES.alias(), PURCHASE_REQUESTS.alias()
    elsewhere = (
        select(later.c.id)
        .join(others, others.c.id == later.c.request_id)
        .where(later.c.order_id == PURCHASE_LINES.c.order_id, later.c.line == PURCHASE_LINES.c.line)
        .where(later.c.attempt > PURCHASE_LINES.c.attempt, others.c.vendor_id != PURCHASE_REQUESTS.c.vendor_id)
        .where(or_(later.c.answer.is_(None), later.c.answer == VendorResponse.ACCEPTED))
        .exists()
    )
    cancelled = or_(ORDER_LINES.c.cancelled_at.is_not(None), ORDERS.c.cancelled_at.is_not(None), CLOSED_FILTER)
    return (
        select(PURCHASE_LINES, cancelled.label("cancelled"), elsewhere.label("elsewhere"))
        .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
        .outerjoin(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .outerjoin(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(PURCHASE_LINES.c.answer.is_distinct_from(VendorResponse.NOT_SENT))
    )


def _match_line(row: ResponseRow, lines: Lines) -> dict[str, Any] | None:
    there = lines.get(row.request, {})
    return there.get((row.order, row.line)) or there.get((unescape_formula(row.order), unescape_formula(row.line)))


def _validation_error(row: ResponseRow, line: Mapping[str, Any] | None, lines: Lines) -> tuple[str, str] | None:
    """Return which field of an answer is not right, and what is."""
    if row.request not in lines:
        return "request", "no such request; the id in the request's file is right"
    if line is None:
        return "line", f"the request asks for no such line of order {row.order}; as it names them is right"
    if line["answer"] == VendorResponse.ASK_AGAIN:
        return "request", "the line was asked for anew; the id of the newest request is right"
    if row.answer == "accepted" and line["cancelled"] and line["answer"] != VendorResponse.ACCEPTED:
        return CANCELLED
    if row.answer == "accepted" and line["answer"] == VendorResponse.REFUSED and line["elsewhere"]:
        return "answer", "it was refused, and asked of another vendor since: do not send it"
    return None


def _save(context: Context, connection: Connection, changed: Sequence[Mapping[str, Any]], who: str) -> None:
    answered = update(PURCHASE_LINES).where(PURCHASE_LINES.c.id == bindparam("key"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in VENDOR_RESPONSE}
    rows = [{"key": line["id"], **{f"new_{name}": line[name] for name in VENDOR_RESPONSE}} for line in changed]
    connection.execute(answered.values(**values, answered_at=context.started_at), rows)
    requests = {line["request_id"] for line in changed}
    open_lines = select(PURCHASE_LINES.c.id).where(
        PURCHASE_LINES.c.request_id == PURCHASE_REQUESTS.c.id, PURCHASE_LINES.c.answer.is_(None)
    )
    whole = update(PURCHASE_REQUESTS).where(
        in_list(connection, PURCHASE_REQUESTS.c.id, requests), PURCHASE_REQUESTS.c.answered_at.is_(None)
    )
    connection.execute(whole.where(~open_lines.exists()).values(answered_at=context.started_at))
    doubt = or_(
        PURCHASE_REQUESTS.c.state == State.IN_DOUBT,
        and_(PURCHASE_REQUESTS.c.state == State.QUEUED, PURCHASE_REQUESTS.c.attempts > 0),
    )
    doubted = update(PURCHASE_REQUESTS).where(in_list(connection, PURCHASE_REQUESTS.c.id, requests), doubt)
    sent = {"state": State.SENT, "reason": "the vendor answered it", "settled_at": context.started_at}
    connection.execute(doubted.values(**CLEAR_LEASE, **sent))
    record_events(
        connection, [("answered", line["request_id"], _describe(line)) for line in changed], context.started_at, who
    )
    orders: set[tuple[str, ...]] = {(line["order_id"],) for line in changed}
    mark_orders_due(connection, "orders", set(), orders, context.as_of, context.end_of(context.as_of))


def _describe(line: Mapping[str, Any]) -> str:
    by = f", promised by {line['promised_on']}" if line["promised_on"] else ""
    why = f": {line['reason']}" if line["reason"] else ""
    return f"order {line['order_id']}, line {line['line']}, {line['quantity']} pieces: {line['answer']}{by}{why}"
