"""Read the lines still to be sent of orders, each with the first and the last day on which it should leave."""

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
from tasks.orders.choices import closed_by_choice_filter
from tasks.orders.filters import CURRENT_DATE_FILTER, EXPECTED_ON_CLAUSE, not_packed_filter
from tasks.orders.order_rows import IN_STOCK_CLAUSE, PROMISED_COLUMNS, promised_day
from tasks.tables import CUSTOMER_ANSWERS, CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS, PRODUCTS

PREFERENCE = "shipping_preference"
"""The kind of a customer's answer that says how an order is to be sent."""
PREFERENCE_FILTER = and_(CUSTOMER_ANSWERS.c.order_id == ORDERS.c.id, CUSTOMER_ANSWERS.c.kind == PREFERENCE)


def ships_from_us_filter(context: Context, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that the shop itself still has to send; needs ORDERS and PRODUCTS joined.

    A line that its customer has cancelled or swapped is not sent, even before the shop's own systems say so.
    """
    return and_(not_packed_filter(context, as_of), PRODUCTS.c.drop_shipped.is_(False), ~closed_by_choice_filter())


@dataclass(frozen=True, slots=True)
class DayInputs:
    """What ship dates are computed from on one day."""

    context: Context
    as_of: date
    transit: TransitTimes
    soonest: date
    """The day on which a parcel leaves that is packed today."""


def load_day_inputs(context: Context, as_of: date) -> DayInputs:
    """Return what ship dates are computed from on a day."""
    transit = TransitTimes(context.policy.allocation, context.policy.days)
    return DayInputs(context, as_of, transit, transit.ship_date(as_of) or as_of)


def lines_to_ship(inputs: DayInputs, connection: Connection, orders: Sequence[str]) -> dict[str, OrderToSend]:
    """Return, by id, those of the orders that the shop still has to send lines of."""
    rows = connection.execute(_lines(inputs, connection, orders))
    return {
        key: _order_to_send(inputs, sorted(lines, key=lambda line: natural_key(line.number)))
        for key, lines in groupby(rows, attrgetter("order_id"))
    }


def _lines(inputs: DayInputs, connection: Connection, orders: Sequence[str]) -> Any:
    names = ("order_id", "number", "time_critical", "ship_with")
    return (
        select(*(ORDER_LINES.c[name] for name in names), *PROMISED_COLUMNS, ORDERS.c.currency, IN_STOCK_CLAUSE)
        .add_columns(
            EXPECTED_ON_CLAUSE.label("expected_on"),
            EXPECTED_DATES.c.id.label("expected_date_id"),
            func.coalesce(CUSTOMER_ANSWERS.c.value, ORDERS.c.shipping_preference).label("preference"),
        )
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
            .outerjoin(CUSTOMER_ANSWERS, PREFERENCE_FILTER)
        )
        .where(in_list(connection, ORDER_LINES.c.order_id, orders), ships_from_us_filter(inputs.context, inputs.as_of))
        .order_by(ORDER_LINES.c.order_id)
    )


def _order_to_send(inputs: DayInputs, rows: Sequence[Row[Any]]) -> OrderToSend:
    first, context = rows[0], inputs.context
    dates = [_ships_on(inputs, row) for row in rows]
    # All lines that can leave by the next departure leave on one day, the last of theirs.
    first_departure = max((day for day in dates if day is not None and day <= inputs.soonest), default=None)
    lines = tuple(
        LineToSend(
            number=row.number,
            ships_on=first_departure if day is not None and day <= inputs.soonest else day,
            leave_by=_latest_ship_date(inputs, row, promised_day(context, row)),
            time_critical=row.time_critical,
            ship_with=row.ship_with,
            promise=Promise(row.promise),
        )
        for row, day in zip(rows, dates, strict=True)
    )
    preference = ShippingPreference(first.preference) if first.preference else None
    currency = first.currency or context.shop.currency
    return OrderToSend(lines, currency, inputs.soonest, preference, first.country or "")


def _ships_on(inputs: DayInputs, row: Row[Any]) -> date | None:
    """Return the first day on which all of a line can leave: that of its expected date, or sooner if it is in stock.

    A line in stock can leave even where it missed its day and its customer is told no new one.
    """
    is_in_stock, expected_on = row.all_in_stock, row.expected_on
    if row.expected_date_id is None:
        expected_on = inputs.context.expected_day(expected_on, row.placed_at)
    if expected_on is None or expected_on < inputs.as_of:
        return inputs.soonest if is_in_stock else None
    ships_on = max(_latest_ship_date(inputs, row, expected_on), inputs.as_of)
    return min(ships_on, inputs.soonest) if is_in_stock else ships_on


def _latest_ship_date(inputs: DayInputs, row: Row[Any], day: date) -> date:
    return latest_ship_date(day, Promise(row.promise), row.country or "", inputs.transit)
