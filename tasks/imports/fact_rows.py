"""Write the rows of a shop's facts: only what is new, and what differs."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, null, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from sources.contract import LineRow
from sources.deduplicate import RowKey
from sources.rows import AcceptedRow
from tasks.db.counters import add_to_counters
from tasks.db.sql import in_list, insert, is_sqlite
from tasks.imports.endings import GONE, as_stored, first_end, lines_of, virtual_among
from tasks.imports.removals import GONE_LINES, Day
from tasks.tables import CUSTOMERS, INBOUNDS, ORDER_LINES, ORDERS, PRODUCTS, SHIPMENTS, STOCKS, VENDORS

TABLES: dict[str, Table] = {
    "customers": CUSTOMERS,
    "products": PRODUCTS,
    "orders": ORDERS,
    "lines": ORDER_LINES,
    "shipments": SHIPMENTS,
    "vendors": VENDORS,
    "stock": STOCKS,
    "inbound": INBOUNDS,
}


def key_of(table: str) -> list[str]:
    """Return the names of a table's key."""
    return [column.name for column in TABLES[table].primary_key]


def write_rows(
    connection: Connection, table: str, rows: dict[RowKey, AcceptedRow], day: Day
) -> tuple[set[RowKey], set[RowKey]]:
    """Insert what is new and update what differs; return the keys of each."""
    if not rows:
        return set(), set()
    into, names = TABLES[table], key_of(table)
    keys = [into.c[name] for name in names]
    ended = into.c.ended if "ended" in into.c else null()
    there = select(*keys, ended).where(in_list(connection, keys[0], {key[0] for key in rows}))
    before = {tuple(key): why for *key, why in connection.execute(there)}
    new, values = _all_of_them(connection, into, _values(connection, rows.values(), day))
    change = {column.name: new.excluded[column.name] for column in into.c if not column.primary_key}
    change |= first_end(into, new.excluded)
    upsert = new.on_conflict_do_update(
        index_elements=names,
        set_=change,
        where=or_(*(into.c[name].is_distinct_from(value) for name, value in change.items())),
    ).returning(*keys)
    written = {tuple(key) for key in connection.execute(upsert, values)}
    _reopened(connection, table, {key for key in written if before.get(key) == GONE})
    return written - before.keys(), written & before.keys()


def _values(connection: Connection, rows: Iterable[AcceptedRow], day: Day) -> list[dict[str, Any]]:
    facts = [row.fact for row in rows]
    products = {fact.product_id for fact in facts if isinstance(fact, LineRow)}
    virtual = virtual_among(connection, products) if products else set[str]()
    return [as_stored(fact, day.begins, virtual) for fact in facts]


def _reopened(connection: Connection, table: str, keys: set[RowKey]) -> None:
    """Count what the source names again as gone no more."""
    if keys:
        lines = len(keys) if table == "lines" else lines_of(connection, {key[0] for key in keys})
        add_to_counters(connection, {GONE_LINES: -lines})


def _all_of_them(connection: Connection, into: Table, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Return the INSERT of many rows, and what to execute it with.

    PostgreSQL takes an array a column: a thousand rows of placeholders cost it, and its client, several times as much.
    """
    new = insert(connection, into)
    if is_sqlite(connection):
        return new, rows
    columns = [into.c[name] for name in rows[0]]
    arrays = [func.unnest(bindparam(f"all_{one.name}", type_=ARRAY(one.type))) for one in columns]
    return new.from_select(columns, select(*arrays)), {
        f"all_{one.name}": [row[one.name] for row in rows] for one in columns
    }
