"""Notices and posts, as delivery sees them, and which kinds of message a channel carries.

Mails that answer customers are in `customer_mails.py`, purchase requests in `tasks/purchasing/dispatch.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from channels.transport import MessageTransport
from models.enums import NETWORKS, Channel
from models.messages import DeliveryOutcome, Message, Picture
from rules.customers.link_tokens import fill_link, token_of
from rules.delays.buckets import days_group
from rules.ids import first_mail
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.delivery.customer_mails import CustomerMails, customer_mail
from tasks.delivery.due_notices import oldest, prepare_notices, recheck_orders, select_notices
from tasks.delivery.message_kind import QUEUE_COLUMNS, MessageKind, Outgoing, Prepared
from tasks.posts.cards import link_card, load_product
from tasks.posts.drafts import load_picture
from tasks.posts.stale import skip_stale
from tasks.tables import CUSTOMER_MAILS, NOTICES, OUTBOX, POST_MESSAGES, POSTS

POST_OUTBOX = OUTBOX.join(POST_MESSAGES, POST_MESSAGES.c.id == OUTBOX.c.id).join(
    POSTS, POSTS.c.id == POST_MESSAGES.c.post_id
)
POST_FACTS = ("product_id", "week", "kind", "left", "expected_on", "publish_at", "decided_at", "locale")


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices on one channel; with `only_run`, only those that this run recorded."""

    context: Context
    channel: Channel
    transport: MessageTransport
    only_run: str | None = None

    @property
    def channels(self) -> Collection[str]:
        return (self.channel,)

    def select(self) -> Select[Any]:
        return select_notices(QUEUE_COLUMNS, self.only_run)

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"as_of": as_of, "now": now, "oldest": oldest(self.context, now)}

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        true_rows, outcomes = prepare_notices(self.context, connection, rows, as_of, now)
        key, policy = self.context.link_key, self.context.policy
        messages = ((row, notice_message(row, key, days_group(row.days, policy))) for row in true_rows)
        return Prepared([_outgoing(row, message, self.transport) for row, message in messages], outcomes)

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        return outcome

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        recheck_orders(connection, recorded, as_of)


@dataclass(frozen=True, slots=True)
class Posts:
    """Posts on one network that staff approved."""

    context: Context
    channel: Channel
    transport: MessageTransport
    only_run: str | None = None

    @property
    def channels(self) -> Collection[str]:
        return (self.channel,)

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"now": now}

    def select(self) -> Select[Any]:
        query = select(
            *QUEUE_COLUMNS,
            OUTBOX.c.queued_at,
            POST_MESSAGES.c.post_id,
            POST_MESSAGES.c.text,
            *(POSTS.c[name] for name in POST_FACTS),
        ).select_from(POST_OUTBOX)
        return query if self.only_run is None else query.where(POSTS.c.run_id == self.only_run)

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        outcomes = skip_stale(self.context, connection, [row._asdict() for row in rows], as_of, now)
        stale = {outcome.id for outcome in outcomes}
        true_rows = (row for row in rows if row.id not in stale)
        messages = ((row, self._whole(connection, row)) for row in true_rows)
        return Prepared([_outgoing(row, message, self.transport) for row, message in messages], outcomes)

    def _whole(self, connection: Connection, row: Row[Any]) -> Message:
        """Return a post with its picture, or the card of its link."""
        message = post_message(row, load_picture(connection, row.post_id))
        if message.picture:
            return message
        return replace(message, card=link_card(self.context, row.text, load_product(connection, row.product_id)))

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        return outcome

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        pass


def kinds_of(
    context: Context, channel: Channel, transport: MessageTransport, only_run: str | None = None
) -> list[MessageKind]:
    """Return the kinds of message that a channel carries; what customers wait for comes first."""
    if channel in NETWORKS:
        return [Posts(context, channel, transport, only_run)]
    notices = Notices(context, channel, transport, only_run)
    return [notices] if only_run else [CustomerMails(context, transport, channel), notices]


def _outgoing(row: Row[Any], message: Message, transport: MessageTransport) -> Outgoing:
    return Outgoing(row.id, row.channel, row.attempts, lambda: transport.send(message), message.to or None)


def load_messages(connection: Connection, ids: Collection[str]) -> list[Row[Any]]:
    """Return messages with what `message_of` and a lookup of them need, the oldest first."""
    tables = (NOTICES, POST_MESSAGES, POSTS, CUSTOMER_MAILS)
    named: dict[str, list[ColumnElement[Any]]] = {
        name: [table.c[name] for table in tables if name in table.c]
        for name in ("text", "locale", "order_id", "address", "subject", "html", "to_name", "link_id")
    }
    words: list[Any] = [func.coalesce(*columns).label(name) for name, columns in named.items()]
    words += [NOTICES.c.message, NOTICES.c.revision, NOTICES.c.days, CUSTOMER_MAILS.c.kind, CUSTOMER_MAILS.c.asked_by]
    columns = [*QUEUE_COLUMNS, OUTBOX.c.sending_at, OUTBOX.c.reference, *words]
    query = (
        select(*columns)
        .select_from(
            OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id)
            .outerjoin(POST_MESSAGES, POST_MESSAGES.c.id == OUTBOX.c.id)
            .outerjoin(POSTS, POSTS.c.id == POST_MESSAGES.c.post_id)
            .outerjoin(CUSTOMER_MAILS, CUSTOMER_MAILS.c.id == OUTBOX.c.id)
        )
        .where(in_list(connection, OUTBOX.c.id, ids))
        .order_by(OUTBOX.c.sending_at, OUTBOX.c.id)
    )
    return list(connection.execute(query).all()) if ids else []


def message_of(row: Any, link_key: bytes) -> Message:
    """Return the message of a row of `load_messages`."""
    if row.channel in NETWORKS:
        return post_message(row)
    return notice_message(row, link_key) if row.kind is None else customer_mail(row, link_key)


def notice_message(row: Any, link_key: bytes, days: str = "") -> Message:
    """Return the message of a notice, the link to its order's page filled in; `days` is the group of its days late."""
    text, html = row.text, row.html
    if row.link_id:
        token = token_of(link_key, row.link_id)
        text, html = fill_link(text, token), fill_link(html, token)
    return Message(
        id=row.id,
        channel=Channel(row.channel),
        to=row.address or "",
        text=text,
        locale=row.locale,
        subject=row.subject,
        html=html,
        to_name=row.to_name,
        category=row.message,
        valid_until=row.valid_until,
        follows=first_mail(row.order_id) if row.revision > 1 and row.channel == Channel.EMAIL else "",
        days_late=row.days,
        days_group=days,
    )


def post_message(row: Any, picture: Picture | None = None) -> Message:
    """Return the message of a post to a network."""
    return Message(
        id=row.id,
        channel=Channel(row.channel),
        to="",
        text=row.text,
        locale=row.locale,
        category="post",
        picture=picture,
    )
