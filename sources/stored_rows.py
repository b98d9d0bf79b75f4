"""The temporary SQLite database that the rows of one table are kept in until the table is read to its end."""

import pickle
import sqlite3
from typing import Any, NamedTuple

import orjson

from sources.rows import location_of

RowKey = tuple[str, ...]
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16384")
TABLES = """
CREATE TABLE accepted (
    seq INTEGER PRIMARY KEY, key TEXT UNIQUE, file TEXT, line INTEGER, fact BLOB, digest INTEGER, unchanged INTEGER
);
CREATE TABLE unchanged_page (first_seq INTEGER PRIMARY KEY, rows BLOB);
CREATE TABLE newest_file (order_id TEXT PRIMARY KEY, file TEXT);
CREATE TABLE order_with_rejects (order_id TEXT PRIMARY KEY);
"""
INSERT_UNCHANGED = """
INSERT INTO accepted (key, unchanged) SELECT value, TRUE FROM json_each(?) WHERE TRUE ON CONFLICT DO NOTHING
"""
INSERT_PAGE = "INSERT INTO unchanged_page VALUES (?, ?)"
FIND_PAGE = "SELECT first_seq, rows FROM unchanged_page WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1"
INSERT_NEW = """
INSERT INTO accepted (key, file, line, fact, digest, unchanged) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
FIND = """
SELECT seq, key, file, line, fact, digest, unchanged FROM accepted
WHERE key IN (SELECT value FROM json_each(?)) AND seq <= ? ORDER BY seq
"""
REPLACE = "UPDATE accepted SET file = ?, line = ?, fact = ?, digest = ?, unchanged = ? WHERE key = ?"
SELECT_CHANGED = """
SELECT file, line, fact, digest, unchanged FROM accepted WHERE fact IS NOT NULL AND NOT unchanged ORDER BY seq
"""


class StoredRow(NamedTuple):
    """A row as it is stored on disk. `fact` is None when the rows of its key contradict each other."""

    file: str
    line: int | None
    fact: bytes | None
    digest: int | None = None
    unchanged: bool = False
    """Whether `fact` has the values of the row as read, because it was not validated."""

    @property
    def values(self) -> tuple[Any, ...]:
        """Return the values of the fact, in the order of the contract's fields."""
        values: tuple[Any, ...] = pickle.loads(self.fact or b"")  # noqa: S301 - this process wrote it, to its own file
        return values

    @property
    def place(self) -> str:
        """Return the file and line, as people look for them."""
        return location_of(self.file, self.line)


def encode_key(key: RowKey) -> str:
    """Return a key as JSON."""
    return orjson.dumps(key).decode()


def open_disk() -> sqlite3.Connection:
    """Return a new database of its own. SQLite deletes its file when it is closed."""
    disk = sqlite3.connect("", isolation_level=None)
    for pragma in PRAGMAS:
        disk.execute(f"PRAGMA {pragma}")
    disk.executescript(TABLES)
    return disk
