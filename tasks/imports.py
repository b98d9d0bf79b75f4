"""Take a shop's facts in: only what changed is written, and every order that it touches is looked at again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Table, or_, select

from models.shop import Customer, Inbound, Order, OrderLine, Product, Stock, Vendor
from sources.contract import POINTS_AT
from sources.rows import Accepted, Refused
from sources.source import Source
from tasks.db import Turn, alone, insert
from tasks.orders import table_of
from tasks.rejects import rejects
from tasks.wakes import Key, wake

BATCH = 1_000
TABLES: dict[str, Table] = {
    "customers": table_of(Customer),
    "products": table_of(Product),
    "orders": table_of(Order),
    "lines": table_of(OrderLine),
    "vendors": table_of(Vendor),
    "stock": table_of(Stock),
    "inbound": table_of(Inbound),
}

Refuse = Callable[[Refused], None]
Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Counts:
    """What came of a table's rows."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


def import_all(
    engine: Engine,
    source: Source,
    as_of: date,
    rejects_file: Path | None = None,
    *,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> dict[str, Counts]:
    """Take in every table that the shop has a SELECT for; refused rows are added to the rejects file."""
    with rejects(rejects_file) as refuse:
        return {
            table: import_table(engine, source, table, as_of, refuse=refuse, batch=batch, progress=progress)
            for table in source.tables
        }


def import_table(
    engine: Engine,
    source: Source,
    table: str,
    as_of: date,
    *,
    refuse: Refuse = lambda _: None,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> Counts:
    """Take in one table, a transaction a batch of rows; what vanished from the source stays as it was.

    Orders with news in them are due on `as_of`; an order that was closed by then gets no watch. Raises BadShop.
    """
    counts = Counts()
    day_over = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(source.shop.zone)).astimezone(UTC)

    def turn_away(refused: Refused) -> None:
        counts.refused += 1
        refuse(refused)

    for found in _batches(source.read(table), batch):
        good = [row for row in found if isinstance(row, Accepted)]
        for row in found:
            if isinstance(row, Refused):
                turn_away(row)
        with engine.begin() as connection:
            alone(connection, Turn.IMPORT)
            kept = _known(connection, table, _last_of_each(table, good, turn_away), turn_away)
            inserted, updated = _write(connection, table, kept)
            wake(connection, table, inserted, updated, as_of, day_over)
        counts.read += len(found)
        counts.inserted += len(inserted)
        counts.updated += len(updated)
        counts.unchanged += len(kept) - len(inserted) - len(updated)
        if progress is not None:
            progress(table, counts.read)
    return counts


def _batches(rows: Iterator[Accepted | Refused], size: int) -> Iterator[list[Accepted | Refused]]:
    while found := list(islice(rows, size)):
        yield found


def _key(table: str) -> list[str]:
    return [column.name for column in TABLES[table].primary_key]


def _last_of_each(table: str, rows: Iterable[Accepted], refuse: Refuse) -> dict[Key, Accepted]:
    names, last = _key(table), dict[Key, Accepted]()
    for row in rows:
        key = tuple(getattr(row.fact, name) for name in names)
        if key in last:
            by = f"line {row.line}" if row.line is not None else row.file
            refuse(_refused(table, last[key], names[-1], f"duplicate of {by}, which is taken instead"))
        last[key] = row
    return last


def _refused(table: str, row: Accepted, column: str, reason: str) -> Refused:
    return Refused(table, row.file, row.line, column, str(getattr(row.fact, column)), reason)


def _known(connection: Connection, table: str, rows: dict[Key, Accepted], refuse: Refuse) -> dict[Key, Accepted]:
    """Keep the rows whose references are known, from this import or an earlier one."""
    for column, target in ((column, target) for (of, column), target in POINTS_AT.items() if of == table):
        ids = TABLES[target].c.id
        named = {getattr(row.fact, column) for row in rows.values()}
        known = set(connection.execute(select(ids).where(ids.in_(named))).scalars())
        for key, row in list(rows.items()):
            if getattr(row.fact, column) not in known:
                refuse(_refused(table, row, column, f"not among the {target}; the id of one of them is right"))
                del rows[key]
    return rows


def _write(connection: Connection, table: str, rows: dict[Key, Accepted]) -> tuple[set[Key], set[Key]]:
    """Insert what is new and update what differs; return the keys of each."""
    if not rows:
        return set(), set()
    into, names = TABLES[table], _key(table)
    keys = [into.c[name] for name in names]
    there = select(*keys).where(keys[0].in_({key[0] for key in rows}))
    before = {tuple(key) for key in connection.execute(there)}
    new = insert(connection, into)
    others = [column.name for column in into.c if not column.primary_key]
    upsert = new.on_conflict_do_update(
        index_elements=names,
        set_={name: new.excluded[name] for name in others},
        where=or_(*(into.c[name].is_distinct_from(new.excluded[name]) for name in others)),
    ).returning(*keys)
    written = {tuple(key) for key in connection.execute(upsert, [vars(row.fact) for row in rows.values()])}
    return written - before, written & before
