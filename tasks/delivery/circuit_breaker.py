"""The circuit breaker of a channel: open while its provider takes nothing, for all workers together.

While it is open one message at a time, the probe, is sent after a growing wait. A probe that is taken resets it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from models.enums import State
from models.policy.messaging import SendingPolicy
from tasks.db.events import record_events
from tasks.db.sql import insert
from tasks.delivery.backoff import retry_delay
from tasks.tables import CHANNEL_STATES, NOTICES, OUTBOX, SUPPRESSIONS

FAILURE_WINDOW = timedelta(hours=1)
FAILURE_STATES = (State.REJECTED, State.BOUNCED, State.IN_DOUBT)
ANSWERED_STATES = (State.SENT, State.DELIVERED, *FAILURE_STATES)
FAILURE_RATE_REASON = "more than half of its latest messages were refused, did not arrive or are in doubt"


def trip(
    connection: Connection,
    channel: str,
    reason: str,
    now: datetime,
    policy: SendingPolicy,
    who: str,
    *,
    probed: bool,
    by_callback: bool = False,
) -> None:
    """Open a channel's breaker. When it is open and its probe failed (`probed`), double the wait for the next probe.

    When it is open and the failed message was no probe, nothing changes. With `by_callback`, the provider took the
    messages and they did not arrive: the breaker is then closed by one that arrives.
    """
    failures = connection.execute(
        select(CHANNEL_STATES.c.failed_probes).where(
            CHANNEL_STATES.c.channel == channel, CHANNEL_STATES.c.tripped_at.is_not(None)
        )
    )
    failed_probes = failures.scalar()
    if failed_probes is not None and not probed:
        return
    wait = retry_delay(timedelta(minutes=policy.try_again_minutes), failed_probes or 0)
    row = {"channel": channel, "reason": reason, "retry_at": now + wait, "failed_probes": (failed_probes or 0) + 1}
    row |= {"awaits_delivery": True} if by_callback else {}
    new = insert(connection, CHANNEL_STATES).values(**row, tripped_at=now, window_second=0, sent_in_window=0)
    since = func.coalesce(CHANNEL_STATES.c.tripped_at, new.excluded.tripped_at)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={**row, "tripped_at": since}))
    if failed_probes is None:
        record_events(connection, [("channel_shut", channel, reason)], now, who)


def reset(connection: Connection, channels: Iterable[str], now: datetime, who: str) -> None:
    """Close the breakers of channels whose messages are taken again, or arrive again."""
    closed = (
        update(CHANNEL_STATES)
        .where(CHANNEL_STATES.c.channel.in_(list(channels)), CHANNEL_STATES.c.tripped_at.is_not(None))
        .values(tripped_at=None, reason=None, retry_at=None, failed_probes=0, awaits_delivery=False)
        .returning(CHANNEL_STATES.c.channel)
    )
    record_events(
        connection, [("channel_open", channel, "") for channel in connection.execute(closed).scalars()], now, who
    )


def open_breakers(connection: Connection) -> dict[str, Any]:
    """Return the state of each channel whose breaker is open: `reason`, `tripped_at`, and `retry_at` of its probe."""
    query = select(
        CHANNEL_STATES.c.channel, CHANNEL_STATES.c.reason, CHANNEL_STATES.c.tripped_at, CHANNEL_STATES.c.retry_at
    ).where(CHANNEL_STATES.c.tripped_at.is_not(None))
    return {row["channel"]: dict(row) for row in connection.execute(query).mappings()}


def acquire_probe(connection: Connection, channels: Iterable[str], now: datetime, policy: SendingPolicy) -> str | None:
    """Return a channel whose probe is due, and reserve that probe: no other worker gets it. None when none is due."""
    for channel in channels:
        next_probe = now + timedelta(minutes=policy.try_again_minutes)
        reserved = (
            update(CHANNEL_STATES)
            .where(
                CHANNEL_STATES.c.channel == channel,
                CHANNEL_STATES.c.tripped_at.is_not(None),
                CHANNEL_STATES.c.retry_at <= now,
            )
            .values(retry_at=next_probe)
        )
        if connection.execute(reserved).rowcount == 1:
            return channel
    return None


def return_probe(connection: Connection, channels: Iterable[str], now: datetime) -> None:
    """Make the probes of channels due at once, because no message claimed for them may be sent."""
    for channel in channels:
        is_open = update(CHANNEL_STATES).where(
            CHANNEL_STATES.c.channel == channel, CHANNEL_STATES.c.tripped_at.is_not(None)
        )
        connection.execute(is_open.values(retry_at=now))


def failure_rate_exceeded(connection: Connection, channel: str, now: datetime, policy: SendingPolicy) -> bool:
    """Return whether more than half of a channel's latest messages failed, and at least `policy.rejections` of them.

    Failed means rejected, bounced or in doubt. Failures that suppressed their address do not count: they say nothing
    about the channel.
    """
    # A doubt is not settled; it counts from when it was sent.
    since = now - FAILURE_WINDOW
    recent = or_(OUTBOX.c.settled_at > since, and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.sending_at > since))
    latest = (
        select(OUTBOX.c.state)
        .select_from(OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id))
        .where(OUTBOX.c.channel == channel, recent, OUTBOX.c.state.in_(ANSWERED_STATES), _not_suppressed_filter())
        .order_by(func.coalesce(OUTBOX.c.settled_at, OUTBOX.c.sending_at).desc())
        .limit(2 * policy.rejections - 1)
        .subquery()
    )
    failed = select(func.count()).select_from(latest).where(latest.c.state.in_(FAILURE_STATES))
    return connection.execute(failed).scalar_one() >= policy.rejections


def _not_suppressed_filter() -> ColumnElement[bool]:
    return ~select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == NOTICES.c.address).exists()
