"""Choose for each open order whether it is sent in parts or at once; only what changed is written.

Goods that a vendor sends to the customer are in no parcel of ours, and have no say in it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from models.shipments import OrderToSend, Parcel, ShippingPlan
from rules.shipments.holds import HELD_LINES, held_lines, hold_dates
from rules.shipments.split import plan_shipments
from tasks.context import Context
from tasks.db.changes import compare
from tasks.db.sql import AdvisoryLock, insert, lock
from tasks.orders.due import mark_due
from tasks.orders.owed_pieces import not_yet_filter
from tasks.shipments.ready_lines import DayInputs, lines_to_ship, load_day_inputs
from tasks.shipments.remaining import parcel_as_data, parcel_from_data
from tasks.tables import ORDER_LINES, SHIPPING_PLANS

PLAN_COLUMNS = [field.name for field in fields(ShippingPlan)]
Before = tuple[int, tuple[Any, ...]]
"""A choice's version in the ledger, and the row by CHOSEN."""
SAME_VERSION_FILTER = and_(
    SHIPPING_PLANS.c.order_id == bindparam("order"), SHIPPING_PLANS.c.version == bindparam("seen")
)


def plan_all(context: Context, batch: int) -> Counter[str]:
    """Choose for all open orders, a page and a transaction at a time.

    Return how many are to be sent `in_parts` and `at_once`, of those whose lines are ready on different days, and how
    many choices `changed`.
    """
    counts: Counter[str] = Counter()
    day, after, more = load_day_inputs(context, context.as_of), "", True
    while more:
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)
            page = list(connection.execute(_page(context, context.as_of, after, batch)).scalars())
            more = len(page) == batch
            here = SHIPPING_PLANS.c.order_id > after
            counts += plan_orders(
                day, connection, context, page, and_(here, SHIPPING_PLANS.c.order_id <= page[-1]) if more else here
            )
        after = page[-1] if page else after
    return counts


def _page(context: Context, as_of: date, after: str, limit: int) -> Any:
    """Return the query of a page of orders that may have several lines to send; along one index, whatever was sent."""
    ends = (ORDER_LINES.c.shipped_at, ORDER_LINES.c.delivered_at, ORDER_LINES.c.cancelled_at)
    return (
        select(ORDER_LINES.c.order_id)
        .where(
            ORDER_LINES.c.order_id > after,
            ~ORDER_LINES.c.done,
            ~ORDER_LINES.c.virtual,
            *(not_yet_filter(end, context.end_of(as_of)) for end in ends),
        )
        .group_by(ORDER_LINES.c.order_id)
        .having(func.count() > 1)
        .order_by(ORDER_LINES.c.order_id)
        .limit(limit)
    )


def plan_orders(
    day: DayInputs, connection: Connection, context: Context, orders: Sequence[str], here: ColumnElement[bool]
) -> Counter[str]:
    """Choose for some orders; of the choices `here`, remove those of orders that leave nothing to choose."""
    standing = select(
        SHIPPING_PLANS.c.order_id, SHIPPING_PLANS.c.version, *(SHIPPING_PLANS.c[name] for name in PLAN_COLUMNS)
    ).where(here)
    before = {key: (version, tuple(row)) for key, version, *row in connection.execute(standing)}
    chosen = {}
    for key, one in lines_to_ship(day, connection, orders).items():
        if len({line.ships_on for line in one.lines}) > 1:
            stands = [parcel_from_data(parcel) for parcel in before[key][1][0]] if key in before else []
            chosen[key] = _row(day, one, plan_shipments(one, day.context.policy.shipments, stands))
    changed = _save_plans(connection, before, chosen, context)
    in_parts = sum(len(row["parcels"]) > 1 for row in chosen.values())
    return Counter(in_parts=in_parts, at_once=len(chosen) - in_parts, changed=changed)


def _save_plans(
    connection: Connection, before: Mapping[str, Before], rows: Mapping[str, dict[str, Any]], context: Context
) -> int:
    """Write choices that differ from those before, remove those that are none any more; return how many changed.

    What another wrote in between stays as that one wrote it. Orders are woken of which a line waits until another day.
    """
    changes = compare({key: row for key, (_, row) in before.items()}, {key: tuple(rows[key].values()) for key in rows})
    seen = {key: {"order": key, "seen": version} for key, (version, _) in before.items()}
    gone = [seen[key] for key in changes.removed]
    fresh = {"version": 0, "planned_at": context.started_at}
    new = [rows[key] | fresh | {"order_id": key} for key in changes.added]
    moved = [rows[key] | seen[key] for key in changes.changed]
    if gone:
        connection.execute(delete(SHIPPING_PLANS).where(SAME_VERSION_FILTER), gone)
    if moved:
        values: dict[str, Any] = {name: bindparam(name) for name in PLAN_COLUMNS}
        values |= {"version": SHIPPING_PLANS.c.version + 1, "planned_at": context.started_at}
        connection.execute(update(SHIPPING_PLANS).where(SAME_VERSION_FILTER).values(values), moved)
    if new:
        connection.execute(insert(connection, SHIPPING_PLANS).on_conflict_do_nothing(), new)
    waited = {key: held_lines(row[0]) for key, (_, row) in before.items()}
    later = {key: held_lines(row["parcels"]) for key, row in rows.items()}
    moved_days = {key for key in before.keys() | rows.keys() if waited.get(key, {}) != later.get(key, {})}
    mark_due(connection, moved_days, context.as_of)
    return len(changes)


def _row(day: DayInputs, order: OrderToSend, parting: ShippingPlan) -> dict[str, Any]:
    parcels = [_data(day, order, one) for one in parting.parcels]
    return {name: getattr(parting, name) for name in PLAN_COLUMNS} | {"parcels": parcels}


def _data(day: DayInputs, order: OrderToSend, parcel: Parcel) -> dict[str, Any]:
    return parcel_as_data(parcel) | {HELD_LINES: hold_dates(order, parcel, day.journey)}
