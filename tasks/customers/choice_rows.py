"""Lock an order for a choice, read and change the rows of choices, and tell of each change."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from models.customers import Choice, ChoiceState
from models.errors import ForewarnError
from models.webhooks import WebhookKind
from tasks.context import Context
from tasks.customers.choice_list import find_choice
from tasks.customers.webhook_events import queue_webhook_event
from tasks.db.events import record_events
from tasks.db.sql import AdvisoryLock, lock
from tasks.orders.due import lock_orders
from tasks.tables import CUSTOMER_CHOICES

MADE = "chosen"
"""The kind of the event of a new choice; a change of its state has that of its webhook event, with an underscore."""


def lock_order(connection: Connection, order: str) -> None:
    """Lock what a choice may change until the transaction ends: the order, and the pieces in stock.

    Choices wait for each other and for a page of an allocation run: two customers cannot get the same last piece, and
    an order is planned by one transaction at a time. Allocation locks in the same order.
    """
    lock(connection, AdvisoryLock.ALLOCATE)
    lock_orders(connection, {order})


def get_choice(connection: Connection, choice_id: str) -> Choice:
    """Return a choice by its id; raises ForewarnError for an unknown one."""
    choice = find_choice(connection, choice_id)
    if choice is None:
        raise ForewarnError(f"no choice {choice_id!r} is known: `forewarn choices list` shows them")
    return choice


def change_choice(
    connection: Connection, choice: Choice, state: ChoiceState, now: datetime | None, who: str | None, **values: Any
) -> Choice:
    """Change the state of a choice and return it. Its order is locked, so that nobody else has changed it."""
    row = update(CUSTOMER_CHOICES).where(CUSTOMER_CHOICES.c.id == choice.id, CUSTOMER_CHOICES.c.state == choice.state)
    changed = {"state": state, "changed_at": now, "changed_by": who, **values}
    if connection.execute(row.values(changed)).rowcount != 1:
        raise ForewarnError(f"choice {choice.id} was changed meanwhile")
    return get_choice(connection, choice.id)


def announce(
    context: Context,
    connection: Connection,
    choice: Choice,
    kind: WebhookKind,
    who: str,
    why: str = "",
    *,
    made: bool = False,
) -> None:
    """Record the event of a choice that was `made` or changed, and tell the shop's systems."""
    event = MADE if made else str(kind).replace(".", "_")
    record_events(connection, [(event, choice.id, why or str(choice.act))], context.started_at, who)
    queue_webhook_event(context, connection, choice, kind, context.started_at)
