"""Read the dates that vendors accepted for lines in their responses to purchase requests."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from models.orders import LineKey
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate
from tasks.db.sql import id_range
from tasks.inventory.forecast_inputs import ForecastInputs
from tasks.tables import ORDER_LINES, PURCHASE_LINES, PURCHASE_REQUESTS, VENDORS


@dataclass(frozen=True, slots=True)
class AcceptedSupply:
    """The quantities that vendors agreed to supply for one line."""

    inbound: InboundDate
    """The last of the accepted dates."""
    quantity: Quantity


def load_accepted_supply(
    connection: Connection, inputs: ForecastInputs, products: Mapping[str, Row[Any]], after: str, last: str
) -> dict[LineKey, AcceptedSupply]:
    """Return what vendors accepted for the lines of a page of products.

    A response for a product that the line no longer has is ignored.
    """
    accepted: dict[LineKey, list[tuple[date, InboundDate, Quantity]]] = defaultdict(list)
    for order, line, product, vendor, country, promised_on, quantity in connection.execute(_accepted(after, last)):
        inbound = inputs.inbound_dates.date_of(
            inputs.vendor_names.get(vendor, vendor), country, promised_on, direct=bool(products[product].drop_shipped)
        )
        accepted[order, line].append((promised_on, inbound, quantity))
    return {
        key: AcceptedSupply(max(of_line, key=lambda each: each[0])[1], sum(quantity for *_, quantity in of_line))
        for key, of_line in accepted.items()
    }


def _accepted(after: str, last: str) -> Any:
    line_and_vendor = (
        ORDER_LINES.c.order_id,
        ORDER_LINES.c.number,
        ORDER_LINES.c.product_id,
        PURCHASE_REQUESTS.c.vendor_id,
        VENDORS.c.country,
    )
    of_line = and_(PURCHASE_LINES.c.order_id == ORDER_LINES.c.order_id, PURCHASE_LINES.c.line == ORDER_LINES.c.number)
    return (
        select(*line_and_vendor)
        .add_columns(func.max(PURCHASE_LINES.c.promised_on), func.sum(PURCHASE_LINES.c.quantity))
        .select_from(
            ORDER_LINES.join(PURCHASE_LINES, of_line)
            .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
            .outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id)
        )
        .where(
            id_range(ORDER_LINES.c.product_id, after, last),
            PURCHASE_LINES.c.product_id == ORDER_LINES.c.product_id,
            PURCHASE_LINES.c.response == "accepted",
            PURCHASE_LINES.c.promised_on.is_not(None),
        )
        .group_by(*line_and_vendor)
    )
