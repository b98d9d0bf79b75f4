"""What the steps of one import share: where it reads and writes, its day, and what it has read so far."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Engine, Select, tuple_

from models.batches import Progress
from sources.deduplicate import DeduplicatedReader, RowKey
from sources.reader import Source
from sources.rows import RejectedRow
from tasks.db.sql import AdvisoryLock, find_rows_by_keys, lock

BATCH_SIZE = 1_000
Reject = Callable[[RejectedRow], None]


@dataclass(frozen=True, slots=True)
class ImportDay:
    """The shop's day of an import, and its first moment and the moment after its last, in UTC."""

    as_of: date
    start: datetime
    end: datetime

    @classmethod
    def of(cls, as_of: date, zone: str) -> Self:
        """Return a day of a time zone."""
        start, end = (
            datetime.combine(as_of + timedelta(days=days), time(), ZoneInfo(zone)).astimezone(UTC) for days in (0, 1)
        )
        return cls(as_of, start, end)


@dataclass(slots=True)
class ImportSession:
    """One import, from the first table to the last."""

    engine: Engine
    source: Source
    day: ImportDay
    reject: Reject
    batch: int
    progress: Progress
    """Called with a table and how many of its rows have been read."""
    heartbeat: Callable[[Connection], None]
    """Raises ConcurrentImport when another import took over."""
    readers: dict[str, DeduplicatedReader] = field(default_factory=dict)
    """The rows that were read so far, by table."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes facts: under the lock of imports, and with a heartbeat."""
        with self.engine.begin() as connection:
            lock(connection, AdvisoryLock.IMPORT)
            self.heartbeat(connection)
            yield connection

    def for_each_page(
        self,
        query: Select[Any],
        key_columns: Sequence[ColumnElement[Any]],
        work: Callable[[Connection, Sequence[RowKey]], int],
    ) -> int:
        """Call `work` with each page of the keys that a query returns, in one transaction a page. Return the sum."""
        total, last_key, pages = 0, RowKey(), query.order_by(*key_columns).limit(self.batch)
        while True:
            with self.write() as connection:
                find_rows_by_keys(connection)
                page = pages.where(tuple_(*key_columns) > last_key) if last_key else pages
                keys = [tuple(row) for row in connection.execute(page).all()]
                total += work(connection, keys)
            if len(keys) < self.batch:
                return total
            last_key = keys[-1]
