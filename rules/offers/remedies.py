"""Choose what to offer for a delay: substitutes, or a discount."""

from collections.abc import Set
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from models.decisions import Delay, Discount, Substitutes
from models.enums import RemedyKind
from models.orders import LineFacts
from models.policy.policy import Bucket, Policy
from models.policy.policy import DiscountPolicy as Terms
from rules.offers.substitutes import SubstituteIndex

HUNDRED = Decimal(100)
CENT = Decimal("0.01")


def substitutes_for_delay(
    delay: Delay, bucket: Bucket, policy: Policy, index: SubstituteIndex, late_products: Set[str], currency: str
) -> tuple[Substitutes, ...]:
    """Return the substitutes of each late line; lines without one, or in stock for this order, are left out.

    `late_products` are the ids of products that are late themselves; `currency` is that of the products' prices. Where
    the order has another currency, a line's price is not compared.
    """
    if RemedyKind.SUBSTITUTE not in bucket.remedies:
        return ()
    late_lines = [late.line for late in delay.late if not late.line.in_stock]
    lines = [_as_owed(line, delay.as_of) for line in late_lines]
    comparable = lines if delay.order.currency == currency else [replace(line, price=None) for line in lines]
    substitutes = (
        Substitutes(line, index.substitutes_for(priced, policy.substitutes, late_products=late_products))
        for line, priced in zip(late_lines, comparable, strict=True)
    )
    return tuple(choice for choice in substitutes if choice.products)


def _as_owed(line: LineFacts, as_of: date) -> LineFacts:
    """Return a line as if only what is owed of it had been ordered."""
    owed = line.owed(as_of)
    return line if owed == line.quantity else replace(line, quantity=owed)


def discount_for(delay: Delay, bucket: Bucket, policy: Policy) -> Discount | None:
    """Return the discount of a bucket, without its code yet; None where it has none in the order's currency."""
    terms = {RemedyKind.SHIPPING_DISCOUNT: policy.shipping_discount, RemedyKind.FUTURE_DISCOUNT: policy.future_discount}
    kind = next((kind for kind in bucket.remedies if kind in terms), None)
    return None if kind is None else _discount(delay, kind, terms[kind])


def _discount(delay: Delay, kind: RemedyKind, terms: Terms) -> Discount | None:
    order = delay.order
    maximum = (terms.up_to if terms.percent is not None else terms.amount).get(order.currency)
    if maximum is None:
        return None
    value = maximum
    if terms.percent is not None and kind is RemedyKind.SHIPPING_DISCOUNT and order.shipping_fee is not None:
        value = min(maximum, (order.shipping_fee * terms.percent / HUNDRED).quantize(CENT))
    if not value:
        return None
    return Discount(
        kind=kind,
        code="",
        currency=order.currency,
        expires_on=delay.as_of + timedelta(days=terms.valid_days),
        value=value,
        percent=terms.percent,
        amount=None if terms.percent is not None else maximum,
    )
