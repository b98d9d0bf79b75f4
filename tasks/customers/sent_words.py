"""Load the words of a message that a customer was sent."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from models.errors import ForewarnError
from rules.customers.link_tokens import fill_link
from tasks.tables import CUSTOMER_MAILS, NOTICES


@dataclass(frozen=True, slots=True)
class SentWords:
    """A message as it was sent; a text has no HTML."""

    text: str
    html: str


def load_sent_words(connection: Connection, message_id: str, token: str) -> SentWords:
    """Return the words of a notice or of a mail that answered the customer, with a token in their links.

    The token is the reader's own: the one that was sent may have expired, and the ledger does not hold it. Raises
    ForewarnError where there is no such message.
    """
    for table in (NOTICES, CUSTOMER_MAILS):
        row = connection.execute(select(table.c.text, table.c.html).where(table.c.id == message_id)).first()
        if row is not None:
            return SentWords(fill_link(row.text, token), fill_link(row.html, token))
    raise ForewarnError(f"there is no message {message_id!r}")
