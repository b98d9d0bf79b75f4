"""Make the engines of tests cheap: hundreds are opened in one process, where a user's process opens one."""

import sqlite3
from typing import Any

from sqlalchemy import Dialect, Engine, event

from tasks.db.engine import OPENED_BY

_DIALECTS: dict[str, Dialect] = {}
_STATEMENTS: dict[Any, Any] = {}
"""Compiled statements; their keys tell dialects apart."""


def make_engines_cheap() -> None:
    """Let each engine that `connect` opens reuse the statements compiled before, and no SQLite file wait for a disk."""
    for name, opened_by in OPENED_BY.items():
        OPENED_BY[name] = lambda url, opened_by=opened_by: _cheap(opened_by(url))


def _cheap(engine: Engine) -> Engine:
    engine.update_execution_options(compiled_cache=_STATEMENTS)
    if (known := _DIALECTS.get(engine.name)) is not None:
        engine.dialect = known
    else:  # a dialect knows its server only after it has connected
        event.listen(engine, "connect", lambda *_: _DIALECTS.setdefault(engine.name, engine.dialect))
    if engine.name == "sqlite":
        event.listen(engine, "connect", _skip_sync)
    return engine


def _skip_sync(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # a process may be killed; that the machine fails is not tested
