"""What a shop's source names no more: goods that are used up, lines and orders that were taken away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, bindparam, delete, select, tuple_, update

from sources.deduplicate import DeduplicatedReader, RowKey
from tasks.db.counters import add_to_counters, set_counter
from tasks.db.events import record_events
from tasks.db.sql import AdvisoryLock, in_list, lock
from tasks.imports.endings import GONE, NO_LINES, NOT_OPEN
from tasks.orders.due import mark_orders_due
from tasks.orders.filters import open_filter
from tasks.tables import INBOUNDS, ORDER_LINES, ORDERS, SHIPMENTS, STOCKS

# Of each table that a source tells whole: the rows that count, and what ends their counting. A received delivery is
# its vendor's history, and stays.
REMOVAL_RULES: Mapping[str, tuple[Table, ColumnElement[bool], Callable[[Table], Any]]] = {
    "stock": (STOCKS, STOCKS.c.on_hand != 0, lambda table: update(table).values(on_hand=0, allocated=0)),
    "inbound": (INBOUNDS, INBOUNDS.c.received_at.is_(None), delete),
}
GONE_LINES, OPEN_LINES = "brake:gone", "brake:open"
"""Tallies of the lines that ended as gone since facts were last taken as right, and of those that are still open."""
IMPORT = "import"
NAMED = 5
Alive = Callable[[Connection], None]
Rows = Sequence[tuple[str, ...]]
"""Keys of rows."""


def delete_parcels(engine: Engine, seen: DeduplicatedReader, batch: int, day: "Day", alive: Alive) -> int:
    """Delete parcels that the source names no more, of orders of which it names another; return how many rows.

    An order that it does not name at all keeps its parcels: its SELECT may yield the newest ones alone.
    """
    keys = list(SHIPMENTS.primary_key)

    def forget(connection: Connection, page: Rows) -> int:
        theirs = select(*keys).where(in_list(connection, SHIPMENTS.c.order_id, {order for order, *_ in page}))
        rows = {tuple(row) for row in connection.execute(theirs)}
        there = seen.among(rows)
        named = {order for order, *_ in there}
        unnamed = sorted(key for key in rows - there if key[0] in named)
        if unnamed:
            _each(connection, delete(SHIPMENTS), keys, unnamed)
            mark_orders_due(connection, "shipments", set(), set(unnamed), day.as_of, day.over)
        return len(unnamed)

    return _page_by_page(engine, select(*keys), keys, batch, alive, forget)


def apply_removals(engine: Engine, table: str, seen: DeduplicatedReader, batch: int, alive: Alive) -> int:
    """Let no stock and no open delivery count that was not seen when the whole table was read; return how many did."""
    into, counting, end = REMOVAL_RULES[table]
    keys = list(into.primary_key)

    def end_unseen(connection: Connection, page: Rows) -> int:
        unseen = sorted(set(page) - seen.among(page))
        if unseen:
            _each(connection, end(into), keys, unseen)
        return len(unseen)

    return _page_by_page(engine, select(*keys).where(counting), keys, batch, alive, end_unseen)


def _page_by_page(
    engine: Engine,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    batch: int,
    alive: Alive,
    work: Callable[[Connection, Rows], int],
) -> int:
    """Work through the rows of a query in the order of their keys, each page in a transaction; return the sum."""
    done, after, pages = 0, tuple[str, ...](), query.order_by(*keys).limit(batch)
    while True:
        with engine.begin() as connection:
            lock(connection, AdvisoryLock.IMPORT)
            alive(connection)
            page = [tuple(row) for row in connection.execute(pages.where(tuple_(*keys) > after) if after else pages)]
            done += work(connection, page)
        if len(page) < batch:
            return done
        after = page[-1]


def _each(connection: Connection, statement: Any, keys: Sequence[ColumnElement[Any]], rows: Rows) -> None:
    """Execute a statement for each row, by its keys."""
    of = [f"of_{key.name}" for key in keys]
    mine = statement.where(*(key == bindparam(name) for key, name in zip(keys, of, strict=True)))
    connection.execute(mine, [dict(zip(of, row, strict=True)) for row in rows])


@dataclass(frozen=True, slots=True)
class Read:
    """Orders or lines as a source named them, and whether it told all that it has."""

    rows: DeduplicatedReader
    whole: bool
    """It named some, and no row was refused."""


@dataclass(frozen=True, slots=True)
class Day:
    """The day of an import, and the moments at which it begins and ends."""

    as_of: date
    begins: datetime
    over: datetime


@dataclass(slots=True)
class Removal:
    """Open orders and lines that a source names no more."""

    lines: int = 0
    orders: int = 0
    missing: int = 0
    """Open orders that were not named, and stay as they were."""
    named: list[str] = field(default_factory=list)
    """The first of the missing ones."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends on a page of open lines: lines by key, orders by id."""

    gone: Sequence[RowKey]
    without_lines: Sequence[RowKey]
    missing: Sequence[str]


def remove_missing(
    engine: Engine, orders: Read, lines: Read, scope: str | None, day: Day, batch: int, alive: Alive
) -> Removal:
    """End the open lines that their orders no longer name, and by `scope` the open orders that are not named.

    An order of which a line was taken tells its lines whole, unless one was refused. An order that was taken, without
    any line in a table of lines that was read whole, has nothing outstanding. `scope` is the shop's
    `source.orders`; without one, orders that are not named stay open.
    """
    found, last_order = Removal(), ""
    keys = [ORDER_LINES.c.order_id, ORDER_LINES.c.number]
    query = select(*keys).join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id).where(open_filter(day.over))

    def end_page(connection: Connection, page: Rows) -> int:
        nonlocal last_order
        ends = _ends(page, orders, lines)
        closing = ends.missing if scope is not None and orders.whole else ()
        _end(connection, ends, closing, scope, day)
        closed = {*ends.gone, *ends.without_lines, *(one for one in page if one[0] in set(closing))}
        cancelled = len(closed) if scope == "all" else len({*ends.gone, *ends.without_lines})
        add_to_counters(connection, {GONE_LINES: cancelled})
        _count(found, ends, closing, last_order)
        last_order = page[-1][0] if page else last_order
        return len(page) - len(closed)

    still = _page_by_page(engine, query, keys, batch, alive, end_page)
    with engine.begin() as connection:
        set_counter(connection, OPEN_LINES, still)
    return found


def _count(found: Removal, ends: Ends, closing: Sequence[str], last_order: str) -> None:
    found.lines += len({one for one in (*ends.gone, *ends.without_lines) if one[0] not in set(closing)})
    found.orders += len(closing)
    left = [] if closing else [one for one in ends.missing if one != last_order]
    found.missing += len(left)
    found.named += left[: NAMED - len(found.named)]


def _ends(open_ones: Sequence[RowKey], orders: Read, lines: Read) -> Ends:
    ids = {order for order, _ in open_ones}
    named = {key[0] for key in orders.rows.among((order,) for order in ids)}
    unnamed_lines = sorted(set(open_ones) - lines.rows.among(open_ones))
    told, spoilt = lines.rows.whole({order for order, _ in unnamed_lines})
    present = named - orders.rows.spoilt(ids)
    return Ends(
        gone=[] if lines.rows.unreadable else [one for one in unnamed_lines if one[0] in told - spoilt],
        without_lines=[one for one in unnamed_lines if one[0] in present - told] if lines.whole else [],
        missing=sorted(ids - named),
    )


def _end(connection: Connection, ends: Ends, closing: Sequence[str], scope: str | None, day: Day) -> None:
    cancelled, done = {"cancelled_at": day.begins, "ended": GONE}, {"done": True}
    line = update(ORDER_LINES).where(
        ORDER_LINES.c.order_id == bindparam("of"), ORDER_LINES.c.number == bindparam("which")
    )
    for keys, values in ((ends.gone, cancelled), (ends.without_lines, done | {"ended": NO_LINES})):
        if keys:
            connection.execute(line.values(values), [{"of": order, "which": number} for order, number in keys])
    if closing:
        why = cancelled if scope == "all" else done | {"ended": NOT_OPEN}
        order = update(ORDERS).where(ORDERS.c.id == bindparam("of")).values(why)
        connection.execute(order, [{"of": one} for one in closing])
    events = [("gone", order, f"line {number}: {GONE}") for order, number in ends.gone]
    events += [("gone", order, f"line {number}: {NO_LINES}") for order, number in ends.without_lines]
    events += [("gone", order, GONE if scope == "all" else NOT_OPEN) for order in closing]
    record_events(connection, events, day.begins, IMPORT)
    touched = {*ends.gone, *ends.without_lines} | {(order, "") for order in closing}
    mark_orders_due(connection, "lines", set(), touched, day.as_of, day.over)
