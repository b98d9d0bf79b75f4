"""Mail a customer what became of their choice: recorded with it, and sent by the next deliver run."""

from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from models.customers import LINK_PLACEHOLDER, Act, Choice, OrderPage
from models.enums import Channel, State
from rules.contact.addresses import BadAddress, email_address
from tasks.context import Context
from tasks.customers.links import mint_link
from tasks.db.events import record_events
from tasks.db.outbox import insert_messages, outbox_row
from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, ORDERS
from templates.rendering.choice_mails import choice_page_url, choice_variables
from templates.rendering.customer_mails import answer_variables
from templates.rendering.environment import TemplateError

RECEIVED, UNDONE = "choice_received", "choice_undone"
DISCOUNT_CODE = "discount_code"
NO_MAIL, MACHINE = "choice_not_mailed", "forewarn"


def send_acknowledgement(
    context: Context, connection: Connection, page: OrderPage, choice: Choice, kind: str, link_id: str | None
) -> str | None:
    """Queue the mail that answers a choice and return its id.

    Without a `link_id` it leads to the order's own page in the shop, or else gets a new link. None where the customer
    has no mail address, or the words cannot be rendered: an event says so.
    """
    row = connection.execute(
        select(CUSTOMERS.c.email, ORDERS.c.url)
        .join(ORDERS, ORDERS.c.customer_id == CUSTOMERS.c.id)
        .where(ORDERS.c.id == page.order_id)
    ).first()
    address = None if row is None else _readable(row.email)
    if row is None or address is None:
        return None
    key = uuid4().hex
    folder = DISCOUNT_CODE if choice.act is Act.OFFER and kind == RECEIVED else kind
    # Who chose on our page is led back to it, also where the order has a page in the shop.
    url = choice_page_url(context.shop, page.order_id, None if link_id else row.url)
    variables = answer_variables(page.customer_name, page.order_id, page.placed_on, url, context.as_of)
    refund_days = context.policy.order_page.refund_days
    about = choice_variables(choice, _names(page, choice), context.shop, refund_days)
    try:
        words = context.renderer.answers.render(folder, page.locale, variables, **about)
    except TemplateError as error:
        # A mistake in a shop's own template must not keep a customer from cancelling.
        record_events(connection, [(NO_MAIL, choice.id, str(error))], context.started_at, MACHINE)
        return None
    mail: dict[str, Any] = {
        "id": key,
        "order_id": page.order_id,
        "customer_id": page.customer_id,
        "kind": folder,
        "choice_id": choice.id,
        "link_id": _link(context, connection, page, link_id) if LINK_PLACEHOLDER in url else None,
        "address": address,
        "to_name": variables["customer"],
        "locale": words.language,
        "subject": words.subject,
        "text": words.text,
        "html": words.html,
        "created_at": context.started_at,
    }
    connection.execute(insert(CUSTOMER_MAILS).values(mail))
    insert_messages(connection, [outbox_row(key, Channel.EMAIL, State.QUEUED, context.started_at)])
    return key


def _readable(address: str | None) -> str | None:
    """Return a mail address in its normal form; None where there is none, or it cannot be one."""
    try:
        return email_address(address) if address else None
    except BadAddress:
        return None


def _link(context: Context, connection: Connection, page: OrderPage, link_id: str | None) -> str:
    """Return the link that the mail's words hold: the customer's own, or a new one."""
    return link_id or mint_link(context, connection, page.order_id, page.customer_id)[0]


def _names(page: OrderPage, choice: Choice) -> tuple[str, ...]:
    names = {item.number: item.product.name for parcel in page.parcels for item in parcel.items}
    return tuple(names[number] for number in choice.lines if number in names)
