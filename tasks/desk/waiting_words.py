"""The words of one message, as they were or will be sent, whoever it is to."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from rules.contact.masking import mask_address
from rules.customers.link_tokens import fill_link
from tasks.desk.message_tables import WHOLE_MESSAGES
from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, NOTICES, OUTBOX, POST_MESSAGES, PRODUCTS

NO_TOKEN = "link"  # noqa: S105 - stands where the customer's own link is filled in
"""In place of the secret of the customer's link: staff read the words, and must not answer for the customer."""


@dataclass(frozen=True, slots=True)
class MessageWords:
    """A message and its words; a text has no HTML."""

    id: str
    channel: str
    state: str
    order_id: str
    customer: str
    address: str
    """Masked."""
    subject: str
    text: str
    html: str
    not_before: datetime
    sent_at: datetime | None
    trial: bool


def load_words(connection: Connection, message_id: str) -> MessageWords | None:
    """Return a message with its words; None for an unknown one."""
    named = {
        name: func.coalesce(*(table.c[name] for table in (NOTICES, CUSTOMER_MAILS, POST_MESSAGES) if name in table.c))
        for name in ("order_id", "address", "subject", "text", "html", "to_name")
    }
    states = (OUTBOX.c[name] for name in ("id", "channel", "state", "not_before", "sending_at", "trial"))
    query = (
        select(*states, *(column.label(name) for name, column in named.items()))
        .add_columns(func.coalesce(CUSTOMERS.c.name, PRODUCTS.c.name).label("name"))
        .select_from(WHOLE_MESSAGES)
        .where(OUTBOX.c.id == message_id, named["text"].is_not(None))
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return MessageWords(
        id=row.id,
        channel=row.channel,
        state=row.state,
        order_id=row.order_id or "",
        customer=row.name or row.to_name or "",
        address=mask_address(row.address) if row.address else "",
        subject=row.subject or "",
        text=fill_link(row.text or "", NO_TOKEN),
        html=fill_link(row.html or "", NO_TOKEN),
        not_before=row.not_before,
        sent_at=row.sending_at,
        trial=bool(row.trial),
    )
