"""Tell whether a deliver run has anything to do at a moment. The watch asks this every two seconds."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, or_, select

from models.enums import Channel, State
from models.policy.messaging import InDoubtPolicy
from tasks.delivery.in_doubt import STAFF
from tasks.tables import CHANNEL_STATES, OUTBOX


def is_delivery_due(
    connection: Connection, now: datetime, open_channels: Collection[str], policy: InDoubtPolicy
) -> bool:
    """Return whether a message, a lookup of a message in doubt or a fallback is due, or a dead run's lease has ended.

    Messages of a channel that is not in `open_channels`, whose breaker is open or that is paused are not due: a
    deliver run would leave them in the queue.
    """
    moments = {
        "now": now,
        "ask_before": now - timedelta(minutes=policy.ask_after_minutes),
        "staff_before": now - timedelta(hours=policy.staff_after_hours),
    }
    return bool(connection.execute(_query(frozenset(open_channels)), moments).scalar_one())


@cache
def _query(open_channels: frozenset[str]) -> Select[tuple[bool]]:
    """Return the query; to put it together takes several times as long as to run it."""
    is_open = OUTBOX.c.channel.in_(sorted(open_channels))
    unusable = select(CHANNEL_STATES.c.channel).where(CHANNEL_STATES.c.retry_at > bindparam("now"))
    usable = and_(is_open, OUTBOX.c.channel.not_in(unusable))
    # What is sent or in doubt was due, too: one range of `ix_outbox_due` holds them all.
    unsettled = and_(
        OUTBOX.c.channel.in_(list(Channel)), OUTBOX.c.settled_at.is_(None), OUTBOX.c.not_before <= bindparam("now")
    )
    due = or_(
        and_(OUTBOX.c.state == State.QUEUED, usable, ~OUTBOX.c.on_hold),
        and_(OUTBOX.c.state == State.SENDING, OUTBOX.c.lease_until < bindparam("now")),
        and_(OUTBOX.c.state == State.IN_DOUBT, _lookup_due(is_open)),
    )
    failed = exists(select(OUTBOX.c.id).where(OUTBOX.c.awaits_fallback, ~OUTBOX.c.on_hold))
    return select(or_(exists(select(OUTBOX.c.id).where(unsettled, due)), failed))


def _lookup_due(is_open: ColumnElement[bool]) -> ColumnElement[bool]:
    """Select the messages in doubt that `reconcile_in_doubt` looks up, or hands to staff because it cannot."""
    free = or_(OUTBOX.c.lease_until.is_(None), OUTBOX.c.lease_until <= bindparam("now"))
    return and_(
        OUTBOX.c.lease_holder.is_distinct_from(STAFF),
        or_(
            and_(is_open, free, OUTBOX.c.sending_at <= bindparam("ask_before")),
            and_(~is_open, OUTBOX.c.sending_at < bindparam("staff_before")),
        ),
    )
