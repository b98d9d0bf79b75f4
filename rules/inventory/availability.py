"""Available to promise: what a new order for a product would get, after all open orders got theirs."""

from collections.abc import Mapping, Sequence
from datetime import date

from models.inventory import Coverage, ProductAvailability, StockStatus, SupplyLot
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate
from rules.inventory.transit import TransitTimes


def available_to_promise(
    product: str,
    unallocated: Sequence[SupplyLot],
    safety_stock: Quantity,
    inbound_dates: Mapping[str, InboundDate],
    transit: TransitTimes,
) -> ProductAvailability:
    """Return what an order of one piece and normal priority would get of the lots that are not allocated.

    Pieces allocated to open lines and the safety stock are not promised again. For a product that is not in stock,
    `expected_on` is the day on which the first delivery with free pieces can leave again.
    """
    free = sum(lot.quantity for lot in unallocated if lot.cover is Coverage.STOCK) - safety_stock
    if free > 0:
        return ProductAvailability(product, StockStatus.IN_STOCK, free)
    inbound = ((lot.available_on, lot) for lot in unallocated if lot.cover is Coverage.INBOUND)
    dated = sorted(((day, lot) for day, lot in inbound if day is not None), key=_day_and_delivery)
    if not dated:
        return ProductAvailability(product, StockStatus.OUT_OF_STOCK, 0)
    available_on, first_lot = dated[0]
    latest_on = inbound_dates[first_lot.inbound].latest_on if first_lot.inbound in inbound_dates else None
    return ProductAvailability(
        product,
        StockStatus.BACKORDER,
        first_lot.quantity,
        transit.ship_date(available_on),
        transit.ship_date(latest_on),
    )


def _day_and_delivery(dated_lot: tuple[date, SupplyLot]) -> tuple[date, str]:
    available_on, lot = dated_lot
    return available_on, lot.inbound
