"""What delivery asks of a kind of message: how due ones are loaded, prepared, and followed up.

Notices and posts are here; purchase requests are in `tasks/purchasing/dispatch.py`.
"""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Select, func, select

from channels.transport import MessageTransport
from models.enums import Channel
from models.messages import DeliveryOutcome, Message, Receipt
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.delivery.due_notices import oldest, prepare_notices, recheck_orders, select_notices
from tasks.posts.compose import stale_posts
from tasks.tables import NOTICES, OUTBOX, POSTS

QUEUE_COLUMNS = [OUTBOX.c[name] for name in ("id", "channel", "attempts", "valid_until", "sending_at", "reference")]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that may leave now."""

    id: str
    channel: str
    attempts: int
    """How often it was tried before."""
    send: Callable[[], Coroutine[Any, Any, Receipt]]
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Due messages: those that may leave now, and what becomes of others. The rest stay as they are."""

    outgoing: list[Outgoing] = field(default_factory=list)
    outcomes: list[DeliveryOutcome] = field(default_factory=list)


class MessageKind(Protocol):
    """One kind of message, as delivery sees it."""

    @property
    def channels(self) -> Collection[str]:
        """Return the channels that may be used now."""
        ...

    def select(self) -> Select[Any]:
        """Return the SELECT of what `prepare` needs of each message; delivery adds which, and locks the outbox."""
        ...

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        """Return the parameters of the SELECT for one turn; it is put together once for all turns."""
        ...

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        """Return which of the messages may leave now. It runs in the transaction that has locked them."""
        ...

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        """Return what the provider's answer means for this kind of message."""
        ...

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        """Record what follows from outcomes, in the same transaction."""
        ...


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
        return Prepared([_outgoing(row, notice_message(row), self.transport) for row in true_rows], outcomes)

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        return outcome

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        recheck_orders(connection, recorded, as_of)


@dataclass(frozen=True, slots=True)
class Posts:
    """Social posts that staff approved."""

    context: Context
    transport: MessageTransport
    only_run: str | None = None
    channels: Collection[str] = (Channel.X,)

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"now": now}

    def select(self) -> Select[Any]:
        query = select(*QUEUE_COLUMNS, *(column for column in POSTS.c if column.name not in ("id", "channel")))
        query = query.select_from(OUTBOX.join(POSTS, POSTS.c.id == OUTBOX.c.id))
        return query if self.only_run is None else query.where(POSTS.c.run_id == self.only_run)

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        outcomes = stale_posts(self.context, connection, [row._asdict() for row in rows], as_of)
        stale = {outcome.id for outcome in outcomes}
        true_rows = (row for row in rows if row.id not in stale)
        return Prepared([_outgoing(row, post_message(row), self.transport) for row in true_rows], outcomes)

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        return outcome

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        pass


def kind_of(
    context: Context, channel: Channel, transport: MessageTransport, only_run: str | None = None
) -> MessageKind:
    """Return the kind of message that a channel carries."""
    if channel is Channel.X:
        return Posts(context, transport, only_run)
    return Notices(context, channel, transport, only_run)


def _outgoing(row: Row[Any], message: Message, transport: MessageTransport) -> Outgoing:
    return Outgoing(row.id, row.channel, row.attempts, lambda: transport.send(message), message.to or None)


def load_messages(connection: Connection, ids: Collection[str]) -> list[Row[Any]]:
    """Return notices and posts with what `message_of` and a lookup of them need, the oldest first."""
    words = [
        *(func.coalesce(NOTICES.c[name], POSTS.c[name]).label(name) for name in ("text", "locale")),
        *(NOTICES.c[name] for name in ("order_id", "address", "message", "subject", "html", "to_name")),
    ]
    query = (
        select(*QUEUE_COLUMNS, *words)
        .select_from(OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id).outerjoin(POSTS, POSTS.c.id == OUTBOX.c.id))
        .where(in_list(connection, OUTBOX.c.id, ids))
        .order_by(OUTBOX.c.sending_at, OUTBOX.c.id)
    )
    return list(connection.execute(query).all()) if ids else []


def message_of(row: Any) -> Message:
    """Return the message of a notice or a post."""
    return post_message(row) if row.channel == Channel.X else notice_message(row)


def notice_message(row: Any) -> Message:
    """Return the message of a notice."""
    return Message(
        id=row.id,
        channel=Channel(row.channel),
        to=row.address or "",
        text=row.text,
        locale=row.locale,
        subject=row.subject,
        html=row.html,
        to_name=row.to_name,
        category=row.message,
        valid_until=row.valid_until,
    )


def post_message(row: Any) -> Message:
    """Return the message of a post."""
    return Message(id=row.id, channel=Channel.X, to="", text=row.text, locale=row.locale, category="post")
