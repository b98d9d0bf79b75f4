"""What a customer can withdraw from, and until when: the right that needs no reason, also after delivery."""

from collections.abc import Iterator, Set
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from models.customers import WithdrawOption
from models.orders import LineFacts, OrderFacts
from models.policy.promise_clock import CountryRules
from rules.customers.changeable import is_cancelled
from rules.customers.headlines import has_arrived
from rules.promise_clock.lateness import has_withdrawal, withdrawal_ends_on
from rules.promise_clock.refunds import Holidays

CENT = Decimal("0.01")


def withdraw_option(
    order: OrderFacts, closed: Set[str], rules: CountryRules, as_of: date, holidays: Holidays
) -> WithdrawOption | None:
    """Return what can be withdrawn from: all lines that are not `closed` by a choice.

    None where the right is over, or where the law gives none for what was sold.

    The days count from the last of them that arrives; while one has not, or it is not known when, there is no last day.
    """
    if order.cancelled_on is not None and order.cancelled_on <= as_of:
        return None
    open_lines = (line for line in order.lines if line.number not in closed and _is_sold(line, as_of))
    lines = tuple(line for line in open_lines if has_withdrawal(line.exclusion, rules))
    if not lines:
        return None
    arrivals = [_arrived_on(line, as_of) for line in lines]
    known = [day for day in arrivals if day is not None]
    until = withdrawal_ends_on(max(known), rules, holidays) if len(known) == len(lines) else None
    if until is not None and as_of > until:
        return None
    whole = len(lines) == len(order.lines)
    return WithdrawOption(
        lines=tuple(line.number for line in lines),
        names=tuple(line.product.name for line in lines),
        refund=_refund(order, lines, whole=whole),
        includes_shipping=whole and bool(order.shipping_fee) and not order.unpaid,
        until=until,
        days=rules.withdrawal_days,
    )


def _is_sold(line: LineFacts, as_of: date) -> bool:
    """Return whether goods were sold on a line: not one that the shop cancelled, nor one that is never sent."""
    is_never_sent = line.closed and line.shipped_on is None and line.delivered_on is None
    return not is_cancelled(line, as_of) and not is_never_sent


def _arrived_on(line: LineFacts, as_of: date) -> date | None:
    if not has_arrived(line, as_of):
        return None
    return line.delivered_on or max(_deliveries(line), default=None)


def _deliveries(line: LineFacts) -> Iterator[date]:
    yield from (parcel.delivered_on for parcel in line.shipments if parcel.delivered_on is not None)


def _refund(order: OrderFacts, lines: tuple[LineFacts, ...], *, whole: bool) -> Decimal | None:
    """Return all that was paid for lines, of the whole order also for shipping; None where a price is not known."""
    if order.unpaid:
        return Decimal(0)
    prices = [line.price * line.ordered for line in lines if line.price is not None]
    if len(prices) < len(lines):
        return None
    fee = order.shipping_fee if whole and order.shipping_fee is not None else Decimal(0)
    return (sum(prices, Decimal(0)) + fee).quantize(CENT, ROUND_HALF_UP)
