"""What the desk shows of stock: what to order today, the most urgent product first, from what the last run computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, Select, and_, case, cast, func, or_, select

from models.quantities import THOUSANDTHS, Quantity
from models.tables.supply import TO_ORDER
from tasks.context import Context
from tasks.orders.owed_pieces import not_yet_filter
from tasks.replenishment.reorder_list import vendor_of_product
from tasks.tables import AVAILABILITIES, INBOUNDS, PRODUCTS, RUNS, STOCK_LEVELS, VENDORS

STOCK_REPORT = "stock-report"
"""The flow that computes the levels."""
PAGE_SIZE = 500
NEVER, AT_ONCE = 1e9, -1e9
"""The days of slack of a product that is not sold: none is needed, or customers wait for it already."""
MAX_DAYS_SHOWN = 3_650
"""A stock that lasts longer than this has no last day."""


@dataclass(frozen=True, slots=True)
class StockRow:
    """A product to order, with what its number is made of."""

    product_id: str
    name: str
    vendor: str
    order: Quantity
    """Pieces to order now."""
    available: Quantity
    """On hand and on its way, less what open orders need."""
    free: Quantity | None
    """Pieces that a new order could have at once; None: it was not computed yet."""
    waiting: int
    """Orders that wait for it."""
    on_its_way: Quantity
    lasts_until: date | None
    """None where nothing is sold, or where it lasts for years."""
    safety_stock: Quantity
    reorder_point: Quantity
    why: str
    slack: float
    """Days by which the stock outlasts a delivery ordered now; the list is sorted by it."""


@dataclass(frozen=True, slots=True)
class StockPage:
    """A page of the products to order, and whether more follow."""

    rows: tuple[StockRow, ...]
    has_more: bool


def load_stock(
    context: Context, connection: Connection, limit: int, after: tuple[float, str] | None = None
) -> StockPage:
    """Return up to `limit` products to order; `after` is the slack and the id of the last one of the page before."""
    slack, product = _slack(), STOCK_LEVELS.c.product_id
    urgent = select(product, slack).where(TO_ORDER).order_by(slack, product).limit(limit + 1)
    if after is not None:
        urgent = urgent.where(or_(slack > after[0], and_(slack == after[0], product > after[1])))
    keys = [key for key, _ in connection.execute(urgent)]
    # Only then what costs a look-up for each product.
    found = {row.product_id: _row(context, row) for row in connection.execute(_products(context, keys[:limit]))}
    return StockPage(tuple(found[key] for key in keys[:limit] if key in found), len(keys) > limit)


def iterate_stock(context: Context, connection: Connection) -> Iterator[StockRow]:
    """Yield every product to order, the most urgent first."""
    after = None
    while True:
        page = load_stock(context, connection, PAGE_SIZE, after)
        yield from page.rows
        if not page.has_more:
            return
        after = (page.rows[-1].slack, page.rows[-1].product_id)


def levels_computed_at(connection: Connection) -> datetime | None:
    """Return when the stock levels were last computed; None where they never were."""
    newest = select(RUNS.c.ended_at).where(RUNS.c.flow == STOCK_REPORT, RUNS.c.state == "done")
    computed: datetime | None = connection.execute(newest.order_by(RUNS.c.number.desc()).limit(1)).scalar()
    return computed


def _slack() -> ColumnElement[float]:
    """Return the SQL of `rules.replenishment.levels.slack_days`."""
    sold = STOCK_LEVELS.c.demand_a_day
    available = cast(STOCK_LEVELS.c.available, Float) / THOUSANDTHS
    return case(
        (sold > 0, available / sold - STOCK_LEVELS.c.lead_days),
        (STOCK_LEVELS.c.available < 0, AT_ONCE),
        else_=NEVER,
    )


def _products(context: Context, keys: Sequence[str]) -> Select[Any]:
    vendor = vendor_of_product()
    on_its_way = (
        select(func.coalesce(func.sum(INBOUNDS.c.quantity), 0))
        .where(INBOUNDS.c.product_id == STOCK_LEVELS.c.product_id)
        .where(not_yet_filter(INBOUNDS.c.received_at, context.end_of(context.as_of)))
        .scalar_subquery()
    )
    names = ("product_id", "order_quantity", "available", "demand_a_day", "safety_stock", "reorder_point", "why")
    levels = STOCK_LEVELS.join(PRODUCTS, PRODUCTS.c.id == STOCK_LEVELS.c.product_id)
    return (
        select(*(STOCK_LEVELS.c[name] for name in names), PRODUCTS.c.name)
        .add_columns(AVAILABILITIES.c.free_quantity, AVAILABILITIES.c.waiting, on_its_way.label("on_its_way"))
        .add_columns(func.coalesce(VENDORS.c.name, vendor, "").label("vendor"), _slack().label("slack"))
        .select_from(
            levels.outerjoin(AVAILABILITIES, AVAILABILITIES.c.product_id == STOCK_LEVELS.c.product_id).outerjoin(
                VENDORS, VENDORS.c.id == vendor
            )
        )
        .where(STOCK_LEVELS.c.product_id.in_(keys))
    )


def _row(context: Context, row: Any) -> StockRow:
    return StockRow(
        row.product_id,
        row.name,
        row.vendor,
        row.order_quantity,
        row.available,
        row.free_quantity,
        row.waiting or 0,
        row.on_its_way,
        _lasts_until(context.as_of, float(row.available), row.demand_a_day),
        row.safety_stock,
        row.reorder_point,
        row.why,
        row.slack,
    )


def _lasts_until(today: date, available: float, sold_a_day: float) -> date | None:
    if sold_a_day <= 0:
        return None
    days = max(0, round(available / sold_a_day))
    return today + timedelta(days=days) if days <= MAX_DAYS_SHOWN else None
