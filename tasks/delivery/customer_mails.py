"""Mails that answer a customer's act, as delivery sees them: the customer asked for them, so they always leave."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from channels.transport import MessageTransport
from models.enums import Channel, SkipReason, State
from models.messages import DeliveryOutcome, Message
from rules.customers.link_tokens import fill_link, token_of
from tasks.context import Context
from tasks.delivery.message_kind import QUEUE_COLUMNS, Outgoing, Prepared
from tasks.notices.suppressions import suppressed_by_hash
from tasks.tables import CUSTOMER_MAILS, OUTBOX, SUPPRESSIONS

MAIL_COLUMNS = [
    CUSTOMER_MAILS.c[name] for name in ("kind", "link_id", "address", "to_name", "locale", "subject", "text", "html")
]


@dataclass(frozen=True, slots=True)
class CustomerMails:
    """Acknowledgements and new links. Only a suppressed address gets none; opting out of notices does not stop them."""

    context: Context
    transport: MessageTransport
    channels: Collection[str] = (Channel.EMAIL,)

    def select(self) -> Select[Any]:
        is_suppressed = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == CUSTOMER_MAILS.c.address)
        query = select(*QUEUE_COLUMNS, *MAIL_COLUMNS, is_suppressed.exists().label("is_suppressed"))
        return query.select_from(OUTBOX.join(CUSTOMER_MAILS, CUSTOMER_MAILS.c.id == OUTBOX.c.id))

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"now": now}

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        # An erased customer's mails have no address; an address that an erased customer had is known by its hash.
        hashed = suppressed_by_hash(connection, {row.address for row in rows}, self.context.erasure_key)
        stopped = {row.id for row in rows if row.is_suppressed or not row.address or row.address in hashed}
        skipped = [DeliveryOutcome(key, State.SKIPPED, SkipReason.SUPPRESSED) for key in sorted(stopped)]
        return Prepared([self._outgoing(row) for row in rows if row.id not in stopped], skipped)

    def _outgoing(self, row: Row[Any]) -> Outgoing:
        message, transport = customer_mail(row, self.context.link_key), self.transport
        return Outgoing(row.id, row.channel, row.attempts, lambda: transport.send(message), message.to)

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        return outcome

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        pass


def customer_mail(row: Any, link_key: bytes) -> Message:
    """Return the message of a customer mail, its link filled in."""
    token = token_of(link_key, row.link_id) if row.link_id else ""
    return Message(
        id=row.id,
        channel=Channel.EMAIL,
        to=row.address,
        text=fill_link(row.text, token),
        locale=row.locale,
        subject=row.subject,
        html=fill_link(row.html, token),
        to_name=row.to_name,
        category=row.kind,
    )
