"""Date what was shipped and is to be delivered: from the day it left, whatever was believed while it lay here."""

from typing import Any

from sqlalchemy import Row, and_, select

from models.enums import Promise
from models.inventory import DateSource, Expectation
from rules.inventory.transit import Journey
from tasks.context import Desk
from tasks.db.sql import Turn, alone
from tasks.inventory.demand import KEPT, kept
from tasks.inventory.expected_dates import COUNTRY, PAGE, Believed, keep, said_by_staff
from tasks.orders.filters import CURRENT, still_open, undated
from tasks.orders.owed_pieces import left_at
from tasks.runs.records import Now
from tasks.tables import CUSTOMERS, EXPECTATIONS, LINES, ORDERS


def arrival(journey: Journey, shipped: Row[Any], desk: Desk) -> Expectation:
    """Expect what was shipped when its parcel arrives; reads `shipped_at` and `country`."""
    left_on = desk.day(shipped.shipped_at)
    arrives_on = journey.arrives(left_on, shipped.country)
    return Expectation(DateSource.STOCK, arrives_on, f"it left on {left_on}", basis=f"left on {left_on}")


def date_sent(desk: Desk, now: Now) -> int:
    """Expect what is on its way when its parcel arrives; return how many dates changed.

    What the shop's own system says goes before, and what staff say until it has passed.
    """
    journey, query, changed, after = Journey(desk.policy.allocation, desk.policy.days), _under_way(desk, now), 0, 0
    while True:
        with desk.engine.begin() as connection:
            alone(connection, Turn.ALLOCATE)
            rows = connection.execute(query.where(EXPECTATIONS.c.id > after)).all()
            found = [Believed((row.order_id, row.number), kept(row), arrival(journey, row, desk)) for row in rows]
            changed += keep(connection, found, now, now.run)["changed"]
        if len(rows) < PAGE:
            return changed
        after = rows[-1].row


def _under_way(desk: Desk, now: Now) -> Any:
    over = desk.end_of(now.as_of)
    left = left_at(over)
    mine = and_(LINES.c.promise == Promise.DELIVER, left < over, undated(now.as_of))
    return (
        select(LINES.c.order_id, LINES.c.number, left.label("shipped_at"), COUNTRY, *KEPT)
        .select_from(
            LINES.join(EXPECTATIONS, CURRENT)
            .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        )
        .where(mine, still_open(over), ~said_by_staff(now))
        .order_by(EXPECTATIONS.c.id)
        .limit(PAGE)
    )
