"""TODO."""

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
"""The SQL of an order that is to be sent in parts."""


OVERDUE = and_(IN_STOCK_CLAUSE.element, EXPECTED_DATES.c.expected_on.is_(None)).label("overdue")
"""The SQL of a line that lies ready and did not leave in time: its customer is told no day."""


def parcel_as_data(parcel: Parcel) -> dict[str, Any]:
    """Return a parcel as plain data."""
    return {"lines": list(parcel.lines), "ships_on": parcel.ships_on.isoformat() if parcel.ships_on else None}


def parcel_from_data(data: Mapping[str, Any]) -> Parcel:
    """Return a parcel as the ledger kept it."""
    return Parcel(tuple(data["lines"]), date.fromisoformat(data["ships_on"]) if data["ships_on"] else None)


def remaining_parcels(
    context: Context, connection: Connection, orders: Iterable[str], as_of: date
) -> dict[str, tuple[Parcel, ...]]:
    """Return by order the parcels in which its open lines leave; orders that are sent at once are left out.

    So is one of which the choice is out of date: a line is in none of its parcels, or a parcel's day has passed. What
    a vendor sends itself comes beside them. A parcel has no day where no day is told of one of its lines.
    """
    left = plan_remaining(context, connection, orders, as_of, told=True)
    return {order: parcels for order, parcels in left.items() if len(parcels) > 1}


def plan_remaining(
    context: Context, connection: Connection, orders: Iterable[str], as_of: date, *, told: bool = False
) -> dict[str, tuple[Parcel, ...]]:
    """Return by order, sent in parts or at once, what is still to leave; no parcels where its choice is out of date.

    As it is packed, or as its customer is `told`.
    """
    query = (
        select(SHIPPING_PLANS.c.order_id, SHIPPING_PLANS.c.parcels, ORDER_LINES.c.number, OVERDUE)
        .join(ORDER_LINES, ORDER_LINES.c.order_id == SHIPPING_PLANS.c.order_id)
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        .where(in_list(connection, SHIPPING_PLANS.c.order_id, orders), ships_from_us_filter(context, as_of))
        .order_by(SHIPPING_PLANS.c.order_id)
    )
    found = {}
    for order, rows in groupby(connection.execute(query), attrgetter("order_id")):
        lines = list(rows)
        undated = {row.number for row in lines if told and row.overdue}
        parcels = [_undated(parcel_from_data(one), undated) for one in lines[0].parcels]
        found[order] = _remaining(parcels, {row.number for row in lines}, as_of)
    return found


def _undated(parcel: Parcel, lines: Set[str]) -> Parcel:
    return parcel if lines.isdisjoint(parcel.lines) else replace(parcel, ships_on=None)


def plan_as_data(choice: Mapping[str, Any], left: Sequence[Parcel]) -> dict[str, Any]:
    """Return a choice with what is left of its parcels; one that the mails do not tell any more says so."""
    if len(left) < min(2, len(choice["parcels"])):
        return {**choice, "why": f"out of date, `forewarn allocate` chooses anew: {choice['why']}"}
    return {**choice, "parcels": [parcel_as_data(one) for one in left]}


def _remaining(parcels: Sequence[Parcel], lines: Set[str], as_of: date) -> tuple[Parcel, ...]:
    """Return what of the parcels is still to leave, given the open lines; nothing where the choice is out of date."""
    known = {number for parcel in parcels for number in parcel.lines}
    left = [replace(one, lines=tuple(number for number in one.lines if number in lines)) for one in parcels]
    left = [one for one in left if one.lines]
    late = any(one.ships_on is not None and one.ships_on < as_of for one in left)
    return () if late or lines - known else tuple(left)
