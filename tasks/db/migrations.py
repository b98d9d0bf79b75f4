"""Bring the ledger's tables up to the version of the code, with Alembic.

Alembic is imported where tables change: a command compares two versions at its start, and hardly ever needs more.
"""

import importlib.resources
import re
from functools import cache
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from sqlalchemy import (
    Connection,
    Engine,
    inspect,
    text,
)

from models.errors import ForewarnError
from tasks.db.engine import translate_connection_errors
from tasks.db.sql import AdvisoryLock, is_sqlite, lock, read_only

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATION_FILE = re.compile(r"(\d{4})_\w+\.py")
"""The name of a migration begins with its version."""


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
            current = _current(connection)
            if current == newest():
                return False
            check_known(current)
            from alembic import command

            command.upgrade(_config(connection), "head")
    return True


def check_known(current: str | None) -> None:
    """Raise ForewarnError for a version of the ledger's tables that this code does not know."""
    if current is not None and current not in _versions():
        raise ForewarnError(f"the ledger is at version {current}: install the newer Forewarn that knows it")


def version(engine: Engine) -> str | None:
    """Return the version of the ledger's tables; None where there are none yet."""
    with read_only(engine) as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    current: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return current


def newest() -> str:
    """Return the version of the tables that this code needs."""
    return max(_versions())


@cache
def _versions() -> frozenset[str]:
    """Return the versions that this code knows, by the names of the migrations' files."""
    names = (file.name for file in (_folder() / "versions").iterdir())
    return frozenset(name[1] for name in map(_MIGRATION_FILE.fullmatch, names) if name)


def _folder() -> Traversable:
    return importlib.resources.files("models") / "migrations"


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_folder()))
    config.attributes["connection"] = connection
    return config
