"""Until when a line waits for others that leave in one parcel with it, as the ledger keeps it beside the parcel."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from models.enums import Promise
from models.shipments import LineToSend, OrderToSend, Parcel
from rules.inventory.transit import TransitTimes

HELD_LINES = "waiting"


def held_lines(parcels: Iterable[Mapping[str, Any]]) -> dict[str, date | None]:
    """Return the new days of lines that could leave sooner than their parcel; None: nobody knows."""
    waiting = (pair for parcel in parcels for pair in parcel.get(HELD_LINES, {}).items())
    return {number: date.fromisoformat(day) if day else None for number, day in waiting}


def hold_dates(order: OrderToSend, parcel: Parcel, journey: TransitTimes) -> dict[str, str | None]:
    """Return what the ledger keeps of a parcel for `waits`: the days on which such lines leave, or arrive."""
    days = {Promise.SHIP: parcel.ships_on, Promise.DELIVER: journey.arrives(parcel.ships_on, order.country)}
    return {line.number: _iso(days[line.promise]) for line in order.lines if _is_held(line, parcel)}


def _is_held(line: LineToSend, parcel: Parcel) -> bool:
    return line.number in parcel.lines and line.ships_on not in (None, parcel.ships_on)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
