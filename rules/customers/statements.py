"""What a form states before it is sent, as a digest: if it is not what would be done now, nothing is done."""

import hashlib
import json

from models.customers import Act, OrderPage


def statement_digest(page: OrderPage, act: Act, option: str = "") -> str:
    """Return the digest of what a page says about an act: its dates, amounts, lines and product.

    With the key of an option it is that option's; without one, that of all options which the form lists.
    """
    stated = [page.order_id, page.currency, str(act), _stated(page, act, option)]
    return hashlib.sha256(json.dumps(stated, default=str).encode()).hexdigest()[:32]


def _stated(page: OrderPage, act: Act, option: str) -> list[object]:
    choices = page.open
    if act is Act.WAIT:
        return [choices.may_wait, choices.wait_until]
    if act is Act.SHIP:
        return [choices.ship_now]
    if act is Act.OFFER:
        discount = choices.discount
        return [] if discount is None else [discount.code, discount.value, discount.expires_on]
    if act is Act.SWAP:
        swaps = (swap for swap in choices.swaps if option in ("", swap.key))
        return [[swap.key, swap.product.name, swap.quantity, swap.price_difference] for swap in swaps]
    if act is Act.WITHDRAW:
        withdraw = choices.withdraw
        return [] if withdraw is None else [withdraw.lines, withdraw.refund, withdraw.until]
    cancels = (cancel for cancel in choices.cancels if option in ("", cancel.key))
    return [[cancel.key, cancel.lines, cancel.refund, cancel.includes_shipping] for cancel in cancels]
