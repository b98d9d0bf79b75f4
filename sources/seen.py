"""Which keys of a table were read already: kept on disk, so that memory stays flat however long the table is."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

Key = tuple[str, ...]
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8192")


class Seen:
    """Keys with the place of the row that had them first, in a file that nobody else sees. Use it in a `with`."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        for pragma in PRAGMAS:
            self._file.execute(f"PRAGMA {pragma}")
        self._file.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def among(self, keys: Iterable[Key]) -> dict[Key, str]:
        """Return the places of those keys that were seen."""
        asked = {repr(key): key for key in keys}
        query = "SELECT key, place FROM seen WHERE key IN (SELECT value FROM json_each(?))"
        return {asked[key]: place for key, place in self._file.execute(query, [json.dumps(list(asked))])}

    def add(self, places: Mapping[Key, str]) -> None:
        """Remember keys that were not seen before."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO seen VALUES (?, ?)", [(repr(key), at) for key, at in places.items()])
        self._file.execute("COMMIT")
