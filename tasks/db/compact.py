"""Rewrite a SQLite ledger, so that nothing that was deleted stays in its file."""

import sqlite3
from contextlib import closing

from sqlalchemy import Engine


def compact(engine: Engine) -> bool | None:
    """Rewrite the file and empty its log; return False where another process kept it busy, None on PostgreSQL.

    The rewriting needs as much free space again as the ledger has.
    """
    if engine.dialect.name != "sqlite":
        return None
    with closing(engine.raw_connection()) as connection:
        try:
            connection.cursor().execute("VACUUM")
            ((is_busy, *_),) = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError:
            return False
        return not is_busy
