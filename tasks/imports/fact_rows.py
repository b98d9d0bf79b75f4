"""Write the rows of a shop's facts: insert new ones and update those that differ."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, null, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from sources.contract import LineRow
from sources.deduplicate import RowKey
from sources.rows import AcceptedRow
from tasks.db.counters import add_to_counters
from tasks.db.sql import in_list, insert, is_sqlite
from tasks.imports.endings import GONE, count_uncancelled_lines, find_virtual_products, keep_first_cancelled_at, to_row
from tasks.imports.missing_orders import GONE_LINES
from tasks.imports.session import ImportDay
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


def key_columns(table: str) -> list[str]:
    """Return the names of a table's key columns."""
    return [column.name for column in TABLES[table].primary_key]


def write_rows(
    connection: Connection, table: str, rows: dict[RowKey, AcceptedRow], day: ImportDay
) -> tuple[set[RowKey], set[RowKey]]:
    """Insert the new rows and update those that differ. Return the keys of the inserted and of the updated rows."""
    if not rows:
        return set(), set()
    target, names = TABLES[table], key_columns(table)
    keys = [target.c[name] for name in names]
    ended = target.c.ended if "ended" in target.c else null()
    stored = select(*keys, ended).where(in_list(connection, keys[0], {key[0] for key in rows}))
    end_reasons = {tuple(key): reason for *key, reason in connection.execute(stored)}
    new, values = _insert_many(connection, target, _to_rows(connection, rows.values(), day))
    changes = {column.name: new.excluded[column.name] for column in target.c if not column.primary_key}
    changes |= keep_first_cancelled_at(target, new.excluded)
    upsert = new.on_conflict_do_update(
        index_elements=names,
        set_=changes,
        where=or_(*(target.c[name].is_distinct_from(value) for name, value in changes.items())),
    ).returning(*keys)
    written = {tuple(key) for key in connection.execute(upsert, values)}
    _uncount_gone_lines(connection, table, {key for key in written if end_reasons.get(key) == GONE})
    return written - end_reasons.keys(), written & end_reasons.keys()


def _to_rows(connection: Connection, rows: Iterable[AcceptedRow], day: ImportDay) -> list[dict[str, Any]]:
    facts = [row.fact for row in rows]
    products = {fact.product_id for fact in facts if isinstance(fact, LineRow)}
    virtual = find_virtual_products(connection, products) if products else set[str]()
    return [to_row(fact, day.start, virtual) for fact in facts]


def _uncount_gone_lines(connection: Connection, table: str, keys: set[RowKey]) -> None:
    """Take lines that the source has again off the counter of gone lines."""
    if keys:
        lines = len(keys) if table == "lines" else count_uncancelled_lines(connection, {key[0] for key in keys})
        add_to_counters(connection, {GONE_LINES: -lines})


def _insert_many(connection: Connection, target: Table, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Return the INSERT of many rows, and its parameters.

    On PostgreSQL each column is one array: a placeholder for each value of a thousand rows takes several times as long.
    """
    new = insert(connection, target)
    if is_sqlite(connection):
        return new, rows
    columns = [target.c[name] for name in rows[0]]
    arrays = [func.unnest(bindparam(f"all_{column.name}", type_=ARRAY(column.type))) for column in columns]
    return new.from_select(columns, select(*arrays)), {
        f"all_{column.name}": [row[column.name] for row in rows] for column in columns
    }
