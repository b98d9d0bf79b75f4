"""Reduce the rows of one table to one for each key, in a temporary file, so that memory stays flat.

The source is read to its end before the first row is returned: a shop's database is not locked while the ledger is
written.
"""

import json
import pickle
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import orjson

from models.batches import batched
from sources.connectors.newest_file import Newest
from sources.contract import CONTRACT, KEYS
from sources.contradictions import Contradictions
from sources.reader import Source
from sources.rows import AcceptedRow, RejectedRow, Row, UnchangedRow
from sources.stored_rows import (
    FIND,
    FIND_PAGE,
    INSERT_NEW,
    INSERT_PAGE,
    INSERT_UNCHANGED,
    REPLACE,
    SELECT_CHANGED,
    RowKey,
    StoredRow,
    encode_key,
    open_disk,
)

__all__ = ["DeduplicatedReader", "RowKey"]

UNCHANGED = StoredRow("", None, b"", unchanged=True)
"""A row in a page, of which an unchanged row of its key is a duplicate, whatever it says."""


class DeduplicatedReader:
    """The rows of one table, one for each key, in a temporary SQLite database. Use it in a `with` statement.

    * Among files of one pattern, the row of the newest file counts.
    * Rows of one file with equal values count once.
    * Rows of one file with different values are all rejected.

    A row that has not changed since it was written is validated only to compare it with another row of its key.
    """

    def __init__(self, source: Source, table: str) -> None:
        self.table, self.key_names, self.fields = table, KEYS[table], tuple(CONTRACT[table].model_fields)
        self.newest, self.model = Newest(source.selects[table].sql), CONTRACT[table]
        self.field_names = set(self.fields)
        self._validate, self._columns = source.validator(table), tuple[str, ...]()
        self.newest_file_has_order_whole = table == "lines" and bool(self.newest.patterns)
        self.superseded = self.duplicates = 0
        self.has_unattributed_rejects = False
        """Whether a row was rejected whose order is unknown."""
        self._disk = open_disk()
        self._page = 0, list[tuple[Any, ...]]()
        """The number of the first row of the page that was last looked into, and its rows."""
        self._contradictions = Contradictions(self._disk, table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._disk.close()

    def add(self, rows: Sequence[AcceptedRow | UnchangedRow]) -> None:
        """Store those rows that are the newest of their keys so far."""
        self._disk.execute("BEGIN")
        unchanged = [row for row in rows if isinstance(row, UnchangedRow)]
        # Files of one pattern mostly have the same keys, of which the page would be stored in vain.
        if unchanged and not self.newest.patterns and self._add_page(unchanged):
            self._add_each([row for row in rows if isinstance(row, AcceptedRow)])
        else:
            self._add_each(rows)
        if self.newest_file_has_order_whole:
            self._note_newest_files(rows)
        self._disk.execute("COMMIT")

    def _add_page(self, rows: Sequence[UnchangedRow]) -> bool:
        """Store rows by their keys, and all their values at once, if none of their keys is stored yet."""
        last, before = self._last(), self._disk.total_changes
        self._disk.execute(INSERT_UNCHANGED, [orjson.dumps([key for key, _ in rows]).decode()])
        if self._disk.total_changes - before < len(rows):
            self._disk.execute("DELETE FROM accepted WHERE seq > ?", [last])
            return False
        self._disk.execute(INSERT_PAGE, [last + 1, pickle.dumps([tuple(row) for _, row in rows], 5)])
        return True

    def _add_each(self, rows: Sequence[AcceptedRow | UnchangedRow]) -> None:
        last, before = self._last(), self._disk.total_changes
        entries = [self._entry(row) for row in rows]
        self._disk.executemany(INSERT_NEW, [(key, *row) for key, row in entries])
        if self._disk.total_changes - before < len(entries):
            self._resolve(entries, last)

    def _last(self) -> int:
        (last,) = self._disk.execute("SELECT coalesce(max(seq), 0) FROM accepted").fetchone()
        return int(last)

    def _resolve(self, entries: Sequence[tuple[str, StoredRow]], last: int) -> None:
        """Decide which rows of a key count, where rows up to the number `last` were stored before."""
        stored = self._find(entries, last)
        changed, contradicting = dict[str, StoredRow](), list[tuple[str, StoredRow]]()
        for key, new in entries:
            old = stored.get(key)
            is_newer = None if old is None else self.newest.newer(new.file, old.file)
            if old is None:
                stored[key] = new
            elif is_newer:
                self.superseded += 1
                contradicting = [entry for entry in contradicting if entry[0] != key]
                self._contradictions.discard(key)
                changed[key] = stored[key] = new
            elif is_newer is False:
                self.superseded += 1
            elif self._is_equal(old, new):
                self.duplicates += 1
            else:
                contradicting += [(key, self._validated(entry)) for entry in (old, new) if entry.fact is not None]
                changed[key] = stored[key] = old._replace(fact=None, unchanged=False)
        self._disk.executemany(REPLACE, [(*row, key) for key, row in changed.items()])
        self._contradictions.add(contradicting)

    def _find(self, entries: Sequence[tuple[str, StoredRow]], last: int) -> dict[str, StoredRow]:
        stored, compared = dict[str, StoredRow](), {key for key, row in entries if not row.unchanged}
        keys = json.dumps([key for key, _ in entries])
        for seq, key, *columns in self._disk.execute(FIND, [keys, last]).fetchall():
            row = StoredRow(*columns)
            if row.unchanged and row.fact is None:
                row = self._row_of_page(seq) if key in compared else UNCHANGED
            stored[key] = row
        return stored

    def _row_of_page(self, seq: int) -> StoredRow:
        first, rows = self._page
        if not first <= seq < first + len(rows):
            first, stored = self._disk.execute(FIND_PAGE, [seq]).fetchone()
            self._page = first, rows = first, pickle.loads(stored)  # noqa: S301 - this process wrote it
        return self._to_unchanged(rows[seq - first])

    def _to_unchanged(self, row: tuple[Any, ...]) -> StoredRow:
        record, self._columns, file, line = row
        return StoredRow(file, line, pickle.dumps(record, 5), unchanged=True)

    def _key(self, row: AcceptedRow | UnchangedRow) -> RowKey:
        return row.key if isinstance(row, UnchangedRow) else tuple(getattr(row.fact, name) for name in self.key_names)

    def _entry(self, row: AcceptedRow | UnchangedRow) -> tuple[str, StoredRow]:
        if isinstance(row, AcceptedRow):
            return encode_key(self._key(row)), _to_stored(row)
        return encode_key(row.key), self._to_unchanged(row.row)

    def _is_equal(self, one: StoredRow, other: StoredRow) -> bool:
        if one.fact is None:
            return False
        # Both are as they were when the row of their key was last written.
        if one.unchanged and other.unchanged:
            return True
        return self._validated(one).values == self._validated(other).values

    def _validated(self, stored: StoredRow) -> StoredRow:
        if not stored.unchanged:
            return stored
        accepted = self._validate(Row(stored.values, self._columns, stored.file, stored.line))
        if isinstance(accepted, RejectedRow):
            raise TypeError(f"a row was accepted before, and is rejected now: {accepted}")
        return _to_stored(accepted)

    def note_rejected(self, row: RejectedRow) -> None:
        """Record that a row of an order was rejected, so that the order's other lines are not taken as all of them."""
        if row.order:
            order = row.order.encode("utf-8", "replace").decode()
            self._disk.execute("INSERT INTO order_with_rejects VALUES (?) ON CONFLICT DO NOTHING", [order])
        else:
            self.has_unattributed_rejects = True

    def contradictions(self) -> Iterator[RejectedRow]:
        """Yield the rows that contradict others of their file, as rejected rows."""
        return self._contradictions.rejected_rows()

    def contradicted_keys(self, page_size: int) -> Iterator[list[RowKey]]:
        """Yield the keys whose rows contradict each other, in pages."""
        return self._contradictions.keys(page_size)

    def ambiguous_addresses(self, keys: Iterable[RowKey]) -> dict[RowKey, str]:
        """Return those customers whose rows have different addresses, each with the places of its rows."""
        return self._contradictions.ambiguous_addresses(keys)

    def pages(self, page_size: int) -> Iterator[list[AcceptedRow]]:
        """Yield the accepted rows that may have changed, in the order in which their keys were first read."""
        self._drop_lines_of_older_files()
        for page in batched(self._disk.execute(SELECT_CHANGED), page_size):
            yield [self._accepted(StoredRow(*row)) for row in page]

    def count_unchanged(self) -> int:
        """Return how many rows `pages` leaves out, because they are as they were when they were last written."""
        (count,) = self._disk.execute("SELECT count(*) FROM accepted WHERE unchanged").fetchone()
        return int(count)

    def known_keys(self, keys: Iterable[RowKey]) -> set[RowKey]:
        """Return those keys that the source has, whether their rows are accepted or contradict each other."""
        asked = set(keys)
        query = "SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM accepted WHERE key = value)"
        missing = self._disk.execute(query, [orjson.dumps(list(asked)).decode()])
        return asked.difference(tuple(orjson.loads(key)) for (key,) in missing)

    def orders_with_lines(self, orders: Iterable[str]) -> set[str]:
        """Return those orders that have an accepted line. Only for the table of lines."""
        query = (
            "SELECT 1 FROM accepted WHERE key > ? || ',' AND key < ? || '-' AND (fact IS NOT NULL OR unchanged) LIMIT 1"
        )
        prefixes = {order: encode_key((order,))[:-1] for order in orders}
        return {order for order, prefix in prefixes.items() if self._disk.execute(query, [prefix, prefix]).fetchone()}

    def orders_with_rejects(self, orders: Iterable[str]) -> set[str]:
        """Return those orders that have a rejected row."""
        query = "SELECT order_id FROM order_with_rejects WHERE order_id IN (SELECT value FROM json_each(?))"
        return {order for (order,) in self._disk.execute(query, [json.dumps(list(orders))])}

    def _note_newest_files(self, rows: Sequence[AcceptedRow | UnchangedRow]) -> None:
        newest = dict[str, str]()
        for row in rows:
            order = self._key(row)[0]
            file = row.row.file if isinstance(row, UnchangedRow) else row.file
            if order not in newest or self.newest.newer(file, newest[order]):
                newest[order] = file
        query = "SELECT order_id, file FROM newest_file WHERE order_id IN (SELECT value FROM json_each(?))"
        for order, file in list(self._disk.execute(query, [json.dumps(list(newest))])):
            if not self.newest.newer(newest[order], file):
                del newest[order]
        self._disk.executemany("INSERT OR REPLACE INTO newest_file VALUES (?, ?)", newest.items())

    def _drop_lines_of_older_files(self) -> None:
        """Drop lines that only older files have: the newest file that has an order has all lines of it."""
        if not self.newest_file_has_order_whole or self.has_unattributed_rejects:
            return
        query = (
            "SELECT accepted.seq, accepted.file, newest_file.file FROM accepted "
            "JOIN newest_file ON newest_file.order_id = json_extract(key, '$[0]') "
            "WHERE accepted.file <> newest_file.file "
            "AND newest_file.order_id NOT IN (SELECT order_id FROM order_with_rejects)"
        )
        older = [(seq,) for seq, file, newest in self._disk.execute(query) if self.newest.newer(newest, file)]
        self._disk.executemany("DELETE FROM accepted WHERE seq = ?", older)
        self.superseded += len(older)

    def _accepted(self, row: StoredRow) -> AcceptedRow:
        # `model_construct` looks for aliases and defaults, and takes several times as long.
        fact = self.model.__new__(self.model)
        object.__setattr__(fact, "__dict__", dict(zip(self.fields, row.values, strict=True)))
        object.__setattr__(fact, "__pydantic_fields_set__", self.field_names)
        return AcceptedRow(fact, row.file, row.line, row.digest)


def _to_stored(row: AcceptedRow) -> StoredRow:
    return StoredRow(row.file, row.line, pickle.dumps(tuple(vars(row.fact).values()), 5), row.digest)
