"""What customers chose and the shop still has to do, for the person who marks it done."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, and_, func, select, update

from models.customers import ENDS_CONTRACT, Choice, ChoiceState
from models.enums import State
from models.errors import ForewarnError
from models.webhooks import WEBHOOK, WebhookKind
from tasks.context import Context
from tasks.customers.choice_list import Place, list_choices
from tasks.customers.choice_rows import announce, change_choice, get_choice, lock_order
from tasks.customers.choice_tasks import save_closed_choice
from tasks.db.outbox import QUEUED_FILTER, skip_messages
from tasks.db.sql import in_list
from tasks.desk.bounded import PAGE, Count, Listed, count_up_to, listed
from tasks.tables import (
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    CUSTOMERS,
    ORDER_LINES,
    ORDERS,
    OUTBOX,
    PRODUCTS,
    WEBHOOK_EVENTS,
)

GRACE = timedelta(minutes=5)
"""How long the mail waits that tells a customer that it is done; until then it can be undone."""
WITHDRAWN = "marked as done by mistake"


class ChoiceStands(ForewarnError):
    """Raised where a choice that was marked done cannot be opened again."""


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """A choice with the names that a person needs."""

    choice: Choice
    customer: str
    items: tuple[str, ...]
    passed_at: datetime | None
    """When the shop's systems were told of it; None: they were not."""


def count_open(connection: Connection) -> Count:
    """Return how many choices wait for the shop."""
    waiting = select(CUSTOMER_CHOICES.c.id).where(CUSTOMER_CHOICES.c.state == ChoiceState.REQUESTED)
    return count_up_to(connection, waiting)


def list_open(connection: Connection, place: Place | None, limit: int = PAGE) -> Listed[OpenAnswer]:
    """Return a page of the choices that wait for the shop, the oldest first."""
    page = listed(list_choices(connection, ChoiceState.REQUESTED, limit + 1, after=place), limit)
    return Listed(_with_names(connection, page.rows), page.more)


def with_names(connection: Connection, choice: Choice) -> OpenAnswer:
    """Return a choice with the names of its customer and items."""
    return _with_names(connection, (choice,))[0]


def _with_names(connection: Connection, choices: tuple[Choice, ...]) -> tuple[OpenAnswer, ...]:
    orders = {choice.order_id for choice in choices}
    names = select(ORDERS.c.id, CUSTOMERS.c.name).join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
    customers = dict(connection.execute(names.where(in_list(connection, ORDERS.c.id, orders))).all())
    lines = (
        select(ORDER_LINES.c.order_id, ORDER_LINES.c.number, PRODUCTS.c.name)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .where(in_list(connection, ORDER_LINES.c.order_id, orders))
    )
    items = {(row.order_id, row.number): row.name for row in connection.execute(lines)}
    told = (
        select(WEBHOOK_EVENTS.c.choice_id, func.min(OUTBOX.c.settled_at, type_=OUTBOX.c.settled_at.type))
        .join(OUTBOX, OUTBOX.c.id == WEBHOOK_EVENTS.c.id)
        .where(
            in_list(connection, WEBHOOK_EVENTS.c.choice_id, [choice.id for choice in choices]),
            OUTBOX.c.channel == WEBHOOK,
            OUTBOX.c.state == State.SENT,
        )
    )
    passed = dict(connection.execute(told.group_by(WEBHOOK_EVENTS.c.choice_id)).all())
    return tuple(
        OpenAnswer(
            choice,
            customers.get(choice.order_id, ""),
            tuple(items[key] for line in choice.lines if (key := (choice.order_id, line)) in items),
            passed.get(choice.id),
        )
        for choice in choices
    )


def mark_done(context: Context, connection: Connection, choice_id: str, who: str, why: str) -> Choice:
    """Mark a choice as done; the mail that tells its customer leaves after GRACE. Raises ForewarnError."""
    now = context.started_at
    choice = save_closed_choice(context, connection, choice_id, ChoiceState.DONE, who, why, now)
    mails = select(CUSTOMER_MAILS.c.id).where(
        CUSTOMER_MAILS.c.id == OUTBOX.c.id, CUSTOMER_MAILS.c.choice_id == choice_id, CUSTOMER_MAILS.c.created_at == now
    )
    later = update(OUTBOX).where(QUEUED_FILTER, OUTBOX.c.id.in_(_mails_of(choice)), mails.exists())
    connection.execute(later.values(not_before=now + GRACE))
    return choice


def reopen(context: Context, connection: Connection, choice_id: str, done_at: datetime, who: str) -> Choice:
    """Let a choice wait for the shop again that was marked done at a moment.

    Raises ChoiceStands where it changed since, or its customer was told that it is done.
    """
    lock_order(connection, get_choice(connection, choice_id).order_id)
    choice = get_choice(connection, choice_id)
    if choice.state is not ChoiceState.DONE or choice.changed_at != done_at:
        raise ChoiceStands("it was changed again since")
    now = context.started_at
    if choice.act in ENDS_CONTRACT and now >= done_at + GRACE:
        raise ChoiceStands("the customer was told by mail that it is done")
    done = and_(OUTBOX.c.id.in_(_mails_of(choice)), OUTBOX.c.queued_at == done_at)
    skip_messages(connection, and_(QUEUED_FILTER, done), WITHDRAWN, now)
    left = select(OUTBOX.c.id).where(done, OUTBOX.c.state.not_in((State.SKIPPED, State.QUEUED)))
    if connection.execute(left.limit(1)).first() is not None:
        raise ChoiceStands("the customer was told by mail that it is done")
    choice = change_choice(connection, choice, ChoiceState.REQUESTED, None, None)
    announce(replace(context, started_at=now), connection, choice, WebhookKind.REQUESTED, who, WITHDRAWN, made=True)
    return choice


def _mails_of(choice: Choice) -> Select[tuple[str]]:
    return select(CUSTOMER_MAILS.c.id).where(
        CUSTOMER_MAILS.c.order_id == choice.order_id, CUSTOMER_MAILS.c.choice_id == choice.id
    )
