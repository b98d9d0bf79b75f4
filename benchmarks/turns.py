"""What the durable floor writes: two plain rows a mail, in tables without an index, one transaction a turn."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol

import psycopg

from tasks.db.engine import BUSY_SECONDS, PRAGMAS

TABLES = """
CREATE TABLE begun (id text NOT NULL, at timestamp NOT NULL);
CREATE TABLE ended (id text NOT NULL, reference text NOT NULL, at timestamp NOT NULL);
"""
SQLITE = "sqlite:///"


def create_turns(url: str) -> None:
    """Create the tables of turns in a database."""
    if url.startswith(SQLITE):
        with closing(sqlite3.connect(url.removeprefix(SQLITE))) as connection:
            # Here, as in a ledger's file, and not by each worker: of two that change it at once, one gets an error.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(TABLES)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(TABLES)


class Turns(Protocol):
    """A database in which turns are recorded."""

    def turn(self, ended: Sequence[tuple[str, str]], begun: Sequence[tuple[str]]) -> None:
        """Record the mails that ended, with their references, and those that begin; return when that is durable."""


class PostgresTurns:
    """Turns by psycopg."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)

    def turn(self, ended: Sequence[tuple[str, str]], begun: Sequence[tuple[str]]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            if ended:
                cursor.executemany("INSERT INTO ended VALUES (%s, %s, now())", ended)
            if begun:
                cursor.executemany("INSERT INTO begun VALUES (%s, now())", begun)

    def close(self) -> None:
        self._connection.close()


class SqliteTurns:
    """Turns by sqlite3, with the ledger's settings."""

    def __init__(self, url: str) -> None:
        file = url.removeprefix(SQLITE)
        self._connection = sqlite3.connect(file, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    def turn(self, ended: Sequence[tuple[str, str]], begun: Sequence[tuple[str]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO ended VALUES (?, ?, datetime('now'))", ended)
        self._connection.executemany("INSERT INTO begun VALUES (?, datetime('now'))", begun)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def open_turns(url: str) -> Iterator[Turns]:
    """Open the database of a URL."""
    turns: Any = SqliteTurns(url) if url.startswith(SQLITE) else PostgresTurns(url)
    try:
        yield turns
    finally:
        turns.close()
