"""Rows of one table that have the same key and different values, kept on disk until the table is read to its end."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from models.batches import batched
from sources.contract import CONTRACT, KEYS
from sources.rows import RejectedRow
from sources.stored_rows import RowKey, StoredRow, encode_key

TABLES = """
CREATE TABLE contradiction (seq INTEGER PRIMARY KEY, key TEXT, file TEXT, line INTEGER, fact BLOB);
CREATE INDEX contradiction_key ON contradiction (key);
CREATE TABLE ambiguous_address (key TEXT PRIMARY KEY, places TEXT);
"""
MAX_PLACES_SHOWN = 3
ADDRESS_FIELDS = ("email", "phone")


class Contradictions:
    """The rows of one table that contradict another row of their key."""

    def __init__(self, disk: sqlite3.Connection, table: str) -> None:
        self.disk, self.table = disk, table
        self.key_names, self.fields = KEYS[table], tuple(CONTRACT[table].model_fields)
        self._addresses_compared = False
        disk.executescript(TABLES)

    def add(self, rows: Sequence[tuple[str, StoredRow]]) -> None:
        """Store rows by their encoded keys."""
        self.disk.executemany(
            "INSERT INTO contradiction (key, file, line, fact) VALUES (?, ?, ?, ?)",
            [(key, row.file, row.line, row.fact) for key, row in rows],
        )

    def discard(self, key: str) -> None:
        """Forget the rows of a key: a newer file has replaced them."""
        self.disk.execute("DELETE FROM contradiction WHERE key = ?", [key])

    def rejected_rows(self) -> Iterator[RejectedRow]:
        """Yield each row as rejected, with the places of the rows that it contradicts."""
        keys = "SELECT key, count(*) FROM contradiction GROUP BY key ORDER BY min(seq)"
        for key, count in self.disk.execute(keys):
            of_key = "SELECT file, line, fact FROM contradiction WHERE key = ? ORDER BY seq"
            limited = self.disk.execute(f"{of_key} LIMIT {MAX_PLACES_SHOWN + 1}", [key])
            first_rows = [StoredRow(*row) for row in limited]
            for row in self.disk.execute(of_key, [key]):
                yield self._rejected(StoredRow(*row), first_rows, count)

    def _rejected(self, row: StoredRow, first_rows: Sequence[StoredRow], count: int) -> RejectedRow:
        places = [other.place for other in first_rows if other[:2] != row[:2]][:MAX_PLACES_SHOWN]
        not_shown = count - 1 - len(places)
        more = f" and {not_shown} more" if not_shown > 0 else ""
        values = row.values
        other_values = next(other.values for other in first_rows if other.values != values)
        position = next(i for i, (own, other) in enumerate(zip(values, other_values, strict=True)) if own != other)
        by_field = dict(zip(self.fields, values, strict=True))
        key = ", ".join(str(by_field[name]) for name in self.key_names)
        reason = f"contradicts {', '.join(places)}{more}, which has the same key {key}; none of them is accepted"
        value = "" if values[position] is None else str(values[position])
        order = str(by_field[self.key_names[0]])
        return RejectedRow(self.table, row.file, row.line, self.fields[position], value, reason, order)

    def keys(self, page_size: int) -> Iterator[list[RowKey]]:
        """Yield the keys in pages."""
        keys = self.disk.execute("SELECT DISTINCT key FROM contradiction ORDER BY key")
        for page in batched(keys, page_size):
            yield [tuple(json.loads(key)) for (key,) in page]

    def ambiguous_addresses(self, keys: Iterable[RowKey]) -> dict[RowKey, str]:
        """Return those customers whose rows have different addresses, each with the places of its rows."""
        if not self._addresses_compared:
            self._compare_addresses()
        by_text = {encode_key(key): key for key in keys}
        query = "SELECT key, places FROM ambiguous_address WHERE key IN (SELECT value FROM json_each(?))"
        return {by_text[key]: places for key, places in self.disk.execute(query, [json.dumps(list(by_text))])}

    def _compare_addresses(self) -> None:
        positions = [self.fields.index(name) for name in ADDRESS_FIELDS]
        rows = self.disk.execute("SELECT key, file, line, fact FROM contradiction ORDER BY key, seq")
        for key, group in groupby(rows, key=itemgetter(0)):
            addresses, places = set[tuple[str, ...]](), list[str]()
            for row in (StoredRow(*columns) for _, *columns in group):
                if len(addresses) < 2:
                    values = row.values
                    addresses.add(tuple(str(values[position] or "").lower() for position in positions))
                if len(places) < MAX_PLACES_SHOWN:
                    places.append(row.place)
            if len(addresses) > 1:
                self.disk.execute("INSERT INTO ambiguous_address VALUES (?, ?)", [key, ", ".join(places)])
        self._addresses_compared = True
