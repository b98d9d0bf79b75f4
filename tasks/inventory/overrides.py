"""Take back what staff said of a line: what is so without it is believed in its place, with no moment between."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from models.errors import ForewarnError
from models.inventory import MAX_DAYS_AHEAD, DateSource, ExpectedDate, known_day
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, lock
from tasks.imports.guard import ensure_import_complete
from tasks.inventory.allocate import allocate_product, load_forecast_inputs
from tasks.inventory.demand import DATE_COLUMNS, stored_date
from tasks.inventory.expected_dates import COUNTRY, DateUpdate, save_expected_dates
from tasks.inventory.forecast_inputs import ForecastInputs
from tasks.inventory.in_transit import date_in_transit_for
from tasks.inventory.supply import load_supply
from tasks.orders.filters import CURRENT_DATE_FILTER, open_filter
from tasks.orders.owed_pieces import shipped_at_clause
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS, PRODUCTS


def clear_override(context: Context, order: str, line: str, who: str) -> None:
    """Take back what staff said of a line, and reckon it anew.

    Raises ForewarnError where they said nothing, and while the shop's facts are half taken in.
    """
    seen = load_forecast_inputs(context)
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.ALLOCATE)
        ensure_import_complete(connection)
        row = find_open_line(context, connection, order, line)
        found = stored_date(row)
        if found is None or found.expectation.source is not DateSource.STAFF:
            raise ForewarnError(f"staff said nothing of line {line!r} of order {order!r} that could be taken back")
        save_expected_dates(connection, [DateUpdate((order, line), found, None)], context, who)
        save_expected_dates(connection, _without_override(context, connection, seen, row), context, who)


def _without_override(
    context: Context, connection: Connection, seen: ForecastInputs, row: Row[Any]
) -> Iterator[DateUpdate]:
    """Yield what is believed of a line of which nothing was said yet."""
    key = row.order_id, row.number
    left_on = context.day(row.shipped_at)
    if left_on is not None and left_on <= seen.as_of:
        if row.expected_on is None:
            yield DateUpdate(key, None, date_in_transit_for(seen.journey, row, context))
        return
    before = select(func.max(PRODUCTS.c.id)).where(PRODUCTS.c.id < row.product_id)
    page, _ = load_supply(context, connection, seen, connection.execute(before).scalar() or "", 1)
    for goods in page:
        yield from (one for one in allocate_product(context, goods, seen).believed if one.key == key)


def set_override(context: Context, order: str, line: str, day: date, who: str) -> None:
    """Write down that staff expect a line on a day: believed before anything else until it passes, or is taken back.

    Raises ForewarnError for a line that is not there or not open, and for a day past or far beyond.
    """
    if day < context.as_of:
        raise ForewarnError(f"{day} has passed: a line is expected today, {context.as_of}, or later")
    if known_day(day, context.as_of) is None:
        latest = context.as_of + timedelta(days=MAX_DAYS_AHEAD)
        raise ForewarnError(f"{day} is too far ahead to be told to a customer: {latest} or sooner would be right")
    word = ExpectedDate(DateSource.STAFF, day, f"{who} says so")
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.ALLOCATE)
        found = stored_date(find_open_line(context, connection, order, line))
        save_expected_dates(
            connection, [DateUpdate((order, line), found, word, in_stock=bool(found and found.in_stock))], context, who
        )


def find_open_line(context: Context, connection: Connection, order: str, line: str) -> Row[Any]:
    """Return an open line, be it on its way, with what is believed of it; raises ForewarnError where there is none."""
    over = context.end_of(context.as_of)
    query = (
        select(*(ORDER_LINES.c[name] for name in ("order_id", "number", "product_id", "expected_on")), COUNTRY)
        .add_columns(shipped_at_clause(over).label("shipped_at"), *DATE_COLUMNS)
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        )
        .where(
            ORDER_LINES.c.order_id == order, ORDER_LINES.c.number == line, ORDERS.c.placed_at < over, open_filter(over)
        )
    )
    row = connection.execute(query).first()
    if row is None:
        raise ForewarnError(f"order {order!r} has no open line {line!r}: `forewarn explain {order}` shows its lines")
    return row
