"""Reckon each product's safety stock and reorder point, a page of products at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from rules.replenishment.levels import ProductLevel
from rules.replenishment.reorder import ReorderInputs, stock_level
from tasks.context import Context
from tasks.db.changes import compare, delete_rows
from tasks.db.sql import id_range, read_only, upsert
from tasks.inventory.supply import products_with_supply
from tasks.replenishment.history import LeadTimes, daily_sales
from tasks.replenishment.reorder_list import LEVEL, pieces, vendor_of_product
from tasks.tables import PRODUCTS, STOCK_LEVELS

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class LevelPage:
    """What came of one page of products; `last` is None after the end."""

    last: str | None
    products: int = 0
    written: int = 0
    unstocked: int = 0
    """Products left out, as the shop keeps no stock of them, nor do their vendors send them."""


def compute_levels(context: Context, found: LeadTimes, after: str, limit: int = PAGE) -> LevelPage:
    """Reckon the levels of the products that follow `after`, and write those that changed; safe to repeat."""
    with read_only(context.engine) as connection:
        rows = connection.execute(_page(context, context.as_of, after, limit)).all()
        if not rows:
            return LevelPage(None)
        reach = (after, rows[-1].id)
        history = daily_sales(context, connection, context.as_of, reach)
        known = {one.product_id: one for one in _stored_levels(connection, id_range(STOCK_LEVELS.c.product_id, *reach))}
    levels = {
        row.id: _level(context, found, row, history.get(row.id, {}))
        for row in rows
        if row.stocked and not row.drop_shipped
    }
    changes = compare(known, levels)
    if changes:
        with context.engine.begin() as connection:
            _write(connection, context, changes.to_write.values())
            delete_rows(connection, STOCK_LEVELS, [(product,) for product in changes.removed])
    unstocked = sum(not row.stocked and not row.drop_shipped for row in rows)
    return LevelPage(reach[1], len(levels), len(changes.to_write), unstocked)


def _page(context: Context, as_of: date, after: str, limit: int) -> Select[Any]:
    columns = (
        PRODUCTS.c.id,
        vendor_of_product(),
        PRODUCTS.c.drop_shipped,
        PRODUCTS.c.safety_stock,
        products_with_supply().label("stocked"),
        *pieces(context, as_of),
    )
    return select(*columns).where(PRODUCTS.c.id > after).order_by(PRODUCTS.c.id).limit(limit)


def _level(context: Context, found: LeadTimes, row: Row[Any], sold: Mapping[int, float]) -> ProductLevel:
    policy = context.policy.replenishment
    length = min(policy.history_days, max(sold) + 1) if sold else policy.history_days
    product = ReorderInputs(
        row.id,
        tuple(sold.get(ago, 0) for ago in range(length - 1, -1, -1)),
        row.on_hand + row.inbound - row.waiting,
        found.of(row.vendor_id),
        row.safety_stock,
    )
    return stock_level(product, policy)


def _stored_levels(connection: Connection, which: ColumnElement[bool]) -> list[ProductLevel]:
    return [ProductLevel(*row) for row in connection.execute(select(*LEVEL).where(which))]


def _write(connection: Connection, context: Context, changed: Iterable[ProductLevel]) -> None:
    upsert(connection, STOCK_LEVELS, [asdict(one) | {"set_at": context.started_at} for one in changed])
