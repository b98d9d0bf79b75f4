"""Keep when each line is expected: what changed ends the row that was believed, and both stay."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from models.inventory import DateSource, ExpectedDate
from models.orders import LineKey
from tasks.context import Context
from tasks.db.changes import compare
from tasks.db.sql import AdvisoryLock, in_list, insert, lock
from tasks.inventory.demand import StoredDate
from tasks.orders.due import mark_due
from tasks.orders.filters import not_packed_filter, open_filter, undated_filter
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS

PAGE = 1_000
IN_PLACE_COLUMNS = ("why", "earliest_on", "latest_on", "probability", "basis", "in_stock")
COUNTRY = func.coalesce(ORDERS.c.country, CUSTOMERS.c.country, "").label("country")
"""The SQL of where an order goes; wants CUSTOMERS joined."""
UPDATE_IN_PLACE = update(EXPECTED_DATES).where(EXPECTED_DATES.c.id == bindparam("row"))

DatedLine = tuple[ExpectedDate, bool]
"""A line's expected date, and whether the line is in stock."""


@dataclass(frozen=True, slots=True)
class DateUpdate:
    """What is believed of a line from now on, beside what the ledger has; None: the shop's own date stays."""

    key: LineKey
    kept: StoredDate | None
    expectation: ExpectedDate | None
    in_stock: bool = False


def save_expected_dates(
    connection: Connection, found: Iterable[DateUpdate], context: Context, who: str
) -> Counter[str]:
    """Write down what differs, and wake the orders whose date or readiness did; return what became of dates.

    Another date, or another who says it, makes a new row; anything else about it is brought up to date where it stands.
    """
    updates = {update.key: update for update in found}
    before = {key: (one.kept.expectation, one.kept.in_stock) for key, one in updates.items() if one.kept}
    after = {key: (one.expectation, one.in_stock) for key, one in updates.items() if one.expectation}
    changes = compare(before, after)
    replaced = {
        key: row for key, row in changes.changed.items() if _source_and_day(before[key]) != _source_and_day(row)
    }
    corrected = {key: row for key, row in changes.changed.items() if key not in replaced}
    ids = {key: one.kept.id for key, one in updates.items() if one.kept}
    _end(connection, [ids[key] for key in (*changes.removed, *replaced)], context)
    if new := [_row(key, *row, context, who) for key, row in (changes.added | replaced).items()]:
        connection.execute(insert(connection, EXPECTED_DATES).on_conflict_do_nothing(), new)
    if moved := [{"row": ids[key], **_in_place(*row)} for key, row in corrected.items()]:
        connection.execute(UPDATE_IN_PLACE.values({name: bindparam(name) for name in IN_PLACE_COLUMNS}), moved)
    woken = {*changes.added, *changes.removed}
    woken |= {key for key, row in changes.changed.items() if _day_and_readiness(before[key]) != _day_and_readiness(row)}
    mark_due(connection, {order for order, _ in woken}, context.as_of)
    return +Counter(set=len(changes.added), changed=len(replaced), ended=len(changes.removed))


def _source_and_day(row: DatedLine) -> tuple[DateSource, date | None]:
    return row[0].source, row[0].expected_on


def _day_and_readiness(row: DatedLine) -> tuple[date | None, bool]:
    return row[0].expected_on, row[1]


def _in_place(expectation: ExpectedDate, in_stock: bool) -> dict[str, Any]:  # noqa: FBT001 - a row of two columns
    return {name: getattr(expectation, name) for name in IN_PLACE_COLUMNS if name != "in_stock"} | {
        "in_stock": in_stock
    }


def _row(key: LineKey, expectation: ExpectedDate, in_stock: bool, context: Context, who: str) -> dict[str, Any]:  # noqa: FBT001 - the same
    order, line = key
    return {
        "order_id": order,
        "line": line,
        **asdict(expectation),
        "in_stock": in_stock,
        "set_at": context.started_at,
        "set_by": who,
    }


def _end(connection: Connection, rows: Sequence[int], context: Context) -> None:
    if rows:
        mine = update(EXPECTED_DATES).where(
            in_list(connection, EXPECTED_DATES.c.id, rows), EXPECTED_DATES.c.ended_at.is_(None)
        )
        connection.execute(mine.values(ended_at=context.started_at))


def close_shipped(context: Context) -> int:
    """End what is expected of lines that want no goods any more: shipped, cancelled, or gone; return how many.

    Of a line that was shipped and is to be delivered it stands, unless the shop itself has a day by now and staff none.
    """
    dated = or_(undated_filter(context.as_of), staff_override_filter(context))
    under_way = and_(open_filter(context.end_of(context.as_of)), dated)
    wanted = (
        select(ORDER_LINES.c.number)
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(
            ORDER_LINES.c.order_id == EXPECTED_DATES.c.order_id,
            ORDER_LINES.c.number == EXPECTED_DATES.c.line,
            or_(not_packed_filter(context, context.as_of), under_way),
        )
        .correlate(EXPECTED_DATES)
    )
    query = select(EXPECTED_DATES.c.id).where(EXPECTED_DATES.c.ended_at.is_(None), ~wanted.exists()).limit(PAGE)
    ended = 0
    while True:
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)
            rows = list(connection.execute(query).scalars())
            _end(connection, rows, context)
        ended += len(rows)
        if len(rows) < PAGE:
            return ended


def staff_override_filter(context: Context) -> ColumnElement[bool]:
    """Return the SQL of an expectation that staff gave, whose day has not passed."""
    return and_(EXPECTED_DATES.c.source == DateSource.STAFF, EXPECTED_DATES.c.expected_on >= context.as_of)
