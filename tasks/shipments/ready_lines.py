"""Read what is still to be sent of orders: from which day on each line can leave, and by which it should."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from models.enums import Promise
from models.shipments import LineToSend, OrderToSend, ShippingPreference
from rules.delays.line_order import natural_key
from rules.inventory.transit import TransitTimes
from rules.shipments.split import latest_ship_date
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.orders.filters import CURRENT_DATE_FILTER, EXPECTED_ON_CLAUSE, not_packed_filter
from tasks.orders.order_rows import IN_STOCK_CLAUSE, PROMISED_COLUMNS, promised_day
from tasks.tables import CUSTOMER_ANSWERS, CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS, PRODUCTS

PREFERENCE = "shipping_preference"
"""The kind of answer that says how an order is to be sent."""
PREFERENCE_COLUMN = and_(CUSTOMER_ANSWERS.c.order_id == ORDERS.c.id, CUSTOMER_ANSWERS.c.kind == PREFERENCE)


def ships_from_us_filter(context: Context, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that the shop still sends itself; wants ORDERS and PRODUCTS joined."""
    return and_(not_packed_filter(context, as_of), PRODUCTS.c.drop_shipped.is_(False))


@dataclass(frozen=True, slots=True)
class DayInputs:
    """What days are reckoned with, once a run."""

    context: Context
    as_of: date
    journey: TransitTimes
    soonest: date
    """The day on which a parcel leaves that is packed today."""


def load_day_inputs(context: Context, as_of: date) -> DayInputs:
    """Return what days are reckoned with on a day."""
    journey = TransitTimes(context.policy.allocation, context.policy.days)
    return DayInputs(context, as_of, journey, journey.leaves(as_of) or as_of)


def lines_to_ship(today: DayInputs, connection: Connection, orders: Sequence[str]) -> dict[str, OrderToSend]:
    """Return those orders that the shop still sends lines of."""
    rows = connection.execute(_lines(today, connection, orders))
    return {
        key: _order(today, sorted(lines, key=lambda line: natural_key(line.number)))
        for key, lines in groupby(rows, attrgetter("order_id"))
    }


def _lines(today: DayInputs, connection: Connection, orders: Sequence[str]) -> Any:
    names = ("order_id", "number", "time_critical", "ship_with")
    return (
        select(*(ORDER_LINES.c[name] for name in names), *PROMISED_COLUMNS, ORDERS.c.currency, IN_STOCK_CLAUSE)
        .add_columns(
            EXPECTED_ON_CLAUSE.label("expected_on"),
            EXPECTED_DATES.c.id.label("ours"),
            func.coalesce(CUSTOMER_ANSWERS.c.value, ORDERS.c.shipping_preference).label("preference"),
        )
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
            .outerjoin(CUSTOMER_ANSWERS, PREFERENCE_COLUMN)
        )
        .where(in_list(connection, ORDER_LINES.c.order_id, orders), ships_from_us_filter(today.context, today.as_of))
        .order_by(ORDER_LINES.c.order_id)
    )


def _order(today: DayInputs, rows: Sequence[Row[Any]]) -> OrderToSend:
    first, context = rows[0], today.context
    days = [_ships_on(today, row) for row in rows]
    now = max((day for day in days if day is not None and day <= today.soonest), default=None)
    lines = tuple(
        LineToSend(
            number=row.number,
            ships_on=now if day is not None and day <= today.soonest else day,
            leave_by=_latest_ship_date(today, row, promised_day(context, row)),
            time_critical=row.time_critical,
            ship_with=row.ship_with,
            promise=Promise(row.promise),
        )
        for row, day in zip(rows, days, strict=True)
    )
    preference = ShippingPreference(first.preference) if first.preference else None
    return OrderToSend(lines, first.currency or context.shop.currency, today.soonest, preference, first.country or "")


def _ships_on(today: DayInputs, row: Row[Any]) -> date | None:
    """Return the day on which all of a line can leave: as its customer is told, or sooner where it lies ready.

    What lies ready can leave, even where it did not in time and its customer is told no new day any more.
    """
    day = row.expected_on if row.ours is not None else today.context.expected_day(row.expected_on, row.placed_at)
    if day is None or day < today.as_of:
        return today.soonest if row.all_in_stock else None
    leaves_on = max(_latest_ship_date(today, row, day), today.as_of)
    return min(leaves_on, today.soonest) if row.all_in_stock else leaves_on


def _latest_ship_date(today: DayInputs, row: Row[Any], day: date) -> date:
    return latest_ship_date(day, Promise(row.promise), row.country or "", today.journey)
