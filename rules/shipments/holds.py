"""Holds: lines that could leave sooner, but wait for the others of their parcel; kept as data beside the parcel."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from models.enums import Promise
from models.shipments import LineToSend, OrderToSend, Parcel
from rules.inventory.transit import TransitTimes

HELD_LINES = "waiting"
"""The key of a parcel's data under which its held lines stand."""


def held_lines(parcels: Iterable[Mapping[str, Any]]) -> dict[str, date | None]:
    """Return until when lines are held, by number, as `hold_dates` wrote it; None: no date is known."""
    holds = (hold for parcel in parcels for hold in parcel.get(HELD_LINES, {}).items())
    return {number: date.fromisoformat(day) if day else None for number, day in holds}


def hold_dates(order: OrderToSend, parcel: Parcel, transit: TransitTimes) -> dict[str, str | None]:
    """Return as data the held lines of a parcel, each with the day on which the parcel leaves, or arrives."""
    days = {Promise.SHIP: parcel.ships_on, Promise.DELIVER: transit.arrival_date(parcel.ships_on, order.country)}
    return {line.number: _iso(days[line.promise]) for line in order.lines if _is_held(line, parcel)}


def effective_date(expected_on: date | None, held_until: date | None) -> date | None:
    """Return the expected date of a held line: the later of its own date and its parcel's; None if the parcel has none.

    A line in stock whose own date has passed has none any more: then the parcel's date alone counts.
    """
    if held_until is None or expected_on is None:
        return held_until
    return max(expected_on, held_until)


def _is_held(line: LineToSend, parcel: Parcel) -> bool:
    return line.number in parcel.lines and line.ships_on not in (None, parcel.ships_on)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
