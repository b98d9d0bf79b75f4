"""Choose for each open order whether it is sent in parts or at once; only what changed is written.

Goods that a vendor sends to the customer are in no parcel of ours, and have no say in it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, replace
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from models.supply import OrderToSend, Parcel, Parting
from rules.parcels import part
from tasks.db import Turn, alone, among, insert
from tasks.desk import Desk
from tasks.orders import CURRENT, EXPECTATIONS, LIES_READY, LINES, ORDERS, PRODUCTS, not_yet
from tasks.packing import Today, in_parcels, to_send, today
from tasks.runs import Now
from tasks.supply_tables import CHOICES
from tasks.waiting import WAITING, waiting, waits
from tasks.wakes import look_again

CHOSEN = [field.name for field in fields(Parting)]
IN_PARTS = func.json_array_length(CHOICES.c.parcels) > 1
"""The SQL of an order that is to be sent in parts."""
OVERDUE = and_(LIES_READY.element, EXPECTATIONS.c.expected_on.is_(None)).label("overdue")
"""The SQL of a line that lies ready and did not leave in time: its customer is told no day."""
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


def as_data(parcel: Parcel) -> dict[str, Any]:
    """Return a parcel as plain data."""
    return {"lines": list(parcel.lines), "ships_on": parcel.ships_on.isoformat() if parcel.ships_on else None}


def from_data(data: Mapping[str, Any]) -> Parcel:
    """Return a parcel as the ledger kept it."""
    return Parcel(tuple(data["lines"]), date.fromisoformat(data["ships_on"]) if data["ships_on"] else None)


def parcels_of(desk: Desk, connection: Connection, orders: Iterable[str], as_of: date) -> dict[str, tuple[Parcel, ...]]:
    """Return by order the parcels in which its open lines leave; orders that are sent at once are left out.

    So is one of which the choice is out of date: a line is in none of its parcels, or a parcel's day has passed. What
    a vendor sends itself comes beside them. A parcel has no day where no day is told of one of its lines.
    """
    left = leaving(desk, connection, orders, as_of, told=True)
    return {order: parcels for order, parcels in left.items() if len(parcels) > 1}


def leaving(
    desk: Desk, connection: Connection, orders: Iterable[str], as_of: date, *, told: bool = False
) -> dict[str, tuple[Parcel, ...]]:
    """Return by order, sent in parts or at once, what is still to leave; no parcels where its choice is out of date.

    As it is packed, or as its customer is `told`.
    """
    query = (
        select(CHOICES.c.order_id, CHOICES.c.parcels, LINES.c.number, OVERDUE)
        .join(LINES, LINES.c.order_id == CHOICES.c.order_id)
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
        .outerjoin(EXPECTATIONS, CURRENT)
        .where(among(connection, CHOICES.c.order_id, orders), in_parcels(desk, as_of))
        .order_by(CHOICES.c.order_id)
    )
    found = {}
    for order, rows in groupby(connection.execute(query), attrgetter("order_id")):
        lines = list(rows)
        undated = {row.number for row in lines if told and row.overdue}
        parcels = [_undated(from_data(one), undated) for one in lines[0].parcels]
        found[order] = _left(parcels, {row.number for row in lines}, as_of)
    return found


def _undated(parcel: Parcel, lines: Set[str]) -> Parcel:
    return parcel if lines.isdisjoint(parcel.lines) else replace(parcel, ships_on=None)


def as_left(choice: Mapping[str, Any], left: Sequence[Parcel]) -> dict[str, Any]:
    """Return a choice with what is left of its parcels; one that the mails do not tell any more says so."""
    if len(left) < min(2, len(choice["parcels"])):
        return {**choice, "why": f"out of date, `forewarn allocate` chooses anew: {choice['why']}"}
    return {**choice, "parcels": [as_data(one) for one in left]}


def _left(parcels: Sequence[Parcel], lines: Set[str], as_of: date) -> tuple[Parcel, ...]:
    """Return what of the parcels is still to leave, given the open lines; nothing where the choice is out of date."""
    known = {number for parcel in parcels for number in parcel.lines}
    left = [replace(one, lines=tuple(number for number in one.lines if number in lines)) for one in parcels]
    left = [one for one in left if one.lines]
    late = any(one.ships_on is not None and one.ships_on < as_of for one in left)
    return () if late or lines - known else tuple(left)
