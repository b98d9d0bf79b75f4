"""Bring the ledger's tables up to the version of the code, with Alembic."""

import importlib.resources
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Connection,
    Engine,
    text,
)

from models.errors import ForewarnError
from tasks.db.engine import translate_connection_errors
from tasks.db.sql import AdvisoryLock, is_sqlite, lock, read_only


def migrate(engine: Engine) -> bool:
    """Bring the ledger's tables up to the code's version, one process at a time. Return False where they already are.

    Raises ForewarnError where the database is newer than the code, or cannot be reached.
    """
    with translate_connection_errors():
        if version(engine) == newest():
            return False
        with engine.begin() as connection:
            if not is_sqlite(connection):
                connection.execute(text("SET LOCAL lock_timeout = 0"))
            lock(connection, AdvisoryLock.MIGRATE)
            current = MigrationContext.configure(connection).get_current_revision()
            if current == newest():
                return False
            check_known(current)
            command.upgrade(_config(connection), "head")
    return True


def check_known(current: str | None) -> None:
    """Raise ForewarnError for a version of the ledger's tables that this code does not know."""
    if current is not None and current not in {script.revision for script in _scripts().walk_revisions()}:
        raise ForewarnError(f"the ledger is at version {current}: install the newer Forewarn that knows it")


def version(engine: Engine) -> str | None:
    """Return the version of the ledger's tables; None where there are none yet."""
    with read_only(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def newest() -> str | None:
    """Return the version of the tables that this code needs; read from the migrations once for each process."""
    return _scripts().get_current_head()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("models") / "migrations"))
    config.attributes["connection"] = connection
    return config
