"""Make the engines of tests cheap: hundreds are opened in one process, where a user's process opens one."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Dialect, Engine, Pool, event

from tasks.db.engine import OPENED_BY

_DIALECTS: dict[str, Dialect] = {}
_STATEMENTS: dict[Any, Any] = {}
"""Compiled statements; their keys tell dialects apart."""
_POOLS: dict[URL, Pool] = {}
"""Connections that a test leaves to the next one. A new one costs more than most tests: its server knows no table."""


def make_engines_cheap() -> None:
    """Let each engine that `connect` opens reuse the statements compiled before, and no SQLite file wait for a disk."""
    for name, opened_by in OPENED_BY.items():
        OPENED_BY[name] = lambda url, opened_by=opened_by: _cheap(opened_by(url))


@contextmanager
def kept_connections(engine: Engine) -> Iterator[None]:
    """Let all engines of a URL use the connections of one, which stay open until it is disposed of."""
    _POOLS[engine.url] = engine.pool
    try:
        yield
    finally:
        del _POOLS[engine.url]


def _cheap(engine: Engine) -> Engine:
    if (pool := _POOLS.get(engine.url)) is not None:
        engine.pool, engine.dispose = pool, _keep  # type: ignore[method-assign]
    engine.update_execution_options(compiled_cache=_STATEMENTS)
    if (known := _DIALECTS.get(engine.name)) is not None:
        engine.dialect = known
    else:  # a dialect knows its server only after it has connected
        event.listen(engine, "connect", lambda *_: _DIALECTS.setdefault(engine.name, engine.dialect))
    if engine.name == "sqlite":
        event.listen(engine, "connect", _skip_sync)
    return engine


def _keep(close: bool = True) -> None:
    """Close no connection."""


def _skip_sync(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # a process may be killed; that the machine fails is not tested
