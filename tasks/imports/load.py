"""Take a shop's facts in: only what changed is written, and every order that it touches is looked at again."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, or_, select, update

from models.batches import Progress, batched, no_progress
from sources.contract import POINTS_AT, CustomerRow
from sources.deduplicate import DeduplicatedReader, RowKey
from sources.reader import ORDER, Source
from sources.rows import AcceptedRow, RejectedRow
from tasks.db.counters import set_counter
from tasks.db.sql import AdvisoryLock, in_list, lock, read_only
from tasks.imports.fact_rows import TABLES, key_of, write_rows
from tasks.imports.guard import COUNTER_IMPORTED, import_in_progress
from tasks.imports.opt_outs import save_opt_outs
from tasks.imports.rejects import open_rejects
from tasks.imports.removals import REMOVAL_RULES, Day, Read, apply_removals, delete_parcels, remove_missing
from tasks.orders.due import mark_orders_due
from tasks.tables import CUSTOMERS

BATCH = 1_000
Refuse = Callable[[RejectedRow], None]


@dataclass(slots=True)
class ImportStats:
    """What came of a table's rows."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    gone: int = 0
    """Goods, lines and orders that the source names no more, and that do not count any more."""
    older: int = 0
    """Rows of older files, which a newer file's row replaces."""
    repeated: int = 0
    """Rows that say the same as another row of their key."""
    missing: int = 0
    """Open orders that the source did not name, and that stay open."""


class Imported(dict[str, ImportStats]):
    """What came of each table."""

    missing: Sequence[str] = ()
    """The first few of the open orders that were not named."""


@dataclass(slots=True)
class _Import:
    """One import: where it reads and writes, and what it read so far."""

    engine: Engine
    source: Source
    day: Day
    refuse: Refuse
    batch: int
    progress: Progress
    alive: Callable[[Connection], None]
    told: dict[str, DeduplicatedReader] = field(default_factory=dict)


def import_all(
    engine: Engine,
    source: Source,
    as_of: date,
    rejects_file: Path | None = None,
    *,
    batch: int = BATCH,
    progress: Progress = no_progress,
) -> Imported:
    """Take in every table that the shop has a SELECT for; refused rows are added to the rejects file.

    Until all of them are there, nobody allocates by them. Of orders and lines that are open and that the source names
    no more, `end_vanished` says which end. One import at a time: another one waits before it reads anything.
    Raises OtherImport where it waited in vain.
    """
    with import_in_progress(engine) as alive, open_rejects(rejects_file) as refuse, ExitStack() as disks:
        one = _Import(engine, source, _day(source, as_of), refuse, batch, progress, alive)
        counts = Imported()
        for table in source.tables:
            one.told[table] = disks.enter_context(DeduplicatedReader(table, source.selects[table].sql))
            counts[table] = _import(one, table)
        _end(one, counts)
        with engine.begin() as connection:
            alive(connection)
            set_counter(connection, COUNTER_IMPORTED, counts["orders"].read - counts["orders"].refused)
    return counts


def import_table(
    engine: Engine,
    source: Source,
    table: str,
    as_of: date,
    *,
    refuse: Refuse = lambda _: None,
    batch: int = BATCH,
) -> ImportStats:
    """Take in one table; what vanished from the source stays as it was, but for goods.

    Stock that is in it no more is used up, and an open delivery was called off: unless the table is empty, or has rows
    that are refused, for then nobody knows what it would have named.
    Orders with news in them are due on `as_of`; an order that was closed by then gets no watch. Raises BadShop.
    """
    with DeduplicatedReader(table, source.selects[table].sql) as told:
        one = _Import(engine, source, _day(source, as_of), refuse, batch, no_progress, lambda _: None, {table: told})
        return _import(one, table)


def _day(source: Source, as_of: date) -> Day:
    begins, over = (
        datetime.combine(as_of + timedelta(days=days), time(), ZoneInfo(source.shop.zone)).astimezone(UTC)
        for days in (0, 1)
    )
    return Day(as_of, begins, over)


def _import(one: _Import, table: str) -> ImportStats:
    counts, told = ImportStats(), one.told[table]

    def turn_away(refused: RejectedRow) -> None:
        counts.refused += 1
        told.spoil(refused)
        one.refuse(refused)

    # All is read before anything is written: the newest row may be the last, and the source is let go.
    for found in batched(one.source.read(table), one.batch):
        counts.read += len(found)
        for row in found:
            if isinstance(row, RejectedRow):
                turn_away(row)
        good = [row for row in found if isinstance(row, AcceptedRow)]
        with read_only(one.engine) as connection:
            told.add(_load_stored(connection, table, _addressed(one, table, good, turn_away), turn_away))
        one.progress(table, counts.read)
    for refused in told.contradictions():
        turn_away(refused)
    for rows in told.pages(one.batch):
        _accept(one, table, rows, counts)
    counts.older, counts.repeated = told.older, told.repeated
    if table == "customers":
        _leave_unaddressed(one, told)
    if table == "shipments" and not counts.refused:
        counts.gone = delete_parcels(one.engine, told, one.batch, one.day, one.alive)
    if table in REMOVAL_RULES and counts.read and not counts.refused:
        counts.gone = apply_removals(one.engine, table, told, one.batch, one.alive)
    return counts


def _accept(one: _Import, table: str, rows: Sequence[AcceptedRow], counts: ImportStats) -> None:
    with one.engine.begin() as connection:
        lock(connection, AdvisoryLock.IMPORT)
        one.alive(connection)
        inserted, updated = write_rows(connection, table, {_key_of(table, row): row for row in rows}, one.day)
        if table == "customers":
            facts = [row.fact for row in rows if isinstance(row.fact, CustomerRow)]
            save_opt_outs(connection, facts, updated, one.source.shop.country)
        mark_orders_due(connection, table, inserted, updated, one.day.as_of, one.day.over)
    counts.inserted += len(inserted)
    counts.updated += len(updated)
    counts.unchanged += len(rows) - len(inserted) - len(updated)


def _key_of(table: str, row: AcceptedRow) -> RowKey:
    return tuple(getattr(row.fact, name) for name in key_of(table))


def _addressed(one: _Import, table: str, rows: Sequence[AcceptedRow], refuse: Refuse) -> Sequence[AcceptedRow]:
    """Keep the orders whose customer is one person; of the others nobody knows to whom they belong."""
    if table != "orders" or "customers" not in one.told:
        return rows
    unclear = one.told["customers"].elsewhere({(row.fact.customer_id,) for row in rows})  # type: ignore[attr-defined]
    for row in rows:
        if where := unclear.get((row.fact.customer_id,)):  # type: ignore[attr-defined]
            why = f"its rows name different addresses ({where}); the order waits until one customer has one address"
            refuse(_write_reject(table, row, "customer_id", why))
    return [row for row in rows if (row.fact.customer_id,) not in unclear]  # type: ignore[attr-defined]


def _leave_unaddressed(one: _Import, told: DeduplicatedReader) -> None:
    """Blank the addresses of customers of whom the source names several: nobody is told at another's address."""
    reached = or_(CUSTOMERS.c.email.is_not(None), CUSTOMERS.c.phone.is_not(None))
    for keys in told.clashing(one.batch):
        with one.engine.begin() as connection:
            lock(connection, AdvisoryLock.IMPORT)
            one.alive(connection)
            which = in_list(connection, CUSTOMERS.c.id, [key[0] for key in told.elsewhere(keys)])
            blank = update(CUSTOMERS).where(which, reached).values(email=None, phone=None).returning(CUSTOMERS.c.id)
            updated = {tuple(row) for row in connection.execute(blank)}
            mark_orders_due(connection, "customers", set(), updated, one.day.as_of, one.day.over)


def _end(one: _Import, counts: Imported) -> None:
    """End the orders and lines that are gone from the source."""
    if not {"orders", "lines"} <= one.told.keys():
        return
    orders, lines = (Read(one.told[table], _whole_orders(counts[table])) for table in ("orders", "lines"))
    scope = one.source.shop.source.orders
    found = remove_missing(one.engine, orders, lines, scope, one.day, one.batch, one.alive)
    counts["lines"].gone, counts["orders"].gone = found.lines, found.orders
    counts["orders"].missing, counts.missing = found.missing, found.named


def _whole_orders(counts: ImportStats) -> bool:
    return counts.read > 0 and not counts.refused


def _load_stored(
    connection: Connection, table: str, rows: Sequence[AcceptedRow], refuse: Refuse
) -> Sequence[AcceptedRow]:
    """Keep the rows whose references are known, from this import or an earlier one."""
    for column, target in ((column, target) for (of, column), target in POINTS_AT.items() if of == table):
        ids = TABLES[target].c.id
        named = {getattr(row.fact, column) for row in rows}
        known = set(connection.execute(select(ids).where(in_list(connection, ids, named))).scalars())
        for row in rows:
            if getattr(row.fact, column) not in known:
                refuse(_write_reject(table, row, column, f"not among the {target}; the id of one of them is right"))
        rows = [row for row in rows if getattr(row.fact, column) in known]
    return rows


def _write_reject(table: str, row: AcceptedRow, column: str, reason: str) -> RejectedRow:
    order = str(getattr(row.fact, ORDER[table])) if table in ORDER else ""
    return RejectedRow(table, row.file, row.line, column, str(getattr(row.fact, column)), reason, order)
