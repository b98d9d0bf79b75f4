"""What may be offered for the wait."""

from collections.abc import Set
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from models.decisions import Delay, Discount, Substitutes
from models.enums import RemedyKind
from models.policy.policy import Bucket, Policy
from models.policy.policy import DiscountPolicy as Terms
from rules.offers.substitutes import SubstituteIndex

HUNDRED = Decimal(100)
CENT = Decimal("0.01")


def substitutes_for_delay(
    delay: Delay, bucket: Bucket, policy: Policy, shelf: SubstituteIndex, late: Set[str], currency: str
) -> tuple[Substitutes, ...]:
    """Return what could take each late line's place; lines without a fit, or that lie ready, are left out.

    `late` holds the ids of products that are late themselves; `currency` is that of products' prices.
    """
    if RemedyKind.SUBSTITUTE not in bucket.remedies:
        return ()
    # Nobody swaps what lies in stock for this very order.
    late_lines = [one.line for one in delay.late if not one.line.in_stock]
    lines = [replace(line, quantity=line.owed(delay.as_of)) for line in late_lines]
    comparable = lines if delay.order.currency == currency else [replace(line, price=None) for line in lines]
    found = (
        Substitutes(line, shelf.substitutes_for(priced, policy.substitutes, late=late))
        for line, priced in zip(late_lines, comparable, strict=True)
    )
    return tuple(one for one in found if one.products)


def discount_for(delay: Delay, bucket: Bucket, policy: Policy) -> Discount | None:
    """Return the discount of a bucket, still without its code; None where there is none in the order's currency."""
    terms = {RemedyKind.SHIPPING_DISCOUNT: policy.shipping_discount, RemedyKind.FUTURE_DISCOUNT: policy.future_discount}
    kind = next((kind for kind in bucket.remedies if kind in terms), None)
    return None if kind is None else _discount(delay, kind, terms[kind])


def _discount(delay: Delay, kind: RemedyKind, terms: Terms) -> Discount | None:
    order = delay.order
    most = (terms.up_to if terms.percent is not None else terms.amount).get(order.currency)
    if most is None:
        return None
    value = most
    if terms.percent is not None and kind is RemedyKind.SHIPPING_DISCOUNT and order.shipping_fee is not None:
        value = min(most, (order.shipping_fee * terms.percent / HUNDRED).quantize(CENT))
    if not value:
        return None
    return Discount(
        kind=kind,
        code="",
        currency=order.currency,
        expires_on=delay.as_of + timedelta(days=terms.valid_days),
        value=value,
        percent=terms.percent,
        amount=None if terms.percent is not None else most,
    )
