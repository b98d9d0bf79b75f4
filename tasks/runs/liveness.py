"""Tell which runs are alive: a run holds a lock until it ends, and the system frees the lock of a process that died."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from tasks.db.sql import is_sqlite


@contextmanager
def hold_run_lock(engine: Engine, run: str) -> Iterator[None]:
    """Hold the lock that shows other runs of the same ledger that this run is alive."""
    if engine.dialect.name == "sqlite":
        file = _lock_file(engine, run)
        with file.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            try:
                yield
            finally:
                file.unlink(missing_ok=True)
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(select(func.pg_advisory_lock(_lock_key(run))))
        connection.detach()  # a connection returned to the pool would keep the lock
        yield


def is_run_alive(connection: Connection, run: str) -> bool:
    """Return whether a run is still in progress."""
    if not is_sqlite(connection):
        return not connection.execute(select(func.pg_try_advisory_xact_lock_shared(_lock_key(run)))).scalar_one()
    file = _lock_file(connection.engine, run)
    try:
        with file.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    file.unlink(missing_ok=True)
    return False


def _lock_file(engine: Engine, run: str) -> Path:
    return Path(f"{engine.url.database}-run-{run}")


def _lock_key(run: str) -> ColumnElement[int]:
    return func.hashtextextended(run, 0)
