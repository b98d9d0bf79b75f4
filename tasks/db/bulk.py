"""Insert many rows at once: by COPY on PostgreSQL, and by one prepared statement on SQLite."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Column, Connection, Table
from sqlalchemy.exc import DBAPIError

from tasks.db.sql import insert, is_sqlite

Row = Mapping[str, Any]
MIN_COPIED_ROWS = 50
"""With fewer rows, COPY and the statements around it take longer than a plain INSERT."""
STAGED = "bulk_rows"
"""The temporary table of rows whose keys may exist already."""
CREATE = "CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"
COPY = "COPY {table} ({names}) FROM STDIN"
INSERT = "INSERT INTO {table} ({names}) SELECT {names} FROM {staged} ON CONFLICT DO NOTHING"
INSERT_ON_SQLITE = "INSERT INTO {table} ({names}) VALUES ({marks})"


def bulk_insert(connection: Connection, table: Table, rows: Sequence[Row], *, ignore_conflicts: bool = True) -> None:
    """Insert rows that all have the same columns. Leave out those whose key exists, unless told otherwise.

    Columns that the rows do not have get their defaults. Raises the same errors as `connection.execute`.
    """
    if not rows:
        return
    if len(rows) < MIN_COPIED_ROWS or _has_computed_defaults(table, rows[0]):
        new = insert(connection, table)
        connection.execute(new.on_conflict_do_nothing() if ignore_conflicts else new, list(rows))
    elif is_sqlite(connection):
        _insert_prepared(connection, table, rows, ignore_conflicts=ignore_conflicts)
    else:
        _insert_copied(connection, table, rows, ignore_conflicts=ignore_conflicts)


def _insert_prepared(connection: Connection, table: Table, rows: Sequence[Row], *, ignore_conflicts: bool) -> None:
    columns = _columns(table, rows[0])
    quote = connection.dialect.identifier_preparer.quote
    statement = INSERT_ON_SQLITE.format(
        table=quote(table.name),
        names=", ".join(quote(column.name) for column in columns),
        marks=", ".join("?" for _ in columns),
    )
    if ignore_conflicts:
        statement += " ON CONFLICT DO NOTHING"
    with _errors_of_sqlalchemy(connection, statement):
        values = [_bound(connection, column, rows, default) for column, default in columns.items()]
        connection.exec_driver_sql(statement, list(zip(*values, strict=True)))


def _insert_copied(connection: Connection, table: Table, rows: Sequence[Row], *, ignore_conflicts: bool) -> None:
    columns = _columns(table, rows[0])
    names = {
        "table": sql.Identifier(table.name),
        "staged": sql.Identifier(STAGED),
        "names": sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    }
    if not ignore_conflicts:
        _copy(connection, sql.SQL(COPY).format(**names), columns, rows)
        return
    # COPY has no ON CONFLICT.
    connection.exec_driver_sql(sql.SQL(CREATE).format(**names).as_string())
    _copy(connection, sql.SQL(COPY).format(**names | {"table": names["staged"]}), columns, rows)
    connection.exec_driver_sql(sql.SQL(INSERT).format(**names).as_string())
    connection.exec_driver_sql(sql.SQL("DROP TABLE {staged}").format(**names).as_string())


def _has_computed_defaults(table: Table, row: Row) -> bool:
    return any(column.default is not None and not column.default.is_scalar for column in _missing(table, row))


def _missing(table: Table, row: Row) -> list[Column[Any]]:
    return [column for column in table.c if column.name not in row]


def _columns(table: Table, row: Row) -> dict[Column[Any], Any]:
    """Return the columns to write, and the values of those that the rows do not have."""
    missing: list[Any] = _missing(table, row)
    defaults = {column: column.default.arg for column in missing if column.default is not None}
    return {table.c[name]: None for name in row} | defaults


def _copy(
    connection: Connection, statement: sql.Composed, columns: Mapping[Column[Any], Any], rows: Sequence[Row]
) -> None:
    values = [_bound(connection, column, rows, default) for column, default in columns.items()]
    driver: Any = connection.connection.driver_connection
    errors = _errors_of_sqlalchemy(connection, statement.as_string())
    with errors, driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in zip(*values, strict=True):
            copy.write_row(row)


def _bound(connection: Connection, column: Column[Any], rows: Sequence[Row], default: Any) -> Iterable[Any]:
    """Return the values of a column as the driver gets them."""
    values = [row.get(column.name, default) for row in rows]
    processor = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return values if processor is None else map(processor, values)


@contextmanager
def _errors_of_sqlalchemy(connection: Connection, statement: str) -> Iterator[None]:
    """Raise errors of the driver and of values as SQLAlchemy does, and give up a connection that is broken."""
    dialect: Any = connection.dialect
    try:
        yield
    except (psycopg.Error, ValueError) as error:
        broken = isinstance(error, psycopg.Error) and dialect.is_disconnect(
            error, connection.connection.dbapi_connection, None
        )
        if broken:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=broken,
            dialect=dialect,
        ) from error
