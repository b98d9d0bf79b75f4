"""Take a shop's facts in: only what changed is written, and every order that it touches is looked at again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Table, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from sources.contract import POINTS_AT
from sources.rows import Accepted, Refused
from sources.seen import Key, Seen
from sources.source import Source
from tasks.db import Turn, alone, among, insert, is_sqlite
from tasks.orders import CUSTOMERS, LINES, ORDERS, PRODUCTS, SHIPMENTS
from tasks.rejects import rejects
from tasks.supply_tables import INBOUNDS, STOCKS, VENDORS
from tasks.taking_in import YIELDED, taking_in
from tasks.tallies import put
from tasks.vanished import ENDS, forget_parcels, take_away
from tasks.wakes import wake

BATCH = 1_000
TABLES: dict[str, Table] = {
    "customers": CUSTOMERS,
    "products": PRODUCTS,
    "orders": ORDERS,
    "lines": LINES,
    "shipments": SHIPMENTS,
    "vendors": VENDORS,
    "stock": STOCKS,
    "inbound": INBOUNDS,
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
    gone: int = 0
    """Stock and open deliveries that the source names no more."""


def import_all(
    engine: Engine,
    source: Source,
    as_of: date,
    rejects_file: Path | None = None,
    *,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> dict[str, Counts]:
    """Take in every table that the shop has a SELECT for; refused rows are added to the rejects file.

    Until all of them are there, nobody allocates by them.
    """
    with rejects(rejects_file) as refuse, taking_in(engine) as alive:
        how: dict[str, Any] = {"refuse": refuse, "batch": batch, "progress": progress, "alive": alive}
        counts = {table: import_table(engine, source, table, as_of, **how) for table in source.tables}
        with engine.begin() as connection:
            put(connection, YIELDED, counts["orders"].read - counts["orders"].refused)
    return counts


def import_table(
    engine: Engine,
    source: Source,
    table: str,
    as_of: date,
    *,
    refuse: Refuse = lambda _: None,
    batch: int = BATCH,
    progress: Progress | None = None,
    alive: Callable[[Connection], None] = lambda _: None,
) -> Counts:
    """Take in one table, a transaction a batch of rows; what vanished from the source stays as it was, but for goods.

    Stock that is in it no more is used up, and an open delivery was called off: unless the table is empty, or has rows
    that are refused, for then nobody knows what it would have named.
    Of rows with one key the first is taken, for those before it are in the ledger already when another comes.

    Orders with news in them are due on `as_of`; an order that was closed by then gets no watch. Raises BadShop.
    """
    counts = Counts()
    day_over = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(source.shop.zone)).astimezone(UTC)

    def turn_away(refused: Refused) -> None:
        counts.refused += 1
        refuse(refused)

    with Seen() as seen:
        for found in _batches(source.read(table), batch):
            good = [row for row in found if isinstance(row, Accepted)]
            for row in found:
                if isinstance(row, Refused):
                    turn_away(row)
            with engine.begin() as connection:
                alone(connection, Turn.IMPORT)
                alive(connection)
                kept = _first_of_each(table, _known(connection, table, good, turn_away), seen, turn_away)
                inserted, updated = _write(connection, table, kept)
                wake(connection, table, inserted, updated, as_of, day_over)
            counts.read += len(found)
            counts.inserted += len(inserted)
            counts.updated += len(updated)
            counts.unchanged += len(kept) - len(inserted) - len(updated)
            if progress is not None:
                progress(table, counts.read)
        if table == "shipments" and not counts.refused:
            counts.gone = forget_parcels(engine, seen, batch, as_of, day_over)
        if table in ENDS and counts.read and not counts.refused:
            counts.gone = take_away(engine, table, seen, batch)
    return counts


def _batches(rows: Iterator[Accepted | Refused], size: int) -> Iterator[list[Accepted | Refused]]:
    while found := list(islice(rows, size)):
        yield found


def _key(table: str) -> list[str]:
    return [column.name for column in TABLES[table].primary_key]


def _known(connection: Connection, table: str, rows: Sequence[Accepted], refuse: Refuse) -> Sequence[Accepted]:
    """Keep the rows whose references are known, from this import or an earlier one."""
    for column, target in ((column, target) for (of, column), target in POINTS_AT.items() if of == table):
        ids = TABLES[target].c.id
        named = {getattr(row.fact, column) for row in rows}
        known = set(connection.execute(select(ids).where(among(connection, ids, named))).scalars())
        for row in rows:
            if getattr(row.fact, column) not in known:
                refuse(_refused(table, row, column, f"not among the {target}; the id of one of them is right"))
        rows = [row for row in rows if getattr(row.fact, column) in known]
    return rows


def _first_of_each(table: str, rows: Sequence[Accepted], seen: Seen, refuse: Refuse) -> dict[Key, Accepted]:
    """Keep the first row of each key, also of those in earlier batches."""
    names, first = _key(table), dict[Key, Accepted]()
    keys = [tuple(getattr(row.fact, name) for name in names) for row in rows]
    places = seen.among(keys)
    for key, row in zip(keys, rows, strict=True):
        if key in places:
            refuse(_refused(table, row, names[-1], f"duplicate of {places[key]}, which is taken instead"))
        else:
            first[key], places[key] = row, row.place
    seen.add({key: places[key] for key in first})
    return first


def _refused(table: str, row: Accepted, column: str, reason: str) -> Refused:
    return Refused(table, row.file, row.line, column, str(getattr(row.fact, column)), reason)


def _write(connection: Connection, table: str, rows: dict[Key, Accepted]) -> tuple[set[Key], set[Key]]:
    """Insert what is new and update what differs; return the keys of each."""
    if not rows:
        return set(), set()
    into, names = TABLES[table], _key(table)
    keys = [into.c[name] for name in names]
    there = select(*keys).where(among(connection, keys[0], {key[0] for key in rows}))
    before = {tuple(key) for key in connection.execute(there)}
    new, values = _all_of_them(connection, into, [vars(row.fact) for row in rows.values()])
    others = [column.name for column in into.c if not column.primary_key]
    upsert = new.on_conflict_do_update(
        index_elements=names,
        set_={name: new.excluded[name] for name in others},
        where=or_(*(into.c[name].is_distinct_from(new.excluded[name]) for name in others)),
    ).returning(*keys)
    written = {tuple(key) for key in connection.execute(upsert, values)}
    return written - before, written & before


def _all_of_them(connection: Connection, into: Table, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Return the INSERT of many rows, and what to execute it with.

    PostgreSQL takes an array a column: a thousand rows of placeholders cost it, and its client, several times as much.
    """
    new = insert(connection, into)
    if is_sqlite(connection):
        return new, rows
    columns = [into.c[name] for name in rows[0]]
    arrays = [func.unnest(bindparam(f"all_{one.name}", type_=ARRAY(one.type))) for one in columns]
    return new.from_select(columns, select(*arrays)), {
        f"all_{one.name}": [row[one.name] for row in rows] for one in columns
    }
