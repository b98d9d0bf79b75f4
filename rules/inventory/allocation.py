"""Who gets which pieces of a product: first come, first served within priority, each line from what is there first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from models.inventory import Cover, Demand, Piece, Supply
from models.quantities import Quantity
from rules.inventory.transit import Journey

Turn = tuple[int, bool, bool, date, datetime, str, str]
Key = tuple[Cover, str, str]
AT_HAND = (Cover.STOCK, Cover.PACKED)


@dataclass(slots=True)
class _Lot:
    """Pieces of one supply that nobody has yet."""

    supply: Supply
    left: Quantity


@dataclass(slots=True)
class _Wave:
    """Lots that leave on one day, and so arrive anywhere on one day."""

    leaves_on: date | None
    lots: list[_Lot]


def allocate(
    demands: Iterable[Demand], supplies: Iterable[Supply], safety: Quantity, high_priority: int, journey: Journey
) -> list[Piece]:
    """Share the supplies of one product among its open lines.

    A line takes what arrives first at its destination; of what arrives on one day, a supply that covers all of the
    rest, then stock, then by the place's name. What has no date comes last, and what nothing covers is a piece of
    Cover.NOTHING. `safety` pieces of the stock, at all places together, are left to lines of `high_priority` or above,
    and to those whose customers were told that they lie ready.
    """
    waves = _waves(supplies, journey)
    stock: Quantity = sum(lot.left for wave in waves for lot in wave.lots if lot.supply.cover is Cover.STOCK)
    pieces: list[Piece] = []
    for demand in sorted(demands, key=_turn):
        free = stock if demand.told_ready or demand.priority >= high_priority else max(0, stock - safety)
        need = demand.quantity
        for wave in waves:
            while need and (lot := _best(wave.lots, need, free)):
                taken = min(need, _within(lot, free))
                pieces.append(_piece(demand, taken, wave.leaves_on, lot.supply, journey))
                lot.left -= taken
                need -= taken
                if lot.supply.cover is Cover.STOCK:
                    stock -= taken
                    free -= taken
                if not lot.left:
                    wave.lots.remove(lot)
            if not need:
                break
        if need:
            pieces.append(Piece(demand.order, demand.line, need, Cover.NOTHING))
        while waves and not waves[0].lots:
            del waves[0]
    return pieces


def left_over(supplies: Iterable[Supply], pieces: Iterable[Piece]) -> list[Supply]:
    """Return what of the supplies no piece has taken."""
    taken: dict[Key, Quantity] = {}
    for piece in pieces:
        key = (piece.cover, piece.place, piece.inbound)
        taken[key] = taken.get(key, 0) + piece.quantity
    left = ((one, max(0, one.quantity) - taken.get(_key(one), 0)) for one in supplies)
    return [replace(one, quantity=n) for one, n in left if n]


def packed(demand: Demand, as_of: date, journey: Journey) -> Piece:
    """Return the packed pieces of a line: they leave on the next day on which anything does."""
    leaves_on = journey.handed_over(as_of)
    arrives_on = journey.arrives(leaves_on, demand.country)
    return Piece(demand.order, demand.line, demand.packed, Cover.PACKED, ships_on=leaves_on, arrives_on=arrives_on)


def ready(pieces: Sequence[Piece]) -> bool:
    """Say whether all of a line that has not left lies in stock for it, or packed."""
    return bool(pieces) and all(piece.cover in AT_HAND for piece in pieces)


def _turn(demand: Demand) -> Turn:
    return (
        -demand.priority,
        not demand.told_ready,
        not demand.time_critical,
        demand.promised_on,
        demand.placed_at,
        demand.order,
        demand.line,
    )


def _key(supply: Supply) -> Key:
    return supply.cover, supply.place, supply.inbound


def _waves(supplies: Iterable[Supply], journey: Journey) -> list[_Wave]:
    """Return what there is by the day on which it leaves, the first day first and the unknown one last.

    A place that owes pieces (on hand below nought) has none; it takes none away from another place.
    """
    dated = [(journey.leaves(one.ready_on) or date.max, one) for one in supplies if one.quantity > 0]
    dated.sort(key=lambda pair: (pair[0], pair[1].cover is not Cover.STOCK, pair[1].place, pair[1].inbound))
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
    return min(lot.left, free) if lot.supply.cover is Cover.STOCK else lot.left


def _piece(demand: Demand, quantity: Quantity, leaves_on: date | None, supply: Supply, journey: Journey) -> Piece:
    arrives_on = journey.arrives(leaves_on, demand.country)
    return Piece(demand.order, demand.line, quantity, supply.cover, supply.place, supply.inbound, leaves_on, arrives_on)
