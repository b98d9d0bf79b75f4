"""Record vendors' responses: match each row to its requested line, validate it, and apply the changes.

Orders whose lines change are marked due, so that the next run evaluates them. Rows that are wrong are rejected.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from models.enums import State
from models.purchasing import VendorResponse
from sources.rows import RejectedRow, Row
from sources.vendor_responses import TABLE, ParsedResponse, ResponseRow, parse_responses
from tasks.context import Context
from tasks.csv_files import unescape_formula
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE
from tasks.db.sql import in_list, lock_ordered
from tasks.orders.due import mark_orders_due
from tasks.orders.filters import CLOSED_FILTER
from tasks.purchasing.signed_messages import SignedMessage, record_message
from tasks.starts.check_state import note_changed_facts
from tasks.tables import ORDER_LINES, ORDERS, OUTBOX, PURCHASE_LINES, PURCHASE_REQUESTS

RESPONSE_COLUMNS = ("response", "reason", "promised_on")


@dataclass(slots=True)
class ResponseSummary:
    """The outcomes of the rows of one file or message."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class InvalidField:
    """The field of a row that is wrong, and the expected value."""

    column: str
    expected: str


CANCELLED = InvalidField("answer", "the line was cancelled: do not send it")
RequestedLines = Mapping[str, Mapping[tuple[str, str], dict[str, Any]]]
"""The lines by order id and line number, by the id that a response may name: of a request or of its reminder."""


def record_responses(
    context: Context,
    rows: Iterable[Row | RejectedRow],
    who: str,
    *,
    message: SignedMessage | None = None,
    reject: Callable[[RejectedRow], object] = lambda _: None,
) -> ResponseSummary:
    """Record responses. A later response to a line replaces an earlier one. Calls `reject` with each rejected row.

    A `message` limits the rows to requests of the vendor that signed it. Raises ReplayedMessage for a second copy of a
    message, and ReusedMessageId for another message with the same id.
    """
    summary, parsed = _parse(context, rows)
    with context.engine.begin() as connection:
        if message is not None:
            record_message(connection, context, message, who)
        _record(context, connection, parsed, summary, who, message.vendor if message else None)
    for rejected in summary.rejected:
        reject(rejected)
    return summary


def record_responses_in(
    context: Context, connection: Connection, rows: Iterable[Row | RejectedRow], who: str
) -> ResponseSummary:
    """Record responses that a person enters, in the caller's transaction."""
    summary, parsed = _parse(context, rows)
    _record(context, connection, parsed, summary, who, None)
    return summary


def _parse(context: Context, rows: Iterable[Row | RejectedRow]) -> tuple[ResponseSummary, list[ParsedResponse]]:
    summary, parsed = ResponseSummary(), list[ParsedResponse]()
    for row in parse_responses(rows, context.zone, context.as_of):
        if isinstance(row, RejectedRow):
            summary.rejected.append(row)
        else:
            parsed.append(row)
    return summary, parsed


def _record(
    context: Context,
    connection: Connection,
    parsed: Sequence[ParsedResponse],
    summary: ResponseSummary,
    who: str,
    vendor: str | None,
) -> None:
    lines = _load_lines(connection, {response.row.request for response in parsed}, vendor)
    _apply(context, connection, _match_and_validate(parsed, lines, summary), who)


def _match_and_validate(
    parsed: Sequence[ParsedResponse], lines: RequestedLines, summary: ResponseSummary
) -> list[dict[str, Any]]:
    """Return the lines whose stored response changes, with its new values. Count every row in the summary."""
    changed: dict[str, dict[str, Any]] = {}
    for response in parsed:
        line = _match_line(response.row, lines)
        invalid = _validation_error(response.row, line, lines)
        if invalid is not None:
            summary.rejected.append(_rejected(response, invalid))
        if line is None or invalid not in (None, CANCELLED):
            continue
        values = _values(response.row, is_too_late=invalid == CANCELLED)
        if invalid is None and all(line[name] == value for name, value in values.items()):
            summary.unchanged += 1
        else:
            line.update(values)
            changed[line["id"]] = line
    summary.accepted = sum(line["response"] == VendorResponse.ACCEPTED for line in changed.values())
    summary.refused = sum(line["response"] == VendorResponse.REFUSED for line in changed.values())
    return [changed[line_id] for line_id in sorted(changed)]


def _values(row: ResponseRow, *, is_too_late: bool) -> dict[str, Any]:
    """Return the values to store. The acceptance of a cancelled line is stored as too late, for staff to see."""
    response = VendorResponse.TOO_LATE if is_too_late else row.answer
    return {"response": response, "reason": row.reason, "promised_on": row.promised_on}


def _rejected(response: ParsedResponse, invalid: InvalidField) -> RejectedRow:
    value = getattr(response.row, invalid.column)
    return RejectedRow(TABLE, response.file, response.line, invalid.column, value, invalid.expected)


def _load_lines(connection: Connection, request_ids: set[str], vendor: str | None) -> RequestedLines:
    """Load and lock the lines of requests, or of the requests behind reminders; only those of `vendor` if given."""
    query = select(PURCHASE_REQUESTS.c.id, func.coalesce(PURCHASE_REQUESTS.c.reminder_of, PURCHASE_REQUESTS.c.id))
    query = query.where(in_list(connection, PURCHASE_REQUESTS.c.id, request_ids))
    if vendor is not None:
        query = query.where(PURCHASE_REQUESTS.c.vendor_id == vendor)
    request_of: dict[str, str] = dict(connection.execute(query).all())
    lines: dict[str, dict[tuple[str, str], dict[str, Any]]] = {request: {} for request in request_of.values()}
    requests = select(OUTBOX.c.id).where(lock_ordered(connection, OUTBOX.c.id, in_list(connection, OUTBOX.c.id, lines)))
    # Staff decisions and dispatch change the same lines; both lock a request by its row of the outbox.
    connection.execute(requests)
    of_requests = _requested_lines().where(in_list(connection, PURCHASE_LINES.c.request_id, lines))
    for row in connection.execute(of_requests).mappings():
        lines[row["request_id"]][row["order_id"], row["line"]] = dict(row)
    return {named_id: lines[request] for named_id, request in request_of.items()}


def _requested_lines() -> Any:
    """Return the query of sent lines, each with whether it is cancelled, and requested elsewhere since."""
    later, others = PURCHASE_LINES.alias(), PURCHASE_REQUESTS.alias()
    elsewhere = (
        select(later.c.id)
        .join(others, others.c.id == later.c.request_id)
        .where(later.c.order_id == PURCHASE_LINES.c.order_id, later.c.line == PURCHASE_LINES.c.line)
        .where(later.c.attempt > PURCHASE_LINES.c.attempt, others.c.vendor_id != PURCHASE_REQUESTS.c.vendor_id)
        .where(or_(later.c.response.is_(None), later.c.response == VendorResponse.ACCEPTED))
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
        .where(PURCHASE_LINES.c.response.is_distinct_from(VendorResponse.NOT_SENT))
    )


def _match_line(row: ResponseRow, lines: RequestedLines) -> dict[str, Any] | None:
    """Return the line that a row is about; a vendor may return the ids as its CSV file escaped them."""
    of_request = lines.get(row.request, {})
    unescaped = (unescape_formula(row.order), unescape_formula(row.line))
    return of_request.get((row.order, row.line)) or of_request.get(unescaped)


def _validation_error(row: ResponseRow, line: Mapping[str, Any] | None, lines: RequestedLines) -> InvalidField | None:
    """Return what is wrong with a row, given the line it is about; None when it is valid."""
    if row.request not in lines:
        return InvalidField("request", "no such request; use the id in the request's file")
    if line is None:
        return InvalidField("line", f"the request has no such line of order {row.order}; use the ids in its file")
    if line["response"] == VendorResponse.ASK_AGAIN:
        return InvalidField("request", "the line was requested again; use the id of the newest request")
    if row.answer == "accepted" and line["cancelled"] and line["response"] != VendorResponse.ACCEPTED:
        return CANCELLED
    if row.answer == "accepted" and line["response"] == VendorResponse.REFUSED and line["elsewhere"]:
        return InvalidField("answer", "it was refused and then requested from another vendor: do not send it")
    return None


def _apply(context: Context, connection: Connection, changed: Sequence[Mapping[str, Any]], who: str) -> None:
    """Store the responses of lines, settle their requests, and mark their orders due."""
    if not changed:
        return
    new_values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in RESPONSE_COLUMNS}
    rows = [{"key": line["id"], **{f"new_{name}": line[name] for name in RESPONSE_COLUMNS}} for line in changed]
    line_by_key = update(PURCHASE_LINES).where(PURCHASE_LINES.c.id == bindparam("key"))
    connection.execute(line_by_key.values(**new_values, responded_at=context.started_at), rows)
    _settle_requests(context, connection, {line["request_id"] for line in changed})
    events = [("responded", line["request_id"], _describe(line)) for line in changed]
    record_events(connection, events, context.started_at, who)
    orders: set[tuple[str, ...]] = {(line["order_id"],) for line in changed}
    mark_orders_due(connection, "orders", set(), orders, context.as_of, context.end_of(context.as_of))
    note_changed_facts(connection, context.started_at)


def _settle_requests(context: Context, connection: Connection, request_ids: set[str]) -> None:
    """Mark requests whose lines all have a response; a request in doubt that has a response counts as sent."""
    requests = update(PURCHASE_REQUESTS).where(in_list(connection, PURCHASE_REQUESTS.c.id, request_ids))
    open_lines = select(PURCHASE_LINES.c.id).where(
        PURCHASE_LINES.c.request_id == PURCHASE_REQUESTS.c.id, PURCHASE_LINES.c.response.is_(None)
    )
    complete = and_(PURCHASE_REQUESTS.c.responded_at.is_(None), ~open_lines.exists())
    connection.execute(requests.where(complete).values(responded_at=context.started_at))
    not_known_to_have_arrived = or_(
        OUTBOX.c.state == State.IN_DOUBT, and_(OUTBOX.c.state == State.QUEUED, OUTBOX.c.attempts > 0)
    )
    sent = {"state": State.SENT, "reason": "the vendor responded", "settled_at": context.started_at}
    arrived = update(OUTBOX).where(in_list(connection, OUTBOX.c.id, request_ids), not_known_to_have_arrived)
    connection.execute(arrived.values(**CLEAR_LEASE, **sent))


def _describe(line: Mapping[str, Any]) -> str:
    promise = f", promised by {line['promised_on']}" if line["promised_on"] else ""
    reason = f": {line['reason']}" if line["reason"] else ""
    pieces = f"order {line['order_id']}, line {line['line']}, {line['quantity']} pieces"
    return f"{pieces}: {line['response']}{promise}{reason}"
