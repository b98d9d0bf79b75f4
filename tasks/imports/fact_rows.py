"""Write the rows of a shop's facts: insert new ones and update those that differ."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from sources.contract import LineRow
from sources.deduplicate import RowKey
from sources.rows import AcceptedRow
from tasks.db.bulk import bulk_insert
from tasks.db.counters import add_to_counters
from tasks.db.sql import in_list, insert, is_sqlite
from tasks.imports.endings import GONE, count_uncancelled_lines, find_virtual_products, keep_first_cancelled_at, to_row
from tasks.imports.missing_orders import GONE_LINES
from tasks.imports.session import ImportDay
from tasks.tables import CUSTOMERS, INBOUNDS, ORDER_LINES, ORDERS, PRODUCTS, REDEMPTIONS, SHIPMENTS, STOCKS, VENDORS

TABLES: dict[str, Table] = {
    "customers": CUSTOMERS,
    "products": PRODUCTS,
    "orders": ORDERS,
    "lines": ORDER_LINES,
    "shipments": SHIPMENTS,
    "vendors": VENDORS,
    "stock": STOCKS,
    "inbound": INBOUNDS,
    "redemptions": REDEMPTIONS,
}

DIGEST = "source_digest"


class _Stored(NamedTuple):
    """Why a stored row ended, and the digest of the source's row that it was written from."""

    ended: str | None
    digest: int | None


def key_columns(table: str) -> list[str]:
    """Return the names of a table's key columns."""
    return [column.name for column in TABLES[table].primary_key]


def write_rows(
    connection: Connection, table: str, rows: dict[RowKey, AcceptedRow], day: ImportDay
) -> tuple[set[RowKey], set[RowKey]]:
    """Insert the new rows and update those that differ. Return the keys of the inserted and of the updated rows."""
    if not rows:
        return set(), set()
    target = TABLES[table]
    stored = _find_stored(connection, target, rows.keys())
    values = dict(zip(rows, _to_rows(connection, rows.values(), day), strict=True))
    inserted = rows.keys() - stored.keys()
    bulk_insert(connection, target, [values[key] for key in rows if key in inserted], ignore_conflicts=False)
    updated = _update_differing(connection, target, [values[key] for key in rows if key in stored])
    same = {key: rows[key].digest for key in stored.keys() - updated}
    _save_digests(connection, target, {key: new for key, new in same.items() if new != stored[key].digest})
    _uncount_gone_lines(connection, table, {key for key in updated if stored[key].ended == GONE})
    return inserted, updated


def _find_stored(connection: Connection, target: Table, keys: Collection[RowKey]) -> dict[RowKey, _Stored]:
    key_columns = list(target.primary_key)
    ended = target.c.ended if "ended" in target.c else null()
    query = select(*key_columns, ended, target.c[DIGEST]).where(
        in_list(connection, key_columns[0], {key[0] for key in keys})
    )
    stored = {tuple(key): _Stored(ended, digest) for *key, ended, digest in connection.execute(query)}
    return {key: stored[key] for key in keys if key in stored}


def _update_differing(connection: Connection, target: Table, rows: list[dict[str, Any]]) -> set[RowKey]:
    """Update the stored rows that differ. Return their keys."""
    if not rows:
        return set()
    keys = list(target.primary_key)
    new, values = _insert_many(connection, target, rows)
    changes = {column.name: new.excluded[column.name] for column in target.c if not column.primary_key}
    changes |= keep_first_cancelled_at(target, new.excluded)
    differs = or_(*(target.c[name].is_distinct_from(value) for name, value in changes.items() if name != DIGEST))
    upsert = new.on_conflict_do_update(index_elements=[key.name for key in keys], set_=changes, where=differs)
    return {tuple(key) for key in connection.execute(upsert.returning(*keys), values)}


def _to_rows(connection: Connection, rows: Collection[AcceptedRow], day: ImportDay) -> list[dict[str, Any]]:
    products = {row.fact.product_id for row in rows if isinstance(row.fact, LineRow)}
    virtual = find_virtual_products(connection, products) if products else set[str]()
    return [to_row(row.fact, day.start, virtual) | {DIGEST: row.digest} for row in rows]


def _save_digests(connection: Connection, target: Table, digests: Mapping[RowKey, int | None]) -> None:
    """Record the digests of rows whose facts have not changed: values spelt in another way, or a newer version."""
    if digests:
        keys = {column: f"key_{column.name}" for column in target.primary_key}
        by_key = (column == bindparam(name) for column, name in keys.items())
        rows = [dict(zip(keys.values(), key, strict=True)) | {"new": digest} for key, digest in digests.items()]
        connection.execute(update(target).where(*by_key).values({DIGEST: bindparam("new")}), rows)


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
