"""Write down what vendors are asked for, and remind them of it once."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from models.enums import State
from models.purchasing import RequestLine, VendorChannel
from rules.ids import purchase_line_id, reminder_id, request_id
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import insert, read_only
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.purchasing.vendors import channel_of, load_vendors
from tasks.tables import ORDER_LINES, ORDERS, PURCHASE_LINES, PURCHASE_REQUESTS


def record_requests(
    context: Context, asks: Mapping[str, Iterable[RequestLine]], ways: Mapping[str, VendorChannel]
) -> dict[str, int]:
    """Write requests and their lines in one transaction; return how many lines are asked for, by vendor.

    Where they are more than the policy lets one run ask for, the requests are held. Safe to repeat: a line is asked
    for its attempt time once, whoever asks; what another run asked for meanwhile is left out.
    """
    rows = [_line(context, ask) for asked in asks.values() for ask in asked]
    held = len(rows) > context.policy.purchasing.max_lines
    vendor_of = {request_id(context.run_id, vendor): vendor for vendor in asks}
    rows.sort(key=lambda row: (row["order_id"], row["line"]))  # transactions that meet lock in one order
    lines: dict[str, int] = {}
    with context.engine.begin() as connection:
        if rows:
            new = insert(connection, PURCHASE_LINES).on_conflict_do_nothing().returning(PURCHASE_LINES.c.request_id)
            for request in connection.execute(new, rows).scalars():
                lines[request] = lines.get(request, 0) + 1
        requests = [
            {
                **_request(context, vendor_of[key], ways[vendor_of[key]]),
                "id": key,
                "state": State.HELD if held else "queued",
            }
            for key in lines
        ]
        if requests:
            connection.execute(insert(connection, PURCHASE_REQUESTS), requests)
            record_events(
                connection,
                [("asked", key, f"{n} lines of {vendor_of[key]}") for key, n in lines.items()],
                *_by(context),
            )
    return {vendor_of[key]: n for key, n in lines.items()}


def _by(context: Context) -> tuple[Any, str]:
    return context.started_at, context.run_id


def _line(context: Context, ask: RequestLine) -> dict[str, Any]:
    need = ask.need
    return {
        "id": purchase_line_id(need.order, need.line, ask.attempt),
        "request_id": request_id(context.run_id, need.vendor),
        "order_id": need.order,
        "line": need.line,
        "attempt": ask.attempt,
        "product_id": need.product,
        "quantity": ask.quantity,
        "drop_shipped": need.drop_shipped,
    }


def _request(context: Context, vendor: str, way: VendorChannel, reminder_of: str | None = None) -> dict[str, Any]:
    moments = {"created_at": context.started_at, "not_before": context.started_at}
    return {
        "run_id": context.run_id,
        "vendor_id": vendor,
        "channel": way,
        "attempts": 0,
        "reminder_of": reminder_of,
        **moments,
    }


def overdue_clause(context: Context, hours: int) -> ColumnElement[bool]:
    """Return the SQL of a request, no reminder, that left so many hours ago and has open lines without an answer."""
    waits = (
        select(PURCHASE_LINES.c.id)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(PURCHASE_LINES.c.request_id == PURCHASE_REQUESTS.c.id, PURCHASE_LINES.c.answer.is_(None))
        .where(wanted_filter(context.end_of(context.as_of)), same_product_filter())
    )
    long_ago = PURCHASE_REQUESTS.c.settled_at <= context.started_at - timedelta(hours=hours)
    return and_(
        PURCHASE_REQUESTS.c.state == State.SENT, PURCHASE_REQUESTS.c.reminder_of.is_(None), long_ago, waits.exists()
    )


def send_reminders(context: Context) -> int:
    """Owe a reminder, once, of every request that stays without an answer too long; return how many are new."""
    reminders = PURCHASE_REQUESTS.alias()
    query = select(PURCHASE_REQUESTS.c.id, PURCHASE_REQUESTS.c.vendor_id, PURCHASE_REQUESTS.c.channel).where(
        overdue_clause(context, context.policy.purchasing.answer_hours),
        ~select(reminders.c.id).where(reminders.c.reminder_of == PURCHASE_REQUESTS.c.id).exists(),
    )
    with context.engine.begin() as connection:
        rows = [
            {
                **_request(context, vendor, VendorChannel(way), reminder_of=key),
                "id": reminder_id(key),
                "state": State.QUEUED,
            }
            for key, vendor, way in connection.execute(query)
        ]
        if not rows:
            return 0
        new = insert(connection, PURCHASE_REQUESTS).on_conflict_do_nothing().returning(PURCHASE_REQUESTS.c.reminder_of)
        chased = list(connection.execute(new, rows).scalars())
        record_events(connection, [("chased", key, "no answer so far") for key in chased], *_by(context))
    return len(chased)


def channels_of_vendors(context: Context, ids: Iterable[str]) -> tuple[dict[str, VendorChannel], list[str]]:
    """Return how vendors take requests, and a sentence about each that cannot be asked."""
    with read_only(context.engine) as connection:
        known = load_vendors(connection, ids)
    ways, problems = {}, []
    for key in sorted(ids):
        way = channel_of(context.shop, known[key]) if key in known else None
        if way is not None:
            ways[key] = way
        elif key in known:
            problems.append(f"vendor {key} cannot be asked: it has no mail address, and shop.toml no [vendor.{key}]")
        else:
            problems.append(f"vendor {key} cannot be asked: the shop's facts name it for products, but not itself")
    return ways, problems
