"""What waits to be sent: by the hour in which it may leave, message by message, and how fast each channel works."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from models.enums import Channel
from models.policy.messaging import SendingPolicy
from rules.contact.masking import mask_address
from tasks.context import Context
from tasks.db.outbox import QUEUED_FILTER
from tasks.delivery.circuit_breaker import open_breakers
from tasks.desk.bounded import MOST, PAGE, Listed, after_filter, listed
from tasks.desk.message_tables import WHOLE_MESSAGES
from tasks.tables import (
    CHANNEL_STATES,
    CUSTOMER_MAILS,
    CUSTOMERS,
    EVENTS,
    LIVE_CHANNELS,
    NOTICES,
    OUTBOX,
    POST_MESSAGES,
    PRODUCTS,
    RUNS,
)

HOUR = timedelta(hours=1)
NOTICE, ANSWER, POST = "notice", "answer", "post"
"""What a waiting message is: about a delay, an answer to what a customer did, or a post."""


@dataclass(frozen=True, slots=True)
class QueueHour:
    """The messages of a channel that may leave in one hour of the shop's zone; `begin` None: at once."""

    channel: str
    begin: datetime | None
    end: datetime
    messages: int
    first_at: datetime
    """When the first of them may leave."""


@dataclass(frozen=True, slots=True)
class ChannelPace:
    """How a channel works off its queue."""

    channel: str
    waiting: int
    more: bool
    """Whether more wait than were counted."""
    in_an_hour: int
    """How many of those will have left in an hour."""
    per_second: float | None
    """The policy's limit; None: none."""
    stopped_since: datetime | None
    reason: str
    next_try: datetime | None
    first_at: datetime
    """When the first of those that wait may leave."""
    is_live: bool
    """Whether customers get what it sends; otherwise it is a trial."""


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """One message that waits."""

    id: str
    kind: str
    channel: str
    not_before: datetime
    order_id: str
    customer: str
    address: str
    """Masked."""
    subject: str
    attempts: int
    reason: str
    """The provider's answer to the last try, or why it was put off."""
    zone: str
    """The customer's own zone; empty: that of the shop counts."""
    released_by: str
    """Who released its run, where it waits for the grace to end."""

    @property
    def place(self) -> tuple[datetime, str]:
        """Where it stands in the list."""
        return self.not_before, self.id


def load_hours(
    context: Context, connection: Connection, now: datetime, channels: Collection[Channel] = tuple(Channel)
) -> list[QueueHour]:
    """Return what waits by channel and hour, the next first; at most MOST messages of a channel are counted."""
    hours: dict[tuple[datetime | None, str], int] = {}
    firsts: dict[tuple[datetime | None, str], datetime] = {}
    for channel in channels:
        waiting = select(OUTBOX.c.not_before).where(OUTBOX.c.channel == channel, QUEUED_FILTER)
        some = waiting.order_by(OUTBOX.c.not_before).limit(MOST).subquery()
        moment = some.c.not_before
        for not_before, n in connection.execute(select(moment, func.count()).group_by(moment)):
            key = (None if not_before <= now else hour_of(context, not_before), str(channel))
            hours[key] = hours.get(key, 0) + n
            firsts[key] = min(firsts.get(key, not_before), not_before)
    found = [
        QueueHour(channel, begin, _end(context, begin, now), n, firsts[begin, channel])
        for (begin, channel), n in hours.items()
    ]
    return sorted(found, key=lambda hour: (hour.begin or now, hour.channel))


def hour_of(context: Context, moment: datetime) -> datetime:
    """Return the beginning of the hour of a moment in the shop's zone."""
    return moment.astimezone(context.zone).replace(minute=0, second=0, microsecond=0)


def _end(context: Context, begin: datetime | None, now: datetime) -> datetime:
    return now.astimezone(context.zone) if begin is None else begin + HOUR


def hour_filter(channel: str, begin: datetime | None, now: datetime) -> ColumnElement[bool]:
    """Return the SQL of the messages of a channel that may leave in an hour; `begin` None: at once."""
    of_channel = and_(OUTBOX.c.channel == channel, QUEUED_FILTER)
    if begin is None:
        return and_(of_channel, OUTBOX.c.not_before <= now)
    return and_(of_channel, OUTBOX.c.not_before > now, OUTBOX.c.not_before >= begin, OUTBOX.c.not_before < begin + HOUR)


def load_pace(
    connection: Connection, policy: SendingPolicy, hours: Sequence[QueueHour], now: datetime
) -> list[ChannelPace]:
    """Return how each channel with waiting messages works them off."""
    paused = {row.channel: row.retry_at for row in connection.execute(select(CHANNEL_STATES)) if row.retry_at}
    stopped, live = open_breakers(connection), set(connection.execute(select(LIVE_CHANNELS.c.channel)).scalars())
    paces = []
    for channel in dict.fromkeys(hour.channel for hour in hours):
        own = [hour for hour in hours if hour.channel == channel]
        waiting = sum(hour.messages for hour in own)
        soon = sum(hour.messages for hour in own if hour.begin is None or hour.begin < now + HOUR)
        limit = policy.per_second.get(Channel(channel))
        state, retry_at = stopped.get(channel), paused.get(channel)
        next_try = retry_at if retry_at and retry_at > now else None
        pace = soon if limit is None else min(soon, int(limit * HOUR.total_seconds()))
        in_an_hour = 0 if state else pace
        since, reason = (state["tripped_at"], state["reason"] or "") if state else (None, "")
        paces.append(
            ChannelPace(
                channel=channel,
                waiting=waiting,
                more=waiting >= MOST,
                in_an_hour=in_an_hour,
                per_second=limit,
                stopped_since=since,
                reason=reason,
                next_try=next_try,
                first_at=min(hour.first_at for hour in own),
                is_live=channel in live,
            )
        )
    return paces


def load_waiting(
    connection: Connection,
    now: datetime,
    *,
    channel: str | None = None,
    begin: datetime | None = None,
    in_hour: bool = False,
    place: tuple[datetime, str] | None = None,
    limit: int = PAGE,
) -> Listed[WaitingMessage]:
    """Return a page of what waits, the next first; of one channel and hour, or of all."""
    found: list[Row[Any]] = []
    for each in Channel if channel is None else (channel,):
        which = hour_filter(each, begin, now) if in_hour else and_(OUTBOX.c.channel == each, QUEUED_FILTER)
        keys = select(OUTBOX.c.id).where(which, *after_filter(place, OUTBOX.c.not_before, OUTBOX.c.id))
        page = keys.order_by(OUTBOX.c.not_before, OUTBOX.c.id).limit(limit + 1)
        found += connection.execute(_messages().where(OUTBOX.c.id.in_(page))).all()
    found.sort(key=lambda row: (row.not_before, row.id))
    page_rows = listed(found, limit)
    released = _released(connection, page_rows.rows, now)
    return Listed(tuple(_waiting(row, released) for row in page_rows.rows), page_rows.more)


def find_waiting(connection: Connection, message_id: str) -> WaitingMessage | None:
    """Return one message that waits; None where it does not wait any more, or never did."""
    row = connection.execute(_messages().where(OUTBOX.c.id == message_id, QUEUED_FILTER)).first()
    return None if row is None else _waiting(row, {})


def _messages() -> Any:
    columns = [OUTBOX.c[name] for name in ("id", "channel", "not_before", "queued_at", "attempts", "reason")]
    order_id = func.coalesce(NOTICES.c.order_id, CUSTOMER_MAILS.c.order_id)
    kind = case((NOTICES.c.id.is_not(None), NOTICE), (CUSTOMER_MAILS.c.id.is_not(None), ANSWER), else_=POST)
    return (
        select(*columns, NOTICES.c.run_id, order_id.label("order_id"), kind.label("kind"))
        .add_columns(
            func.coalesce(CUSTOMERS.c.name, NOTICES.c.to_name, CUSTOMER_MAILS.c.to_name).label("customer"),
            func.coalesce(NOTICES.c.address, CUSTOMER_MAILS.c.address).label("address"),
            func.coalesce(NOTICES.c.subject, CUSTOMER_MAILS.c.subject).label("subject"),
            func.coalesce(NOTICES.c.text, POST_MESSAGES.c.text).label("text"),
            PRODUCTS.c.name.label("product"),
            CUSTOMERS.c.zone,
        )
        .select_from(WHOLE_MESSAGES)
    )


def _released(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> dict[str, str]:
    """Return by run who released it, for messages of which the release was moments ago."""
    runs = {row.run_id for row in rows if row.run_id and row.not_before > now and row.queued_at > now - HOUR}
    if not runs:
        return {}
    query = (
        select(EVENTS.c.subject, EVENTS.c.who)
        .join(RUNS, and_(RUNS.c.id == EVENTS.c.subject, RUNS.c.state == "released"))
        .where(EVENTS.c.subject.in_(runs), EVENTS.c.kind == "released")
    )
    return dict(connection.execute(query.order_by(EVENTS.c.id)).all())


def _waiting(row: Row[Any], released: dict[str, str]) -> WaitingMessage:
    return WaitingMessage(
        id=row.id,
        kind=row.kind,
        channel=row.channel,
        not_before=row.not_before,
        order_id=row.order_id or "",
        customer=row.customer or row.product or "",
        address=mask_address(row.address) if row.address else "",
        subject=row.subject or row.text or "",
        attempts=row.attempts,
        reason=row.reason or "",
        zone=row.zone or "",
        released_by=released.get(row.run_id or "", ""),
    )
