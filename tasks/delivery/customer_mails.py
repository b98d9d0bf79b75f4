"""Messages to single customers that are no notices: what answers an act of theirs, and what staff asked for.

An answer always leaves, because the customer asked for it. What staff asked for leaves as a notice does: never to a
customer who opted out, by text only with consent and in the hours for texts, and not while the order is held. A notice
that is sent again leaves while what it says is so, and no other one has left since it was asked for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, false, func, or_, select

from channels.transport import MessageTransport
from models.customers import MailKind
from models.enums import Channel, SkipReason, State
from models.messages import DeliveryOutcome, Message
from models.orders import CustomerFacts, NoticeLine
from rules.contact.contact import contact_by
from rules.customers.link_tokens import fill_link, token_of
from rules.delays.delays import still_true
from rules.ids import first_mail
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.delivery.message_kind import QUEUE_COLUMNS, Outgoing, Prepared
from tasks.notices.suppressions import suppressed_by_hash
from tasks.orders.queries import get_orders
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, NOTICES, OPT_OUTS, OUTBOX, SUPPRESSIONS

MAIL_COLUMNS = [
    CUSTOMER_MAILS.c[name]
    for name in (
        "kind",
        "order_id",
        "link_id",
        "address",
        "to_name",
        "locale",
        "subject",
        "text",
        "html",
        "asked_by",
        "repeats",
        "created_at",
    )
]
CUSTOMER_COLUMNS = [CUSTOMERS.c[name] for name in ("country", "zone", "sms_consent", "opted_out")]
HOURS_OVER = "it is outside its hours: it waits for the next"


@dataclass(frozen=True, slots=True)
class CustomerMails:
    """Answers, new links, and what staff sent again or wrote, on one channel."""

    context: Context
    transport: MessageTransport
    channel: Channel = Channel.EMAIL

    @property
    def channels(self) -> Collection[str]:
        return (self.channel,)

    def select(self) -> Select[Any]:
        is_suppressed = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == CUSTOMER_MAILS.c.address)
        has_opted_out = or_(
            select(OPT_OUTS.c.address).where(OPT_OUTS.c.address == CUSTOMER_MAILS.c.address).exists(),
            func.coalesce(CUSTOMERS.c.opted_out, false()),
        )
        query = select(
            *QUEUE_COLUMNS,
            *MAIL_COLUMNS,
            *CUSTOMER_COLUMNS,
            is_suppressed.exists().label("is_suppressed"),
            and_(CUSTOMER_MAILS.c.asked_by.is_not(None), has_opted_out).label("is_opted_out"),
        )
        return query.select_from(
            OUTBOX.join(CUSTOMER_MAILS, CUSTOMER_MAILS.c.id == OUTBOX.c.id).outerjoin(
                CUSTOMERS, CUSTOMERS.c.id == CUSTOMER_MAILS.c.customer_id
            )
        )

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"now": now}

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        # An erased customer's mails have no address; an address that an erased customer had is known by its hash.
        hashed = suppressed_by_hash(connection, {row.address for row in rows}, self.context.erasure_key)
        outcomes = {row.id: self._stopped(row, hashed, now) for row in rows}
        again = [row for row in rows if row.kind == MailKind.AGAIN and outcomes[row.id] is None]
        outcomes |= _no_longer_true(self.context, connection, again, as_of, now)
        leaving = [self._outgoing(row) for row in rows if outcomes[row.id] is None]
        return Prepared(leaving, [outcome for outcome in outcomes.values() if outcome is not None])

    def _stopped(self, row: Row[Any], hashed: Collection[str], now: datetime) -> DeliveryOutcome | None:
        """Return why a message must not leave now; None where it may."""
        if row.is_suppressed or not row.address or row.address in hashed:
            return DeliveryOutcome(row.id, State.SKIPPED, SkipReason.SUPPRESSED)
        if row.is_opted_out and row.kind != MailKind.NEW_LINK:
            return DeliveryOutcome(row.id, State.SKIPPED, SkipReason.OPTED_OUT)
        if self.channel is not Channel.SMS:
            return None
        return _outside_hours(self.context, row, now)

    def _outgoing(self, row: Row[Any]) -> Outgoing:
        message, transport = customer_mail(row, self.context.link_key), self.transport
        return Outgoing(row.id, row.channel, row.attempts, lambda: transport.send(message), message.to)

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        return outcome

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        pass


def _no_longer_true(
    context: Context, connection: Connection, again: Sequence[Row[Any]], as_of: date, now: datetime
) -> dict[str, DeliveryOutcome]:
    """Return the outcomes of messages that staff sent again and that must not leave any more.

    What such a message says is not so, or its customer was told something else after staff had asked for it.
    """
    if not again:
        return {}
    columns = (NOTICES.c.id, NOTICES.c.order_id, NOTICES.c.revision, NOTICES.c.lines)
    repeated = {row.repeats for row in again} - {None}
    found = connection.execute(select(*columns).where(in_list(connection, NOTICES.c.id, repeated)))
    notices = {row.id: row for row in found}
    ids = sorted({row.order_id for row in notices.values()})
    loaded = get_orders(context.with_run(context.run_id, as_of, now), connection, ids)
    orders = {watched.order.id: watched.order for watched in loaded}
    left = _when_left(connection, ids)
    outcomes = {}
    for row in again:
        notice = notices.get(row.repeats or "")
        order = orders.get(notice.order_id) if notice is not None else None
        if notice is None or order is None or not still_true([*map(NoticeLine.from_data, notice.lines)], order, as_of):
            outcomes[row.id] = DeliveryOutcome(row.id, State.SKIPPED, SkipReason.CHANGED)
        elif any(revision > notice.revision and at > row.created_at for revision, at in left.get(notice.order_id, ())):
            outcomes[row.id] = DeliveryOutcome(row.id, State.SKIPPED, SkipReason.SUPERSEDED)
    return outcomes


def _when_left(connection: Connection, orders: Collection[str]) -> dict[str, list[tuple[int, datetime]]]:
    """Return by order id the revisions that left, or may have left, and when."""
    columns = (NOTICES.c.order_id, NOTICES.c.revision, OUTBOX.c.sending_at)
    query = select(*columns).select_from(NOTICES_WITH_STATE)
    left: dict[str, list[tuple[int, datetime]]] = {}
    for row in connection.execute(query.where(in_list(connection, NOTICES.c.order_id, orders), LEFT_FILTER)):
        if row.sending_at is not None:
            left.setdefault(row.order_id, []).append((row.revision, row.sending_at))
    return left


def _outside_hours(context: Context, row: Row[Any], now: datetime) -> DeliveryOutcome | None:
    """Return why a text must not leave now, by the consent and the hours of its customer; None where it may."""
    customer = CustomerFacts(
        "", "", phone=row.address, country=row.country, zone=row.zone, sms_consent=bool(row.sms_consent)
    )
    shop = context.shop
    contact = contact_by(customer, Channel.SMS, context.policy, now, shop.country, shop.zone)
    if contact.skip is not None:
        return DeliveryOutcome(row.id, State.SKIPPED, contact.skip)
    if contact.not_before is None or contact.not_before <= now:
        return None
    later = DeliveryOutcome(row.id, State.QUEUED, HOURS_OVER, not_before=contact.not_before)
    return replace(later, valid_until=contact.valid_until, new_hours=True)


def customer_mail(row: Any, link_key: bytes) -> Message:
    """Return the message of a customer mail, its link filled in."""
    token = token_of(link_key, row.link_id) if row.link_id else ""
    return Message(
        id=row.id,
        channel=Channel(row.channel),
        to=row.address,
        text=fill_link(row.text, token),
        locale=row.locale,
        subject=row.subject,
        html=fill_link(row.html, token),
        to_name=row.to_name,
        category=row.kind,
        valid_until=row.valid_until,
        follows=first_mail(row.order_id) if row.channel == Channel.EMAIL else "",
        is_answer=row.asked_by is None,
    )
