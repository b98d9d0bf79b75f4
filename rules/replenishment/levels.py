"""A product's stock level, and how urgent its next order is."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from models.quantities import Quantity


@dataclass(frozen=True, slots=True)
class ProductLevel:
    """A product's safety stock, reorder point and order quantity; the fields are columns of the table `stock_level`."""

    product_id: str
    safety_stock: Quantity
    reorder_point: Quantity
    order_quantity: Quantity
    available: Quantity
    demand_a_day: float
    demand_sd: float
    lead_days: float
    lead_sd: float
    method: str
    why: str


def days_of_cover(level: ProductLevel) -> float | None:
    """Return the days that the available pieces last; None where nothing is sold."""
    return float(level.available) / level.demand_a_day if level.demand_a_day > 0 else None


def slack_days(level: ProductLevel) -> float:
    """Return by how many days the stock outlasts a delivery ordered now; negative: it runs out before."""
    days = days_of_cover(level)
    if days is None:
        return -inf if level.available < 0 else inf
    return days - level.lead_days


def sorted_by_urgency(levels: Iterable[ProductLevel]) -> list[ProductLevel]:
    """Return levels in the order in which their products run out."""
    return sorted(levels, key=lambda level: (slack_days(level), -level.order_quantity, level.product_id))
