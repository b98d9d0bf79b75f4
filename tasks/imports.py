"""Take a shop's facts in: only what changed is written, and every order that it touches is looked at again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Table, case, func, literal, or_, select, update

from models.ledger import Watch
from models.shop import Customer, Inbound, Order, OrderLine, Product, Stock, Vendor
from models.values import Promise
from sources.contract import POINTS_AT
from sources.rows import Accepted, Refused
from sources.source import Source
from tasks.db import insert
from tasks.orders import table_of
from tasks.rejects import rejects

BATCH = 5_000
TABLES: dict[str, Table] = {
    "customers": table_of(Customer),
    "products": table_of(Product),
    "orders": table_of(Order),
    "lines": table_of(OrderLine),
    "vendors": table_of(Vendor),
    "stock": table_of(Stock),
    "inbound": table_of(Inbound),
}
ORDERS, LINES, WATCHES = TABLES["orders"], TABLES["lines"], table_of(Watch)

Key = tuple[str, ...]
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
            kept = _known(connection, table, _last_of_each(table, good, turn_away), turn_away)
            inserted, updated = _write(connection, table, kept)
            LOOK_AGAIN.get(table, _nobody)(connection, inserted, updated, as_of, day_over)
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


def _nobody(*_: Any) -> None:
    """Let a change of products, stock, receipts or vendors wake no order: news comes by an order's own dates."""


def _customers_orders(connection: Connection, _: set[Key], updated: set[Key], as_of: date, __: datetime) -> None:
    if updated:
        theirs = select(ORDERS.c.id).where(ORDERS.c.customer_id.in_({key[0] for key in updated}))
        _set_back(connection, WATCHES.c.order_id.in_(theirs), as_of)


def _orders(connection: Connection, inserted: set[Key], updated: set[Key], as_of: date, day_over: datetime) -> None:
    """Make the orders of changed rows due, and watch those that are open and were not watched."""
    ids = {key[0] for key in inserted | updated}
    if not ids:
        return
    _set_back(connection, WATCHES.c.order_id.in_(ids), as_of)
    over = case(
        (LINES.c.promise == Promise.SHIP, func.coalesce(LINES.c.shipped_at, LINES.c.delivered_at)),
        else_=LINES.c.delivered_at,
    )
    still_open = (
        select(LINES.c.order_id, literal(0), literal(as_of), literal(0))
        .distinct()
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .where(
            LINES.c.order_id.in_(ids),
            *(_not_yet(moment, day_over) for moment in (ORDERS.c.cancelled_at, LINES.c.cancelled_at, over)),
        )
    )
    watch = insert(connection, WATCHES).from_select(["order_id", "version", "look_again_on", "revision"], still_open)
    connection.execute(watch.on_conflict_do_nothing())


def _not_yet(moment: Any, day_over: datetime) -> Any:
    return or_(moment.is_(None), moment >= day_over)


def _set_back(connection: Connection, which: Any, as_of: date) -> None:
    # The version moves even where the order is due already: a run that read the old facts must not settle it.
    sooner = case((WATCHES.c.look_again_on > as_of, as_of), else_=WATCHES.c.look_again_on)
    connection.execute(update(WATCHES).where(which).values(look_again_on=sooner, version=WATCHES.c.version + 1))


LOOK_AGAIN = {"customers": _customers_orders, "orders": _orders, "lines": _orders}
