"""The sentences that tell staff why an order is sent in parts or at once."""

from collections.abc import Sequence
from decimal import Decimal

from models.quantities import counted
from models.shipments import OrderToSend, Parcel, ShippingPreference

BELONG_TOGETHER = "wait for all: its lines belong together"
NO_LINE_WAITS = "all at once: no line has to wait for another"
CUSTOMER_WANTS_COMPLETE = "wait for all: the customer wants it complete"
ONE_PARCEL_POLICY = "wait for all: the policy sends an order in one parcel"


def no_costs(currency: str, *, has_parcel_cost: bool) -> str:
    """Return why an order ships complete when the policy has no cost or no value in its currency."""
    missing = "value of a day" if has_parcel_cost else "parcel cost"
    return f"wait for all: the policy has no {missing} in {currency}"


def not_worth(days: int, value: Decimal, parcel_cost: Decimal, currency: str, *, is_dated: bool) -> str:
    """Return why a second parcel costs more than the days it saves; `is_dated`: the last parcel has a day."""
    verb = "is" if days == 1 else "are"
    apart = f"{counted(days, 'day')} apart {verb}" if is_dated else f"{_rest_undated(days)},"
    return f"wait for all: {apart} worth {value:.2f} {currency}, a parcel costs {parcel_cost:.2f}"


def in_parts(order: OrderToSend, parcels: Sequence[Parcel], days: int) -> str:
    """Return which lines leave when, and how many days earlier than all at once."""
    first, *between, last = parcels
    when = "now" if first.ships_on is None or first.ships_on <= order.soonest else f"on {first.ships_on}"
    leaves = f"send {len(first.lines)} of {counted(len(order.lines), 'line')} {when}"
    leaves += "".join(f", {len(parcel.lines)} more on {parcel.ships_on}" for parcel in between)
    leaves += ", as the customer wants" if order.preference is ShippingPreference.AVAILABLE else ""
    gain = f"{counted(days, 'day')} earlier" if last.ships_on else _rest_undated(days)
    return f"{leaves}: {gain}"


def for_cost(cost: Decimal, value: Decimal, currency: str, *, is_dated: bool) -> str:
    """Return the end of a sentence of `in_parts`: what the parcels cost more, and what they are worth."""
    return f"{'' if is_dated else ','} for {cost:.2f} {currency} more (worth {value:.2f})"


def _rest_undated(days: int) -> str:
    return f"the rest has no date, say {counted(days, 'day')} later" if days else "the rest has no date"
