"""The ledger's database: how to open it, and how to bring it up to date."""

import importlib.resources
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    any_,
    bindparam,
    collate,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from models.addresses import database_address
from models.errors import ForewarnError
from models.private_files import private_file
from tasks.shards import place_of

BUSY_SECONDS = 60
PRAGMAS = ("synchronous=NORMAL", f"busy_timeout={BUSY_SECONDS * 1000}", "cache_size=-16384")
THREADS = 32
"""How many threads may use one engine at once: those of `asyncio.to_thread`."""
KEPT = 4
"""Connections kept open between uses; most deeds come one at a time, and a server counts its connections."""
SERVER_SETTINGS = {
    "application_name": "forewarn",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # No provider is called inside a transaction: one that idles is a process that hangs, and keeps others waiting.
    "options": f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout=300s",
}
"""What PostgreSQL is asked for on connecting; the address may say otherwise, as in `?connect_timeout=3`."""


class Turn(IntEnum):
    """What one process does at a time, the others waiting; the numbers are PostgreSQL's advisory locks."""

    MIGRATE = 7_461_235
    IMPORT = 7_461_236
    JUDGE = 7_461_237
    ALLOCATE = 7_461_238


def connect(url: str) -> Engine:
    """Open the ledger, whose faults never show what was being written. Raises ForewarnError.

    SQLite runs in WAL mode, where a second writer waits up to BUSY_SECONDS.
    """
    parsed = database_address(url, "FOREWARN_DATABASE_URL")
    backend = parsed.get_backend_name()
    if backend not in OPENED_BY:
        raise ForewarnError(f"FOREWARN_DATABASE_URL names {backend}: postgresql://... or sqlite:///... is right")
    return OPENED_BY[backend](parsed)


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in SERVER_SETTINGS.items() if name not in url.query},
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=KEPT,
        max_overflow=THREADS - KEPT,
    )


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:" and Path(url.database).parent.is_dir():
        private_file(Path(url.database))
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _tune)
    event.listen(engine, "begin", _begin)
    return engine


OPENED_BY: dict[str, Callable[[URL], Engine]] = {"postgresql": _postgresql, "postgres": _postgresql, "sqlite": _sqlite}


def _tune(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None
    _write_ahead(connection)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function(place_of.__name__, 1, place_of, deterministic=True)


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Here alone SQLite does not wait by itself: of two processes that open a new file at once, one was turned away.
    over = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > over:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A transaction that begins as a reader and turns writer fails at once when another wrote in between; one that
    # begins as a writer waits its turn.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads, beside any writer: the ledger as it stands when the first query asks."""
    snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**{"reading": True} if is_sqlite(connection) else snapshot)


def is_sqlite(connection: Connection) -> bool:
    """Say whether one transaction writes at a time anyway."""
    return connection.dialect.name == "sqlite"


def alone(connection: Connection, turn: Turn) -> None:
    """Wait until no other transaction has this turn, and keep it until the end of this one."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(turn)))


def in_order(connection: Connection, key: Column[Any], which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of an UPDATE of many rows that locks them in the order in which Python sorts their keys.

    All transactions lock in that order: those that meet wait for one another in a row, never in a circle.
    """
    if is_sqlite(connection):
        return which
    return key.in_(select(key).where(which).order_by(collate(key, "C")).with_for_update())


def among(connection: Connection, column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of many values: on PostgreSQL an array, and not a placeholder each."""
    if is_sqlite(connection):
        return column.in_(values)
    return column == any_(bindparam(None, list(values), type_=postgresql.ARRAY(column.type), unique=True))


def within(column: Column[Any], after: str, last: str) -> ColumnElement[bool]:
    """Return the condition of a page of ids: of those that follow one, up to the last."""
    return and_(column > after, column <= last)


def migrate(engine: Engine) -> bool:
    """Bring the ledger's tables up to the code's version, one process at a time; say whether there was anything to do.

    Raises ForewarnError where the database is newer than the code, or away.
    """
    with reachable():
        if version(engine) == newest():
            return False
        with engine.begin() as connection:
            if not is_sqlite(connection):
                connection.execute(text("SET LOCAL lock_timeout = 0"))
            alone(connection, Turn.MIGRATE)
            found = MigrationContext.configure(connection).get_current_revision()
            if found == newest():
                return False
            check_known(found)
            command.upgrade(_config(connection), "head")
    return True


@contextmanager
def reachable() -> Iterator[None]:
    """Say in one sentence that the database is away, where it is; raises ForewarnError."""
    try:
        yield
    except OperationalError as error:
        raise ForewarnError(f"the ledger's database cannot be reached: {_first_line(error)}") from error


def check_known(found: str | None) -> None:
    """Refuse a version of the ledger's tables that this code has never heard of; raises ForewarnError."""
    if found is not None and found not in {script.revision for script in _scripts().walk_revisions()}:
        raise ForewarnError(f"the ledger is at version {found}: install the newer Forewarn, which knows it")


def version(engine: Engine) -> str | None:
    """Return the version of the ledger's tables; None where there are none yet."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """Return the version of the tables that this code wants."""
    return _scripts().get_current_head()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("models") / "migrations"))
    config.attributes["connection"] = connection
    return config


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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
