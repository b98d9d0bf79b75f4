"""Read what is still to be sent of orders: from which day on each line can leave, and by which it should."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from models.enums import Promise
from models.shipments import LineToSend, OrderToSend, Wish
from rules.delays.line_order import natural
from rules.inventory.transit import Journey
from rules.shipments.split import leave_by
from tasks.context import Desk
from tasks.db.sql import among
from tasks.orders.filters import CURRENT, EXPECTED_ON, unsent
from tasks.orders.queries import LIES_READY, PROMISED, promised
from tasks.tables import ANSWERS, CUSTOMERS, EXPECTATIONS, LINES, ORDERS, PRODUCTS

WISH = "wish"
"""The kind of answer that says how an order is to be sent."""
WISHED = and_(ANSWERS.c.order_id == ORDERS.c.id, ANSWERS.c.kind == WISH)


def in_parcels(desk: Desk, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that the shop still sends itself; wants ORDERS and PRODUCTS joined."""
    return and_(unsent(desk, as_of), PRODUCTS.c.drop_shipped.is_(False))


@dataclass(frozen=True, slots=True)
class Today:
    """What days are reckoned with, once a run."""

    desk: Desk
    as_of: date
    journey: Journey
    soonest: date
    """The day on which a parcel leaves that is packed today."""


def today(desk: Desk, as_of: date) -> Today:
    """Return what days are reckoned with on a day."""
    journey = Journey(desk.policy.allocation, desk.policy.days)
    return Today(desk, as_of, journey, journey.leaves(as_of) or as_of)


def to_send(today: Today, connection: Connection, orders: Sequence[str]) -> dict[str, OrderToSend]:
    """Return those orders that the shop still sends lines of."""
    rows = connection.execute(_lines(today, connection, orders))
    return {
        key: _order(today, sorted(lines, key=lambda line: natural(line.number)))
        for key, lines in groupby(rows, attrgetter("order_id"))
    }


def _lines(today: Today, connection: Connection, orders: Sequence[str]) -> Any:
    names = ("order_id", "number", "time_critical", "together")
    return (
        select(*(LINES.c[name] for name in names), *PROMISED, ORDERS.c.currency, LIES_READY)
        .add_columns(
            EXPECTED_ON.label("expected_on"),
            EXPECTATIONS.c.id.label("ours"),
            func.coalesce(ANSWERS.c.value, ORDERS.c.wish).label("wish"),
        )
        .select_from(
            LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTATIONS, CURRENT)
            .outerjoin(ANSWERS, WISHED)
        )
        .where(among(connection, LINES.c.order_id, orders), in_parcels(today.desk, today.as_of))
        .order_by(LINES.c.order_id)
    )


def _order(today: Today, rows: Sequence[Row[Any]]) -> OrderToSend:
    first, desk = rows[0], today.desk
    days = [_ships_on(today, row) for row in rows]
    now = max((day for day in days if day is not None and day <= today.soonest), default=None)
    lines = tuple(
        LineToSend(
            number=row.number,
            ships_on=now if day is not None and day <= today.soonest else day,
            leave_by=_leave_by(today, row, promised(desk, row)),
            time_critical=row.time_critical,
            together=row.together,
            promise=Promise(row.promise),
        )
        for row, day in zip(rows, days, strict=True)
    )
    wish = Wish(first.wish) if first.wish else None
    return OrderToSend(lines, first.currency or desk.shop.currency, today.soonest, wish, first.country or "")


def _ships_on(today: Today, row: Row[Any]) -> date | None:
    """Return the day on which all of a line can leave: as its customer is told, or sooner where it lies ready.

    What lies ready can leave, even where it did not in time and its customer is told no new day any more.
    """
    day = row.expected_on if row.ours is not None else today.desk.expected_day(row.expected_on, row.placed_at)
    if day is None or day < today.as_of:
        return today.soonest if row.lies_ready else None
    leaves_on = max(_leave_by(today, row, day), today.as_of)
    return min(leaves_on, today.soonest) if row.lies_ready else leaves_on


def _leave_by(today: Today, row: Row[Any], day: date) -> date:
    return leave_by(day, Promise(row.promise), row.country or "", today.journey)
