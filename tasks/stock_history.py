"""What stock is reckoned from: the pieces sold a day, and how long vendors took to deliver."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    case,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
)

from models.types import UtcTime
from rules.reorder import Deliveries, Lead, lead_time
from tasks.db import is_sqlite, within
from tasks.desk import Desk
from tasks.orders import LINES, ORDERS, PRODUCTS
from tasks.supply_tables import INBOUNDS, VENDORS

SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Leads:
    """The lead time of each vendor, and of one of which nothing is known."""

    by_vendor: Mapping[str, Lead]
    unknown: Lead

    def of(self, vendor: str | None) -> Lead:
        """Return a vendor's lead time."""
        return self.unknown if vendor is None else self.by_vendor.get(vendor, self.unknown)


def leads(desk: Desk, connection: Connection, as_of: date) -> Leads:
    """Learn the vendors' lead times from the deliveries received within the policy's time."""
    end, policy = desk.end_of(as_of), desk.policy.reorder
    began = end - timedelta(days=desk.policy.forecast.history_days)
    days = _days_between(connection, INBOUNDS.c.ordered_at, INBOUNDS.c.received_at)
    vendor = func.coalesce(INBOUNDS.c.vendor_id, PRODUCTS.c.vendor_id)
    query = (
        select(vendor, func.count(), func.sum(days), func.sum(days * days))
        .select_from(INBOUNDS.outerjoin(PRODUCTS, PRODUCTS.c.id == INBOUNDS.c.product_id))
        .where(INBOUNDS.c.received_at >= began, INBOUNDS.c.received_at < end)
        .where(INBOUNDS.c.ordered_at <= INBOUNDS.c.received_at)
        .group_by(vendor)
    )
    sums = {key: (n, float(total), float(squares)) for key, n, total, squares in connection.execute(query)}
    everybody = _deliveries(*map(sum, zip(*sums.values(), strict=True))) if sums else None
    vendors = connection.execute(select(VENDORS.c.id, VENDORS.c.lead_days))
    said = {row.id: row.lead_days for row in vendors}
    own = {key: _deliveries(*found) for key, found in sums.items() if key is not None}
    known = {key: lead_time(own.get(key), said.get(key), everybody, policy) for key in own.keys() | said.keys()}
    return Leads(known, lead_time(None, None, everybody, policy))


def _deliveries(n: float, total: float, squares: float) -> Deliveries:
    spread = (squares - total**2 / n) / (n - 1) if n > 1 else 0.0
    return Deliveries(int(n), total / n, sqrt(max(0.0, spread)))


def sold(desk: Desk, connection: Connection, as_of: date, reach: tuple[str, str]) -> dict[str, dict[int, int]]:
    """Return the pieces of each product by how many days before `as_of` they were ordered; cancelled ones left out.

    Whatever is older than the policy's history stands under its length.
    """
    end, history = desk.start_of(as_of), desk.policy.reorder.history_days
    ago = _whole(connection, _days_between(connection, ORDERS.c.placed_at, literal(end, UtcTime())))
    older = ORDERS.c.placed_at < end - timedelta(days=history)
    day = case((older, history), else_=ago).label("ago")
    query = (
        select(LINES.c.product_id, day, func.sum(LINES.c.quantity))
        .select_from(LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id))
        .where(within(LINES.c.product_id, *reach), ORDERS.c.placed_at < end)
        .where(LINES.c.cancelled_at.is_(None), ORDERS.c.cancelled_at.is_(None))
        .group_by(LINES.c.product_id, literal_column("ago"))
    )
    found: dict[str, dict[int, int]] = {}
    for product, days, pieces in connection.execute(query):
        found.setdefault(product, {})[days] = int(pieces)
    return found


def _days_between(connection: Connection, earlier: ColumnElement[Any], later: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the SQL of the days, with their fraction, from one moment to another."""
    if is_sqlite(connection):
        return func.julianday(later) - func.julianday(earlier)
    return extract("epoch", later - earlier) / SECONDS


def _whole(connection: Connection, days: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the SQL of days without their fraction, of a moment that is past."""
    # SQLite cuts, where PostgreSQL rounds; and not every SQLite has a floor().
    return cast(days if is_sqlite(connection) else func.floor(days), Integer)
