"""Load sales and delivery history: the pieces sold each day, and the vendors' lead times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
    """The lead time of each vendor, and that of a vendor without any data."""

    by_vendor: Mapping[str, LeadTime]
    unknown: LeadTime

    def of(self, vendor: str | None) -> LeadTime:
        """Return a vendor's lead time."""
        return self.unknown if vendor is None else self.by_vendor.get(vendor, self.unknown)


def load_lead_times(context: Context, connection: Connection, as_of: date) -> LeadTimes:
    """Compute the vendors' lead times from the deliveries received within `forecast.history_days`."""
    policy = context.policy.replenishment
    days_by_vendor = _delivery_days(context, connection, as_of)
    all_days = [days for vendor_days in days_by_vendor.values() for days in vendor_days]
    all_vendors = _delivery_stats(all_days) if all_days else None
    stated = {row.id: row.lead_days for row in connection.execute(select(VENDORS.c.id, VENDORS.c.lead_days))}
    own = {vendor: _delivery_stats(days) for vendor, days in days_by_vendor.items() if vendor is not None}
    by_vendor = {
        vendor: lead_time(own.get(vendor), stated.get(vendor), all_vendors, policy)
        for vendor in own.keys() | stated.keys()
    }
    return LeadTimes(by_vendor, lead_time(None, None, all_vendors, policy))


def _delivery_days(context: Context, connection: Connection, as_of: date) -> dict[str | None, list[int]]:
    """Return, by vendor, the days from order to receipt of each delivery."""
    end = context.end_of(as_of)
    since = end - timedelta(days=context.policy.forecast.history_days)
    vendor = func.coalesce(INBOUNDS.c.vendor_id, PRODUCTS.c.vendor_id)
    query = (
        select(vendor, INBOUNDS.c.ordered_at, INBOUNDS.c.received_at)
        .distinct()
        .select_from(INBOUNDS.outerjoin(PRODUCTS, PRODUCTS.c.id == INBOUNDS.c.product_id))
        .where(INBOUNDS.c.received_at >= since, INBOUNDS.c.received_at < end)
        .where(INBOUNDS.c.ordered_at <= INBOUNDS.c.received_at)
    )
    # A lorry brings many products: its rows are one delivery, and their days count once.
    deliveries = {
        (key, *(moment.astimezone(context.zone).date() for moment in moments))
        for key, *moments in connection.execute(query)
    }
    days_by_vendor: dict[str | None, list[int]] = {}
    for key, ordered_on, received_on in deliveries:
        days_by_vendor.setdefault(key, []).append((received_on - ordered_on).days)
    return days_by_vendor


def _delivery_stats(days: Sequence[int]) -> DeliveryStats:
    return DeliveryStats(len(days), fmean(days), stdev(days) if len(days) > 1 else 0.0)


def daily_sales(
    context: Context, connection: Connection, as_of: date, products: tuple[str, str]
) -> dict[str, dict[int, float]]:
    """Return the pieces sold of a range of products, by product and by days before `as_of`; cancelled ones left out.

    Days before `as_of` count from 0, which is the day before. All days beyond `replenishment.history_days` are added
    up under that number.
    """
    sold = type_coerce(func.sum(ORDER_LINES.c.quantity - ORDER_LINES.c.cancelled), Pieces)
    query = (
        select(ORDER_LINES.c.product_id, _days_ago(context, connection, as_of).label("days_ago"), sold)
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(id_range(ORDER_LINES.c.product_id, *products), ORDERS.c.placed_at < context.start_of(as_of))
        .where(ORDER_LINES.c.cancelled_at.is_(None), ORDERS.c.cancelled_at.is_(None), ~ORDER_LINES.c.virtual)
        .group_by(ORDER_LINES.c.product_id, literal_column("days_ago"))
    )
    sales: dict[str, dict[int, float]] = {}
    for product, days_ago, pieces in connection.execute(query):
        sales.setdefault(product, {})[days_ago] = float(pieces)
    return sales


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Consecutive days of the shop that are all of one length: 24 hours, or 23 or 25 on a change of the clock."""

    start: datetime
    end: datetime
    day_seconds: int
    last_day_ago: int
    """How many days before `as_of` its last day is; 0 is the day before."""


def _days_ago(context: Context, connection: Connection, as_of: date) -> ColumnElement[int]:
    """Return the SQL of how many of the shop's days lie between an order's and `as_of`; at most the policy's history.

    Within a stretch of days of one length the days are counted by division.
    """
    placed = _seconds_since_1970(connection, ORDERS.c.placed_at)
    cases = []
    for stretch in _stretches(context, as_of):
        days_before_end = (int(stretch.end.timestamp()) - 1 - placed) // stretch.day_seconds
        cases.append((ORDERS.c.placed_at >= stretch.start, stretch.last_day_ago + days_before_end))
    return case(*cases, else_=context.policy.replenishment.history_days)


def _stretches(context: Context, as_of: date) -> list[_Stretch]:
    """Return the stretches of the policy's history, the latest first."""
    history_days = context.policy.replenishment.history_days
    midnights = [context.start_of(as_of - timedelta(days=ago)) for ago in range(history_days + 1)]
    stretches, days_ago = [], 0
    for length, days in groupby(pairwise(midnights), lambda day: day[0] - day[1]):
        same_length = list(days)
        end, start = same_length[0][0], same_length[-1][1]
        stretches.append(_Stretch(start, end, int(length.total_seconds()), days_ago))
        days_ago += len(same_length)
    return stretches


def _seconds_since_1970(connection: Connection, moment: ColumnElement[Any]) -> ColumnElement[int]:
    seconds = func.strftime("%s", moment) if is_sqlite(connection) else func.floor(extract("epoch", moment))
    return cast(seconds, BigInteger)
