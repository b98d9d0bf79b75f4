"""End the open orders and lines that a shop's source no longer has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from sources.deduplicate import DeduplicatedReader, RowKey
from tasks.db.counters import add_to_counters, set_counter
from tasks.db.events import record_events
from tasks.imports.endings import GONE, NO_LINES, NOT_OPEN
from tasks.imports.session import ImportDay, ImportSession
from tasks.imports.stats import ImportResult
from tasks.orders.due import mark_orders_due
from tasks.orders.filters import open_filter
from tasks.tables import ORDER_LINES, ORDERS

GONE_LINES, OPEN_LINES = "imported:lines_gone", "imported:lines_open"
"""Counters: the lines that ended as gone since the data was last accepted, and the lines that are still open."""
IMPORT = "import"
MAX_MISSING_NAMED = 5


@dataclass(frozen=True, slots=True)
class Missing:
    """What the source does not have, among a page of open lines."""

    lines: Sequence[RowKey]
    """Lines of orders of which the source has other lines."""
    lines_without_others: Sequence[RowKey]
    """Lines of orders that the source has, but without any line."""
    orders: Sequence[str]


@dataclass(slots=True)
class _Totals:
    lines: int = 0
    orders: int = 0
    missing: int = 0
    """Open orders that the source does not have and that stay open."""
    missing_named: list[str] = field(default_factory=list)


def remove_missing_orders(session: ImportSession, result: ImportResult) -> None:
    """End the open lines and orders that the source does not have, and count them in `result`.

    | the source has                                    | then                                              |
    |---------------------------------------------------|---------------------------------------------------|
    | another line of the order, none of it rejected    | the line is cancelled                             |
    | the order, and no line of it, no lines rejected   | its lines are done                                |
    | not the order, with `source.orders = "all"`       | the order is cancelled                            |
    | not the order, with `source.orders = "open"`      | the order is done                                 |
    | not the order, otherwise                          | the order stays open and counts as missing        |

    No order ends when the source has no order at all, or a rejected one.
    """
    if not {"orders", "lines"} <= session.readers.keys():
        return
    scope = session.source.shop.source.orders if _is_whole(result, "orders") else None
    lines_are_whole = _is_whole(result, "lines")
    totals, last_order = _Totals(), ""
    keys = [ORDER_LINES.c.order_id, ORDER_LINES.c.number]
    query = select(*keys).join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id).where(open_filter(session.day.end))

    def end_page(connection: Connection, page: Sequence[RowKey]) -> int:
        nonlocal last_order
        missing = _find_missing(
            page, session.readers["orders"], session.readers["lines"], lines_are_whole=lines_are_whole
        )
        ended_orders = set(missing.orders) if scope else set[str]()
        ended_lines = {*missing.lines, *missing.lines_without_others}
        lines_of_ended_orders = {key for key in page if key[0] in ended_orders}
        _end(connection, missing, sorted(ended_orders), scope, session.day)
        gone = ended_lines | lines_of_ended_orders if scope == "all" else ended_lines
        add_to_counters(connection, {GONE_LINES: len(gone)})
        totals.lines += len(ended_lines - lines_of_ended_orders)
        totals.orders += len(ended_orders)
        # The lines of an order may continue on the next page.
        stay_open = [order for order in missing.orders if order not in ended_orders and order != last_order]
        totals.missing += len(stay_open)
        totals.missing_named += stay_open[: MAX_MISSING_NAMED - len(totals.missing_named)]
        last_order = page[-1][0] if page else last_order
        return len(page) - len(ended_lines | lines_of_ended_orders)

    still_open = session.for_each_page(query, keys, end_page)
    with session.engine.begin() as connection:
        set_counter(connection, OPEN_LINES, still_open)
    result["lines"].removed, result["orders"].removed = totals.lines, totals.orders
    result["orders"].missing, result.missing = totals.missing, totals.missing_named


def _is_whole(result: ImportResult, table: str) -> bool:
    """Return whether a table has rows, and none was rejected."""
    return result[table].read > 0 and not result[table].rejected


def _find_missing(
    open_lines: Sequence[RowKey], orders: DeduplicatedReader, lines: DeduplicatedReader, *, lines_are_whole: bool
) -> Missing:
    order_ids = {order for order, _ in open_lines}
    known_orders = {key[0] for key in orders.known_keys((order,) for order in order_ids)}
    missing_lines = sorted(set(open_lines) - lines.known_keys(open_lines))
    of_missing_lines = {order for order, _ in missing_lines}
    with_lines = lines.orders_with_lines(of_missing_lines)
    complete = with_lines - lines.orders_with_rejects(of_missing_lines)
    accepted_orders = known_orders - orders.orders_with_rejects(order_ids)
    return Missing(
        lines=[] if lines.has_unattributed_rejects else [key for key in missing_lines if key[0] in complete],
        lines_without_others=[key for key in missing_lines if key[0] in accepted_orders - with_lines]
        if lines_are_whole
        else [],
        orders=sorted(order_ids - known_orders),
    )


def _end(
    connection: Connection, missing: Missing, ended_orders: Sequence[str], scope: str | None, day: ImportDay
) -> None:
    """Close lines and orders, record the reason, and mark the orders due, by one statement that locks in order."""
    cancelled, done = {"cancelled_at": day.start, "ended": GONE}, {"done": True}
    order_values = cancelled if scope == "all" else done | {"ended": NOT_OPEN}
    _update_lines(connection, missing.lines, cancelled)
    _update_lines(connection, missing.lines_without_others, done | {"ended": NO_LINES})
    if ended_orders:
        by_id = update(ORDERS).where(ORDERS.c.id == bindparam("key_order")).values(**order_values)
        connection.execute(by_id, [{"key_order": order} for order in ended_orders])
    events = [("gone", order, f"line {number}: {GONE}") for order, number in missing.lines]
    events += [("gone", order, f"line {number}: {NO_LINES}") for order, number in missing.lines_without_others]
    events += [("gone", order, str(order_values["ended"])) for order in ended_orders]
    record_events(connection, events, day.start, IMPORT)
    changed = {*missing.lines, *missing.lines_without_others} | {(order, "") for order in ended_orders}
    mark_orders_due(connection, "lines", set(), changed, day.as_of, day.end)


def _update_lines(connection: Connection, lines: Sequence[RowKey], values: Mapping[str, Any]) -> None:
    if not lines:
        return
    by_key = (ORDER_LINES.c.order_id == bindparam("key_order"), ORDER_LINES.c.number == bindparam("key_number"))
    keys = [{"key_order": order, "key_number": number} for order, number in lines]
    connection.execute(update(ORDER_LINES).where(*by_key).values(**values), keys)
