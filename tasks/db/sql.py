"""TODO."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    any_,
    bindparam,
    collate,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite


class AdvisoryLock(IntEnum):
    """What one process does at a time, the others waiting; the numbers are PostgreSQL's advisory locks."""

    MIGRATE = 7_461_235
    IMPORT = 7_461_236
    JUDGE = 7_461_237
    ALLOCATE = 7_461_238


@contextmanager
def read_only(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads, beside any writer: the ledger as it stands when the first query asks."""
    snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**{"reading": True} if is_sqlite(connection) else snapshot)


def is_sqlite(connection: Connection) -> bool:
    """Say whether one transaction writes at a time anyway."""
    return connection.dialect.name == "sqlite"


def lock(connection: Connection, turn: AdvisoryLock) -> None:
    """Wait until no other transaction has this turn, and keep it until the end of this one."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(turn)))


def lock_ordered(connection: Connection, key: Column[Any], which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of an UPDATE of many rows that locks them in the order in which Python sorts their keys.

    All transactions lock in that order: those that meet wait for one another in a row, never in a circle.
    """
    if is_sqlite(connection):
        return which
    return key.in_(select(key).where(which).order_by(collate(key, "C")).with_for_update())


def in_list(connection: Connection, column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of many values: on PostgreSQL an array, and not a placeholder each."""
    if is_sqlite(connection):
        return column.in_(values)
    return column == any_(bindparam(None, list(values), type_=postgresql.ARRAY(column.type), unique=True))


def id_range(column: Column[Any], after: str, last: str) -> ColumnElement[bool]:
    """Return the condition of a page of ids: of those that follow one, up to the last."""
    return and_(column > after, column <= last)


def insert(connection: Connection, table: Any) -> Any:
    """Return the dialect's INSERT, which can say what to do on a conflict."""
    return sqlite.insert(table) if is_sqlite(connection) else postgresql.insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], **but: Any) -> None:
    """Insert rows, and bring those whose key is there already to what they say now, all columns of them.

    `but` gives columns another SQL: in it the table's own columns are the old values, `insert(...).excluded` the new.
    """
    if rows:
        new = insert(connection, table)
        others = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
        keys = [column.name for column in table.primary_key]
        connection.execute(new.on_conflict_do_update(index_elements=keys, set_=others | but), list(rows))
