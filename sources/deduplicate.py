"""One row of each key: a table is kept on disk until it was read to its end, so that memory stays flat.

The source is let go before the first row is written: a shop's database is not kept locked by our own.
"""

import json
import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, NamedTuple, Self

from models.batches import batched
from sources.connectors.newest_file import Newest
from sources.contract import CONTRACT, KEYS, Fact
from sources.rows import AcceptedRow, RejectedRow, location_of

RowKey = tuple[str, ...]
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16384")
TABLES = """
CREATE TABLE kept (seq INTEGER PRIMARY KEY, key TEXT UNIQUE, file TEXT, line INTEGER, fact BLOB);
CREATE TABLE clash (seq INTEGER PRIMARY KEY, key TEXT, file TEXT, line INTEGER, fact BLOB);
CREATE INDEX clash_key ON clash (key);
CREATE TABLE latest (owner TEXT PRIMARY KEY, file TEXT);
CREATE TABLE spoilt (owner TEXT PRIMARY KEY);
CREATE TABLE elsewhere (key TEXT PRIMARY KEY, places TEXT);
"""
PLACES_SHOWN = 3
ADDRESSES = ("email", "phone")


class KeptRows(NamedTuple):
    """A row as it lies on disk; one without a fact stands for rows of its file that contradict each other."""

    file: str
    line: int | None
    fact: bytes | None


class DeduplicatedReader:
    """The rows of one table, of each key one, in a file that nobody else sees. Use it in a `with`.

    Of files that one pattern finds the newest file's row is taken. Rows of one file that say the same count once;
    those that contradict each other are all refused.
    """

    def __init__(self, table: str, sql: str) -> None:
        self.table, self.names, self.fields = table, KEYS[table], tuple(CONTRACT[table].model_fields)
        self.newest, self.model = Newest(sql), CONTRACT[table]
        self.by_owner = table == "lines" and bool(self.newest.patterns)
        self.older = self.repeated = 0
        self._compared = False
        self.unreadable = False
        """Whether a row was refused of which nobody knows to which order it belonged."""
        self._disk = sqlite3.connect("", isolation_level=None)
        for pragma in PRAGMAS:
            self._disk.execute(f"PRAGMA {pragma}")
        self._disk.executescript(TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._disk.close()

    def add(self, rows: Sequence[AcceptedRow]) -> None:
        """Keep those rows that are the newest of their keys so far."""
        keys = [_written(tuple(getattr(row.fact, name) for name in self.names)) for row in rows]
        asked = "SELECT key, file, line, fact FROM kept WHERE key IN (SELECT value FROM json_each(?))"
        there = {key: KeptRows(*kept) for key, *kept in self._disk.execute(asked, [json.dumps(keys)])}
        changed, clashes = dict[str, KeptRows](), list[tuple[str, KeptRows]]()
        self._disk.execute("BEGIN")
        for key, row in zip(keys, rows, strict=True):
            new, old = KeptRows(row.file, row.line, pickle.dumps(tuple(vars(row.fact).values()), 5)), there.get(key)
            newer = True if old is None else self.newest.newer(new.file, old.file)
            if old is None or newer:
                if old is not None:
                    self.older += 1
                    clashes = [one for one in clashes if one[0] != key]
                    self._disk.execute("DELETE FROM clash WHERE key = ?", [key])
                changed[key] = there[key] = new
            elif newer is False:
                self.older += 1
            elif old.fact is not None and _facts(old) == _facts(new):
                self.repeated += 1
            else:
                clashes += [(key, one) for one in (old, new) if one.fact is not None]
                changed[key] = there[key] = old._replace(fact=None)
        self._disk.executemany(
            "INSERT INTO kept (key, file, line, fact) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
            "SET file = excluded.file, line = excluded.line, fact = excluded.fact",
            [(key, *one) for key, one in changed.items()],
        )
        self._disk.executemany(
            "INSERT INTO clash (key, file, line, fact) VALUES (?, ?, ?, ?)", [(key, *one) for key, one in clashes]
        )
        if self.by_owner:
            self._note_latest(rows)
        self._disk.execute("COMMIT")

    def spoil(self, refused: RejectedRow) -> None:
        """Remember that a row was refused: its order does not tell its lines whole."""
        if refused.order:
            order = refused.order.encode("utf-8", "replace").decode()
            self._disk.execute("INSERT INTO spoilt VALUES (?) ON CONFLICT DO NOTHING", [order])
        else:
            self.unreadable = True

    def contradictions(self) -> Iterator[RejectedRow]:
        """Yield the rows that contradict others of their file, each with its place."""
        keys = "SELECT key, count(*) FROM clash GROUP BY key ORDER BY min(seq)"
        for key, count in self._disk.execute(keys):
            mine = "SELECT file, line, fact FROM clash WHERE key = ? ORDER BY seq"
            first = [KeptRows(*row) for row in self._disk.execute(f"{mine} LIMIT {PLACES_SHOWN + 1}", [key])]
            for row in self._disk.execute(mine, [key]):
                yield self._contradicts(KeptRows(*row), first, count)

    def _contradicts(self, one: KeptRows, first: Sequence[KeptRows], count: int) -> RejectedRow:
        others = [location_of(other.file, other.line) for other in first if other[:2] != one[:2]][:PLACES_SHOWN]
        more = f" and {count - 1 - len(others)} more" if count - 1 > len(others) else ""
        mine, its = _facts(one), next(_facts(other) for other in first if _facts(other) != _facts(one))
        at = next(at for at, (here, there) in enumerate(zip(mine, its, strict=True)) if here != there)
        key = ", ".join(str(mine[self.fields.index(name)]) for name in self.names)
        reason = f"contradicts {', '.join(others)}{more}, which has the same key {key}; none of them is taken"
        order = str(mine[self.fields.index(self.names[0])])
        value = "" if mine[at] is None else str(mine[at])
        return RejectedRow(self.table, one.file, one.line, self.fields[at], value, reason, order)

    def elsewhere(self, keys: Iterable[RowKey]) -> dict[RowKey, str]:
        """Return those customers whose rows name different addresses, each with where those rows are."""
        if not self._compared:
            self._compare_addresses()
        asked = {_written(key): key for key in keys}
        query = "SELECT key, places FROM elsewhere WHERE key IN (SELECT value FROM json_each(?))"
        return {asked[key]: places for key, places in self._disk.execute(query, [json.dumps(list(asked))])}

    def _compare_addresses(self) -> None:
        at = [self.fields.index(name) for name in ADDRESSES]
        rows = self._disk.execute("SELECT key, file, line, fact FROM clash ORDER BY key, seq")
        for key, group in groupby(rows, key=itemgetter(0)):
            addresses, places = set[Any](), list[str]()
            for row in (KeptRows(*row[1:]) for row in group):
                found = _facts(row)
                if len(addresses) < 2:
                    addresses.add(tuple(str(found[one] or "").lower() for one in at))
                if len(places) < PLACES_SHOWN:
                    places.append(location_of(row.file, row.line))
            if len(addresses) > 1:
                self._disk.execute("INSERT INTO elsewhere VALUES (?, ?)", [key, ", ".join(places)])
        self._compared = True

    def clashing(self, size: int) -> Iterator[list[RowKey]]:
        """Yield the keys whose rows contradict each other, so many at a time."""
        keys = self._disk.execute("SELECT DISTINCT key FROM clash ORDER BY key")
        for page in batched(keys, size):
            yield [tuple(json.loads(key)) for (key,) in page]

    def pages(self, size: int) -> Iterator[list[AcceptedRow]]:
        """Yield the rows that are taken, so many at a time, in the order in which their keys came."""
        self._leave_older_files()
        rows = self._disk.execute("SELECT file, line, fact FROM kept WHERE fact IS NOT NULL ORDER BY seq")
        for page in batched(rows, size):
            yield [self._accepted(KeptRows(*row)) for row in page]

    def among(self, keys: Iterable[RowKey]) -> set[RowKey]:
        """Return those keys that the source names, be their rows taken or not."""
        asked = {_written(key): key for key in keys}
        query = "SELECT key FROM kept WHERE key IN (SELECT value FROM json_each(?))"
        return {asked[key] for (key,) in self._disk.execute(query, [json.dumps(list(asked))])}

    def whole(self, orders: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the orders with a line that is taken, and those with one that is refused."""
        asked = {one: json.dumps([one])[:-1] for one in orders}
        one = "SELECT 1 FROM kept WHERE key > ? || ', ' AND key < ? || ',!' AND fact IS NOT NULL LIMIT 1"
        told = {order for order, key in asked.items() if self._disk.execute(one, [key, key]).fetchone()}
        return told, self.spoilt(asked)

    def spoilt(self, orders: Iterable[str]) -> set[str]:
        """Return those orders of which a row was refused."""
        query = "SELECT owner FROM spoilt WHERE owner IN (SELECT value FROM json_each(?))"
        return {owner for (owner,) in self._disk.execute(query, [json.dumps(list(orders))])}

    def _note_latest(self, rows: Sequence[AcceptedRow]) -> None:
        latest = dict[str, str]()
        for row in rows:
            owner = str(getattr(row.fact, self.names[0]))
            if owner not in latest or self.newest.newer(row.file, latest[owner]):
                latest[owner] = row.file
        asked = "SELECT owner, file FROM latest WHERE owner IN (SELECT value FROM json_each(?))"
        for owner, file in list(self._disk.execute(asked, [json.dumps(list(latest))])):
            if not self.newest.newer(latest[owner], file):
                del latest[owner]
        self._disk.executemany("INSERT OR REPLACE INTO latest VALUES (?, ?)", latest.items())

    def _leave_older_files(self) -> None:
        """Leave out lines of files that are older than the newest one that names their order: it tells them whole."""
        if not self.by_owner or self.unreadable:
            return
        query = (
            "SELECT kept.seq, kept.file, latest.file FROM kept JOIN latest ON latest.owner = json_extract(key, '$[0]') "
            "WHERE kept.file <> latest.file AND latest.owner NOT IN (SELECT owner FROM spoilt)"
        )
        old = [(seq,) for seq, file, latest in self._disk.execute(query) if self.newest.newer(latest, file)]
        self._disk.executemany("DELETE FROM kept WHERE seq = ?", old)
        self.older += len(old)

    def _accepted(self, kept: KeptRows) -> AcceptedRow:
        fact: Fact = self.model.model_construct(**dict(zip(self.fields, _facts(kept), strict=True)))
        return AcceptedRow(fact, kept.file, kept.line)


def _written(key: RowKey) -> str:
    return json.dumps(key)


def _facts(kept: KeptRows) -> tuple[Any, ...]:
    found: tuple[Any, ...] = pickle.loads(kept.fact or b"")  # noqa: S301 - what this process wrote, in a file of its own
    return found
