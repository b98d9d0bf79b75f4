"""Who gets which pieces of a product: first come, first served within priority, each line from what is there first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from models.inventory import AllocationPart, Coverage, LineDemand, SupplyLot
from models.quantities import Quantity
from rules.inventory.transit import TransitTimes

Turn = tuple[int, bool, bool, date, datetime, str, str]
SupplyKey = tuple[Coverage, str, str]
IN_STOCK = (Coverage.STOCK, Coverage.PACKED)


@dataclass(slots=True)
class _Lot:
    """Pieces of one supply that nobody has yet."""

    supply: SupplyLot
    left: Quantity


@dataclass(slots=True)
class _Wave:
    """Lots that leave on one day, and so arrive anywhere on one day."""

    leaves_on: date | None
    lots: list[_Lot]


def allocate(
    demands: Iterable[LineDemand],
    supplies: Iterable[SupplyLot],
    safety: Quantity,
    high_priority: int,
    journey: TransitTimes,
) -> list[AllocationPart]:
    """Share the supplies of one product among its open lines.

    A line takes what arrives first at its destination; of what arrives on one day, a supply that covers all of the
    rest, then stock, then by the place's name. What has no date comes last, and what nothing covers is a piece of
    Cover.NOTHING. `safety` pieces of the stock, at all places together, are left to lines of `high_priority` or above,
    and to those whose customers were told that they lie ready.
    """
    waves = _waves(supplies, journey)
    stock: Quantity = sum(lot.left for wave in waves for lot in wave.lots if lot.supply.cover is Coverage.STOCK)
    pieces: list[AllocationPart] = []
    for demand in sorted(demands, key=_allocation_order):
        free = stock if demand.told_ready or demand.priority >= high_priority else max(0, stock - safety)
        need = demand.quantity
        for wave in waves:
            while need and (lot := _best(wave.lots, need, free)):
                taken = min(need, _within(lot, free))
                pieces.append(_part(demand, taken, wave.leaves_on, lot.supply, journey))
                lot.left -= taken
                need -= taken
                if lot.supply.cover is Coverage.STOCK:
                    stock -= taken
                    free -= taken
                if not lot.left:
                    wave.lots.remove(lot)
            if not need:
                break
        if need:
            pieces.append(AllocationPart(demand.order, demand.line, need, Coverage.NOTHING))
        while waves and not waves[0].lots:
            del waves[0]
    return pieces


def left_over(supplies: Iterable[SupplyLot], pieces: Iterable[AllocationPart]) -> list[SupplyLot]:
    """Return what of the supplies no piece has taken."""
    taken: dict[SupplyKey, Quantity] = {}
    for piece in pieces:
        key = (piece.cover, piece.place, piece.inbound)
        taken[key] = taken.get(key, 0) + piece.quantity
    left = ((one, max(0, one.quantity) - taken.get(_key(one), 0)) for one in supplies)
    return [replace(one, quantity=n) for one, n in left if n]


def packed(demand: LineDemand, as_of: date, journey: TransitTimes) -> AllocationPart:
    """Return the packed pieces of a line: they leave on the next day on which anything does."""
    leaves_on = journey.handed_over(as_of)
    arrives_on = journey.arrives(leaves_on, demand.country)
    return AllocationPart(
        demand.order, demand.line, demand.packed, Coverage.PACKED, ships_on=leaves_on, arrives_on=arrives_on
    )


def ready(pieces: Sequence[AllocationPart]) -> bool:
    """Say whether all of a line that has not left lies in stock for it, or packed."""
    return bool(pieces) and all(piece.cover in IN_STOCK for piece in pieces)


def _allocation_order(demand: LineDemand) -> Turn:
    return (
        -demand.priority,
        not demand.told_ready,
        not demand.time_critical,
        demand.promised_on,
        demand.placed_at,
        demand.order,
        demand.line,
    )


def _key(supply: SupplyLot) -> SupplyKey:
    return supply.cover, supply.place, supply.inbound


def _waves(supplies: Iterable[SupplyLot], journey: TransitTimes) -> list[_Wave]:
    """Return what there is by the day on which it leaves, the first day first and the unknown one last.

    A place that owes pieces (on hand below nought) has none; it takes none away from another place.
    """
    dated = [(journey.leaves(one.ready_on) or date.max, one) for one in supplies if one.quantity > 0]
    dated.sort(key=lambda pair: (pair[0], pair[1].cover is not Coverage.STOCK, pair[1].place, pair[1].inbound))
    return [
        _Wave(None if day == date.max else day, [_Lot(one, one.quantity) for _, one in found])
        for day, found in groupby(dated, key=lambda pair: pair[0])
    ]


def _best(lots: Sequence[_Lot], need: Quantity, free: Quantity) -> _Lot | None:
    some = None
    for lot in lots:
        within = _within(lot, free)
        if within >= need:
            return lot
        if within and some is None:
            some = lot
    return some


def _within(lot: _Lot, free: Quantity) -> Quantity:
    return min(lot.left, free) if lot.supply.cover is Coverage.STOCK else lot.left


def _part(
    demand: LineDemand, quantity: Quantity, leaves_on: date | None, supply: SupplyLot, journey: TransitTimes
) -> AllocationPart:
    arrives_on = journey.arrives(leaves_on, demand.country)
    return AllocationPart(
        demand.order, demand.line, quantity, supply.cover, supply.place, supply.inbound, leaves_on, arrives_on
    )
