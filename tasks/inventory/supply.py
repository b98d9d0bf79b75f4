"""Read stock, deliveries and open lines of each product, a page of products at a time."""

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
    """A product with its stock and deliveries, and the open lines that need it."""

    product: str
    stocked: bool
    """Whether the shop keeps stock of it."""
    shop_safety_stock: Quantity
    """The safety stock that the shop set: open lines of normal priority get none of it."""
    safety_stock: Quantity
    """The safety stock that the shop set, or else the computed one: a new order is not promised any of it."""
    lots: list[SupplyLot] = field(default_factory=list)
    inbound_dates: dict[str, InboundDate] = field(default_factory=dict)
    """By delivery id."""
    open_lines: list[OpenLine] = field(default_factory=list)


def load_supply(
    context: Context, connection: Connection, inputs: ForecastInputs, after: str, limit: int
) -> tuple[list[ProductSupply], str]:
    """Return the next page of products and the id of its last one; an empty id after the last page."""
    rows = {row.id: row for row in connection.execute(_products(after, limit))}
    if not rows:
        return [], ""
    last = next(reversed(rows))
    supplies = {key: _without_lots(row) for key, row in rows.items()}
    for product, place, on_hand in connection.execute(_stock(after, last)):
        supplies[product].lots.append(SupplyLot(Coverage.STOCK, place, on_hand, inputs.as_of))
    for product, open_line in load_open_lines(context, connection, inputs, rows, after, last):
        supplies[product].open_lines.append(open_line)
    shown = {key: _shown_inbound_dates(supply) for key, supply in supplies.items()}
    for row in connection.execute(_inbound(context, inputs.as_of, after, last)):
        _add_delivery(supplies[row.product_id], row, inputs, shown[row.product_id])
    return list(supplies.values()), last


def _products(after: str, limit: int) -> Any:
    columns = [PRODUCTS.c[name] for name in ("id", "safety_stock", "drop_shipped", "vendor_id")]
    return (
        select(*columns, VENDORS.c.lead_days, VENDORS.c.country)
        .add_columns(STOCK_LEVELS.c.safety_stock.label("computed_safety_stock"))
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
    """Return the SQL of whether the shop keeps stock of a product: its data have stock of it, or a delivery."""
    product_ids = (STOCKS.c.product_id, INBOUNDS.c.product_id)
    return or_(*(select(product_id).where(product_id == PRODUCTS.c.id).exists() for product_id in product_ids))


def _without_lots(row: Row[Any]) -> ProductSupply:
    safety_stock: Quantity | None = row.computed_safety_stock if row.safety_stock is None else row.safety_stock
    return ProductSupply(row.id, bool(row.stocked), row.safety_stock or 0, safety_stock or 0)


def _stock(after: str, last: str) -> Any:
    is_known_product = select(PRODUCTS.c.id).where(PRODUCTS.c.id == STOCKS.c.product_id).exists()
    return (
        select(STOCKS.c.product_id, STOCKS.c.location, STOCKS.c.on_hand)
        .where(id_range(STOCKS.c.product_id, after, last), is_known_product)
        .order_by(STOCKS.c.product_id, STOCKS.c.location)
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


def _shown_inbound_dates(supply: ProductSupply) -> dict[tuple[str, date], date]:
    return shown_dates(open_line.date_inputs.previous_from(DateSource.INBOUND) for open_line in supply.open_lines)


def _add_delivery(
    supply: ProductSupply, row: Row[Any], inputs: ForecastInputs, shown: Mapping[tuple[str, date], date]
) -> None:
    vendor = inputs.vendor_names.get(row.vendor_id, row.vendor_id)
    if row.promised_on is None or row.expected_on is None:
        predicted = inputs.inbound_dates.date_of(vendor, row.country, row.promised_on or row.expected_on)
    else:
        predicted = inputs.inbound_dates.date_of_revised(vendor, row.country, row.promised_on, row.expected_on)
    inbound = keep_shown_date(row.id, predicted, shown, inputs.as_of)
    stock_place = next((lot.place for lot in supply.lots if lot.cover is Coverage.STOCK), "")
    supply.inbound_dates[row.id] = inbound
    supply.lots.append(
        SupplyLot(Coverage.INBOUND, row.location or stock_place, row.quantity, inbound.available_on, row.id)
    )
