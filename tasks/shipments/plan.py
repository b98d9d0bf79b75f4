"""Plan for each open order whether it is sent in parts or at once; only plans that differ are written.

Goods that a vendor sends to the customer itself are in no parcel of the shop's, and do not count.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from models.shipments import OrderToSend, Parcel, ShippingPlan
from rules.shipments.holds import HELD_LINES, held_lines, hold_dates
from rules.shipments.split import plan_shipments
from tasks.context import Context
from tasks.db.changes import Changes, compare
from tasks.db.sql import AdvisoryLock, insert, lock
from tasks.orders.due import mark_due, touch_orders
from tasks.orders.owed_pieces import not_yet_filter
from tasks.shipments.ready_lines import DayInputs, lines_to_ship, load_day_inputs
from tasks.shipments.remaining import parcel_as_data, parcel_from_data
from tasks.tables import ORDER_LINES, SHIPPING_PLANS

PLAN_COLUMNS = [field.name for field in fields(ShippingPlan)]
SAME_VERSION_FILTER = and_(
    SHIPPING_PLANS.c.order_id == bindparam("order"), SHIPPING_PLANS.c.version == bindparam("read_version")
)
"""A plan that nobody changed since it was read."""

PlanRow = dict[str, Any]
"""The values of PLAN_COLUMNS."""


@dataclass(frozen=True, slots=True)
class _StoredPlans:
    """Plans as they were read from the ledger, by order."""

    rows: Mapping[str, PlanRow]
    versions: Mapping[str, int]


def plan_all(context: Context, batch_size: int) -> Counter[str]:
    """Plan all open orders, a page in each transaction.

    Return how many orders whose lines are ready on different days are sent `in_parts` and `at_once`, and how many
    plans `changed`.
    """
    counts: Counter[str] = Counter()
    inputs, after, has_more = load_day_inputs(context, context.as_of), "", True
    while has_more:
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.ALLOCATE)
            orders = list(connection.execute(_page(context, context.as_of, after, batch_size)).scalars())
            has_more = len(orders) == batch_size
            in_page = SHIPPING_PLANS.c.order_id > after
            if has_more:
                in_page = and_(in_page, SHIPPING_PLANS.c.order_id <= orders[-1])
            counts += plan_orders(inputs, connection, context, orders, in_page)
        after = orders[-1] if orders else after
    return counts


def _page(context: Context, as_of: date, after: str, limit: int) -> Any:
    """Return the query of a page of orders that may have several lines to send; it runs along one index."""
    end_columns = (ORDER_LINES.c.shipped_at, ORDER_LINES.c.delivered_at, ORDER_LINES.c.cancelled_at)
    return (
        select(ORDER_LINES.c.order_id)
        .where(
            ORDER_LINES.c.order_id > after,
            ~ORDER_LINES.c.done,
            ~ORDER_LINES.c.virtual,
            *(not_yet_filter(column, context.end_of(as_of)) for column in end_columns),
        )
        .group_by(ORDER_LINES.c.order_id)
        .having(func.count() > 1)
        .order_by(ORDER_LINES.c.order_id)
        .limit(limit)
    )


def plan_orders(
    inputs: DayInputs,
    connection: Connection,
    context: Context,
    orders: Sequence[str],
    stored_filter: ColumnElement[bool],
) -> Counter[str]:
    """Plan the shipments of orders, save the plans that changed, and mark those orders due.

    Stored plans that match `stored_filter` and belong to no order that can be split are deleted. Return the number
    of orders by `in_parts` and `at_once`, and of plans that `changed`.
    """
    stored = _load_plans(connection, stored_filter)
    planned: dict[str, PlanRow] = {}
    for key, order in lines_to_ship(inputs, connection, orders).items():
        if len({line.ships_on for line in order.lines}) > 1:
            current = [parcel_from_data(parcel) for parcel in stored.rows[key]["parcels"]] if key in stored.rows else []
            planned[key] = _row(inputs, order, plan_shipments(order, context.policy.shipments, current))
    changes = compare(stored.rows, planned)
    _save_plans(connection, stored.versions, changes, context)
    # A notice that has not left may tell the parcels. This locks the orders that are marked due as well.
    touch_orders(connection, {*changes.added, *changes.changed, *changes.removed})
    mark_due(connection, _orders_with_moved_holds(stored.rows, planned), context.as_of)
    in_parts = sum(len(row["parcels"]) > 1 for row in planned.values())
    return Counter(in_parts=in_parts, at_once=len(planned) - in_parts, changed=len(changes))


def _load_plans(connection: Connection, stored_filter: ColumnElement[bool]) -> _StoredPlans:
    columns = [SHIPPING_PLANS.c[name] for name in ("order_id", "version", *PLAN_COLUMNS)]
    rows = {row["order_id"]: dict(row) for row in connection.execute(select(*columns).where(stored_filter)).mappings()}
    return _StoredPlans(
        rows={key: {name: row[name] for name in PLAN_COLUMNS} for key, row in rows.items()},
        versions={key: row["version"] for key, row in rows.items()},
    )


def _save_plans(
    connection: Connection, versions: Mapping[str, int], changes: Changes[str, PlanRow], context: Context
) -> None:
    """Write the plans that differ. A plan that somebody else changed since it was read stays as it is."""
    if changes.removed:
        removed = [{"order": key, "read_version": versions[key]} for key in changes.removed]
        connection.execute(delete(SHIPPING_PLANS).where(SAME_VERSION_FILTER), removed)
    if changes.changed:
        values: dict[str, Any] = {name: bindparam(name) for name in PLAN_COLUMNS}
        values |= {"version": SHIPPING_PLANS.c.version + 1, "planned_at": context.started_at}
        changed = [{**row, "order": key, "read_version": versions[key]} for key, row in changes.changed.items()]
        connection.execute(update(SHIPPING_PLANS).where(SAME_VERSION_FILTER).values(values), changed)
    if changes.added:
        first = {"version": 0, "planned_at": context.started_at}
        added = [{**row, **first, "order_id": key} for key, row in changes.added.items()]
        connection.execute(insert(connection, SHIPPING_PLANS).on_conflict_do_nothing(), added)


def _orders_with_moved_holds(stored: Mapping[str, PlanRow], planned: Mapping[str, PlanRow]) -> set[str]:
    """Return the orders of which a line is held until another day than before."""
    holds_before = {key: held_lines(row["parcels"]) for key, row in stored.items()}
    holds_now = {key: held_lines(row["parcels"]) for key, row in planned.items()}
    return {key for key in stored.keys() | planned.keys() if holds_before.get(key, {}) != holds_now.get(key, {})}


def _row(inputs: DayInputs, order: OrderToSend, plan: ShippingPlan) -> PlanRow:
    parcels = [_parcel_with_holds(inputs, order, parcel) for parcel in plan.parcels]
    return {name: getattr(plan, name) for name in PLAN_COLUMNS} | {"parcels": parcels}


def _parcel_with_holds(inputs: DayInputs, order: OrderToSend, parcel: Parcel) -> dict[str, Any]:
    return parcel_as_data(parcel) | {HELD_LINES: hold_dates(order, parcel, inputs.transit)}
