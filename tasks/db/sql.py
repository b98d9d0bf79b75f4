"""SQL that differs between SQLite and PostgreSQL: locks, upserts, lists of values, read-only connections."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from enum import IntEnum
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    collate,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine


class AdvisoryLock(IntEnum):
    """Work that one process does at a time while others wait; the numbers are keys of PostgreSQL's advisory locks."""

    MIGRATE = 7_461_235
    IMPORT = 7_461_236
    GUARDRAILS = 7_461_237
    ALLOCATE = 7_461_238
    COUNT_SETTLED = 7_461_239
    CALLBACKS = 7_461_240
    SIGN_IN = 7_461_241
    VERSIONS = 7_461_242


@contextmanager
def read_only(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads, beside any writer; all its queries see the ledger as the first one does."""
    snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**{"reading": True} if is_sqlite(connection) else snapshot)


def is_sqlite(connection: Connection) -> bool:
    """Return True for SQLite, where one transaction writes at a time."""
    return connection.dialect.name == "sqlite"


def lock(connection: Connection, advisory_lock: AdvisoryLock) -> None:
    """Wait until no other transaction has this lock, and keep it until the end of this one."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(advisory_lock)))


def lock_ordered(connection: Connection, key: Column[Any], which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of an UPDATE of many rows that locks them in the order of their keys, as Python sorts them.

    All transactions lock in this order, so that no two of them wait for each other.
    """
    if is_sqlite(connection):
        return which
    return key.in_(select(key).where(which).order_by(collate(key, "C")).with_for_update())


def in_list(connection: Connection, column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of many values; PostgreSQL gets them as one array."""
    if is_sqlite(connection):
        return column.in_(values)
    return column == any_(bindparam(None, list(values), type_=postgresql.ARRAY(column.type), unique=True))


def array_text(values: Sequence[str | bool | None]) -> str:
    """Return the value of an `array_parameter`; its texts have no control characters.

    The driver takes ten times as long to write a list. What remains of JSON's escapes is the same in an array.
    """
    return f"{{{orjson.dumps(values).decode()[1:-1]}}}"


def array_parameter(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return a parameter of PostgreSQL that is an array of values of one type."""
    return cast(bindparam(name, type_=Text), postgresql.ARRAY(kind))


def find_rows_by_keys(connection: Connection) -> None:
    """Have PostgreSQL find rows by their keys, in their order, for the rest of the transaction.

    After millions of rows have grown older or were deleted, statistics are wrong until the next autovacuum, and a
    statement for some hundred keys would read a whole table. And whatever they say, a page is not worth a sort.
    """
    if not is_sqlite(connection):
        plans = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort", "incremental_sort")
        connection.execute(select(*(func.set_config(f"enable_{plan}", "off", True) for plan in plans)))  # noqa: FBT003 - is_local


def update_statistics(connection: Connection, tables: Sequence[Table]) -> None:
    """Have PostgreSQL count what is in tables, of which many rows are new.

    Until then it takes them for nearly empty, and joins each row of one to each row of the other. Its autovacuum
    counts within minutes; the first run after an import does not wait that long. A table that is being vacuumed, or
    that belongs to another role, is left to those who do.
    """
    if tables and not is_sqlite(connection):
        names = map(connection.dialect.identifier_preparer.format_table, tables)
        connection.execute(text(f"ANALYZE (SKIP_LOCKED) {', '.join(names)}"))


def days_between(connection: Connection, first: ColumnElement[date], last: ColumnElement[date]) -> ColumnElement[int]:
    """Return how many days after a date another one is."""
    if is_sqlite(connection):
        return cast(func.julianday(last) - func.julianday(first), Integer)
    return type_coerce(last - first, Integer)


def id_range(column: Column[Any], after: str, last: str) -> ColumnElement[bool]:
    """Return the condition of a page of ids: above `after`, up to and including `last`."""
    return and_(column > after, column <= last)


def insert(connection: Connection, table: Any) -> Any:
    """Return the dialect's INSERT, which has `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return sqlite.insert(table) if is_sqlite(connection) else postgresql.insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], **expressions: Any) -> None:
    """Insert rows, and update all columns of those whose primary key exists.

    `expressions` set columns to an SQL expression instead: the table's columns are the old values in it, and
    `insert(...).excluded` the new ones.
    """
    if rows:
        new = insert(connection, table)
        new_values = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
        keys = [column.name for column in table.primary_key]
        connection.execute(new.on_conflict_do_update(index_elements=keys, set_=new_values | expressions), list(rows))
