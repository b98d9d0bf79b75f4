"""Show the products that orders wait for."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.safe_text import escape_control
from models.inventory import StockStatus


def shortage_rows(shortage: Iterable[Mapping[str, Any]]) -> list[dict[str, str | int]]:
    """Return short products as rows for people: how many orders wait, and when a new order could leave."""
    return [
        {
            "product": escape_control(product["product_id"]),
            "name": escape_control(product["name"]),
            "orders": product["waiting"],
            "next": _next(product),
        }
        for product in shortage
    ]


def _next(product: Mapping[str, Any]) -> str:
    return "now" if product["state"] == StockStatus.IN_STOCK else str(product["expected_on"] or "unknown")
