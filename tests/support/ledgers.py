"""New ledgers on SQLite: the migrations run once for each process, and each ledger is a copy of their result."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from models.private_files import write_private
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.sql import is_sqlite

_RUN_MIGRATIONS = command.upgrade


def sqlite_ledger(file: Path) -> str:
    """Write a migrated ledger without a row; return its address."""
    write_private(file, _migrated()[0])
    return f"sqlite:///{file}"


@contextmanager
def copied_migrations() -> Iterator[None]:
    """Let `migrate` fill an empty SQLite file with the tables that the migrations end in, and run none of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "upgrade", _upgrade)
        yield


def _upgrade(config: Config, revision: str) -> None:
    connection = config.attributes["connection"]
    if revision != "head" or not is_sqlite(connection) or inspect(connection).get_table_names():
        return _RUN_MIGRATIONS(config, revision)
    for statement in _migrated()[1]:
        connection.exec_driver_sql(statement)
    return None


@cache
def _migrated() -> tuple[bytes, list[str]]:
    """Return a migrated ledger as a file and as the statements that make it."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "upgrade", _RUN_MIGRATIONS)
        file = Path(folder) / "ledger.db"
        engine = connect(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()  # closing the last connection moves the write-ahead log into the file
        content = file.read_bytes()
        with closing(sqlite3.connect(file)) as connection:
            return content, [one for one in connection.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;")]
