"""Allocate one product's stock and deliveries to its open lines, first come, first served within priority."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from models.inventory import AllocationPart, Coverage, LineDemand, SupplyLot
from models.quantities import Quantity
from rules.inventory.transit import TransitTimes

AllocationOrder = tuple[int, bool, bool, date, datetime, str, str]
LotKey = tuple[Coverage, str, str]
"""Coverage, place and inbound id: what tells a product's lots apart."""
IN_STOCK = (Coverage.STOCK, Coverage.PACKED)


@dataclass(slots=True)
class _OpenLot:
    """A lot with the pieces of it that are not allocated yet."""

    lot: SupplyLot
    unallocated: Quantity


@dataclass(slots=True)
class _Departure:
    """Lots that leave on one day, and so reach any one destination on one day."""

    ships_on: date | None
    open_lots: list[_OpenLot]


def allocate(
    demands: Iterable[LineDemand],
    lots: Iterable[SupplyLot],
    safety_stock: Quantity,
    high_priority: int,
    transit: TransitTimes,
) -> list[AllocationPart]:
    """Allocate the lots of one product to its open lines.

    A line gets what leaves first. Of lots that leave on one day it gets one that covers all it still needs, then
    stock, then the first by place name. Lots without a date come last; what no lot covers is a part of
    Coverage.UNCOVERED. The last `safety_stock` pieces on hand, of all places together, go only to lines of
    `high_priority` or above, and to lines whose customers were told that they are in stock.
    """
    departures = _departures(lots, transit)
    on_hand: Quantity = sum(
        each.unallocated for departure in departures for each in departure.open_lots if _is_stock(each)
    )
    parts: list[AllocationPart] = []
    for demand in sorted(demands, key=_allocation_order):
        may_take_safety_stock = demand.told_in_stock or demand.priority >= high_priority
        stock_limit = on_hand if may_take_safety_stock else max(0, on_hand - safety_stock)
        line_parts = _allocate_line(demand, departures, stock_limit, transit)
        on_hand -= sum(part.quantity for part in line_parts if part.cover is Coverage.STOCK)
        parts += line_parts
        while departures and not departures[0].open_lots:
            del departures[0]
    return parts


def _allocate_line(
    demand: LineDemand, departures: Sequence[_Departure], stock_limit: Quantity, transit: TransitTimes
) -> list[AllocationPart]:
    """Return the parts of one line, and take their pieces out of the lots; at most `stock_limit` come from stock."""
    parts: list[AllocationPart] = []
    needed = demand.quantity
    for departure in departures:
        while needed and (best := _best_lot(departure.open_lots, needed, stock_limit)):
            quantity = min(needed, _takeable(best, stock_limit))
            parts.append(_part(demand, quantity, departure.ships_on, best.lot, transit))
            best.unallocated -= quantity
            needed -= quantity
            if _is_stock(best):
                stock_limit -= quantity
            if not best.unallocated:
                departure.open_lots.remove(best)
        if not needed:
            return parts
    if needed:
        parts.append(AllocationPart(demand.order, demand.line, needed, Coverage.UNCOVERED))
    return parts


def unallocated_lots(lots: Iterable[SupplyLot], parts: Iterable[AllocationPart]) -> list[SupplyLot]:
    """Return the lots with the quantities that no part has taken; used-up lots are left out."""
    allocated: dict[LotKey, Quantity] = {}
    for part in parts:
        key = (part.cover, part.place, part.inbound)
        allocated[key] = allocated.get(key, 0) + part.quantity
    rests = ((lot, max(0, lot.quantity) - allocated.get(_lot_key(lot), 0)) for lot in lots)
    return [replace(lot, quantity=quantity) for lot, quantity in rests if quantity]


def packed_part(demand: LineDemand, as_of: date, transit: TransitTimes) -> AllocationPart:
    """Return the packed pieces of a line: they leave on the first working day from `as_of` on."""
    ships_on = transit.handover_date(as_of)
    arrives_on = transit.arrival_date(ships_on, demand.country)
    return AllocationPart(
        demand.order, demand.line, demand.packed, Coverage.PACKED, ships_on=ships_on, arrives_on=arrives_on
    )


def is_all_in_stock(parts: Sequence[AllocationPart]) -> bool:
    """Say whether stock or packed goods cover all of a line that has not left."""
    return bool(parts) and all(part.cover in IN_STOCK for part in parts)


def _allocation_order(demand: LineDemand) -> AllocationOrder:
    return (
        -demand.priority,
        not demand.told_in_stock,
        not demand.time_critical,
        demand.promised_on,
        demand.placed_at,
        demand.order,
        demand.line,
    )


def _lot_key(lot: SupplyLot) -> LotKey:
    return lot.cover, lot.place, lot.inbound


def _departures(lots: Iterable[SupplyLot], transit: TransitTimes) -> list[_Departure]:
    """Return lots by the day on which they leave, earliest first, without a date last.

    A place with a negative quantity has nothing to give; it takes nothing away from another place.
    """
    dated = [(transit.ship_date(lot.available_on) or date.max, lot) for lot in lots if lot.quantity > 0]
    dated.sort(key=lambda pair: (pair[0], pair[1].cover is not Coverage.STOCK, pair[1].place, pair[1].inbound))
    return [
        _Departure(None if ships_on == date.max else ships_on, [_OpenLot(lot, lot.quantity) for _, lot in same_day])
        for ships_on, same_day in groupby(dated, key=lambda pair: pair[0])
    ]


def _best_lot(open_lots: Sequence[_OpenLot], needed: Quantity, stock_limit: Quantity) -> _OpenLot | None:
    """Return the first lot that covers all that is needed, else the first that gives some."""
    partial = None
    for open_lot in open_lots:
        takeable = _takeable(open_lot, stock_limit)
        if takeable >= needed:
            return open_lot
        if takeable and partial is None:
            partial = open_lot
    return partial


def _takeable(open_lot: _OpenLot, stock_limit: Quantity) -> Quantity:
    return min(open_lot.unallocated, stock_limit) if _is_stock(open_lot) else open_lot.unallocated


def _is_stock(open_lot: _OpenLot) -> bool:
    return open_lot.lot.cover is Coverage.STOCK


def _part(
    demand: LineDemand, quantity: Quantity, ships_on: date | None, lot: SupplyLot, transit: TransitTimes
) -> AllocationPart:
    arrives_on = transit.arrival_date(ships_on, demand.country)
    return AllocationPart(demand.order, demand.line, quantity, lot.cover, lot.place, lot.inbound, ships_on, arrives_on)
