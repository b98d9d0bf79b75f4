"""Record signed messages of vendors, so that each one counts once."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from tasks.context import Context
from tasks.db.events import record_events
from tasks.tables import EVENTS

MESSAGE_EVENT = "vendor_message"
"""The kind of event that records a signed message. Subject: vendor id and `webhook-id`; reason: digest of the body."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A vendor's message whose signature is valid."""

    vendor: str
    id: str
    """Its `webhook-id`: the same for every copy of the message."""
    digest: str
    """SHA-256 of the body, in hex."""


class ReplayedMessage(Exception):
    """Raised for a second copy of a message."""


class ReusedMessageId(Exception):
    """Raised when a message has the id of an earlier, different message."""


def record_message(connection: Connection, context: Context, message: SignedMessage, who: str) -> None:
    """Record a message. Raise ReplayedMessage for a second copy, ReusedMessageId for another message with its id."""
    subject = f"{message.vendor}/{message.id}"
    earlier = select(EVENTS.c.why).where(EVENTS.c.subject == subject, EVENTS.c.kind == MESSAGE_EVENT)
    digest = connection.execute(earlier).scalar()
    if digest == message.digest:
        raise ReplayedMessage
    if digest is not None:
        raise ReusedMessageId("another message had this webhook-id; use a new one for each message")
    record_events(connection, [(MESSAGE_EVENT, subject, message.digest)], context.started_at, who)
