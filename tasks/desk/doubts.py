"""Messages in doubt, for the person who settles them: the words, when they were sent, and what the provider said."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from rules.contact.masking import mask_address
from tasks.db.sql import in_list
from tasks.delivery.in_doubt import IN_DOUBT_FILTER, STAFF
from tasks.desk.bounded import PAGE, Count, Listed, after_filter, count_up_to, listed
from tasks.desk.messages import hide_links
from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, EVENTS, NOTICES, OUTBOX, POST_MESSAGES, POSTS, PRODUCTS

LOOKED_UP = ("in_doubt", "for_people", "too_late")
"""Kinds of the events that say what the provider's answer was, and what its records said."""
Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message of which it is not known whether it left."""

    id: str
    channel: str
    sent_at: datetime
    order_id: str
    customer: str
    address: str
    """Masked."""
    subject: str
    text: str
    reason: str
    said: tuple[str, ...]
    """What the provider answered and its records said, the oldest first."""
    waits_for_staff: bool
    """Whether the provider is asked no more."""

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return self.sent_at, self.id


def in_doubt_filter(now: datetime) -> ColumnElement[bool]:
    """Return the SQL of the messages in doubt; what waits for a later hour is not looked at."""
    return and_(IN_DOUBT_FILTER, OUTBOX.c.not_before <= now)


def count_doubts(connection: Connection, now: datetime) -> tuple[Count, datetime | None]:
    """Return how many messages are in doubt, and since when the oldest one is."""
    which = in_doubt_filter(now)
    count = count_up_to(connection, select(OUTBOX.c.id).where(which))
    oldest = select(func.min(OUTBOX.c.sending_at, type_=OUTBOX.c.sending_at.type)).where(which)
    return count, connection.execute(oldest).scalar() if count else None


def list_doubts(connection: Connection, now: datetime, place: Place | None, limit: int = PAGE) -> Listed[Doubt]:
    """Return a page of the messages in doubt, the oldest first."""
    query = _doubts().where(in_doubt_filter(now), *after_filter(place, OUTBOX.c.sending_at, OUTBOX.c.id))
    page = listed(connection.execute(query.order_by(OUTBOX.c.sending_at, OUTBOX.c.id).limit(limit + 1)).all(), limit)
    said = _said(connection, [row.id for row in page.rows])
    return Listed(tuple(_doubt(row, said) for row in page.rows), page.more)


def find_doubt(connection: Connection, message_id: str) -> Doubt | None:
    """Return a message in doubt; None where it is not in doubt any more, or never was."""
    row = connection.execute(_doubts().where(OUTBOX.c.id == message_id, IN_DOUBT_FILTER)).first()
    return None if row is None else _doubt(row, _said(connection, [row.id]))


def find_settled(connection: Connection, message_id: str) -> tuple[str, datetime] | None:
    """Return who settled a message that was in doubt, and when; None where nobody did."""
    kinds = EVENTS.c.kind.in_(("settled_sent", "settled_not_sent"))
    query = select(EVENTS.c.who, EVENTS.c.at).where(EVENTS.c.subject == message_id, kinds)
    row = connection.execute(query.order_by(EVENTS.c.id.desc()).limit(1)).first()
    return None if row is None else (row.who, row.at)


def _doubts() -> Any:
    names = ("id", "channel", "sending_at", "reason", "lease_holder")
    customer_id = func.coalesce(NOTICES.c.customer_id, CUSTOMER_MAILS.c.customer_id)
    return (
        select(*(OUTBOX.c[name] for name in names))
        .add_columns(
            func.coalesce(NOTICES.c.order_id, CUSTOMER_MAILS.c.order_id).label("order_id"),
            func.coalesce(NOTICES.c.address, CUSTOMER_MAILS.c.address).label("address"),
            func.coalesce(NOTICES.c.subject, CUSTOMER_MAILS.c.subject).label("subject"),
            func.coalesce(NOTICES.c.text, CUSTOMER_MAILS.c.text, POST_MESSAGES.c.text).label("text"),
            func.coalesce(CUSTOMERS.c.name, NOTICES.c.to_name, PRODUCTS.c.name).label("customer"),
        )
        .select_from(
            OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id)
            .outerjoin(CUSTOMER_MAILS, CUSTOMER_MAILS.c.id == OUTBOX.c.id)
            .outerjoin(POST_MESSAGES, POST_MESSAGES.c.id == OUTBOX.c.id)
            .outerjoin(POSTS, POSTS.c.id == POST_MESSAGES.c.post_id)
            .outerjoin(PRODUCTS, PRODUCTS.c.id == POSTS.c.product_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == customer_id)
        )
    )


def _said(connection: Connection, ids: Collection[str]) -> dict[str, list[str]]:
    said: dict[str, list[str]] = defaultdict(list)
    if ids:
        about = (in_list(connection, EVENTS.c.subject, ids), EVENTS.c.kind.in_(LOOKED_UP))
        for subject, why in connection.execute(
            select(EVENTS.c.subject, EVENTS.c.why).where(*about).order_by(EVENTS.c.id)
        ):
            if why and why not in said[subject]:
                said[subject].append(why)
    return said


def _doubt(row: Row[Any], said: dict[str, list[str]]) -> Doubt:
    return Doubt(
        id=row.id,
        channel=row.channel,
        sent_at=row.sending_at,
        order_id=row.order_id or "",
        customer=row.customer or "",
        address=mask_address(row.address) if row.address else "",
        subject=row.subject or "",
        text=hide_links(row.text or ""),
        reason=row.reason or "",
        said=tuple(said.get(row.id, ())),
        waits_for_staff=row.lease_holder == STAFF,
    )
