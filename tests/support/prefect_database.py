"""A database as a server of Prefect makes it at its first start: its hundred migrations take five seconds each time."""

import fcntl
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from tests.support.paths import ROOT

KEPT = ROOT / ".pytest_cache" / "prefect"
MIGRATE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def migrated_database() -> Path:
    """Return a database with the tables of this version of Prefect, made by the process that needs it first.

    A server that starts with a copy of it looks for migrations all the same, and finds none to do.
    """
    home = KEPT / version("prefect")
    home.mkdir(parents=True, exist_ok=True)
    made = home / "migrated.db"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _migrate(home / "prefect.db")
            (home / "prefect.db").rename(made)
    return made


def _migrate(database: Path) -> None:
    database.unlink(missing_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ours |= {
        "PREFECT_HOME": str(database.parent),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    subprocess.run([sys.executable, "-c", MIGRATE], env=ours, check=True, cwd=database.parent)  # noqa: S603 - our own
    # What it wrote ahead belongs into the file that is copied.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    migrated_database()
