"""Import a shop's facts: write only the rows that changed, and mark the orders due that they concern."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from models.batches import Progress, batched, no_progress
from sources.contract import CustomerRow
from sources.deduplicate import DeduplicatedReader, RowKey
from sources.reader import Source
from sources.rows import AcceptedRow, RejectedRow, UnchangedRow
from tasks.db.sql import find_rows_by_keys, read_only, update_statistics
from tasks.imports.digests import row_digests
from tasks.imports.erased import check_nobody_erased, without_erased
from tasks.imports.fact_rows import TABLES, key_columns, write_rows
from tasks.imports.guard import import_guard, save_import_count
from tasks.imports.missing_orders import remove_missing_orders
from tasks.imports.opt_outs import save_opt_outs
from tasks.imports.references import (
    clear_ambiguous_addresses,
    reject_ambiguous_customers,
    reject_unknown_codes,
    reject_unknown_references,
)
from tasks.imports.rejects import open_rejects
from tasks.imports.removals import REMOVAL_RULES, remove_missing_goods, remove_missing_parcels
from tasks.imports.search_keys import save_search_keys
from tasks.imports.session import BATCH_SIZE, ImportDay, ImportSession, Reject
from tasks.imports.stats import ImportResult, ImportStats
from tasks.imports.unchanged import ReadRow, validate_changed_rows
from tasks.orders.due import mark_orders_due
from tasks.orders.recount import recount_redeemed


def import_all(
    engine: Engine,
    source: Source,
    as_of: date,
    rejects_file: Path | None = None,
    *,
    batch: int = BATCH_SIZE,
    progress: Progress = no_progress,
    erasure_key: bytes = b"",
) -> ImportResult:
    """Import every table that the shop has a SELECT for. Write rejected rows to the rejects file.

    Open orders and lines that the source no longer has end as `remove_missing_orders` describes. Allocation waits
    until the import is complete. What names customers who were erased with `erasure_key` is left out. Raises
    ConcurrentImport when another import runs for too long, BadShop when a SELECT fails, and ForewarnError without the
    key.
    """
    source = without_erased(engine, source, erasure_key)
    with import_guard(engine) as guard, open_rejects(rejects_file) as reject, ExitStack() as readers:
        day = ImportDay.of(as_of, source.shop.zone)
        session = ImportSession(engine, source, day, reject, batch, progress, guard.heartbeat)
        result = ImportResult()
        for table in source.tables:
            reader = DeduplicatedReader(source, table)
            session.readers[table] = readers.enter_context(reader)
            result[table] = _import_table(session, table)
        with engine.begin() as connection:
            update_statistics(connection, [TABLES[table] for table, stats in result.items() if _are_most_new(stats)])
        remove_missing_orders(session, result)
        with engine.begin() as connection:
            guard.heartbeat(connection)
            save_import_count(connection, result["orders"].read - result["orders"].rejected)
    return result


def import_table(
    engine: Engine,
    source: Source,
    table: str,
    as_of: date,
    *,
    reject: Reject = lambda _: None,
    batch: int = BATCH_SIZE,
    erasure_key: bytes = b"",
) -> ImportStats:
    """Import one table, without the guard. Orders and lines that the source no longer has stay as they are.

    Changed orders are due on `as_of`; an order that was closed by then is not watched. Raises BadShop.
    """
    day, source = ImportDay.of(as_of, source.shop.zone), without_erased(engine, source, erasure_key)
    with DeduplicatedReader(source, table) as reader:
        session = ImportSession(
            engine, source, day, reject, batch, no_progress, heartbeat=lambda _: None, readers={table: reader}
        )
        return _import_table(session, table)


def _import_table(session: ImportSession, table: str) -> ImportStats:
    """Read a table to its end, then write it: the newest row of a key may be the last one of the source."""
    stats, reader = ImportStats(), session.readers[table]

    def reject(row: RejectedRow) -> None:
        stats.rejected += 1
        reader.note_rejected(row)
        session.reject(row)

    _read_rows(session, table, stats, reject)
    for row in reader.contradictions():
        reject(row)
    for rows in reader.pages(session.batch):
        _write_rows(session, table, rows, stats)
    stats.unchanged += reader.count_unchanged()
    stats.superseded, stats.duplicates = reader.superseded, reader.duplicates
    if table == "customers":
        clear_ambiguous_addresses(session, reader)
    if table == "shipments" and not stats.rejected:
        stats.removed = remove_missing_parcels(session, reader)
    if table in REMOVAL_RULES and stats.read and not stats.rejected:
        stats.removed = remove_missing_goods(session, table, reader)
    return stats


def _read_rows(session: ImportSession, table: str, stats: ImportStats, reject: Reject) -> None:
    """Add the valid rows of a table to its reader, and reject the others."""
    digests_of, validate = row_digests(table, session.source.shop), session.source.validator(table)
    for page in batched(session.source.rows(table), session.batch):
        stats.read += len(page)
        with read_only(session.engine) as connection:
            find_rows_by_keys(connection)
            rows = validate_changed_rows(connection, table, page, digests_of, validate, session.day)
            session.readers[table].add(_reject_rows(session, connection, table, list(rows), reject))
        session.progress(table, stats.read)


def _reject_rows(
    session: ImportSession, connection: Connection, table: str, rows: Sequence[ReadRow], reject: Reject
) -> Sequence[AcceptedRow | UnchangedRow]:
    """Return the rows that may count, in their order. Reject the others. References of unchanged rows are known."""
    unchanged = [row for row in rows if isinstance(row, UnchangedRow)]
    if len(unchanged) == len(rows):
        return unchanged
    for row in rows:
        if isinstance(row, RejectedRow):
            reject(row)
    accepted: Sequence[AcceptedRow] = [row for row in rows if isinstance(row, AcceptedRow)]
    if accepted and table == "orders":
        accepted = reject_ambiguous_customers(session, accepted, reject)
    if accepted and table == "redemptions":
        accepted = reject_unknown_codes(connection, accepted, reject)
    if accepted:
        accepted = reject_unknown_references(connection, table, accepted, reject)
    ids = {id(row) for row in accepted}
    return [row for row in rows if isinstance(row, UnchangedRow) or (isinstance(row, AcceptedRow) and id(row) in ids)]


def _write_rows(session: ImportSession, table: str, rows: Sequence[AcceptedRow], stats: ImportStats) -> None:
    with session.write() as connection:
        check_nobody_erased(connection, session.source)
        inserted, updated = write_rows(connection, table, {_key(table, row): row for row in rows}, session.day)
        if table == "customers":
            customers = [row.fact for row in rows if isinstance(row.fact, CustomerRow)]
            save_opt_outs(connection, customers, updated, session.source.shop.country)
        if table in ("customers", "products"):
            save_search_keys(connection, [row.fact for row in rows], {key[0] for key in inserted | updated})
        if table == "redemptions":
            recount_redeemed(connection, {key[0] for key in inserted | updated}, ZoneInfo(session.source.shop.zone))
        mark_orders_due(connection, table, inserted, updated, session.day.as_of, session.day.end)
    stats.inserted += len(inserted)
    stats.updated += len(updated)
    stats.unchanged += len(rows) - len(inserted) - len(updated)


def _are_most_new(stats: ImportStats) -> bool:
    return stats.inserted > stats.updated + stats.unchanged


def _key(table: str, row: AcceptedRow) -> RowKey:
    return tuple(getattr(row.fact, name) for name in key_columns(table))
