"""The ledger's database: how to open it, and how to bring it up to date."""

import importlib.resources
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from models.errors import ForewarnError

BUSY_SECONDS = 60
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_SECONDS * 1000}", "cache_size=-16384")
MIGRATION_LOCK = 7_461_235


def connect(url: str) -> Engine:
    """Open the ledger; SQLite in WAL mode, where a second writer waits up to BUSY_SECONDS. Raises ForewarnError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ForewarnError(f"FOREWARN_DATABASE_URL is no database address: {error}") from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _tune)
    event.listen(engine, "begin", _begin)
    return engine


def _tune(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that begins as a reader and turns writer fails at once when another wrote in between; one that
    # begins as a writer waits its turn.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads, beside any writer."""
    with engine.connect().execution_options(reading=True) as connection:
        yield connection


def migrate(engine: Engine) -> bool:
    """Bring the ledger's tables up to the code's version, one process at a time; say whether there was anything to do.

    Raises ForewarnError where the database is newer than the code, or away.
    """
    try:
        if version(engine) == newest():
            return False
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            found = MigrationContext.configure(connection).get_current_revision()
            if found == newest():
                return False
            _known(found)
            command.upgrade(_config(connection), "head")
    except OperationalError as error:
        raise ForewarnError(f"the ledger's database cannot be reached: {_first_line(error)}") from error
    return True


def _known(found: str | None) -> None:
    if found is not None and found not in {script.revision for script in _scripts().walk_revisions()}:
        raise ForewarnError(f"the ledger is at version {found}, which unknown to this Forewarn: install the newer one")


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
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
