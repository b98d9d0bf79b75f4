"""Read a shop's own database: SQLAlchemy runs its SELECTs in read-only transactions."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, create_engine
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from models.config.database_url import database_address
from models.errors import BadShop, ForewarnError
from sources.connectors.queries import Select, check_columns, to_rows
from sources.rows import Row

BATCH = 5_000
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
# The statement that makes a database refuse writes. SQLite is opened read-only instead.
READ_ONLY_STATEMENTS = {
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}

# Read-only mode protects the shop's file alone: VACUUM INTO and ATTACH could still write other files.
ALLOWED_ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
ALLOWED_ACTIONS |= {sqlite3.SQLITE_TRANSACTION}
NOT_ALLOWED_MESSAGES = ("authoriz", "prohibited")


class Database:
    """A connector to the shop's own database. It streams rows and cannot write."""

    def __init__(self, url: str) -> None:
        try:
            self.engine = create_engine(
                _read_only_url(database_address(url, "FOREWARN_SOURCE_URL")), hide_parameters=True
            )
        except BadShop:
            raise
        except ForewarnError as error:
            raise BadShop(str(error)) from error
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise BadShop(f"FOREWARN_SOURCE_URL is no address of a database that can be read: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def rows(self, select: Select) -> Iterator[Row]:
        """Yield the rows of a SELECT. Raises BadShop."""
        try:
            with self.engine.connect() as connection:
                result = self._run(connection, select)
                names = check_columns(select, list(result.keys()))
                yield from to_rows(select, names, map(tuple, result))
        except SQLAlchemyError as error:
            message = " ".join(str(getattr(error, "orig", None) or error).split())
            if self.engine.dialect.name == "sqlite" and any(part in message for part in NOT_ALLOWED_MESSAGES):
                message = f"one SELECT is right, that only reads ({message})"
            raise BadShop(f"{select.file}: {message}") from error

    def _run(self, connection: Connection, select: Select) -> CursorResult[Any]:
        if (read_only := READ_ONLY_STATEMENTS.get(connection.dialect.name)) is not None:
            connection.exec_driver_sql(read_only)
        if isinstance(lite := connection.connection.dbapi_connection, sqlite3.Connection):
            lite.set_authorizer(_authorize_reads)
        # no_parameters: a percent sign in the SELECT is not a placeholder.
        options = {"stream_results": True, "yield_per": BATCH, "no_parameters": True}
        result = connection.exec_driver_sql(select.sql, execution_options=options)
        if not result.returns_rows:
            raise BadShop(f"{select.file}: one SELECT is right")
        return result


def _authorize_reads(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    # Reading a full-text table needs data_version. load_extension could run any program.
    reads = action == sqlite3.SQLITE_PRAGMA and first == "data_version" and second is None
    loads = action == sqlite3.SQLITE_FUNCTION and second == "load_extension"
    return sqlite3.SQLITE_OK if (action in ALLOWED_ACTIONS and not loads) or reads else sqlite3.SQLITE_DENY


def _read_only_url(url: URL) -> URL:
    if url.drivername in DRIVERS:
        url = url.set(drivername=DRIVERS[url.drivername])
    if url.get_backend_name() == "sqlite" and url.database:
        file = Path(url.database.removeprefix("file:"))
        if not file.is_file():
            raise BadShop(f"FOREWARN_SOURCE_URL: there is no SQLite file {file}")
        url = url.set(database=f"file:{file}").update_query_dict({"mode": "ro", "uri": "true"})
    return url
