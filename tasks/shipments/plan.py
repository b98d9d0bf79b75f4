"""Choose for each open order whether it is sent in parts or at once; only what changed is written.

Goods that a vendor sends to the customer are in no parcel of ours, and have no say in it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from models.shipments import OrderToSend, Parcel, Parting
from rules.shipments.holds import WAITING, waiting, waits
from rules.shipments.split import part
from tasks.context import Desk
from tasks.db.sql import Turn, alone, insert
from tasks.orders.due import look_again
from tasks.orders.owed_pieces import not_yet
from tasks.runs.records import Now
from tasks.shipments.ready_lines import Today, to_send, today
from tasks.shipments.remaining import as_data, from_data
from tasks.tables import CHOICES, LINES

CHOSEN = [field.name for field in fields(Parting)]
Before = tuple[int, tuple[Any, ...]]
"""A choice's version in the ledger, and the row by CHOSEN."""
SAME = and_(CHOICES.c.order_id == bindparam("order"), CHOICES.c.version == bindparam("seen"))


def choose_parcels(desk: Desk, now: Now, batch: int) -> Counter[str]:
    """Choose for all open orders, a page and a transaction at a time.

    Return how many are to be sent `in_parts` and `at_once`, of those whose lines are ready on different days, and how
    many choices `changed`.
    """
    counts: Counter[str] = Counter()
    day, after, more = today(desk, now.as_of), "", True
    while more:
        with desk.engine.begin() as connection:
            alone(connection, Turn.ALLOCATE)
            page = list(connection.execute(_page(desk, now.as_of, after, batch)).scalars())
            more = len(page) == batch
            here = CHOICES.c.order_id > after
            counts += choose(day, connection, now, page, and_(here, CHOICES.c.order_id <= page[-1]) if more else here)
        after = page[-1] if page else after
    return counts


def _page(desk: Desk, as_of: date, after: str, limit: int) -> Any:
    """Return the query of a page of orders that may have several lines to send; along one index, whatever was sent."""
    ends = (LINES.c.shipped_at, LINES.c.delivered_at, LINES.c.cancelled_at)
    return (
        select(LINES.c.order_id)
        .where(
            LINES.c.order_id > after,
            ~LINES.c.done,
            ~LINES.c.virtual,
            *(not_yet(end, desk.end_of(as_of)) for end in ends),
        )
        .group_by(LINES.c.order_id)
        .having(func.count() > 1)
        .order_by(LINES.c.order_id)
        .limit(limit)
    )


def choose(
    day: Today, connection: Connection, now: Now, orders: Sequence[str], here: ColumnElement[bool]
) -> Counter[str]:
    """Choose for some orders; of the choices `here`, remove those of orders that leave nothing to choose."""
    standing = select(CHOICES.c.order_id, CHOICES.c.version, *(CHOICES.c[name] for name in CHOSEN)).where(here)
    before = {key: (version, tuple(row)) for key, version, *row in connection.execute(standing)}
    chosen = {}
    for key, one in to_send(day, connection, orders).items():
        if len({line.ships_on for line in one.lines}) > 1:
            stands = [from_data(parcel) for parcel in before[key][1][0]] if key in before else []
            chosen[key] = _row(day, one, part(one, day.desk.policy.parcels, stands))
    changed = _keep(connection, before, chosen, now)
    in_parts = sum(len(row["parcels"]) > 1 for row in chosen.values())
    return Counter(in_parts=in_parts, at_once=len(chosen) - in_parts, changed=changed)


def _keep(connection: Connection, before: Mapping[str, Before], rows: Mapping[str, dict[str, Any]], now: Now) -> int:
    """Write choices that differ from those before, remove those that are none any more; return how many changed.

    What another wrote in between stays as that one wrote it. Orders are woken of which a line waits until another day.
    """
    gone = [{"order": key, "seen": version} for key, (version, _) in before.items() if key not in rows]
    fresh = {"version": 0, "decided_at": now.moment}
    new = [row | fresh | {"order_id": key} for key, row in rows.items() if key not in before]
    moved = [
        row | {"order": key, "seen": before[key][0]}
        for key, row in rows.items()
        if key in before and tuple(row.values()) != before[key][1]
    ]
    if gone:
        connection.execute(delete(CHOICES).where(SAME), gone)
    if moved:
        values: dict[str, Any] = {name: bindparam(name) for name in CHOSEN}
        values |= {"version": CHOICES.c.version + 1, "decided_at": now.moment}
        connection.execute(update(CHOICES).where(SAME).values(values), moved)
    if new:
        connection.execute(insert(connection, CHOICES).on_conflict_do_nothing(), new)
    waited = {key: waits(row[0]) for key, (_, row) in before.items()}
    later = {key: waits(row["parcels"]) for key, row in rows.items()}
    moved_days = {key for key in before.keys() | rows.keys() if waited.get(key, {}) != later.get(key, {})}
    look_again(connection, moved_days, now.as_of)
    return len(gone) + len(moved) + len(new)


def _row(day: Today, order: OrderToSend, parting: Parting) -> dict[str, Any]:
    parcels = [_data(day, order, one) for one in parting.parcels]
    return {name: getattr(parting, name) for name in CHOSEN} | {"parcels": parcels}


def _data(day: Today, order: OrderToSend, parcel: Parcel) -> dict[str, Any]:
    return as_data(parcel) | {WAITING: waiting(order, parcel, day.journey)}
