"""Mark what the shop was asked to do as done or refused, and store why a customer chose so."""

from datetime import datetime

from sqlalchemy import Connection, update

from models.customers import ENDS_CONTRACT, Choice, ChoiceState
from models.errors import ForewarnError
from models.webhooks import WebhookKind
from rules.ids import choice_id
from tasks.context import Context
from tasks.customers.acknowledgement import send_acknowledgement
from tasks.customers.choice_rows import announce, change_choice, get_choice, lock_order
from tasks.customers.effects import reverse_effects
from tasks.customers.order_page import load_order_page
from tasks.tables import CUSTOMER_CHOICES

MAX_REASON_CHARS = 2_000
CLOSED_BY_SHOP = (ChoiceState.DONE, ChoiceState.REFUSED)


def close_choice(context: Context, choice_id: str, state: ChoiceState, who: str, why: str, now: datetime) -> Choice:
    """Mark a choice as done or refused by the shop, and return it; one that has the state already stays so.

    The lines of one that is refused are owed again. The customer is told that, and that a cancellation is done. Raises
    ForewarnError for an unknown choice, another state, and a choice that the shop has nothing to do about.
    """
    with context.engine.begin() as connection:
        return save_closed_choice(context, connection, choice_id, state, who, why, now)


def save_closed_choice(
    context: Context, connection: Connection, choice_id: str, state: ChoiceState, who: str, why: str, now: datetime
) -> Choice:
    """Do what `close_choice` does, in the caller's transaction."""
    if state not in CLOSED_BY_SHOP:
        raise ForewarnError(f"a choice is marked as done or refused, not as {state}")
    as_of = now.astimezone(context.zone).date()
    context = context.with_run(context.run_id, as_of, now)
    lock_order(connection, get_choice(connection, choice_id).order_id)
    choice = get_choice(connection, choice_id)
    if choice.state is state:
        return choice
    if choice.state is not ChoiceState.REQUESTED:
        raise ForewarnError(f"choice {choice_id} is {choice.state}: only a requested one is marked as {state}")
    choice = change_choice(connection, choice, state, now, who, undo_until=None)
    announce(context, connection, choice, WebhookKind(f"choice.{state}"), who, why)
    if state is ChoiceState.REFUSED:
        reverse_effects(context, connection, choice, who)
    if state is ChoiceState.REFUSED or choice.act in ENDS_CONTRACT:
        page = load_order_page(context, connection, choice.order_id, as_of, now)
        send_acknowledgement(context, connection, page, choice, f"choice_{state}", None)
    return choice


def give_reason(context: Context, order_id: str, number: int, why: str) -> None:
    """Store the reason that a customer gives for a choice afterwards; raises ForewarnError for an unknown choice."""
    with context.engine.begin() as connection:
        choice = get_choice(connection, choice_id(order_id, number))
        row = update(CUSTOMER_CHOICES).where(CUSTOMER_CHOICES.c.id == choice.id)
        connection.execute(row.values(why=why.strip()[:MAX_REASON_CHARS]))
