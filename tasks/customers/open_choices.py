"""Find what an order's customer may choose now."""

from dataclasses import replace

from sqlalchemy import Connection

from models.customers import Act, OpenChoices, WithdrawOption
from rules.customers.cancellations import cancel_options
from rules.customers.changeable import changeable_lines
from rules.customers.standing import awaits, cancelled_by, closing_choices, fixed_lines, standing
from rules.customers.swaps import swap_options
from rules.customers.withdrawals import withdraw_option
from rules.delays.delays import open_lines
from rules.promise_clock.public_holidays import public_holidays
from tasks.context import Context
from tasks.customers.open_offers import load_offered_substitutes, load_open_discount
from tasks.customers.order_now import OrderNow
from tasks.customers.ready_parcels import lines_to_send_now
from tasks.offers.substitute_stock import load_free_products


def load_open_choices(context: Context, connection: Connection, order: OrderNow) -> OpenChoices:
    """Return what the customer may choose, of what the shop lets them choose."""
    allowed = context.shop.order_pages.choices if context.shop.order_pages else tuple(Act)
    choices = _all_choices(context, connection, order)
    return replace(
        choices,
        may_wait=choices.may_wait and Act.WAIT in allowed,
        ship_now=choices.ship_now if Act.SHIP in allowed else (),
        swaps=choices.swaps if Act.SWAP in allowed else (),
        cancels=choices.cancels if Act.CANCEL in allowed else (),
        discount=choices.discount if Act.OFFER in allowed else None,
        withdraw=_withdraw_option(order),
    )


def _withdraw_option(order: OrderNow) -> WithdrawOption | None:
    """Return what can be withdrawn from. Where a law asks pages to offer it, no setting of the shop hides it."""
    if not order.rules.withdrawal_function:
        return None
    closed = closing_choices(order.choices).keys()
    holidays = public_holidays(order.rules.holidays)
    return withdraw_option(order.sold, closed, order.rules, order.as_of, holidays)


def _all_choices(context: Context, connection: Connection, order: OrderNow) -> OpenChoices:
    sold, as_of, late = order.sold, order.as_of, {one.line.number for one in order.late}
    open_now = open_lines(order.owed, as_of)
    changeable = changeable_lines(order.owed, as_of)
    offered = load_offered_substitutes(connection, sold.id) if late else {}
    in_stock = load_free_products(
        context, connection, {one for products in offered.values() for one in products}, as_of
    )
    late_lines = [line for line in changeable if line.number in late]
    taken = [choice.discount.offer_id for choice in standing(order.choices, Act.OFFER) if choice.discount]
    cancellable = changeable_lines(sold, as_of, without=fixed_lines(order.choices))
    cancelled = cancelled_by(order.choices)
    fee_refunded = any(choice.refunds_shipping for choice in cancelled.values())
    return OpenChoices(
        wait_until=order.expected_on,
        may_wait=bool(late) and not awaits(order.choices, order.expected_on),
        ship_now=lines_to_send_now(context, connection, sold.id, as_of) if len(order.to_send) > 1 else (),
        swaps=tuple(swap_options(sold, late_lines, offered, in_stock, context.shop.currency, as_of)),
        cancels=cancel_options(sold, cancellable, late, set(cancelled), as_of, fee_refunded=fee_refunded),
        discount=load_open_discount(connection, sold.id, taken, as_of) if open_now else None,
        too_late=bool(open_now) and not changeable,
    )
