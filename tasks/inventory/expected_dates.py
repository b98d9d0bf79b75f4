"""Save the expected date of each line; a changed date ends the row before it, and both rows are kept."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from models.date_basis import basis_as_data
from models.inventory import DateSource, ExpectedDate
from models.orders import LineKey
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, in_list, insert, lock
from tasks.inventory.stored_dates import StoredDate
from tasks.orders.due import mark_due
from tasks.orders.filters import not_packed_filter, open_filter, undated_filter
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS

PAGE_SIZE = 1_000
DETAIL_COLUMNS = ("why", "earliest_on", "latest_on", "probability", "basis", "in_stock")
"""The columns that are updated in place while source and date stay."""
COUNTRY = func.coalesce(ORDERS.c.country, CUSTOMERS.c.country, "").label("country")
"""The SQL of an order's destination; needs CUSTOMERS joined."""
UPDATE_DETAILS = (
    update(EXPECTED_DATES)
    .where(EXPECTED_DATES.c.id == bindparam("stored_id"))
    .values({name: bindparam(name) for name in DETAIL_COLUMNS})
)


class DateChange(StrEnum):
    """How a line's expected date changes; the first three are counted in the run's report."""

    SET = "set"
    CHANGED = "changed"
    ENDED = "ended"
    DETAILS = "details"
    """Source and date stay, another column changes."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DateUpdate:
    """A line's expected date in the ledger, and the one from now on; None: the shop's own date counts."""

    key: LineKey
    stored: StoredDate | None
    expected: ExpectedDate | None
    in_stock: bool = False

    @property
    def change(self) -> DateChange:
        """How the update changes the stored date."""
        if self.stored is None:
            return DateChange.NONE if self.expected is None else DateChange.SET
        if self.expected is None:
            return DateChange.ENDED
        stored, expected = self.stored.expected, self.expected
        if (stored.source, stored.expected_on) != (expected.source, expected.expected_on):
            return DateChange.CHANGED
        return DateChange.NONE if stored == expected and self.stored.in_stock == self.in_stock else DateChange.DETAILS

    @property
    def is_visible(self) -> bool:
        """Whether the customer's notice may change: by the date, or by whether the line is in stock."""
        if self.stored is None or self.expected is None:
            return self.change is not DateChange.NONE
        return self.stored.expected.expected_on != self.expected.expected_on or self.stored.in_stock != self.in_stock


def save_expected_dates(
    connection: Connection, updates: Iterable[DateUpdate], context: Context, set_by: str
) -> Counter[str]:
    """Save the updates that change something, and mark the orders due whose customers may see it.

    Return the number of dates by DateChange: set, changed and ended. Another date or source makes a new row; other
    changes update the row in place.
    """
    changing = [each for each in updates if each.change is not DateChange.NONE]
    replaced = [each for each in changing if each.change is not DateChange.DETAILS]
    detailed = [each for each in changing if each.change is DateChange.DETAILS]
    _end(connection, [each.stored.id for each in replaced if each.stored], context)
    new_rows = [_row(each, each.expected, context, set_by) for each in replaced if each.expected]
    if new_rows:
        connection.execute(insert(connection, EXPECTED_DATES).on_conflict_do_nothing(), new_rows)
    details = [
        {"stored_id": each.stored.id, **_details(each.expected, in_stock=each.in_stock)}
        for each in detailed
        if each.stored and each.expected
    ]
    if details:
        connection.execute(UPDATE_DETAILS, details)
    mark_due(connection, {each.key[0] for each in changing if each.is_visible}, context.as_of)
    return Counter(str(each.change) for each in replaced)


def _details(expected: ExpectedDate, *, in_stock: bool) -> dict[str, Any]:
    values = _values(expected) | {"in_stock": in_stock}
    return {name: values[name] for name in DETAIL_COLUMNS}


def _row(of_line: DateUpdate, expected: ExpectedDate, context: Context, set_by: str) -> dict[str, Any]:
    order, line = of_line.key
    return {
        "order_id": order,
        "line": line,
        **_values(expected),
        "in_stock": of_line.in_stock,
        "set_at": context.started_at,
        "set_by": set_by,
    }


def _values(expected: ExpectedDate) -> dict[str, Any]:
    values = {field.name: getattr(expected, field.name) for field in fields(expected)}
    return values | {"basis": basis_as_data(expected.basis)}


def _end(connection: Connection, ids: Sequence[int], context: Context) -> None:
    if ids:
        current = and_(in_list(connection, EXPECTED_DATES.c.id, ids), EXPECTED_DATES.c.ended_at.is_(None))
        connection.execute(update(EXPECTED_DATES).where(current).values(ended_at=context.started_at))


def close_shipped(context: Context) -> int:
    """End the expected dates of lines that need no goods any more: shipped, cancelled or gone; return how many.

    A line that was shipped and is still to be delivered keeps its date, unless the shop's data has one and staff have
    none.
    """
    keeps_date = or_(undated_filter(context.as_of), staff_override_filter(context))
    in_transit = and_(open_filter(context.end_of(context.as_of)), keeps_date)
    open_line = (
        select(ORDER_LINES.c.number)
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(
            ORDER_LINES.c.order_id == EXPECTED_DATES.c.order_id,
            ORDER_LINES.c.number == EXPECTED_DATES.c.line,
            or_(not_packed_filter(context, context.as_of), in_transit),
        )
        .correlate(EXPECTED_DATES)
    )
    page = select(EXPECTED_DATES.c.id).where(EXPECTED_DATES.c.ended_at.is_(None), ~open_line.exists()).limit(PAGE_SIZE)
    ended = 0
    while True:
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)
            ids = list(connection.execute(page).scalars())
            _end(connection, ids, context)
        ended += len(ids)
        if len(ids) < PAGE_SIZE:
            return ended


def staff_override_filter(context: Context) -> ColumnElement[bool]:
    """Return the SQL of an expected date that staff set and that has not passed."""
    return and_(EXPECTED_DATES.c.source == DateSource.STAFF, EXPECTED_DATES.c.expected_on >= context.as_of)
