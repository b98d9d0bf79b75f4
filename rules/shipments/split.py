"""Whether an order is sent in parts or at once: what more parcels cost, against what days earlier are worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, combinations, pairwise
from operator import attrgetter

from models.enums import Promise
from models.policy import supply as policy_supply
from models.quantities import counted
from models.shipments import LineToSend, OrderToSend, Parcel, ShippingPlan, ShippingPreference
from rules.inventory.transit import TransitTimes

DAY = timedelta(days=1)
NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class _ReadyBatch:
    """Lines that can leave from one day on; a day is reckoned where there is none."""

    day: date
    ships_on: date | None
    lines: tuple[LineToSend, ...]


@dataclass(frozen=True, slots=True)
class _Split:
    """One way to send an order."""

    parcels: tuple[tuple[_ReadyBatch, ...], ...]
    gain: Decimal
    """Days that its lines leave earlier than all at once, each as many times as the policy counts it."""

    @property
    def more(self) -> int:
        return len(self.parcels) - 1

    @property
    def days(self) -> int:
        return (self.parcels[-1][-1].day - self.parcels[0][-1].day).days


def plan_shipments(
    order: OrderToSend, policy: policy_supply.ShipmentPolicy, standing: Sequence[Parcel] = ()
) -> ShippingPlan:
    """Return the parcels whose days gained are worth most above what they cost; of equal ones, the fewest.

    A day is a line's that it leaves earlier than all at once: worth `day_worth`, `late_times` as much beyond its
    promise, `critical_times` as much of a time-critical line. A line without a date is reckoned to leave
    `unknown_days` after today's parcels, or with the last of the others. The customer's own wish goes before all this.
    So do the parcels that are `standing`, while no date behind them moves: that the first is still here, and gains less
    each morning, takes back nothing that a customer was told.
    """
    batches = _batches(order, policy)
    most = min(policy.max_parcels, len(batches))
    gains = _days_saved_by_line(batches, policy)
    splits = [_best_split(batches, gains, n) for n in range(1, most + 1)]
    if (why := _only_at_once(order, batches, policy)) is not None:
        return _at_once(order, splits[0], why)
    if order.preference is ShippingPreference.AVAILABLE:
        return _in_parts(order, splits[-1], policy)
    cost, worth = policy.parcel_cost[order.currency], policy.day_worth[order.currency]
    best = max(splits, key=lambda one: worth * one.gain - cost * one.more)
    if (kept := _keep_current_plan(order, batches, gains, standing)) is not None and len(
        standing
    ) <= policy.max_parcels:
        best = kept
    if best.more:
        return _in_parts(order, best, policy)
    return _at_once(order, best, _not_worth(order, splits[1], policy))


def latest_ship_date(day: date, promise: Promise, country: str, journey: TransitTimes) -> date:
    """Return the last day on which a parcel may leave so that by `day` it does what was promised: leaves, or arrives.

    Where it is to arrive, that is a working day: one on which leaving later means arriving later.
    """
    if promise is Promise.SHIP:
        return day
    leaves_on = day
    while _arrives(journey, leaves_on, country) > day or (
        _arrives(journey, leaves_on, country) == _arrives(journey, leaves_on - DAY, country)
    ):
        leaves_on -= DAY
    return leaves_on


def _arrives(journey: TransitTimes, leaves_on: date, country: str) -> date:
    return journey.arrives(leaves_on, country) or leaves_on


def _batches(order: OrderToSend, policy: policy_supply.ShipmentPolicy) -> list[_ReadyBatch]:
    known = [line.ships_on for line in order.lines if line.ships_on is not None]
    unknown = max([order.soonest + policy.unknown_days * DAY, *known])
    latest: dict[str, tuple[bool, date]] = {}
    days = [(line.ships_on is None, line.ships_on or unknown) for line in order.lines]
    for line, day in zip(order.lines, days, strict=True):
        if line.ship_with:
            latest[line.ship_with] = max(day, latest.get(line.ship_with, day))
    found: dict[tuple[bool, date], list[LineToSend]] = {}
    for line, day in zip(order.lines, days, strict=True):
        found.setdefault(latest[line.ship_with] if line.ship_with else day, []).append(line)
    return [_ReadyBatch(day, None if no_date else day, tuple(found[no_date, day])) for no_date, day in sorted(found)]


def _days_saved_by_line(batches: Sequence[_ReadyBatch], policy: policy_supply.ShipmentPolicy) -> list[list[Decimal]]:
    """Return, for the day of each batch, the days gained if the first none, one, two, ... batches left on it."""
    last = batches[-1].day
    return [
        list(accumulate((_days_saved(one, batch.day, last, policy) for one in batches[: n + 1]), initial=NONE))
        for n, batch in enumerate(batches)
    ]


def _days_saved(batch: _ReadyBatch, leaves_on: date, last: date, policy: policy_supply.ShipmentPolicy) -> Decimal:
    gain = NONE
    for line in batch.lines:
        late = max(0, (last - max(leaves_on, line.leave_by)).days)
        days = (last - leaves_on).days - late + late * policy.late_times
        gain += days * policy.critical_times if line.time_critical else days
    return gain


def _best_split(batches: Sequence[_ReadyBatch], gains: list[list[Decimal]], parcels: int) -> _Split:
    """Return the split into so many parcels that gains most; of equal ones, that whose first parcels are smallest.

    Parcels of neighbouring batches suffice: in any other split a line waits beside an earlier parcel that it could
    leave with. To move it there makes no parcel later, costs no more, and gains its days.
    """
    return max(_splits(batches, gains, parcels), key=attrgetter("gain"))


def _splits(batches: Sequence[_ReadyBatch], gains: list[list[Decimal]], parcels: int) -> Iterator[_Split]:
    for ends in _ends(len(batches), parcels):
        gain = sum((gains[end - 1][end] - gains[end - 1][begin] for begin, end in pairwise(ends)), NONE)
        yield _Split(tuple(tuple(batches[begin:end]) for begin, end in pairwise(ends)), gain)


def _keep_current_plan(
    order: OrderToSend, batches: Sequence[_ReadyBatch], gains: list[list[Decimal]], standing: Sequence[Parcel]
) -> _Split | None:
    """Return the split into the parcels that were chosen before; None where a date moved, or a line came or went."""
    if len(standing) < 2:
        return None
    before = [_at_least(order.soonest, one) for one in standing]
    return next(
        (
            split
            for split in _splits(batches, gains, len(standing))
            if [_at_least(order.soonest, one) for one in _parcels(order, split)] == before
        ),
        None,
    )


def _at_least(day: date, parcel: Parcel) -> Parcel:
    return replace(parcel, ships_on=parcel.ships_on and max(day, parcel.ships_on))


def _ends(batches: int, parcels: int) -> Iterator[tuple[int, ...]]:
    return ((0, *cuts, batches) for cuts in combinations(range(1, batches), parcels - 1))


def _only_at_once(
    order: OrderToSend, batches: Sequence[_ReadyBatch], policy: policy_supply.ShipmentPolicy
) -> str | None:
    """Say why there is nothing to reckon; None where there is."""
    if len(batches) == 1:
        apart = len({line.ships_on for line in order.lines}) > 1
        return "wait for all: its lines belong together" if apart else "all at once: no line has to wait for another"
    if order.preference is ShippingPreference.COMPLETE:
        return "wait for all: the customer wants it complete"
    if policy.max_parcels == 1:
        return "wait for all: the policy sends an order in one parcel"
    if order.preference is None and not _listed(order, policy):
        return f"wait for all: the policy reckons no parcels in {order.currency}"
    return None


def _listed(order: OrderToSend, policy: policy_supply.ShipmentPolicy) -> bool:
    return order.currency in policy.parcel_cost and order.currency in policy.day_worth


def _at_once(order: OrderToSend, split: _Split, why: str) -> ShippingPlan:
    return ShippingPlan(_parcels(order, split), 0, NONE, order.currency, NONE, why)


def _in_parts(order: OrderToSend, split: _Split, policy: policy_supply.ShipmentPolicy) -> ShippingPlan:
    cost = round(policy.parcel_cost.get(order.currency, NONE) * split.more, 2)
    worth = round(policy.day_worth.get(order.currency, NONE) * split.gain, 2)
    parcels = _parcels(order, split)
    why = _sentence(order, split, parcels)
    if _listed(order, policy):
        why += "" if parcels[-1].ships_on else ","
        why += f" for {cost:.2f} {order.currency} more (worth {worth:.2f})"
    return ShippingPlan(parcels, split.days, cost, order.currency, worth, why)


def _parcels(order: OrderToSend, split: _Split) -> tuple[Parcel, ...]:
    place = {line.number: n for n, line in enumerate(order.lines)}
    return tuple(
        Parcel(
            tuple(sorted((line.number for batch in batches for line in batch.lines), key=place.__getitem__)),
            batches[-1].ships_on,
        )
        for batches in split.parcels
    )


def _sentence(order: OrderToSend, split: _Split, parcels: Sequence[Parcel]) -> str:
    first, *between, last = parcels
    when = "now" if first.ships_on is None or first.ships_on <= order.soonest else f"on {first.ships_on}"
    said = f"send {len(first.lines)} of {counted(len(order.lines), 'line')} {when}"
    said += "".join(f", {len(one.lines)} more on {one.ships_on}" for one in between)
    said += ", as the customer wants" if order.preference is ShippingPreference.AVAILABLE else ""
    days = counted(split.days, "day")
    return f"{said}: {f'{days} earlier' if last.ships_on else _no_date(split)}"


def _no_date(split: _Split) -> str:
    said = "the rest has no date"
    return f"{said}, say {counted(split.days, 'day')} later" if split.days else said


def _not_worth(order: OrderToSend, split: _Split, policy: policy_supply.ShipmentPolicy) -> str:
    cost, worth = policy.parcel_cost[order.currency], policy.day_worth[order.currency] * split.gain
    days, verb = counted(split.days, "day"), "is" if split.days == 1 else "are"
    known = split.parcels[-1][-1].ships_on is not None
    apart = f"{days} apart {verb}" if known else f"{_no_date(split)},"
    return f"wait for all: {apart} worth {worth:.2f} {order.currency}, a parcel costs {cost:.2f}"
