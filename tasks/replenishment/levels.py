"""Compute and save each product's stock level, a page of products at a time."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from rules.replenishment.levels import ProductLevel
from rules.replenishment.reorder import ReorderInputs, stock_level
from tasks.context import Context
from tasks.db.changes import compare, delete_rows
from tasks.db.sql import id_range, read_only, upsert
from tasks.inventory.supply import products_with_supply
from tasks.replenishment.history import LeadTimes, daily_sales
from tasks.replenishment.reorder_list import LEVEL_COLUMNS, position_columns, vendor_of_product
from tasks.tables import PRODUCTS, STOCK_LEVELS

PAGE_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class LevelPage:
    """Counts of one page of products."""

    last: str | None
    """The id of its last product; None after the last page."""
    products: int = 0
    written: int = 0
    unstocked: int = 0
    """Products left out: the shop keeps no stock of them, and their vendors do not send them."""


def compute_levels(context: Context, lead_times: LeadTimes, after: str, limit: int = PAGE_SIZE) -> LevelPage:
    """Compute the levels of the products that follow `after`, and write those that differ; safe to repeat."""
    with read_only(context.engine) as connection:
        rows = connection.execute(_page(context, context.as_of, after, limit)).all()
        if not rows:
            return LevelPage(None)
        products = (after, rows[-1].id)
        sales = daily_sales(context, connection, context.as_of, products)
        stored = _stored_levels(connection, products)
    computed = {
        (row.id,): _level(context, lead_times, row, sales.get(row.id, {}))
        for row in rows
        if row.stocked and not row.drop_shipped
    }
    changes = compare(stored, computed)
    if changes:
        with context.engine.begin() as connection:
            levels = [asdict(level) | {"set_at": context.started_at} for level in changes.to_write.values()]
            upsert(connection, STOCK_LEVELS, levels)
            delete_rows(connection, STOCK_LEVELS, changes.removed)
    unstocked = sum(not row.stocked and not row.drop_shipped for row in rows)
    return LevelPage(rows[-1].id, len(computed), len(changes.to_write), unstocked)


def _page(context: Context, as_of: date, after: str, limit: int) -> Select[Any]:
    columns = (
        PRODUCTS.c.id,
        vendor_of_product(),
        PRODUCTS.c.drop_shipped,
        PRODUCTS.c.safety_stock,
        products_with_supply().label("stocked"),
        *position_columns(context, as_of),
    )
    return select(*columns).where(PRODUCTS.c.id > after).order_by(PRODUCTS.c.id).limit(limit)


def _level(context: Context, lead_times: LeadTimes, row: Row[Any], sales: Mapping[int, float]) -> ProductLevel:
    policy = context.policy.replenishment
    days = min(policy.history_days, max(sales) + 1) if sales else policy.history_days
    product = ReorderInputs(
        row.id,
        tuple(sales.get(days_ago, 0) for days_ago in range(days - 1, -1, -1)),
        row.on_hand + row.inbound - row.waiting,
        lead_times.of(row.vendor_id),
        row.safety_stock,
    )
    return stock_level(product, policy)


def _stored_levels(connection: Connection, products: tuple[str, str]) -> dict[tuple[str], ProductLevel]:
    query = select(*LEVEL_COLUMNS).where(id_range(STOCK_LEVELS.c.product_id, *products))
    levels = (ProductLevel(*row) for row in connection.execute(query))
    return {(level.product_id,): level for level in levels}
