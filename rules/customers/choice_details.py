"""What a choice means in lines, products and amounts, taken from the page as it is now."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from models.customers import Act, Choice, ChoiceState, DiscountOption, OrderPage
from models.orders import ProductFacts
from models.policy.customers import OrderPagePolicy
from models.quantities import Quantity

TAKEN = frozenset({"packed", "sent", "arrived"})
"""Statuses of pieces that the warehouse has taken."""


@dataclass(frozen=True, slots=True)
class ChoiceDetails:
    """What a choice is about."""

    lines: tuple[str, ...] = ()
    product: ProductFacts | None = None
    quantity: Quantity | None = None
    expected_on: date | None = None
    refund: Decimal | None = None
    refunds_shipping: bool = False
    price_difference: Decimal | None = None
    discount: DiscountOption | None = None


def choice_details(page: OrderPage, act: Act, option: str) -> ChoiceDetails | None:
    """Return what a choice is about; None where the page does not offer it."""
    choices = page.open
    if act not in choices.acts:
        return None
    if act is Act.WAIT:
        return ChoiceDetails(late_lines(page), expected_on=choices.wait_until)
    if act is Act.SHIP:
        return ChoiceDetails(choices.ship_now)
    if act is Act.OFFER:
        return ChoiceDetails(discount=choices.discount)
    if act is Act.WITHDRAW:
        withdraw = choices.withdraw
        return None if withdraw is None else ChoiceDetails(withdraw.lines, refund=withdraw.refund)
    if act is Act.SWAP:
        swap = next((one for one in choices.swaps if one.key == option), None)
        if swap is None:
            return None
        return ChoiceDetails((swap.line,), swap.product, swap.quantity, price_difference=swap.price_difference)
    cancel = next((one for one in choices.cancels if one.key == option), None)
    if cancel is None:
        return None
    return ChoiceDetails(cancel.lines, refund=cancel.refund, refunds_shipping=cancel.includes_shipping)


def late_lines(page: OrderPage) -> tuple[str, ...]:
    """Return the numbers of the lines that are late."""
    items = (item for parcel in page.parcels for item in parcel.items)
    return tuple(dict.fromkeys(item.number for item in items if item.days_late))


def is_taken(page: OrderPage, line: str) -> bool:
    """Return whether the warehouse has taken a line: none of its pieces can be changed any more."""
    statuses = {item.status for parcel in page.parcels for item in parcel.items if item.number == line}
    return bool(statuses) and statuses <= TAKEN


def is_carried_out(page: OrderPage, choice: Choice) -> bool:
    """Return whether the shop has begun by its own facts with what was chosen, though it has not said so yet."""
    items = [item for parcel in page.parcels for item in parcel.items if item.number in choice.lines]
    if choice.state is not ChoiceState.REQUESTED:
        return False
    if choice.act is Act.SHIP:
        waiting = {item.number for item in items if item.status not in TAKEN}
        return not waiting.issuperset(choice.lines)
    return any(item.status == "cancelled" for item in items)


def undo_until(act: Act, now: datetime, policy: OrderPagePolicy) -> datetime | None:
    """Return until when a choice made now can be taken back; None: not at all.

    A code that was shown stays given, and a withdrawal is a declaration in law.
    """
    if act in (Act.OFFER, Act.WITHDRAW) or not policy.undo_minutes:
        return None
    return now + timedelta(minutes=policy.undo_minutes)
