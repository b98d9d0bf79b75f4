"""Open the ledger's database: SQLite or PostgreSQL."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
)
from sqlalchemy.exc import DisconnectionError, OperationalError

from models.config.database_url import database_address
from models.errors import ForewarnError
from models.private_files import private_file
from tasks.db.sharding import shard_slot

BUSY_SECONDS = 60
PRAGMAS = ("synchronous=NORMAL", f"busy_timeout={BUSY_SECONDS * 1000}", "cache_size=-16384")
THREADS = 32
"""Threads that may use one engine at once: those of `asyncio.to_thread`."""
POOL_SIZE = 4
"""Connections kept open between uses: most tasks run one at a time, and a server limits its connections."""
SERVER_SETTINGS = {
    "application_name": "forewarn",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # No provider is called inside a transaction: an idle one belongs to a process that hangs, and makes others wait.
    # A query of a page reads a few hundred rows: to compile it takes longer than to run it.
    "options": f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout=300s -c jit=off",
}
"""Settings of a PostgreSQL connection; the URL may override each, as in `?connect_timeout=3`."""


def connect(url: str) -> Engine:
    """Return an engine for the ledger at a URL; its errors never show the values written.

    SQLite runs in WAL mode, where a second writer waits up to BUSY_SECONDS. Raises ForewarnError for other databases.
    """
    parsed = database_address(url, "FOREWARN_DATABASE_URL")
    backend = parsed.get_backend_name()
    if backend not in OPENED_BY:
        raise ForewarnError(f"FOREWARN_DATABASE_URL names {backend}: postgresql://... or sqlite:///... is right")
    return OPENED_BY[backend](parsed)


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in SERVER_SETTINGS.items() if name not in url.query},
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=THREADS - POOL_SIZE,
    )
    event.listen(engine, "checkout", _replace_closed)
    return engine


def _replace_closed(connection: psycopg.Connection[Any], *_: object) -> None:
    # In place of SQLAlchemy's pre-ping, which asks the server: a tenth of a turn of delivery.
    try:
        connection.pgconn.consume_input()  # the server's last message
        connection.pgconn.consume_input()  # the end of the connection
    except psycopg.OperationalError as error:
        raise DisconnectionError("the server closed the connection") from error


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
    connection.create_function(shard_slot.__name__, 1, shard_slot, deterministic=True)


def _write_ahead(connection: sqlite3.Connection) -> None:
    # SQLite's busy timeout does not cover this: of two processes that open a new file at once, one gets an error.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A transaction that begins by reading and then writes fails at once when another has written in between; one that
    # begins as a writer waits for the other.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def translate_connection_errors() -> Iterator[None]:
    """Raise ForewarnError in place of an OperationalError: the database cannot be reached."""
    try:
        yield
    except OperationalError as error:
        raise ForewarnError(f"the ledger's database cannot be reached: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
