"""What follows from a choice inside Forewarn, and how it is reversed. The shop's facts and its money stay as they are.

A standing choice closes the lines that it cancels or swaps wherever orders are loaded (`tasks/orders/choices.py`), and
reserves the substitute's pieces (`tasks/offers/substitute_stock.py`); nothing has to be written for either.
"""

from sqlalchemy import Connection

from models.customers import CLOSES_LINES, Act, Choice
from models.shipments import ShippingPreference
from tasks.context import Context
from tasks.orders.due import mark_due
from tasks.shipments.plan import plan_orders
from tasks.shipments.preferences import restore_preference, store_preference
from tasks.shipments.ready_lines import load_day_inputs
from tasks.tables import SHIPPING_PLANS


def apply_effects(context: Context, connection: Connection, choice: Choice) -> None:
    """Plan a choice's order again, and have it evaluated; a notice that has not left is checked before it leaves."""
    if choice.act is Act.SHIP:
        store_preference(context, connection, choice.order_id, ShippingPreference.AVAILABLE, choice.id)
    elif choice.act in CLOSES_LINES:
        _plan_again(context, connection, choice.order_id)


def reverse_effects(context: Context, connection: Connection, choice: Choice, who: str) -> None:
    """Plan the order of a choice that does not stand any more as if it had not been made."""
    if choice.act is Act.SHIP:
        restore_preference(context, connection, choice.order_id, choice.id, who)
    elif choice.act in CLOSES_LINES:
        _plan_again(context, connection, choice.order_id)


def _plan_again(context: Context, connection: Connection, order: str) -> None:
    plan_of_order = SHIPPING_PLANS.c.order_id == order
    plan_orders(load_day_inputs(context, context.as_of), connection, context, [order], plan_of_order)
    mark_due(connection, {order}, context.as_of)
