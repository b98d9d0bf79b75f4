"""Say what an order's customer would read, without owing it."""

from dataclasses import replace

from sqlalchemy import Connection

from models.errors import ForewarnError
from models.plans import Contact, Plan
from models.values import Message
from rules.fingerprints import notice_id
from rules.plans import tells
from tasks.decisions import decide
from tasks.desk import Desk
from tasks.explain import find
from tasks.orders import Watched
from tasks.purses import open_purse
from tasks.runs import Now
from tasks.shelves import Shelves

NOT_YET = "CODE-COMES-HERE"
"""Stands for a discount code that is drawn only when the notice is owed: nobody can pass it on."""


def messages_for(desk: Desk, connection: Connection, order: str, now: Now) -> list[tuple[str, Message]]:
    """Return an order's messages as its customer would get them for the first time, each with a title.

    Raises ForewarnError where the order is unknown, not late, or its customer cannot be written to.
    """
    watched = find(desk, connection, order, now.as_of)
    untold: Watched = replace(watched, order=replace(watched.order, told=None))
    (decided,) = decide(desk, now, connection, [untold], Shelves(), open_purse(connection, now, desk.policy))
    plan = decided.plan
    if plan is None:
        raise ForewarnError(
            f"order {order} has nothing to tell on {now.as_of}: {decided.verdict.quiet or decided.verdict.bucket}"
        )
    if not tells(plan.contacts):
        reasons = ", ".join(f"{one.channel} {one.skip}" for one in plan.contacts)
        raise ForewarnError(f"the customer of order {order} cannot be written to: {reasons}")
    if plan.discount is not None and decided.new_discount:
        plan = replace(plan, discount=replace(plan.discount, code=NOT_YET))
    return [(f"Order {order}: {plan.message}", _message(desk, plan, one)) for one in plan.contacts if one.skip is None]


def _message(desk: Desk, plan: Plan, contact: Contact) -> Message:
    return desk.words.message(plan, contact, id=notice_id(plan.delay.order.id, plan.revision, contact.channel))
