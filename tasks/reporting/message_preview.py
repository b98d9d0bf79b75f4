"""Say what an order's customer would read, without owing it."""

from dataclasses import replace

from sqlalchemy import Connection

from models.errors import ForewarnError
from models.messages import Message
from rules.delays.evaluate import is_reachable
from tasks.context import Context
from tasks.notices.decide import decide_orders
from tasks.notices.rendering import render_plan
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.reporting.explain_order import find_order

NOT_YET = "CODE-COMES-HERE"
"""Stands for a discount code that is drawn only when the notice is owed: nobody can pass it on."""


def preview_messages(
    context: Context, connection: Connection, order: str
) -> tuple[list[tuple[str, Message]], list[str]]:
    """Return an order's messages as its customer would get them for the first time, each with a title.

    Returned beside them are the problems of channels whose words could not be rendered. Raises ForewarnError where the
    order is unknown, not late, its customer cannot be written to, or no channel's words can be rendered.
    """
    watched = find_order(context, connection, order, context.as_of)
    untold: WatchedOrder = replace(watched, order=replace(watched.order, told=None))
    (decided,) = decide_orders(
        context, connection, [untold], SubstituteStock(), load_budget(connection, context, context.policy)
    )
    plan = decided.plan
    if plan is None:
        reason = decided.assessment.no_notice_reason or decided.assessment.bucket
        raise ForewarnError(f"order {order} has nothing to tell on {context.as_of}: {reason}")
    if not is_reachable(plan.contacts):
        reasons = ", ".join(f"{one.channel} {one.skip}" for one in plan.contacts)
        raise ForewarnError(f"the customer of order {order} cannot be written to: {reasons}")
    if plan.discount is not None and decided.new_discount:
        plan = replace(plan, discount=replace(plan.discount, code=NOT_YET))
    found = render_plan(context, plan)
    if found.failed:
        raise ForewarnError("; ".join(found.problems))
    return [(f"Order {order}: {plan.message}", message) for message in found.messages.values()], found.problems
