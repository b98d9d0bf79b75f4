"""Add to orders how likely each is to be late, where its promise is near."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from models.early_warning import HORIZON
from models.orders import OrderFacts, Outlook
from rules.delays.delays import open_lines
from tasks.context import Context
from tasks.early_warning.history import load_open_orders
from tasks.early_warning.store import load_model
from tasks.orders.order_rows import WatchedOrder


def with_outlook(context: Context, connection: Connection, orders: Sequence[WatchedOrder]) -> list[WatchedOrder]:
    """Return orders with how likely each is to be late on the context's day.

    Nothing is looked up of orders whose promise is far off or has passed, nor where nothing was learnt yet.
    """
    outlooks = load_outlooks(context, connection, [watched.order for watched in orders])
    return [
        replace(watched, order=replace(watched.order, outlook=outlooks[watched.order.id]))
        if watched.order.id in outlooks
        else watched
        for watched in orders
    ]


def add_outlook(context: Context, connection: Connection, order: OrderFacts) -> OrderFacts:
    """Return an order with how likely it is to be late."""
    return replace(order, outlook=load_outlooks(context, connection, [order]).get(order.id, ()))


def load_outlooks(
    context: Context, connection: Connection, orders: Sequence[OrderFacts]
) -> dict[str, tuple[Outlook, ...]]:
    """Return by order id how likely orders are to be late; without those of which nothing can be said."""
    near = [order.id for order in orders if _is_near(context, order)]
    model = load_model(connection, context.as_of, context.policy.warning.late_days) if near else None
    if model is None:
        return {}
    found = load_open_orders(context, connection, near)
    asked = [each for of_order in found.values() for each in of_order]
    outlooks: dict[str, tuple[Outlook, ...]] = {}
    for each, likelihood in zip(asked, model.likelihoods(asked, context.as_of), strict=True):
        if likelihood is not None:
            outlook = Outlook(each.promise, each.promised_on, likelihood)
            outlooks[each.order_id] = (*outlooks.get(each.order_id, ()), outlook)
    return outlooks


def _is_near(context: Context, order: OrderFacts) -> bool:
    if not context.policy.warning.on or order.unpaid:
        return False
    last = context.as_of + timedelta(days=HORIZON)
    if not any(context.as_of <= line.promised_on <= last for line in order.lines):
        return False
    return any(context.as_of <= line.promised_on <= last for line in open_lines(order, context.as_of))
