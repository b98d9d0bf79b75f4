"""What a new order for a product would get, after all open orders had theirs."""

from collections.abc import Mapping, Sequence
from datetime import date

from models.inventory import Coverage, ProductAvailability, StockStatus, SupplyLot
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate
from rules.inventory.transit import TransitTimes


def available_to_promise(
    product: str, left: Sequence[SupplyLot], safety: Quantity, coming: Mapping[str, InboundDate], journey: TransitTimes
) -> ProductAvailability:
    """Say what an order of one piece and normal priority would get of what is `left` (see `allocation.left_over`).

    What is on hand is not yet to be had: pieces that open lines have, and the safety stock, are not promised twice. Of
    a product that is not there, `expected_on` is the day on which the first delivery with free pieces leaves again.
    """
    free = sum(one.quantity for one in left if one.cover is Coverage.STOCK) - safety
    if free > 0:
        return ProductAvailability(product, StockStatus.IN_STOCK, free)
    dated = ((one.ready_on, one) for one in left if one.cover is Coverage.INBOUND)
    awaited = sorted(((day, one) for day, one in dated if day is not None), key=_first)
    if not awaited:
        return ProductAvailability(product, StockStatus.OUT_OF_STOCK, 0)
    day, first = awaited[0]
    latest = coming[first.inbound].latest_on if first.inbound in coming else None
    return ProductAvailability(
        product, StockStatus.BACKORDER, first.quantity, journey.leaves(day), journey.leaves(latest)
    )


def _first(pair: tuple[date, SupplyLot]) -> tuple[date, str]:
    day, supply = pair
    return day, supply.inbound
