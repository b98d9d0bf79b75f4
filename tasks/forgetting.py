"""Take back what staff said of a line: what is so without it is believed in its place, with no moment between."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, select

from models.errors import ForewarnError
from models.supply import DateSource
from tasks.allocating import begin_day, share
from tasks.db import Turn, alone
from tasks.demands import kept
from tasks.desk import Desk
from tasks.expecting import Believed, keep, open_line
from tasks.on_the_way import arrival
from tasks.orders import PRODUCTS
from tasks.outlook import Outlook
from tasks.runs import Now
from tasks.supplies import read
from tasks.taking_in import whole


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
