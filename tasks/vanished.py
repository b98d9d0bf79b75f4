"""What a shop's source names no more: stock that is used up, and deliveries that were called off."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Table, bindparam, delete, select, tuple_, update

from sources.seen import Seen
from tasks.db import Turn, alone, among
from tasks.orders import SHIPMENTS
from tasks.supply_tables import INBOUNDS, STOCKS
from tasks.wakes import wake

# Of each table that a source tells whole: the rows that count, and what ends their counting. A received delivery is
# its vendor's history, and stays.
ENDS: Mapping[str, tuple[Table, ColumnElement[bool], Callable[[Table], Any]]] = {
    "stock": (STOCKS, STOCKS.c.on_hand != 0, lambda table: update(table).values(on_hand=0, allocated=0)),
    "inbound": (INBOUNDS, INBOUNDS.c.received_at.is_(None), delete),
}


def forget_parcels(engine: Engine, seen: Seen, batch: int, as_of: date, day_over: datetime) -> int:
    """Delete parcels that the source names no more, of orders of which it names another; return how many rows.

    An order that it does not name at all keeps its parcels: its SELECT may yield the newest ones alone.
    """
    keys, gone, after = list(SHIPMENTS.primary_key), 0, tuple[str, ...]()
    mine = delete(SHIPMENTS).where(*(key == bindparam(f"of_{key.name}") for key in keys))
    page = select(*keys).order_by(*keys).limit(batch)
    while True:
        with engine.begin() as connection:
            alone(connection, Turn.IMPORT)
            query = page.where(tuple_(*keys) > after) if after else page
            found = [tuple(row) for row in connection.execute(query)]
            theirs = select(*keys).where(among(connection, SHIPMENTS.c.order_id, {order for order, *_ in found}))
            rows = {tuple(row) for row in connection.execute(theirs)}
            there = seen.among(rows).keys()
            named = {order for order, *_ in there}
            left = sorted(key for key in rows - there if key[0] in named)
            if left:
                connection.execute(mine, [{f"of_{k.name}": v for k, v in zip(keys, one, strict=True)} for one in left])
                wake(connection, "shipments", set(), set(left), as_of, day_over)
        gone += len(left)
        if len(found) < batch:
            return gone
        after = found[-1]


def take_away(engine: Engine, table: str, seen: Seen, batch: int) -> int:
    """Let no stock and no open delivery count that was not seen when the whole table was read; return how many did."""
    into, counting, end = ENDS[table]
    keys, gone, after = list(into.primary_key), 0, tuple[str, ...]()
    of = [f"of_{key.name}" for key in keys]
    mine = end(into).where(*(key == bindparam(name) for key, name in zip(keys, of, strict=True)))
    page = select(*keys).where(counting).order_by(*keys).limit(batch)
    while True:
        with engine.begin() as connection:
            alone(connection, Turn.IMPORT)
            query = page.where(tuple_(*keys) > after) if after else page
            found = [tuple(row) for row in connection.execute(query)]
            left = sorted(set(found) - seen.among(found).keys())
            if left:
                connection.execute(mine, [dict(zip(of, one, strict=True)) for one in left])
        gone += len(left)
        if len(found) < batch:
            return gone
        after = found[-1]
