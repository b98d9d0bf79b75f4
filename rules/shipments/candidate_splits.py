"""The ways in which one order can be split into parcels, and the days that each saves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, combinations, pairwise
from operator import attrgetter

from models.policy.supply import ShipmentPolicy
from models.shipments import LineToSend, OrderToSend, Parcel

DAY = timedelta(days=1)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ReadyBatch:
    """Lines that can ship on the same earliest day."""

    day: date
    """`ships_on`, or the day assumed where there is none."""
    ships_on: date | None
    lines: tuple[LineToSend, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """One way to send an order: the batches of each parcel, in the order in which they leave."""

    parcels: tuple[tuple[ReadyBatch, ...], ...]
    weighted_days: Decimal
    """Days that its lines leave earlier than all at once, weighted by the policy."""

    @property
    def extra_parcels(self) -> int:
        return len(self.parcels) - 1

    @property
    def days_saved(self) -> int:
        return (self.parcels[-1][-1].day - self.parcels[0][-1].day).days


class CandidateSplits:
    """All ways to send one order, by number of parcels.

    Parcels of neighbouring batches are enough. In any other split a line waits beside an earlier parcel that it could
    leave with; to move it there makes no parcel later, costs no more, and saves its days.
    """

    def __init__(self, order: OrderToSend, policy: ShipmentPolicy) -> None:
        self._order, self._policy = order, policy
        self.batches = _ready_batches(order, policy)
        self.max_parcels = min(policy.max_parcels, len(self.batches))
        self._weighted_days = _weighted_days_by_departure(self.batches, policy)

    def of(self, parcels: int) -> Iterator[Split]:
        """Yield every split into the given number of parcels."""
        for cuts in combinations(range(1, len(self.batches)), parcels - 1):
            slices = list(pairwise((0, *cuts, len(self.batches))))
            days = self._weighted_days
            weighted = sum((days[end - 1][end] - days[end - 1][start] for start, end in slices), ZERO)
            yield Split(tuple(tuple(self.batches[start:end]) for start, end in slices), weighted)

    def best(self, parcels: int) -> Split:
        """Return the best split into so many parcels; of equal ones, the one with the smallest first parcels."""
        return max(self.of(parcels), key=attrgetter("weighted_days"))

    def most_worth(self) -> Split:
        """Return the split whose value exceeds its cost most; of equal ones, the one with fewest parcels."""
        currency = self._order.currency
        day_worth, parcel_cost = self._policy.day_worth[currency], self._policy.parcel_cost[currency]
        return max(
            (self.best(parcels) for parcels in range(1, self.max_parcels + 1)),
            key=lambda split: day_worth * split.weighted_days - parcel_cost * split.extra_parcels,
        )

    def current(self, parcels: Sequence[Parcel]) -> Split | None:
        """Return the split into the parcels of the current plan.

        None where that is no split, a date moved, a line was added or removed, or the policy allows fewer parcels.
        """
        if not 2 <= len(parcels) <= self._policy.max_parcels:
            return None
        current = _not_before(self._order.soonest, parcels)
        splits = self.of(len(parcels))
        return next(
            (split for split in splits if _not_before(self._order.soonest, parcels_of(self._order, split)) == current),
            None,
        )


def parcels_of(order: OrderToSend, split: Split) -> tuple[Parcel, ...]:
    """Return a split as parcels; each lists its lines as the order does."""
    position = {line.number: n for n, line in enumerate(order.lines)}
    return tuple(
        Parcel(
            tuple(sorted((line.number for batch in batches for line in batch.lines), key=position.__getitem__)),
            batches[-1].ships_on,
        )
        for batches in split.parcels
    )


def _ready_batches(order: OrderToSend, policy: ShipmentPolicy) -> list[ReadyBatch]:
    """Return an order's lines by the day on which they can leave, lines of one `ship_with` by the last of them."""
    dates = [line.ships_on for line in order.lines if line.ships_on is not None]
    assumed = max([order.soonest + policy.unknown_days * DAY, *dates])
    days = [(line.ships_on is None, line.ships_on or assumed) for line in order.lines]
    last_of_group: dict[str, tuple[bool, date]] = {}
    for line, day in zip(order.lines, days, strict=True):
        if line.ship_with:
            last_of_group[line.ship_with] = max(day, last_of_group.get(line.ship_with, day))
    lines_by_day: dict[tuple[bool, date], list[LineToSend]] = {}
    for line, day in zip(order.lines, days, strict=True):
        lines_by_day.setdefault(last_of_group[line.ship_with] if line.ship_with else day, []).append(line)
    return [
        ReadyBatch(day, None if undated else day, tuple(lines_by_day[undated, day]))
        for undated, day in sorted(lines_by_day)
    ]


def _weighted_days_by_departure(batches: Sequence[ReadyBatch], policy: ShipmentPolicy) -> list[list[Decimal]]:
    """Return, for the day of each batch, the days saved if the first none, one, two, ... batches left on it."""
    last_day = batches[-1].day
    return [
        list(accumulate((_weighted_days(each, batch.day, last_day, policy) for each in batches[: n + 1]), initial=ZERO))
        for n, batch in enumerate(batches)
    ]


def _weighted_days(batch: ReadyBatch, ships_on: date, last_day: date, policy: ShipmentPolicy) -> Decimal:
    weighted = ZERO
    for line in batch.lines:
        late = max(0, (last_day - max(ships_on, line.leave_by)).days)
        days = (last_day - ships_on).days - late + late * policy.late_factor
        weighted += days * policy.critical_factor if line.time_critical else days
    return weighted


def _not_before(day: date, parcels: Sequence[Parcel]) -> list[Parcel]:
    """Return parcels with no date before a day: one planned for yesterday leaves today at the soonest."""
    return [replace(parcel, ships_on=parcel.ships_on and max(day, parcel.ships_on)) for parcel in parcels]
