"""What an order's customer was told: the messages that have left to them."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, func, or_, select, union_all

from models.customers import SentMessage
from models.enums import State
from models.orders import CustomerFacts
from tasks.notices.deleted_words import HAS_WORDS_FILTER
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_MAILS, NOTICES, OUTBOX

SENT_STATES = (State.SENT, State.DELIVERED)
NEW_LINK = "new_link"
"""The kind of a mail that holds nothing but a fresh link: it is not shown on the page that it opens."""


def load_sent_messages(connection: Connection, order: str, customer: CustomerFacts) -> tuple[SentMessage, ...]:
    """Return the messages about an order that have left to its present customer, the oldest first."""
    rows = connection.execute(SENT_MESSAGES, _parameters(order, customer))
    return tuple(SentMessage(number, row.id, row.channel, row.subject, row.at) for number, row in enumerate(rows, 1))


def load_last_notice(connection: Connection, order: str, customer: CustomerFacts) -> tuple[str, str] | None:
    """Return the id and the change of the last notice that has left to an order's customer; None where none has."""
    row = connection.execute(LAST_NOTICE, _parameters(order, customer)).first()
    return None if row is None else (row.id, row.change)


def _parameters(order: str, customer: CustomerFacts) -> dict[str, str]:
    return {"order": order, "customer": customer.id, "address": (customer.email or "").strip().lower()}


def _to_customer(table: Table) -> ColumnElement[bool]:
    """Return the SQL of a message about an order to its customer: to their id, or to their address under another id.

    No message has the empty address, which stands for a customer without one.
    """
    same_address = and_(table.c.address == bindparam("address"), table.c.address != "")
    return and_(table.c.order_id == bindparam("order"), or_(table.c.customer_id == bindparam("customer"), same_address))


def _sent(table: Table, which: ColumnElement[bool]) -> Select[Any]:
    at = func.coalesce(OUTBOX.c.sending_at, OUTBOX.c.settled_at, table.c.created_at, type_=OUTBOX.c.sending_at.type)
    return (
        select(table.c.id, OUTBOX.c.channel, table.c.subject, at.label("at"))
        .join(OUTBOX, OUTBOX.c.id == table.c.id)
        .where(_to_customer(table), which, OUTBOX.c.state.in_(SENT_STATES))
    )


def _sent_messages() -> Select[Any]:
    mails = _sent(CUSTOMER_MAILS, CUSTOMER_MAILS.c.kind != NEW_LINK)
    sent = union_all(_sent(NOTICES, HAS_WORDS_FILTER), mails).subquery()
    return select(sent).order_by(sent.c.at, sent.c.id)


# Put together once: for the few rows of one order, that takes longer than to read them.
SENT_MESSAGES = _sent_messages()
LAST_NOTICE = (
    select(NOTICES.c.id, NOTICES.c.change)
    .select_from(NOTICES_WITH_STATE)
    .where(_to_customer(NOTICES), LEFT_FILTER)
    .order_by(NOTICES.c.revision.desc(), OUTBOX.c.sending_at.desc(), NOTICES.c.channel)
    .limit(1)
)
