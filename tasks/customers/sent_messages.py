"""What an order's customer was told: the messages that have left to them."""

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, or_, select, union_all

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
    mails = and_(CUSTOMER_MAILS.c.order_id == order, CUSTOMER_MAILS.c.kind != NEW_LINK)
    notices = and_(NOTICES.c.order_id == order, HAS_WORDS_FILTER)
    sent = union_all(_sent(NOTICES, notices, customer), _sent(CUSTOMER_MAILS, mails, customer)).subquery()
    rows = connection.execute(select(sent).order_by(sent.c.at, sent.c.id))
    return tuple(SentMessage(number, row.id, row.channel, row.subject, row.at) for number, row in enumerate(rows, 1))


def load_last_notice(connection: Connection, order: str, customer: CustomerFacts) -> tuple[str, str] | None:
    """Return the id and the change of the last notice that has left to an order's customer; None where none has."""
    query = (
        select(NOTICES.c.id, NOTICES.c.change)
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.order_id == order, LEFT_FILTER, _to_customer(NOTICES, customer))
        .order_by(NOTICES.c.revision.desc(), OUTBOX.c.sending_at.desc(), NOTICES.c.channel)
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.id, row.change)


def _sent(table: Table, which: ColumnElement[bool], customer: CustomerFacts) -> Select[tuple[str, str, str, object]]:
    at = func.coalesce(OUTBOX.c.sending_at, OUTBOX.c.settled_at, table.c.created_at, type_=OUTBOX.c.sending_at.type)
    return (
        select(table.c.id, OUTBOX.c.channel, table.c.subject, at.label("at"))
        .join(OUTBOX, OUTBOX.c.id == table.c.id)
        .where(which, OUTBOX.c.state.in_(SENT_STATES), _to_customer(table, customer))
    )


def _to_customer(table: Table, customer: CustomerFacts) -> ColumnElement[bool]:
    """Return the SQL of a message to a customer: to their id, or to their address under another id."""
    address = (customer.email or "").strip().lower()
    same_id = table.c.customer_id == customer.id
    return or_(same_id, table.c.address == address) if address else same_id
