"""Read what there is of each product and who wants it, a page of products at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from models.inventory import Cover, DateSource, Supply
from models.quantities import Quantity
from rules.inventory.inbound_dates import Coming, as_shown, days_shown
from tasks.context import Desk
from tasks.db.sql import within
from tasks.inventory.demand import Wish, wishes
from tasks.inventory.forecast_inputs import Outlook
from tasks.orders.owed_pieces import not_yet
from tasks.tables import INBOUNDS, LEVELS, PRODUCTS, STOCKS, VENDORS


@dataclass(frozen=True, slots=True)
class Goods:
    """A product, what there is of it, and the open lines that want it."""

    product: str
    stocked: bool
    held_back: Quantity
    """The safety stock that the shop keeps of it by its own word: open orders of usual priority get none of that."""
    safety: Quantity
    """The safety stock, by the shop's own word or else worked out: what a new order is not promised."""
    supplies: list[Supply] = field(default_factory=list)
    coming: dict[str, Coming] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)


def read(desk: Desk, connection: Connection, seen: Outlook, after: str, limit: int) -> tuple[list[Goods], str]:
    """Return the next page of products, with what there is of each, and its last one's id; "" where none is left."""
    products = connection.execute(_products(after, limit)).all()
    if not products:
        return [], ""
    last = products[-1].id
    goods = {one.id: Goods(one.id, bool(one.stocked), one.safety_stock or 0, _safety(one)) for one in products}
    about = {one.id: one for one in products}
    for product, place, on_hand in connection.execute(_stock(after, last)):
        goods[product].supplies.append(Supply(Cover.STOCK, place, on_hand, seen.as_of))
    for product, wish in wishes(desk, connection, seen, about, after, last):
        goods[product].wishes.append(wish)
    shown = {
        one.product: days_shown(wish.awaited.stands(DateSource.INBOUND) for wish in one.wishes)
        for one in goods.values()
    }
    for row in connection.execute(_inbound(desk, seen.as_of, after, last)):
        _expect_delivery(goods[row.product_id], row, seen, shown[row.product_id])
    return list(goods.values()), last


def _products(after: str, limit: int) -> Any:
    columns = [PRODUCTS.c[name] for name in ("id", "safety_stock", "drop_shipped", "vendor_id")]
    return (
        select(*columns, VENDORS.c.lead_days, VENDORS.c.country, LEVELS.c.safety_stock.label("reckoned"))
        .add_columns(stocked().label("stocked"))
        .select_from(
            PRODUCTS.outerjoin(VENDORS, VENDORS.c.id == PRODUCTS.c.vendor_id).outerjoin(
                LEVELS, LEVELS.c.product_id == PRODUCTS.c.id
            )
        )
        .where(PRODUCTS.c.id > after)
        .order_by(PRODUCTS.c.id)
        .limit(limit)
    )


def stocked() -> ColumnElement[bool]:
    """Return the SQL of whether the shop keeps stock of a product: its source tells of some, or of a delivery."""
    places = (STOCKS.c.product_id, INBOUNDS.c.product_id)
    return or_(*(select(one).where(one == PRODUCTS.c.id).exists() for one in places))


def _safety(product: Row[Any]) -> Quantity:
    found: Quantity | None = product.reckoned if product.safety_stock is None else product.safety_stock
    return found or 0


def _stock(after: str, last: str) -> Any:
    page = select(STOCKS.c.product_id, STOCKS.c.location, STOCKS.c.on_hand)
    known = select(PRODUCTS.c.id).where(PRODUCTS.c.id == STOCKS.c.product_id).exists()
    return page.where(within(STOCKS.c.product_id, after, last), known).order_by(STOCKS.c.product_id, STOCKS.c.location)


def _inbound(desk: Desk, as_of: date, after: str, last: str) -> Any:
    names = ("id", "product_id", "vendor_id", "quantity", "location", "promised_on", "expected_on")
    return (
        select(*(INBOUNDS.c[name] for name in names), VENDORS.c.country)
        .select_from(
            INBOUNDS.join(PRODUCTS, PRODUCTS.c.id == INBOUNDS.c.product_id).outerjoin(
                VENDORS, VENDORS.c.id == INBOUNDS.c.vendor_id
            )
        )
        .where(within(INBOUNDS.c.product_id, after, last), not_yet(INBOUNDS.c.received_at, desk.end_of(as_of)))
    )


def _expect_delivery(goods: Goods, row: Row[Any], seen: Outlook, shown: Mapping[tuple[str, date], date]) -> None:
    vendor = seen.vendors.get(row.vendor_id, row.vendor_id)
    if row.promised_on is None or row.expected_on is None:
        reckoned = seen.inflow.coming(vendor, row.country, row.promised_on or row.expected_on)
    else:
        reckoned = seen.inflow.revised(vendor, row.country, row.promised_on, row.expected_on)
    first = next((one.place for one in goods.supplies if one.cover is Cover.STOCK), "")
    goods.coming[row.id] = coming = as_shown(row.id, reckoned, shown, seen.as_of)
    goods.supplies.append(Supply(Cover.INBOUND, row.location or first, row.quantity, coming.ready_on, row.id))
