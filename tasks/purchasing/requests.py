"""Record purchase requests, and one reminder for each that gets no response in time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from models.enums import State
from models.purchasing import RequestLine, VendorChannel
from rules.ids import purchase_line_id, reminder_id, request_id
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import insert_messages, outbox_row
from tasks.db.sql import insert, read_only
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.purchasing.vendors import channel_of, load_vendors
from tasks.tables import ORDER_LINES, ORDERS, OUTBOX, PURCHASE_LINES, PURCHASE_REQUESTS


def record_requests(
    context: Context, requests: Mapping[str, Sequence[RequestLine]], channels: Mapping[str, VendorChannel]
) -> dict[str, int]:
    """Record requests by vendor id, with their lines, in one transaction. Return how many lines are new, by vendor id.

    The requests are held when they have more lines than the policy allows in one run. Safe to repeat: each attempt for
    a line is recorded once, and lines that another run requested meanwhile are left out.
    """
    rows = [_line_row(context, line) for lines in requests.values() for line in lines]
    state = State.HELD if len(rows) > context.policy.purchasing.max_lines else State.QUEUED
    rows.sort(key=lambda row: (row["order_id"], row["line"]))  # concurrent transactions lock rows in the same order
    if not rows:
        return {}
    with context.engine.begin() as connection:
        new = insert(connection, PURCHASE_LINES).on_conflict_do_nothing().returning(PURCHASE_LINES.c.request_id)
        new_lines = Counter(connection.execute(new, rows).scalars())
        recorded = {vendor: n for vendor in requests if (n := new_lines[request_id(context.run_id, vendor)])}
        if recorded:
            rows = [_request_row(context, request_id(context.run_id, vendor), vendor) for vendor in recorded]
            connection.execute(insert(connection, PURCHASE_REQUESTS), rows)
            insert_messages(
                connection,
                [
                    outbox_row(request_id(context.run_id, vendor), channels[vendor], state, context.started_at)
                    for vendor in recorded
                ],
            )
        _record_events(
            context,
            connection,
            "requested",
            {request_id(context.run_id, vendor): f"{n} lines of {vendor}" for vendor, n in recorded.items()},
        )
    return recorded


def _record_events(context: Context, connection: Connection, kind: str, reasons: Mapping[str, str]) -> None:
    events = [(kind, request, reason) for request, reason in reasons.items()]
    record_events(connection, events, context.started_at, context.run_id)


def _line_row(context: Context, line: RequestLine) -> dict[str, Any]:
    need = line.need
    return {
        "id": purchase_line_id(need.order, need.line, line.attempt),
        "request_id": request_id(context.run_id, need.vendor),
        "order_id": need.order,
        "line": need.line,
        "attempt": line.attempt,
        "product_id": need.product,
        "quantity": line.quantity,
        "drop_shipped": need.drop_shipped,
    }


def _request_row(context: Context, key: str, vendor: str, reminder_of: str | None = None) -> dict[str, Any]:
    return {
        "id": key,
        "run_id": context.run_id,
        "vendor_id": vendor,
        "reminder_of": reminder_of,
        "created_at": context.started_at,
    }


def overdue_clause(context: Context, hours: int) -> ColumnElement[bool]:
    """Return the SQL of a request that was sent `hours` ago or earlier and has wanted lines without a response.

    The query joins the outbox. A reminder is never overdue itself.
    """
    unanswered = (
        select(PURCHASE_LINES.c.id)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(PURCHASE_LINES.c.request_id == PURCHASE_REQUESTS.c.id, PURCHASE_LINES.c.response.is_(None))
        .where(wanted_filter(context.end_of(context.as_of)), same_product_filter())
    )
    sent_long_ago = OUTBOX.c.settled_at <= context.started_at - timedelta(hours=hours)
    return and_(
        OUTBOX.c.state == State.SENT,
        PURCHASE_REQUESTS.c.reminder_of.is_(None),
        sent_long_ago,
        unanswered.exists(),
    )


def send_reminders(context: Context) -> int:
    """Queue one reminder for each request that is overdue for a response. Return how many are new."""
    reminders = PURCHASE_REQUESTS.alias()
    query = (
        select(PURCHASE_REQUESTS.c.id, PURCHASE_REQUESTS.c.vendor_id, OUTBOX.c.channel)
        .join(OUTBOX, OUTBOX.c.id == PURCHASE_REQUESTS.c.id)
        .where(
            overdue_clause(context, context.policy.purchasing.answer_hours),
            ~select(reminders.c.id).where(reminders.c.reminder_of == PURCHASE_REQUESTS.c.id).exists(),
        )
    )
    with context.engine.begin() as connection:
        overdue = connection.execute(query).all()
        rows = [_request_row(context, reminder_id(row.id), row.vendor_id, reminder_of=row.id) for row in overdue]
        if not rows:
            return 0
        new = insert(connection, PURCHASE_REQUESTS).on_conflict_do_nothing().returning(PURCHASE_REQUESTS.c.reminder_of)
        reminded = list(connection.execute(new, rows).scalars())
        channels = {row.id: row.channel for row in overdue}
        insert_messages(
            connection,
            [outbox_row(reminder_id(key), channels[key], State.QUEUED, context.started_at) for key in reminded],
        )
        _record_events(context, connection, "reminded", dict.fromkeys(reminded, "no response so far"))
    return len(reminded)


def channels_of_vendors(context: Context, ids: Iterable[str]) -> tuple[dict[str, VendorChannel], list[str]]:
    """Return the channel of each vendor, and a sentence about each vendor that has none."""
    with read_only(context.engine) as connection:
        vendors = load_vendors(connection, ids)
    channels, problems = {}, []
    for key in sorted(ids):
        channel = channel_of(context.shop, vendors[key]) if key in vendors else None
        if channel is not None:
            channels[key] = channel
        elif key in vendors:
            problems.append(
                f"vendor {key} cannot be asked: it has no mail address, and shop.toml has no [vendor.{key}]"
            )
        else:
            problems.append(f"vendor {key} cannot be asked: products name it, but vendors.sql does not")
    return channels, problems
