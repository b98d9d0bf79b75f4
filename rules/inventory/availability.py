"""What a new order for a product would get, after all open orders had theirs."""

from collections.abc import Mapping, Sequence
from datetime import date

from models.inventory import Available, Cover, Stocked, Supply
from models.quantities import Quantity
from rules.inventory.inbound_dates import Coming
from rules.inventory.transit import Journey


def available(
    product: str, left: Sequence[Supply], safety: Quantity, coming: Mapping[str, Coming], journey: Journey
) -> Available:
    """Say what an order of one piece and normal priority would get of what is `left` (see `allocation.left_over`).

    What is on hand is not yet to be had: pieces that open lines have, and the safety stock, are not promised twice. Of
    a product that is not there, `expected_on` is the day on which the first delivery with free pieces leaves again.
    """
    free = sum(one.quantity for one in left if one.cover is Cover.STOCK) - safety
    if free > 0:
        return Available(product, Stocked.IN_STOCK, free)
    dated = ((one.ready_on, one) for one in left if one.cover is Cover.INBOUND)
    awaited = sorted(((day, one) for day, one in dated if day is not None), key=_first)
    if not awaited:
        return Available(product, Stocked.OUT_OF_STOCK, 0)
    day, first = awaited[0]
    latest = coming[first.inbound].latest_on if first.inbound in coming else None
    return Available(product, Stocked.BACKORDER, first.quantity, journey.leaves(day), journey.leaves(latest))


def _first(pair: tuple[date, Supply]) -> tuple[date, str]:
    day, supply = pair
    return day, supply.inbound
