"""Orders as columns of numbers: days as ordinals, and a code for each place, carrier, vendor and scan."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.early_warning import HORIZON, OpenOrder, PastOrder, SeenScan
from models.enums import Promise
from rules.delays.working_days import Calendar

Days = NDArray[np.int64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]

NEVER = 2**21
"""A day that no row knows: after any that a date can have in practice."""
UNKNOWN = -1
"""The code of a name that was not there when the model was learnt."""
GroupKey = tuple[str, ...]

GROUPS: dict[str, Callable[[OpenOrder], GroupKey]] = {
    "place": lambda order: (order.promise, order.country, order.region or ""),
    "lane": lambda order: (
        order.promise,
        order.country,
        order.region or "",
        order.ships_from or "",
        order.carrier or "",
        order.service or "",
    ),
    "carrier": lambda order: (order.promise, order.carrier or "", order.service or ""),
    "vendor": lambda order: (order.promise, order.vendor or ""),
}
"""What orders have in common; each is compared with its group."""
UNNAMED = 1
"""The words of a key from here on are empty where the shop does not say: such an order is compared with all."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Orders, a row each; a day that is not known is NEVER."""

    placed: Days
    promised: Days
    deadline: Days
    """The first day on which it is late by as many days as count as late."""
    shipped: Days
    ship_by: Days
    ends: Days
    """When the promise was kept."""
    cancelled: Days
    scanned: Days
    is_ship: Flags
    """Whether it was promised to ship."""
    pieces: Days
    lines: Days
    groups: dict[str, Codes]
    named: dict[str, Flags]
    """Whether the shop says what group an order is of."""
    status: Codes
    status_codes: dict[str, int] = field(default_factory=dict)
    seen: tuple[tuple[SeenScan, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.placed)

    def take(self, rows: NDArray[Any]) -> "Columns":
        """Return some of the orders, or the same one several times."""
        arrays = {name: getattr(self, name)[rows] for name in ARRAYS}
        groups = {name: codes[rows] for name, codes in self.groups.items()}
        named = {name: flags[rows] for name, flags in self.named.items()}
        return Columns(**arrays, groups=groups, named=named, status=self.status[rows])


ARRAYS = (
    "placed",
    "promised",
    "deadline",
    "shipped",
    "ship_by",
    "ends",
    "cancelled",
    "scanned",
    "is_ship",
    "pieces",
    "lines",
)


@dataclass(frozen=True, slots=True)
class CodeBook:
    """The code of each name, in the order of the names, so that it does not depend on the order of rows."""

    groups: dict[str, dict[GroupKey, int]]
    statuses: dict[str, int]

    @classmethod
    def of(cls, orders: Sequence[PastOrder], as_of: date) -> "CodeBook":
        """Return the codes of all names that past orders had on a morning."""
        groups = {
            name: {key: n for n, key in enumerate(sorted({key_of(order) for order in orders}))}
            for name, key_of in GROUPS.items()
        }
        statuses = sorted(
            {scan.status for order in orders for scan in order.seen if scan.status and scan.morning <= as_of}
        )
        return cls(groups, {status: n for n, status in enumerate(statuses)})

    def sizes(self) -> dict[str, int]:
        """Return the number of codes of each group."""
        named = {name: len(codes) for name, codes in self.groups.items()}
        return {"kind": 2, "days_before": 2 * (HORIZON + 1), "status": len(self.statuses), **named}


def in_order(past: Iterable[PastOrder], as_of: date) -> list[PastOrder]:
    """Return the orders that were placed before a morning, in an order that does not depend on how they came."""
    known = (order for order in past if order.placed_on < as_of)
    return sorted(known, key=lambda order: (order.promised_on, order.order_id, order.promise))


def columns(orders: Sequence[OpenOrder], as_of: date, late_days: int, calendar: Calendar, codes: CodeBook) -> Columns:
    """Return orders as they were known on a morning: nothing of that day or later has happened."""
    morning = as_of.toordinal()

    def happened(days: Iterable[date | None]) -> Days:
        found = _ordinals(days)
        return np.where(found < morning, found, NEVER)

    deadlines = {day: calendar.day_when(day, late_days).toordinal() for day in {order.promised_on for order in orders}}
    ends = [order.ended_on if isinstance(order, PastOrder) else None for order in orders]
    cancelled = [order.cancelled_on if isinstance(order, PastOrder) else None for order in orders]
    return Columns(
        placed=_ordinals(order.placed_on for order in orders),
        promised=_ordinals(order.promised_on for order in orders),
        deadline=np.fromiter((deadlines[order.promised_on] for order in orders), np.int64, len(orders)),
        shipped=happened(order.shipped_on for order in orders),
        ship_by=_ordinals(order.ship_by for order in orders),
        ends=happened(ends),
        cancelled=happened(cancelled),
        scanned=happened(order.last_scan_on for order in orders),
        is_ship=np.fromiter((order.promise is Promise.SHIP for order in orders), np.bool_, len(orders)),
        pieces=np.fromiter((order.pieces for order in orders), np.int64, len(orders)),
        lines=np.fromiter((order.lines for order in orders), np.int64, len(orders)),
        groups={
            "kind": np.fromiter((order.promise is Promise.SHIP for order in orders), np.int64, len(orders)),
            **{
                name: np.fromiter((codes.groups[name].get(key_of(order), UNKNOWN) for order in orders), np.int64)
                for name, key_of in GROUPS.items()
            },
        },
        named={
            name: np.fromiter((any(key_of(order)[UNNAMED:]) for order in orders), np.bool_, len(orders))
            for name, key_of in GROUPS.items()
        },
        status=np.fromiter((codes.statuses.get(order.scan_status or "", UNKNOWN) for order in orders), np.int64),
        status_codes=codes.statuses,
        seen=tuple(
            tuple(scan for scan in order.seen if scan.morning <= as_of) if isinstance(order, PastOrder) else ()
            for order in orders
        ),
    )


def _ordinals(days: Iterable[date | None]) -> Days:
    return np.fromiter((NEVER if day is None else day.toordinal() for day in days), np.int64)
