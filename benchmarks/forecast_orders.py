"""Real orders to measure the forecast with: their days of purchase, hand-over to the carrier and delivery."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zlib import crc32

import duckdb

DELIVERED = 96_478
"""Delivered orders of the whole data set; the extract has one in nineteen of them, and all other orders."""

READ = """
WITH item AS (
    SELECT order_id, min_by(seller_id, order_item_id) AS vendor, max(CAST(shipping_limit_date AS DATE)) AS limit_on
    FROM '{0}/olist_order_items_dataset.csv' GROUP BY order_id
)
SELECT order_id, vendor, customer_state, CAST(order_purchase_timestamp AS DATE) AS bought_on, limit_on,
    CAST(order_estimated_delivery_date AS DATE) AS promised_on,
    CAST(order_delivered_carrier_date AS DATE) AS handed_on,
    CAST(order_delivered_customer_date AS DATE) AS delivered_on, seller_state
FROM '{0}/olist_orders_dataset.csv'
JOIN item USING (order_id)
JOIN '{0}/olist_customers_dataset.csv' USING (customer_id)
JOIN '{0}/olist_sellers_dataset.csv' ON vendor = seller_id
WHERE order_status NOT IN ('canceled', 'unavailable')
ORDER BY bought_on, order_id
"""


@dataclass(frozen=True, slots=True)
class Bought:
    """One order, its promises and what happened."""

    id: str
    vendor: str
    state: str
    """Of the customer."""
    bought_on: date
    limit_on: date
    """The last day on which the vendor was to hand it to the carrier."""
    promised_on: date
    handed_on: date | None = None
    delivered_on: date | None = None
    ships_from: str | None = None
    """The state of the vendor."""

    @property
    def days_late(self) -> int | None:
        """The days from the promise to the delivery; None: not delivered."""
        return (self.delivered_on - self.promised_on).days if self.delivered_on else None

    def as_known(self, morning: date) -> "Bought":
        """Return the order as it was known on a morning, before anything of that day happened."""
        return replace(self, handed_on=_past(self.handed_on, morning), delivered_on=_past(self.delivered_on, morning))


def read_orders(data: Path) -> list[Bought]:
    """Read the orders by day of purchase; those that never arrived are reduced to their share of the whole data set."""
    orders = [Bought(*row) for row in duckdb.sql(READ.format(data)).fetchall()]
    arrived = sum(order.delivered_on is not None for order in orders)
    return [order for order in orders if order.delivered_on or crc32(order.id.encode()) % DELIVERED < arrived]


def _past(day: date | None, morning: date) -> date | None:
    return day if day is not None and day < morning else None
