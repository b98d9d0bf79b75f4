"""Date what was shipped and is to be delivered: from the day it left, whatever was believed while it lay here."""

from typing import Any

from sqlalchemy import Row, and_, select

from models.enums import Promise
from models.inventory import DateSource, ExpectedDate
from rules.inventory.transit import TransitTimes
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, lock
from tasks.inventory.demand import DATE_COLUMNS, stored_date
from tasks.inventory.expected_dates import COUNTRY, PAGE, DateUpdate, save_expected_dates, staff_override_filter
from tasks.orders.filters import CURRENT_DATE_FILTER, open_filter, undated_filter
from tasks.orders.owed_pieces import shipped_at_clause
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS


def date_in_transit_for(journey: TransitTimes, shipped: Row[Any], context: Context) -> ExpectedDate:
    """Expect what was shipped when its parcel arrives; reads `shipped_at` and `country`."""
    left_on = context.day(shipped.shipped_at)
    arrives_on = journey.arrives(left_on, shipped.country)
    return ExpectedDate(DateSource.STOCK, arrives_on, f"it left on {left_on}", basis=f"left on {left_on}")


def date_in_transit(context: Context) -> int:
    """Expect what is on its way when its parcel arrives; return how many dates changed.

    What the shop's own system says goes before, and what staff say until it has passed.
    """
    journey, query, changed, after = (
        TransitTimes(context.policy.allocation, context.policy.days),
        _lines_in_transit(context),
        0,
        0,
    )
    while True:
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)
            rows = connection.execute(query.where(EXPECTED_DATES.c.id > after)).all()
            found = [
                DateUpdate((row.order_id, row.number), stored_date(row), date_in_transit_for(journey, row, context))
                for row in rows
            ]
            changed += save_expected_dates(connection, found, context, context.run_id)["changed"]
        if len(rows) < PAGE:
            return changed
        after = rows[-1].row


def _lines_in_transit(context: Context) -> Any:
    over = context.end_of(context.as_of)
    left = shipped_at_clause(over)
    mine = and_(ORDER_LINES.c.promise == Promise.DELIVER, left < over, undated_filter(context.as_of))
    return (
        select(ORDER_LINES.c.order_id, ORDER_LINES.c.number, left.label("shipped_at"), COUNTRY, *DATE_COLUMNS)
        .select_from(
            ORDER_LINES.join(EXPECTED_DATES, CURRENT_DATE_FILTER)
            .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        )
        .where(mine, open_filter(over), ~staff_override_filter(context))
        .order_by(EXPECTED_DATES.c.id)
        .limit(PAGE)
    )
