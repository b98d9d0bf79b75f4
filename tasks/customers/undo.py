"""Take a choice back, while its time is not over and the shop has not acted on it."""

from datetime import datetime

from sqlalchemy import Connection

from models.customers import Act, Choice, ChoiceState
from models.webhooks import WebhookKind
from rules.customers.choice_details import is_carried_out
from rules.customers.standing import first_state, may_be_undone, standing
from rules.ids import choice_id
from tasks.context import Context
from tasks.customers.acknowledgement import UNDONE, send_acknowledgement
from tasks.customers.choice_errors import TooLate
from tasks.customers.choice_rows import announce, change_choice, get_choice, lock_order
from tasks.customers.effects import reverse_effects
from tasks.customers.order_page import load_order_page
from tasks.offers.substitute_stock import load_free_products
from tasks.orders.choices import load_choices

CUSTOMER = "customer"


def undo_choice(
    context: Context, order_id: str, number: int, now: datetime, who: str = CUSTOMER, link_id: str | None = None
) -> Choice:
    """Take a choice back and return it; one that is taken back already stays so.

    What it had replaced stands again, where that is still possible. Raises TooLate from `undo_until` on, and once the
    shop has acted on it, as it says or as its facts show; ForewarnError for an unknown one.
    """
    with context.engine.begin() as connection:
        return take_choice_back(context, connection, order_id, number, now, who, link_id)


def take_choice_back(
    context: Context,
    connection: Connection,
    order_id: str,
    number: int,
    now: datetime,
    who: str = CUSTOMER,
    link_id: str | None = None,
) -> Choice:
    """Do what `undo_choice` does, in the caller's transaction."""
    as_of = now.astimezone(context.zone).date()
    context = context.with_run(context.run_id, as_of, now)
    lock_order(connection, order_id)
    choice = get_choice(connection, choice_id(order_id, number))
    if choice.state is ChoiceState.UNDONE:
        return choice
    page = load_order_page(context, connection, order_id, as_of, now)
    if not may_be_undone(choice, now) or is_carried_out(page, choice):
        raise TooLate(page)
    choice = change_choice(connection, choice, ChoiceState.UNDONE, now, who)
    reverse_effects(context, connection, choice, who)
    announce(context, connection, choice, WebhookKind.UNDONE, who)
    _restore_replaced(context, connection, choice, who)
    page = load_order_page(context, connection, order_id, as_of, now)
    send_acknowledgement(context, connection, page, choice, UNDONE, link_id)
    return choice


def _restore_replaced(context: Context, connection: Connection, undone: Choice, who: str) -> None:
    """Have the choices stand again that the undone one replaced."""
    choices = load_choices(connection, undone.order_id)
    for choice in choices:
        if choice.state is ChoiceState.REPLACED and choice.changed_by == undone.id:
            if not _still_holds(context, connection, choice, choices):
                continue
            restored = change_choice(connection, choice, first_state(choice.act), None, None)
            kind = WebhookKind.REQUESTED if restored.state is ChoiceState.REQUESTED else WebhookKind.DONE
            announce(context, connection, restored, kind, who, f"{undone.id} was undone", made=True)


def _still_holds(context: Context, connection: Connection, choice: Choice, choices: tuple[Choice, ...]) -> bool:
    """Return whether a choice can stand again: no other wait stands, and a substitute's pieces are still free."""
    if choice.act is Act.WAIT:
        return not standing(choices, Act.WAIT)
    if choice.act is not Act.SWAP or choice.product is None or choice.quantity is None:
        return True
    free = load_free_products(context, connection, [choice.product.id], context.as_of)
    return choice.product.id in free and free[choice.product.id].available >= choice.quantity
