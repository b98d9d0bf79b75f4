"""Limit how fast messages leave by a channel: the policy's rate for all workers, and pauses asked for by providers."""

from datetime import datetime

from sqlalchemy import Connection, case, or_, select, update

from models.enums import Channel
from models.policy.messaging import SendingPolicy
from tasks.db.sql import insert
from tasks.tables import CHANNEL_STATES

MAX_CLOCK_SKEW_SECONDS = 5
"""How far the clocks of workers may differ. Within this, the clock that is ahead sets the current second."""


def pause_channel(connection: Connection, channel: str, until: datetime) -> None:
    """Send nothing by a channel until a moment, as its provider asked. The circuit breaker stays closed."""
    new = insert(connection, CHANNEL_STATES).values(
        channel=channel, retry_at=until, failed_probes=0, window_second=0, sent_in_window=0
    )
    ends_earlier = or_(CHANNEL_STATES.c.retry_at.is_(None), CHANNEL_STATES.c.retry_at < until)
    connection.execute(
        new.on_conflict_do_update(index_elements=["channel"], set_={"retry_at": until}, where=ends_earlier)
    )


def paused_channels(connection: Connection, now: datetime) -> set[str]:
    """Return the channels whose providers asked for a pause that is not over."""
    query = select(CHANNEL_STATES.c.channel).where(
        CHANNEL_STATES.c.tripped_at.is_(None), CHANNEL_STATES.c.retry_at > now
    )
    return set(connection.execute(query).scalars())


def take_tokens(connection: Connection, channel: Channel, requested: int, now: datetime, policy: SendingPolicy) -> int:
    """Return how many of the requested messages may leave in this second, counting those of all workers."""
    limit = policy.per_second.get(channel)
    if limit is None or requested == 0:
        return requested
    second = int(now.timestamp())
    row = {"channel": channel, "window_second": second, "sent_in_window": 0, "failed_probes": 0}
    connection.execute(insert(connection, CHANNEL_STATES).values(**row).on_conflict_do_nothing())
    current = (
        select(CHANNEL_STATES.c.window_second, CHANNEL_STATES.c.sent_in_window)
        .where(CHANNEL_STATES.c.channel == channel)
        .with_for_update()
    )
    window_second, sent = connection.execute(current).one()
    second = window_second if 0 <= window_second - second < MAX_CLOCK_SKEW_SECONDS else second
    tokens = min(requested, limit - (sent if window_second == second else 0))
    count = case((CHANNEL_STATES.c.window_second == second, CHANNEL_STATES.c.sent_in_window + tokens), else_=tokens)
    connection.execute(
        update(CHANNEL_STATES)
        .where(CHANNEL_STATES.c.channel == channel)
        .values(window_second=second, sent_in_window=count)
    )
    return tokens
