"""Set and clear the dates that staff give for a line."""

from collections.abc import Iterator, Sequence, Set
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from models.errors import ForewarnError
from models.inventory import MAX_DAYS_AHEAD, DateSource, ExpectedDate, known_day
from models.orders import LineKey
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, lock
from tasks.imports.guard import ensure_import_complete
from tasks.inventory.allocate import allocate_product
from tasks.inventory.expected_dates import COUNTRY, DateUpdate, save_expected_dates
from tasks.inventory.forecast_inputs import ForecastInputs, load_forecast_inputs
from tasks.inventory.in_transit import date_in_transit_for
from tasks.inventory.stored_dates import DATE_COLUMNS, stored_date
from tasks.inventory.supply import load_supply
from tasks.orders.filters import CURRENT_DATE_FILTER, open_filter
from tasks.orders.owed_pieces import shipped_at_clause
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS, PRODUCTS


def set_override(context: Context, order: str, line: str, day: date, who: str) -> None:
    """Set the day on which staff expect a line; it takes precedence until it passes or is cleared.

    Raises ForewarnError for a line that is unknown or not open, and for a day that has passed or is a placeholder.
    """
    with context.engine.begin() as connection:
        save_override(context, connection, order, line, day, who)


def save_override(context: Context, connection: Connection, order: str, line: str, day: date, who: str) -> None:
    """Do what `set_override` does, in the caller's transaction."""
    if day < context.as_of:
        raise ForewarnError(f"{day} has passed: a line is expected today, {context.as_of}, or later")
    if known_day(day, context.as_of) is None:
        latest = context.as_of + timedelta(days=MAX_DAYS_AHEAD)
        raise ForewarnError(f"{day} is too far ahead to be told to a customer: {latest} or sooner would be right")
    override = ExpectedDate(DateSource.STAFF, day, f"{who} says so")
    lock(connection, AdvisoryLock.ALLOCATE)
    stored = stored_date(find_open_line(context, connection, order, line))
    in_stock = stored is not None and stored.in_stock
    save_expected_dates(connection, [DateUpdate((order, line), stored, override, in_stock)], context, who)


def clear_override(context: Context, order: str, line: str, who: str) -> None:
    """Clear the day that staff set for a line, and compute its date in the same transaction.

    Raises ForewarnError where staff set none, and ImportIncomplete while an import is incomplete.
    """
    inputs = load_forecast_inputs(context)
    with context.engine.begin() as connection:
        delete_override(context, connection, inputs, order, line, who)


def delete_override(
    context: Context, connection: Connection, inputs: ForecastInputs, order: str, line: str, who: str
) -> None:
    """Do what `clear_override` does, in the caller's transaction."""
    lock(connection, AdvisoryLock.ALLOCATE)
    ensure_import_complete(connection)
    row = find_open_line(context, connection, order, line)
    stored = stored_date(row)
    if stored is None or stored.expected.source is not DateSource.STAFF:
        raise ForewarnError(f"staff set no date for line {line!r} of order {order!r}, so there is none to clear")
    save_expected_dates(connection, [DateUpdate((order, line), stored, None)], context, who)
    save_expected_dates(connection, _without_override(context, connection, inputs, row), context, who)


def delete_overrides(
    context: Context, connection: Connection, inputs: ForecastInputs, lines: Sequence[LineKey], who: str
) -> int:
    """Clear the days that staff set for lines of one product, as `delete_override` does; return of how many.

    A line that is closed by now, or has no such day, stays as it is.
    """
    lock(connection, AdvisoryLock.ALLOCATE)
    ensure_import_complete(connection)
    found = (_open_line(context, connection, *key) for key in lines)
    ours = [row for row in found if row is not None and _is_set_by_staff(row)]
    ended = [DateUpdate((row.order_id, row.number), stored_date(row), None) for row in ours]
    save_expected_dates(connection, ended, context, who)
    unsent = [row for row in ours if not _is_shipped(context, inputs, row)]
    for row in ours:
        if row not in unsent:
            save_expected_dates(connection, _without_override(context, connection, inputs, row), context, who)
    keys = {(row.order_id, row.number) for row in unsent}
    for product in {row.product_id for row in unsent}:
        dates = _allocated_dates(context, connection, inputs, product, keys)
        save_expected_dates(connection, dates, context, who)
    return len(ours)


def _is_set_by_staff(row: Row[Any]) -> bool:
    stored = stored_date(row)
    return stored is not None and stored.expected.source is DateSource.STAFF


def _is_shipped(context: Context, inputs: ForecastInputs, row: Row[Any]) -> bool:
    shipped_on = context.day(row.shipped_at)
    return shipped_on is not None and shipped_on <= inputs.as_of


def _without_override(
    context: Context, connection: Connection, inputs: ForecastInputs, row: Row[Any]
) -> Iterator[DateUpdate]:
    """Yield the date of a line that has no expected date in the ledger yet."""
    key = row.order_id, row.number
    if _is_shipped(context, inputs, row):
        if row.expected_on is None:
            yield DateUpdate(key, None, date_in_transit_for(inputs.transit, row, context))
        return
    yield from _allocated_dates(context, connection, inputs, row.product_id, {key})


def _allocated_dates(
    context: Context, connection: Connection, inputs: ForecastInputs, product: str, keys: Set[LineKey]
) -> Iterator[DateUpdate]:
    """Yield the dates that lines of a product get from what covers them."""
    previous_product = select(func.max(PRODUCTS.c.id)).where(PRODUCTS.c.id < product)
    page, _ = load_supply(context, connection, inputs, connection.execute(previous_product).scalar() or "", 1)
    for supply in page:
        allocation = allocate_product(context, supply, inputs)
        yield from (each for each in allocation.date_updates if each.key in keys)


def find_open_line(context: Context, connection: Connection, order: str, line: str) -> Row[Any]:
    """Return an open line, also one in transit, with its expected date; raises ForewarnError where there is none."""
    row = _open_line(context, connection, order, line)
    if row is None:
        raise ForewarnError(f"order {order!r} has no open line {line!r}: `forewarn explain {order}` shows its lines")
    return row


def _open_line(context: Context, connection: Connection, order: str, line: str) -> Row[Any] | None:
    end = context.end_of(context.as_of)
    query = (
        select(*(ORDER_LINES.c[name] for name in ("order_id", "number", "product_id", "expected_on")), COUNTRY)
        .add_columns(shipped_at_clause(end).label("shipped_at"), *DATE_COLUMNS)
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        )
        .where(
            ORDER_LINES.c.order_id == order, ORDER_LINES.c.number == line, ORDERS.c.placed_at < end, open_filter(end)
        )
    )
    return connection.execute(query).first()
