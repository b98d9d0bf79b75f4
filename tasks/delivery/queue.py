"""The outbox as a queue: what is due, marked as sending, abandoned, withdrawn. Each step is a compare-and-set.

`tasks/delivery/outcomes.py` records how a message ended.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    func,
    select,
    update,
)

from models.enums import Channel, State
from models.tables.column_types import UtcTime
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE, QUEUED_FILTER
from tasks.db.sql import array_parameter, array_text, is_sqlite
from tasks.tables import OUTBOX

_SENDING_FILTER = and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.SENDING)


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who sends messages: a name that is unique to each run, and how long its leases last."""

    name: str
    lease: timedelta
    longest_request: timedelta = timedelta()
    """A request begins only while its lease outlasts it: later, another worker may settle the message."""


def due_filter(channels: Collection[str]) -> ColumnElement[bool]:
    """Return the SQL of a message of these channels that may leave at the parameter `now`; `ix_outbox_due` finds it."""
    return and_(
        _one_of(channels),
        QUEUED_FILTER,
        OUTBOX.c.not_before <= bindparam("now", type_=UtcTime),
        ~OUTBOX.c.on_hold,
    )


def _one_of(channels: Collection[str]) -> ColumnElement[bool]:
    # SQLAlchemy writes a list into the statement each time that it is executed.
    return OUTBOX.c.channel.in_(sorted(channels)) if len(channels) != 1 else OUTBOX.c.channel == next(iter(channels))


def mark_sending(connection: Connection, holder: LeaseHolder, ids: Sequence[str], now: datetime) -> None:
    """Mark messages as sending that this transaction has locked. Commit before a provider is called."""
    if ids:
        sqlite = is_sqlite(connection)
        lease = {"new_holder": holder.name, "until": now + holder.lease, "moment": now}
        connection.execute(_mark_sending(sqlite=sqlite), {"ids": list(ids) if sqlite else array_text(ids), **lease})


@cache
def _mark_sending(*, sqlite: bool) -> Update:
    """Return the statement; to put it together takes longer than to run it."""
    ids = bindparam("ids", expanding=True) if sqlite else any_(array_parameter("ids", Text()))
    marked = update(OUTBOX).where(OUTBOX.c.id.in_(ids) if sqlite else OUTBOX.c.id == ids)
    return marked.values(
        state=State.SENDING,
        lease_holder=bindparam("new_holder"),
        lease_until=bindparam("until"),
        sending_at=bindparam("moment"),
        attempts=OUTBOX.c.attempts + 1,
    )


def marked_at(connection: Connection, holder: LeaseHolder, channels: Collection[str], now: datetime) -> list[str]:
    """Return the messages that this holder marked as sending at exactly `now`: a commit whose answer was lost."""
    own = and_(_SENDING_FILTER, OUTBOX.c.lease_holder == holder.name, OUTBOX.c.sending_at == now)
    query = select(OUTBOX.c.id).where(own, OUTBOX.c.channel.in_(sorted(channels)))
    return list(connection.execute(query.order_by(OUTBOX.c.not_before, OUTBOX.c.id)).scalars())


def mark_abandoned_in_doubt(connection: Connection, channels: Collection[str], now: datetime, who: str) -> list[str]:
    """Put messages in doubt whose sender died while sending: they may or may not have left. Return their ids."""
    expired = and_(OUTBOX.c.channel.in_(sorted(channels)), _SENDING_FILTER, OUTBOX.c.lease_until < now)
    locked = select(OUTBOX.c.id).where(expired).with_for_update(skip_locked=True)
    in_doubt = {"state": State.IN_DOUBT, "reason": "the sending process ended"}
    abandoned = update(OUTBOX).where(OUTBOX.c.id.in_(locked)).values(**CLEAR_LEASE, **in_doubt)
    ids = sorted(connection.execute(abandoned.returning(OUTBOX.c.id)).scalars())
    why = "the sending process ended before the provider's answer was recorded"
    record_events(connection, [(State.IN_DOUBT, key, why) for key in ids], now, who)
    return ids


def count_queued(connection: Connection, channels: Iterable[str] = tuple(Channel)) -> Counter[str]:
    """Return how many messages are queued, by channel."""
    queued = select(OUTBOX.c.channel, func.count()).where(OUTBOX.c.channel.in_(sorted(channels)), QUEUED_FILTER)
    return Counter(dict(connection.execute(queued.group_by(OUTBOX.c.channel)).all()))
