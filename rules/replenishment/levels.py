"""A product's stock level, and how urgent it is to order."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from models.quantities import Quantity


@dataclass(frozen=True, slots=True)
class ProductLevel:
    """How much of a product must be there, and when to order more; the fields are those of the ledger's table."""

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
    """Return the days that what is available lasts; none where nothing is sold."""
    return float(level.available) / level.demand_a_day if level.demand_a_day > 0 else None


def slack_days(level: ProductLevel) -> float:
    """Return by how many days stock outlasts a delivery ordered now; below nought it runs out before."""
    days = days_of_cover(level)
    if days is None:
        return -inf if level.available < 0 else inf
    return days - level.lead_days


def sorted_by_urgency(levels: Iterable[ProductLevel]) -> list[ProductLevel]:
    """Return levels, what runs out first before the others."""
    return sorted(levels, key=lambda one: (slack_days(one), -one.order_quantity, one.product_id))
