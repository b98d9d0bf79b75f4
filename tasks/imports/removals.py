"""Remove stock, open deliveries and parcels that a shop's source no longer has."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, select, update

from sources.deduplicate import DeduplicatedReader, RowKey
from tasks.db.sql import in_list
from tasks.imports.session import ImportSession
from tasks.orders.due import mark_orders_due
from tasks.tables import INBOUNDS, SHIPMENTS, STOCKS

REMOVAL_RULES: Mapping[str, tuple[Table, ColumnElement[bool], Callable[[Table], Any]]] = {
    "stock": (STOCKS, STOCKS.c.on_hand != 0, lambda table: update(table).values(on_hand=0, allocated=0)),
    "inbound": (INBOUNDS, INBOUNDS.c.received_at.is_(None), delete),
}
"""For each table that a source has whole: which rows count, and the statement that removes one.

A received delivery stays: it is part of its vendor's history.
"""


def remove_missing_goods(session: ImportSession, table: str, reader: DeduplicatedReader) -> int:
    """Remove stock or open deliveries that the source does not have. Return how many rows.

    Call it only when the whole table was read and no row was rejected.
    """
    target, counts, removal = REMOVAL_RULES[table]
    keys = list(target.primary_key)

    def remove_page(connection: Connection, page: Sequence[RowKey]) -> int:
        missing = sorted(set(page) - reader.known_keys(page))
        _execute_for_keys(connection, removal(target), keys, missing)
        mark_orders_due(connection, table, set(), set(missing), session.day.as_of, session.day.end)
        return len(missing)

    return session.for_each_page(select(*keys).where(counts), keys, remove_page)


def remove_missing_parcels(session: ImportSession, reader: DeduplicatedReader) -> int:
    """Delete parcels that the source does not have, of orders for which it has another parcel. Return how many rows.

    An order without any parcel in the source keeps its parcels: the SELECT may return only the newest ones.
    """
    keys = list(SHIPMENTS.primary_key)

    def remove_page(connection: Connection, page: Sequence[RowKey]) -> int:
        of_orders = select(*keys).where(in_list(connection, SHIPMENTS.c.order_id, {order for order, *_ in page}))
        stored = {tuple(row) for row in connection.execute(of_orders)}
        known = reader.known_keys(stored)
        orders_with_parcels = {order for order, *_ in known}
        missing = sorted(key for key in stored - known if key[0] in orders_with_parcels)
        if missing:
            _execute_for_keys(connection, delete(SHIPMENTS), keys, missing)
            mark_orders_due(connection, "shipments", set(), set(missing), session.day.as_of, session.day.end)
        return len(missing)

    return session.for_each_page(select(*keys), keys, remove_page)


def _execute_for_keys(
    connection: Connection, statement: Any, key_columns: Sequence[ColumnElement[Any]], keys: Sequence[RowKey]
) -> None:
    if not keys:
        return
    names = [f"key_{column.name}" for column in key_columns]
    by_key = (column == bindparam(name) for column, name in zip(key_columns, names, strict=True))
    connection.execute(statement.where(*by_key), [dict(zip(names, key, strict=True)) for key in keys])
