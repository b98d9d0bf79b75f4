"""Explain the supply of one order: what covers each line, when it is expected and why, what vendors were asked for."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from models.inventory import Coverage
from models.quantities import as_number
from rules.delays.line_order import natural_key
from tasks.context import Context
from tasks.shipments.remaining import plan_as_data, plan_remaining
from tasks.tables import (
    ALLOCATIONS,
    EXPECTED_DATES,
    INBOUNDS,
    OUTBOX,
    PRODUCTS,
    PURCHASE_LINES,
    PURCHASE_REQUESTS,
    SHIPPING_PLANS,
    VENDORS,
)

DATE_COLUMNS = (
    "expected_on",
    "source",
    "earliest_on",
    "latest_on",
    "probability",
    "in_stock",
    "why",
    "set_at",
    "set_by",
    "ended_at",
)


def explain_supply(context: Context, connection: Connection, order: str, as_of: date) -> dict[str, Any]:
    """Return allocations, expected dates, purchase requests and the shipping plan of an order as plain data."""
    return {
        "covered": explain_coverage(connection, order),
        "dates": explain_dates(connection, order),
        "requests": [_with_number(row) for row in _by_line(connection, _requests(order))],
        "shipping": _shipping(context, connection, order, as_of),
    }


def explain_coverage(connection: Connection, order: str) -> list[dict[str, Any]]:
    """Return what covers each line of an order as plain data."""
    return [_covered(row) for row in _by_line(connection, _coverage(order))]


def explain_dates(connection: Connection, order: str) -> list[dict[str, Any]]:
    """Return the expected dates of an order's lines, those that have ended too, as plain data."""
    return [dict(row) for row in _by_line(connection, _dates(order))]


def _by_line(connection: Connection, query: Any) -> list[RowMapping]:
    """Return the rows of a query, sorted by line number."""
    return sorted(connection.execute(query).mappings(), key=lambda row: natural_key(row["line"]))


def _coverage(order: str) -> Any:
    return (
        select(
            ALLOCATIONS.c.line,
            PRODUCTS.c.name.label("product"),
            *(ALLOCATIONS.c[name] for name in ("quantity", "cover", "place", "inbound_id", "ships_on", "arrives_on")),
            INBOUNDS.c.promised_on,
            INBOUNDS.c.expected_on,
            VENDORS.c.name.label("vendor"),
        )
        .select_from(
            ALLOCATIONS.join(PRODUCTS, PRODUCTS.c.id == ALLOCATIONS.c.product_id)
            .outerjoin(INBOUNDS, INBOUNDS.c.id == ALLOCATIONS.c.inbound_id)
            .outerjoin(VENDORS, VENDORS.c.id == INBOUNDS.c.vendor_id)
        )
        .where(ALLOCATIONS.c.order_id == order)
        .order_by(ALLOCATIONS.c.part)
    )


def _covered(row: Any) -> dict[str, Any]:
    covered_by = {
        Coverage.STOCK: f"stock at {row['place']}",
        Coverage.INBOUND: f"delivery {row['inbound_id']} of {row['vendor'] or 'an unnamed vendor'}"
        + (f", promised for {row['promised_on']}" if row["promised_on"] else "")
        + (f", now for {row['expected_on']}" if row["expected_on"] not in (None, row["promised_on"]) else ""),
        Coverage.PACKED: "packed, not handed over yet",
        Coverage.UNCOVERED: "nothing known",
    }[Coverage(row["cover"])]
    columns = {name: row[name] for name in ("line", "product", "quantity")}
    return {**_with_number(columns), "covered by": covered_by, "leaves": row["ships_on"], "arrives": row["arrives_on"]}


def _with_number(row: Any) -> dict[str, Any]:
    return {**row, "quantity": as_number(row["quantity"])}


def _dates(order: str) -> Any:
    return (
        select(EXPECTED_DATES.c.line, *(EXPECTED_DATES.c[name] for name in DATE_COLUMNS))
        .where(EXPECTED_DATES.c.order_id == order)
        .order_by(EXPECTED_DATES.c.id)
    )


def _requests(order: str) -> Any:
    return (
        select(
            PURCHASE_LINES.c.line,
            func.coalesce(VENDORS.c.name, PURCHASE_REQUESTS.c.vendor_id).label("vendor"),
            PURCHASE_LINES.c.quantity,
            OUTBOX.c.state,
            PURCHASE_REQUESTS.c.created_at,
            PURCHASE_LINES.c.response,
            PURCHASE_LINES.c.promised_on,
            PURCHASE_LINES.c.reason,
        )
        .select_from(
            PURCHASE_LINES.join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
            .join(OUTBOX, OUTBOX.c.id == PURCHASE_REQUESTS.c.id)
            .outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id)
        )
        .where(PURCHASE_LINES.c.order_id == order)
        .order_by(PURCHASE_LINES.c.attempt)
    )


def _shipping(context: Context, connection: Connection, order: str, as_of: date) -> dict[str, Any] | None:
    query = select(SHIPPING_PLANS.c.why, SHIPPING_PLANS.c.parcels, SHIPPING_PLANS.c.planned_at).where(
        SHIPPING_PLANS.c.order_id == order
    )
    row = connection.execute(query).mappings().first()
    remaining = plan_remaining(context, connection, [order], as_of)
    return plan_as_data(dict(row), remaining[order]) if row and order in remaining else None
