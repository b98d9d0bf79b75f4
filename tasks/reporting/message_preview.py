"""Render the messages that an order's customer would get, without recording a notice."""

from dataclasses import replace

from sqlalchemy import Connection

from models.errors import ForewarnError
from models.messages import Message
from rules.delays.assess import is_reachable
from tasks.context import Context
from tasks.notices.decide import decide_orders
from tasks.notices.rendering import render_plan
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.reporting.explain_order import find_order

PLACEHOLDER_CODE = "CODE-COMES-HERE"
"""Shown in place of a discount code, which is drawn only when a notice is recorded."""


def preview_messages(
    context: Context, connection: Connection, order: str
) -> tuple[list[tuple[str, Message]], list[str]]:
    """Return an order's messages as its customer would get them for the first time, each with a title.

    Returns also the problems of channels whose message cannot be rendered. Raises ForewarnError where the order is
    unknown or not late, its customer cannot be contacted, or no message can be rendered.
    """
    watched = find_order(context, connection, order, context.as_of)
    untold: WatchedOrder = replace(watched, order=replace(watched.order, told=None))
    (decision,) = decide_orders(
        context, connection, [untold], SubstituteStock(), load_budget(connection, context, context.policy)
    )
    plan = decision.plan
    if plan is None:
        reason = decision.assessment.no_notice_reason or decision.assessment.bucket
        raise ForewarnError(f"order {order} has nothing to tell on {context.as_of}: {reason}")
    if not is_reachable(plan.contacts):
        reasons = ", ".join(f"{contact.channel} {contact.skip}" for contact in plan.contacts)
        raise ForewarnError(f"the customer of order {order} cannot be written to: {reasons}")
    if plan.discount is not None and decision.new_discount:
        plan = replace(plan, discount=replace(plan.discount, code=PLACEHOLDER_CODE))
    rendered = render_plan(context, plan)
    if rendered.failed:
        raise ForewarnError("; ".join(rendered.problems))
    return [(f"Order {order}: {plan.message}", message) for message in rendered.messages.values()], rendered.problems
