"""Read what there is of each product and who wants it, a page of products at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from models.inventory import Coverage, DateSource, SupplyLot
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate, keep_shown_date, shown_dates
from tasks.context import Context
from tasks.db.sql import id_range
from tasks.inventory.demand import OpenLine, load_open_lines
from tasks.inventory.forecast_inputs import ForecastInputs
from tasks.orders.owed_pieces import not_yet_filter
from tasks.tables import INBOUNDS, PRODUCTS, STOCK_LEVELS, STOCKS, VENDORS


@dataclass(frozen=True, slots=True)
class ProductSupply:
    """A product, what there is of it, and the open lines that want it."""

    product: str
    stocked: bool
    held_back: Quantity
    """The safety stock that the shop keeps of it by its own word: open orders of usual priority get none of that."""
    safety: Quantity
    """The safety stock, by the shop's own word or else worked out: what a new order is not promised."""
    supplies: list[SupplyLot] = field(default_factory=list)
    coming: dict[str, InboundDate] = field(default_factory=dict)
    wishes: list[OpenLine] = field(default_factory=list)


def load_supply(
    context: Context, connection: Connection, seen: ForecastInputs, after: str, limit: int
) -> tuple[list[ProductSupply], str]:
    """Return the next page of products, with what there is of each, and its last one's id; "" where none is left."""
    products = connection.execute(_products(after, limit)).all()
    if not products:
        return [], ""
    last = products[-1].id
    goods = {one.id: ProductSupply(one.id, bool(one.stocked), one.safety_stock or 0, _safety(one)) for one in products}
    about = {one.id: one for one in products}
    for product, place, on_hand in connection.execute(_stock(after, last)):
        goods[product].supplies.append(SupplyLot(Coverage.STOCK, place, on_hand, seen.as_of))
    for product, wish in load_open_lines(context, connection, seen, about, after, last):
        goods[product].wishes.append(wish)
    shown = {
        one.product: shown_dates(wish.awaited.stands(DateSource.INBOUND) for wish in one.wishes)
        for one in goods.values()
    }
    for row in connection.execute(_inbound(context, seen.as_of, after, last)):
        _inbound_date(goods[row.product_id], row, seen, shown[row.product_id])
    return list(goods.values()), last


def _products(after: str, limit: int) -> Any:
    columns = [PRODUCTS.c[name] for name in ("id", "safety_stock", "drop_shipped", "vendor_id")]
    return (
        select(*columns, VENDORS.c.lead_days, VENDORS.c.country, STOCK_LEVELS.c.safety_stock.label("reckoned"))
        .add_columns(products_with_supply().label("stocked"))
        .select_from(
            PRODUCTS.outerjoin(VENDORS, VENDORS.c.id == PRODUCTS.c.vendor_id).outerjoin(
                STOCK_LEVELS, STOCK_LEVELS.c.product_id == PRODUCTS.c.id
            )
        )
        .where(PRODUCTS.c.id > after)
        .order_by(PRODUCTS.c.id)
        .limit(limit)
    )


def products_with_supply() -> ColumnElement[bool]:
    """Return the SQL of whether the shop keeps stock of a product: its source tells of some, or of a delivery."""
    places = (STOCKS.c.product_id, INBOUNDS.c.product_id)
    return or_(*(select(one).where(one == PRODUCTS.c.id).exists() for one in places))


def _safety(product: Row[Any]) -> Quantity:
    found: Quantity | None = product.reckoned if product.safety_stock is None else product.safety_stock
    return found or 0


def _stock(after: str, last: str) -> Any:
    page = select(STOCKS.c.product_id, STOCKS.c.location, STOCKS.c.on_hand)
    known = select(PRODUCTS.c.id).where(PRODUCTS.c.id == STOCKS.c.product_id).exists()
    return page.where(id_range(STOCKS.c.product_id, after, last), known).order_by(
        STOCKS.c.product_id, STOCKS.c.location
    )


def _inbound(context: Context, as_of: date, after: str, last: str) -> Any:
    names = ("id", "product_id", "vendor_id", "quantity", "location", "promised_on", "expected_on")
    return (
        select(*(INBOUNDS.c[name] for name in names), VENDORS.c.country)
        .select_from(
            INBOUNDS.join(PRODUCTS, PRODUCTS.c.id == INBOUNDS.c.product_id).outerjoin(
                VENDORS, VENDORS.c.id == INBOUNDS.c.vendor_id
            )
        )
        .where(
            id_range(INBOUNDS.c.product_id, after, last), not_yet_filter(INBOUNDS.c.received_at, context.end_of(as_of))
        )
    )


def _inbound_date(
    goods: ProductSupply, row: Row[Any], seen: ForecastInputs, shown: Mapping[tuple[str, date], date]
) -> None:
    vendor = seen.vendors.get(row.vendor_id, row.vendor_id)
    if row.promised_on is None or row.expected_on is None:
        reckoned = seen.inflow.coming(vendor, row.country, row.promised_on or row.expected_on)
    else:
        reckoned = seen.inflow.revised(vendor, row.country, row.promised_on, row.expected_on)
    first = next((one.place for one in goods.supplies if one.cover is Coverage.STOCK), "")
    goods.coming[row.id] = coming = keep_shown_date(row.id, reckoned, shown, seen.as_of)
    goods.supplies.append(SupplyLot(Coverage.INBOUND, row.location or first, row.quantity, coming.ready_on, row.id))
