"""Mail a new link to an order's page: to whom names the order and its address, or because staff ask for it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select

from models.customers import LINK_PLACEHOLDER
from models.enums import Channel, State
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, email_address
from tasks.context import Context
from tasks.customers.links import mint_link, order_page_url
from tasks.db.events import record_events
from tasks.db.outbox import insert_messages, outbox_row
from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, ORDERS
from templates.rendering.customer_mails import NEW_LINK, answer_variables
from templates.rendering.names import greeting_name

WINDOW = timedelta(hours=24)
REQUESTED = "new_link_requested"
WHO = "customer"


def send_new_link(context: Context, order_id: str, address: str, now: datetime) -> str | None:
    """Queue the mail with a new link and return its id; None where order and address do not belong together.

    Also None once the policy's number of new links was sent for the order within WINDOW. Raises TemplateError.
    """
    context = context.with_run(context.run_id, now.astimezone(context.zone).date(), now)
    with context.engine.begin() as connection:
        order = _locked_order(connection, order_id)
        if order is None or not _is_theirs(order.email, address):
            return None
        if count_sent_lately(connection, order_id, now) >= context.policy.order_page.new_links_a_day:
            return None
        return _queue_mail(context, connection, order)


def queue_new_link(context: Context, connection: Connection, order_id: str, who: str) -> str | None:
    """Queue the mail with a new link because staff ask for it, and return its id; in the caller's transaction.

    It counts among the links of the day, and None once their number is reached. Raises ForewarnError for an unknown
    order and a customer without a mail address, and TemplateError.
    """
    order = _locked_order(connection, order_id)
    if order is None:
        raise ForewarnError(f"no order {order_id!r} is known: `forewarn import` imports new orders")
    if not order.email:
        raise ForewarnError(f"the customer of order {order_id} has no mail address")
    if count_sent_lately(connection, order_id, context.started_at) >= context.policy.order_page.new_links_a_day:
        return None
    return _queue_mail(context, connection, order, who)


def _locked_order(connection: Connection, order_id: str) -> Any:
    """Return an order with its customer, locked so that two requests at once are counted in turn; None if unknown."""
    columns = (ORDERS.c.id, ORDERS.c.placed_at, ORDERS.c.customer_id)
    contact = (CUSTOMERS.c.name, CUSTOMERS.c.email, CUSTOMERS.c.locale)
    query = select(*columns, *contact).join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
    return connection.execute(query.where(ORDERS.c.id == order_id).with_for_update(of=ORDERS)).first()


def _is_theirs(known: str | None, typed: str) -> bool:
    try:
        return known is not None and email_address(known) == email_address(typed)
    except BadAddress:
        return False


def count_sent_lately(connection: Connection, order_id: str, now: datetime) -> int:
    """Return how many mails with a new link an order had within WINDOW."""
    sent = select(func.count()).where(
        CUSTOMER_MAILS.c.order_id == order_id,
        CUSTOMER_MAILS.c.kind == NEW_LINK,
        CUSTOMER_MAILS.c.created_at > now - WINDOW,
    )
    return connection.execute(sent).scalar_one()


def _queue_mail(context: Context, connection: Connection, order: Any, asked_by: str | None = None) -> str:
    key, now = uuid4().hex, context.started_at
    link_id, _ = mint_link(context, connection, order.id, order.customer_id)
    placed_on = order.placed_at.astimezone(context.zone).date()
    url = order_page_url(context, LINK_PLACEHOLDER)
    variables = answer_variables(order.name, order.id, placed_on, url, context.as_of)
    words = context.renderer.answers.render(NEW_LINK, order.locale, variables)
    mail = {
        "id": key,
        "order_id": order.id,
        "customer_id": order.customer_id,
        "kind": NEW_LINK,
        "asked_by": asked_by,
        "choice_id": None,
        "link_id": link_id,
        "address": email_address(order.email),
        "to_name": greeting_name(order.name),
        "locale": words.language,
        "subject": words.subject,
        "text": words.text,
        "html": words.html,
        "created_at": now,
    }
    connection.execute(insert(CUSTOMER_MAILS).values(mail))
    insert_messages(connection, [outbox_row(key, Channel.EMAIL, State.QUEUED, now)])
    record_events(connection, [(REQUESTED, order.id, "")], now, asked_by or WHO)
    return key
