"""The supply side of one order's story: what covers each line, when it is expected and who says so, what was asked."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from models.inventory import Cover
from models.quantities import as_number
from rules.delays.line_order import natural
from tasks.context import Desk
from tasks.shipments.remaining import as_left, leaving
from tasks.tables import ALLOCATIONS, CHOICES, EXPECTATIONS, INBOUNDS, PRODUCTS, PURCHASED, REQUESTS, VENDORS

SAID = ("expected_on", "source", "earliest_on", "latest_on", "chance", "ready", "why", "set_at", "who", "ended_at")


def supply(desk: Desk, connection: Connection, order: str, as_of: date) -> dict[str, Any]:
    """Return what is known of an order's goods as plain data; each list is empty where nothing is."""
    return {
        "covered": [_covered(row) for row in _listed(connection, _coverage(order))],
        "dates": [dict(row) for row in _listed(connection, _dates(order))],
        "asked": [_counted(row) for row in _listed(connection, _requests(order))],
        "shipping": _shipping(desk, connection, order, as_of),
    }


def _listed(connection: Connection, query: Any) -> list[RowMapping]:
    """Return rows by line, as the order lists its lines."""
    return sorted(connection.execute(query).mappings(), key=lambda row: natural(row["line"]))


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
    by = {
        Cover.STOCK: f"stock at {row['place']}",
        Cover.INBOUND: f"delivery {row['inbound_id']} of {row['vendor'] or 'an unnamed vendor'}"
        + (f", promised for {row['promised_on']}" if row["promised_on"] else "")
        + (f", now for {row['expected_on']}" if row["expected_on"] not in (None, row["promised_on"]) else ""),
        Cover.PACKED: "packed, not handed over yet",
        Cover.NOTHING: "nothing known",
    }[Cover(row["cover"])]
    named = {name: row[name] for name in ("line", "product", "quantity")}
    return {**_counted(named), "covered by": by, "leaves": row["ships_on"], "arrives": row["arrives_on"]}


def _counted(row: Any) -> dict[str, Any]:
    return {**row, "quantity": as_number(row["quantity"])}


def _dates(order: str) -> Any:
    return (
        select(EXPECTATIONS.c.line, *(EXPECTATIONS.c[name] for name in SAID))
        .where(EXPECTATIONS.c.order_id == order)
        .order_by(EXPECTATIONS.c.id)
    )


def _requests(order: str) -> Any:
    return (
        select(
            PURCHASED.c.line,
            func.coalesce(VENDORS.c.name, REQUESTS.c.vendor_id).label("vendor"),
            PURCHASED.c.quantity,
            REQUESTS.c.state,
            REQUESTS.c.created_at,
            PURCHASED.c.answer,
            PURCHASED.c.promised_on,
            PURCHASED.c.reason,
        )
        .select_from(
            PURCHASED.join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id).outerjoin(
                VENDORS, VENDORS.c.id == REQUESTS.c.vendor_id
            )
        )
        .where(PURCHASED.c.order_id == order)
        .order_by(PURCHASED.c.nth)
    )


def _shipping(desk: Desk, connection: Connection, order: str, as_of: date) -> dict[str, Any] | None:
    query = select(CHOICES.c.why, CHOICES.c.parcels, CHOICES.c.decided_at).where(CHOICES.c.order_id == order)
    row = connection.execute(query).mappings().first()
    left = leaving(desk, connection, [order], as_of)
    return as_left(dict(row), left[order]) if row and order in left else None
