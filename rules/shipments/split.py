"""Choose whether an order is sent in parts or at once: the cost of more parcels against the value of earlier days."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from models.enums import Promise
from models.policy.supply import ShipmentPolicy
from models.shipments import OrderToSend, Parcel, ShippingPlan, ShippingPreference
from rules.inventory.transit import TransitTimes
from rules.shipments import sentences
from rules.shipments.candidate_splits import CandidateSplits, ReadyBatch, Split, parcels_of

DAY = timedelta(days=1)
ZERO = Decimal(0)


def plan_shipments(order: OrderToSend, policy: ShipmentPolicy, current: Sequence[Parcel] = ()) -> ShippingPlan:
    """Return the parcels in which an order is sent, by the policy's [shipments] table.

    The first of these that applies decides:

    1. Nothing to split: one batch, a customer who wants it complete, a policy of one parcel or without this currency.
    2. A customer who wants each line when it is available: as many parcels as the policy allows.
    3. The `current` plan in parts, while no date behind it moves: it saves fewer days each morning that its first
       parcel is still here, and takes back nothing that a customer was told.
    4. The split whose value exceeds its cost most; of equal ones, the one with fewest parcels.

    A line's value is `day_worth` for each day that it leaves earlier than all at once, `late_factor` as much for days
    beyond its promise, `critical_factor` as much for a time-critical line. A line without a date is assumed to leave
    `unknown_days` after today's parcels, or with the last of the others.
    """
    splits = CandidateSplits(order, policy)
    if (why := _why_at_once(order, splits.batches, policy)) is not None:
        return _at_once(order, splits.best(1), why)
    if order.preference is ShippingPreference.AVAILABLE:
        return _in_parts(order, splits.best(splits.max_parcels), policy)
    chosen = splits.current(current) or splits.most_worth()
    if chosen.extra_parcels:
        return _in_parts(order, chosen, policy)
    return _at_once(order, chosen, _why_not_worth(order, splits.best(2), policy))


def latest_ship_date(day: date, promise: Promise, country: str, transit: TransitTimes) -> date:
    """Return the last day on which a parcel may leave so that it leaves, or arrives, as was promised by `day`.

    A parcel that is to arrive leaves on a working day: a later one would make it arrive later.
    """
    if promise is Promise.SHIP:
        return day
    ships_on = day
    while _arrival_date(transit, ships_on, country) > day or (
        _arrival_date(transit, ships_on, country) == _arrival_date(transit, ships_on - DAY, country)
    ):
        ships_on -= DAY
    return ships_on


def _arrival_date(transit: TransitTimes, ships_on: date, country: str) -> date:
    return transit.arrival_date(ships_on, country) or ships_on


def _why_at_once(order: OrderToSend, batches: Sequence[ReadyBatch], policy: ShipmentPolicy) -> str | None:
    """Return why an order is sent at once without comparing splits; None where they are compared."""
    if len(batches) == 1:
        ready_on_different_days = len({line.ships_on for line in order.lines}) > 1
        return sentences.BELONG_TOGETHER if ready_on_different_days else sentences.NO_LINE_WAITS
    if order.preference is ShippingPreference.COMPLETE:
        return sentences.CUSTOMER_WANTS_COMPLETE
    if policy.max_parcels == 1:
        return sentences.ONE_PARCEL_POLICY
    if order.preference is None and not _has_costs(order, policy):
        return sentences.no_costs(order.currency, has_parcel_cost=order.currency in policy.parcel_cost)
    return None


def _why_not_worth(order: OrderToSend, split: Split, policy: ShipmentPolicy) -> str:
    value = policy.day_worth[order.currency] * split.weighted_days
    is_dated = split.parcels[-1][-1].ships_on is not None
    parcel_cost = policy.parcel_cost[order.currency]
    return sentences.not_worth(split.days_saved, value, parcel_cost, order.currency, is_dated=is_dated)


def _has_costs(order: OrderToSend, policy: ShipmentPolicy) -> bool:
    return order.currency in policy.parcel_cost and order.currency in policy.day_worth


def _at_once(order: OrderToSend, split: Split, why: str) -> ShippingPlan:
    return ShippingPlan(parcels_of(order, split), 0, ZERO, order.currency, ZERO, why)


def _in_parts(order: OrderToSend, split: Split, policy: ShipmentPolicy) -> ShippingPlan:
    cost = round(policy.parcel_cost.get(order.currency, ZERO) * split.extra_parcels, 2)
    value = round(policy.day_worth.get(order.currency, ZERO) * split.weighted_days, 2)
    parcels = parcels_of(order, split)
    why = sentences.in_parts(order, parcels, split.days_saved)
    if _has_costs(order, policy):
        why += sentences.for_cost(cost, value, order.currency, is_dated=parcels[-1].ships_on is not None)
    return ShippingPlan(parcels, split.days_saved, cost, order.currency, value, why)
