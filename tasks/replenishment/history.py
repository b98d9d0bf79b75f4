"""What stock is reckoned from: the pieces sold a day, and how long vendors took to deliver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, pairwise
from statistics import fmean, stdev
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    case,
    cast,
    extract,
    func,
    literal_column,
    select,
    type_coerce,
)

from models.tables.column_types import Pieces
from rules.replenishment.reorder import DeliveryStats, LeadTime, lead_time
from tasks.context import Context
from tasks.db.sql import id_range, is_sqlite
from tasks.tables import INBOUNDS, ORDER_LINES, ORDERS, PRODUCTS, VENDORS


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """The lead time of each vendor, and of one of which nothing is known."""

    by_vendor: Mapping[str, LeadTime]
    unknown: LeadTime

    def of(self, vendor: str | None) -> LeadTime:
        """Return a vendor's lead time."""
        return self.unknown if vendor is None else self.by_vendor.get(vendor, self.unknown)


def lead_times(context: Context, connection: Connection, as_of: date) -> LeadTimes:
    """Learn the vendors' lead times from the deliveries received within the policy's time."""
    end, policy = context.end_of(as_of), context.policy.replenishment
    began = end - timedelta(days=context.policy.forecast.history_days)
    vendor = func.coalesce(INBOUNDS.c.vendor_id, PRODUCTS.c.vendor_id)
    query = (
        select(vendor, INBOUNDS.c.ordered_at, INBOUNDS.c.received_at)
        .distinct()
        .select_from(INBOUNDS.outerjoin(PRODUCTS, PRODUCTS.c.id == INBOUNDS.c.product_id))
        .where(INBOUNDS.c.received_at >= began, INBOUNDS.c.received_at < end)
        .where(INBOUNDS.c.ordered_at <= INBOUNDS.c.received_at)
    )
    # A lorry brings many products: its rows, however many, are one delivery, and say once how long it took.
    lorries = {
        (key, *(one.astimezone(context.zone).date() for one in moments)) for key, *moments in connection.execute(query)
    }
    took: dict[str | None, list[int]] = {}
    for key, ordered, received in lorries:
        took.setdefault(key, []).append((received - ordered).days)
    everybody = _delivery_stats([days for each in took.values() for days in each]) if took else None
    vendors = connection.execute(select(VENDORS.c.id, VENDORS.c.lead_days))
    said = {row.id: row.lead_days for row in vendors}
    own = {key: _delivery_stats(days) for key, days in took.items() if key is not None}
    known = {key: lead_time(own.get(key), said.get(key), everybody, policy) for key in own.keys() | said.keys()}
    return LeadTimes(known, lead_time(None, None, everybody, policy))


def _delivery_stats(days: Sequence[int]) -> DeliveryStats:
    return DeliveryStats(len(days), fmean(days), stdev(days) if len(days) > 1 else 0.0)


def daily_sales(
    context: Context, connection: Connection, as_of: date, reach: tuple[str, str]
) -> dict[str, dict[int, float]]:
    """Return the pieces of each product by how many days before `as_of` they were ordered; cancelled ones left out.

    Whatever is older than the policy's history stands under its length.
    """
    kept = type_coerce(func.sum(ORDER_LINES.c.quantity - ORDER_LINES.c.cancelled), Pieces)
    query = (
        select(ORDER_LINES.c.product_id, _days_ago(context, connection, as_of).label("ago"), kept)
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(id_range(ORDER_LINES.c.product_id, *reach), ORDERS.c.placed_at < context.start_of(as_of))
        .where(ORDER_LINES.c.cancelled_at.is_(None), ORDERS.c.cancelled_at.is_(None), ~ORDER_LINES.c.virtual)
        .group_by(ORDER_LINES.c.product_id, literal_column("ago"))
    )
    found: dict[str, dict[int, float]] = {}
    for product, days, pieces in connection.execute(query):
        found.setdefault(product, {})[days] = float(pieces)
    return found


def _days_ago(context: Context, connection: Connection, as_of: date) -> ColumnElement[int]:
    """Return the SQL of how many of the shop's days lie between an order's and `as_of`; at most the policy's history.

    Not every day is 24 hours long: each stretch of days of one length is counted by itself.
    """
    history = context.policy.replenishment.history_days
    begins = [context.start_of(as_of - timedelta(days=ago)) for ago in range(history + 1)]
    placed, stretches = _seconds(connection, ORDERS.c.placed_at), list[tuple[ColumnElement[bool], Any]]()
    for length, days in groupby(enumerate(pairwise(begins)), lambda one: one[1][0] - one[1][1]):
        (ago, (end, begin)), *others = days
        first = others[-1][1][1] if others else begin
        back = (int(end.timestamp()) - 1 - placed) // int(length.total_seconds())
        stretches.append((ORDERS.c.placed_at >= first, ago + back))
    return case(*stretches, else_=history)


def _seconds(connection: Connection, moment: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the SQL of a moment as whole seconds since 1970."""
    found = func.strftime("%s", moment) if is_sqlite(connection) else func.floor(extract("epoch", moment))
    return cast(found, BigInteger)
