"""The parcels of a shipping plan that are still to leave."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, and_, func, select

from models.shipments import Parcel
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.orders.filters import CURRENT_DATE_FILTER
from tasks.orders.order_rows import IN_STOCK_CLAUSE
from tasks.shipments.ready_lines import ships_from_us_filter
from tasks.tables import EXPECTED_DATES, ORDER_LINES, ORDERS, PRODUCTS, SHIPPING_PLANS

SPLIT_FILTER = func.json_array_length(SHIPPING_PLANS.c.parcels) > 1
"""The SQL of an order that is sent in parts."""
OVERDUE_CLAUSE = and_(IN_STOCK_CLAUSE.element, EXPECTED_DATES.c.expected_on.is_(None)).label("overdue")
"""The SQL of whether a line in stock has not left in time: its customer is told no day."""


def parcel_as_data(parcel: Parcel) -> dict[str, Any]:
    """Return a parcel as plain data."""
    return {"lines": list(parcel.lines), "ships_on": parcel.ships_on.isoformat() if parcel.ships_on else None}


def parcel_from_data(data: Mapping[str, Any]) -> Parcel:
    """Return the parcel that `parcel_as_data` wrote."""
    return Parcel(tuple(data["lines"]), date.fromisoformat(data["ships_on"]) if data["ships_on"] else None)


def remaining_parcels(
    context: Context, connection: Connection, orders: Iterable[str], as_of: date
) -> dict[str, tuple[Parcel, ...]]:
    """Return the parcels still to leave of orders that are sent in parts, as their customers are told, by order.

    Left out are orders with one such parcel, and orders whose plan is out of date: a line is in none of its parcels,
    or a parcel's day has passed. Goods that a vendor sends itself are in no parcel. A parcel has no day where one of
    its lines is told without a day.
    """
    parcels_by_order = plan_remaining(context, connection, orders, as_of, told=True)
    return {order: parcels for order, parcels in parcels_by_order.items() if len(parcels) > 1}


def plan_remaining(
    context: Context, connection: Connection, orders: Iterable[str], as_of: date, *, told: bool = False
) -> dict[str, tuple[Parcel, ...]]:
    """Return the parcels still to leave, by order; none where the plan is out of date.

    `told`: with the days that customers are told, else with those by which the warehouse packs.
    """
    query = (
        select(SHIPPING_PLANS.c.order_id, SHIPPING_PLANS.c.parcels, ORDER_LINES.c.number, OVERDUE_CLAUSE)
        .join(ORDER_LINES, ORDER_LINES.c.order_id == SHIPPING_PLANS.c.order_id)
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        .where(in_list(connection, SHIPPING_PLANS.c.order_id, orders), ships_from_us_filter(context, as_of))
        .order_by(SHIPPING_PLANS.c.order_id)
    )
    parcels_by_order = {}
    for order, rows in groupby(connection.execute(query), attrgetter("order_id")):
        lines = list(rows)
        undated = {row.number for row in lines if told and row.overdue}
        parcels = [_without_date(parcel_from_data(data), undated) for data in lines[0].parcels]
        parcels_by_order[order] = _remaining(parcels, {row.number for row in lines}, as_of)
    return parcels_by_order


def plan_as_data(plan: Mapping[str, Any], remaining: Sequence[Parcel]) -> dict[str, Any]:
    """Return a plan with its remaining parcels; one that is out of date says so, with the parcels it had."""
    if len(remaining) < min(2, len(plan["parcels"])):
        return {**plan, "why": f"out of date, `forewarn allocate` plans it again: {plan['why']}"}
    return {**plan, "parcels": [parcel_as_data(parcel) for parcel in remaining]}


def _without_date(parcel: Parcel, undated_lines: Set[str]) -> Parcel:
    return parcel if undated_lines.isdisjoint(parcel.lines) else replace(parcel, ships_on=None)


def _remaining(parcels: Sequence[Parcel], open_lines: Set[str], as_of: date) -> tuple[Parcel, ...]:
    """Return the parcels with their open lines; nothing where the plan is out of date."""
    planned = {number for parcel in parcels for number in parcel.lines}
    reduced = [
        replace(parcel, lines=tuple(number for number in parcel.lines if number in open_lines)) for parcel in parcels
    ]
    remaining = tuple(parcel for parcel in reduced if parcel.lines)
    has_passed = any(parcel.ships_on is not None and parcel.ships_on < as_of for parcel in remaining)
    return () if has_passed or open_lines - planned else remaining
