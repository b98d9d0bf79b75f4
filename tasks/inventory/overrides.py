"""Take back what staff said of a line: what is so without it is believed in its place, with no moment between."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from models.errors import ForewarnError
from models.inventory import LONGEST, DateSource, Expectation, known_day
from tasks.context import Desk
from tasks.db.sql import Turn, alone
from tasks.imports.guard import whole
from tasks.inventory.allocate import begin_day, share
from tasks.inventory.demand import KEPT, kept
from tasks.inventory.expected_dates import COUNTRY, Believed, keep
from tasks.inventory.forecast_inputs import Outlook
from tasks.inventory.in_transit import arrival
from tasks.inventory.supply import read
from tasks.orders.filters import CURRENT, still_open
from tasks.orders.owed_pieces import left_at
from tasks.runs.records import Now
from tasks.tables import CUSTOMERS, EXPECTATIONS, LINES, ORDERS, PRODUCTS


def forget(desk: Desk, now: Now, order: str, line: str, who: str) -> None:
    """Take back what staff said of a line, and reckon it anew.

    Raises ForewarnError where they said nothing, and while the shop's facts are half taken in.
    """
    seen = begin_day(desk, now)
    with desk.engine.begin() as connection:
        alone(connection, Turn.ALLOCATE)
        whole(connection)
        row = open_line(desk, connection, now, order, line)
        found = kept(row)
        if found is None or found.expectation.source is not DateSource.STAFF:
            raise ForewarnError(f"staff said nothing of line {line!r} of order {order!r} that could be taken back")
        keep(connection, [Believed((order, line), found, None)], now, who)
        keep(connection, _without(desk, connection, seen, row), now, who)


def _without(desk: Desk, connection: Connection, seen: Outlook, row: Row[Any]) -> Iterator[Believed]:
    """Yield what is believed of a line of which nothing was said yet."""
    key = row.order_id, row.number
    left_on = desk.day(row.shipped_at)
    if left_on is not None and left_on <= seen.as_of:
        if row.expected_on is None:
            yield Believed(key, None, arrival(seen.journey, row, desk))
        return
    before = select(func.max(PRODUCTS.c.id)).where(PRODUCTS.c.id < row.product_id)
    page, _ = read(desk, connection, seen, connection.execute(before).scalar() or "", 1)
    for goods in page:
        yield from (one for one in share(desk, goods, seen).believed if one.key == key)


def say(desk: Desk, now: Now, order: str, line: str, day: date, who: str) -> None:
    """Write down that staff expect a line on a day: believed before anything else until it passes, or is taken back.

    Raises ForewarnError for a line that is not there or not open, and for a day past or far beyond.
    """
    if day < now.as_of:
        raise ForewarnError(f"{day} has passed: a line is expected today, {now.as_of}, or later")
    if known_day(day, now.as_of) is None:
        latest = now.as_of + timedelta(days=LONGEST)
        raise ForewarnError(f"{day} is too far ahead to be told to a customer: {latest} or sooner would be right")
    word = Expectation(DateSource.STAFF, day, f"{who} says so")
    with desk.engine.begin() as connection:
        alone(connection, Turn.ALLOCATE)
        found = kept(open_line(desk, connection, now, order, line))
        keep(connection, [Believed((order, line), found, word, ready=bool(found and found.ready))], now, who)


def open_line(desk: Desk, connection: Connection, now: Now, order: str, line: str) -> Row[Any]:
    """Return an open line, be it on its way, with what is believed of it; raises ForewarnError where there is none."""
    over = desk.end_of(now.as_of)
    query = (
        select(*(LINES.c[name] for name in ("order_id", "number", "product_id", "expected_on")), COUNTRY)
        .add_columns(left_at(over).label("shipped_at"), *KEPT)
        .select_from(
            LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTATIONS, CURRENT)
        )
        .where(LINES.c.order_id == order, LINES.c.number == line, ORDERS.c.placed_at < over, still_open(over))
    )
    row = connection.execute(query).first()
    if row is None:
        raise ForewarnError(f"order {order!r} has no open line {line!r}: `forewarn explain {order}` shows its lines")
    return row
