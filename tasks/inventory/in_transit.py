"""Date lines that were shipped and are still to be delivered, from the day on which they left."""

from typing import Any

from sqlalchemy import Row, and_, select

from models.date_basis import ShippedBasis
from models.enums import Promise
from models.inventory import DateSource, ExpectedDate
from rules.inventory.transit import TransitTimes
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, lock
from tasks.inventory.expected_dates import COUNTRY, PAGE_SIZE, DateUpdate, save_expected_dates, staff_override_filter
from tasks.inventory.stored_dates import DATE_COLUMNS, stored_date
from tasks.orders.filters import CURRENT_DATE_FILTER, open_filter, undated_filter
from tasks.orders.owed_pieces import shipped_at_clause
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS


def date_in_transit_for(transit: TransitTimes, shipped: Row[Any], context: Context) -> ExpectedDate:
    """Return the day on which a shipped line arrives; the row has `shipped_at` and `country`."""
    shipped_on = context.day(shipped.shipped_at)
    if shipped_on is None:
        raise ValueError("a line in transit has a moment of shipping")
    arrives_on = transit.arrival_date(shipped_on, shipped.country)
    return ExpectedDate(DateSource.STOCK, arrives_on, f"it left on {shipped_on}", basis=ShippedBasis(shipped_on))


def date_in_transit(context: Context) -> int:
    """Set the expected date of all lines in transit from the arrival of their parcels; return how many dates changed.

    The shop's own date takes precedence, and so does one that staff set, until it has passed.
    """
    transit = TransitTimes(context.policy.allocation, context.policy.days)
    page, changed, after = _lines_in_transit(context), 0, 0
    while True:
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)
            rows = connection.execute(page.where(EXPECTED_DATES.c.id > after)).all()
            updates = [
                DateUpdate((row.order_id, row.number), stored_date(row), date_in_transit_for(transit, row, context))
                for row in rows
            ]
            changed += save_expected_dates(connection, updates, context, context.run_id)["changed"]
        if len(rows) < PAGE_SIZE:
            return changed
        after = rows[-1].stored_id


def _lines_in_transit(context: Context) -> Any:
    end = context.end_of(context.as_of)
    shipped_at = shipped_at_clause(end)
    in_transit = and_(ORDER_LINES.c.promise == Promise.DELIVER, shipped_at < end, open_filter(end))
    return (
        select(ORDER_LINES.c.order_id, ORDER_LINES.c.number, shipped_at.label("shipped_at"), COUNTRY, *DATE_COLUMNS)
        .select_from(
            ORDER_LINES.join(EXPECTED_DATES, CURRENT_DATE_FILTER)
            .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        )
        .where(in_transit, undated_filter(context.as_of), ~staff_override_filter(context))
        .order_by(EXPECTED_DATES.c.id)
        .limit(PAGE_SIZE)
    )
