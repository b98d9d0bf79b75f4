"""Limit how fast messages leave by a channel: the policy's rate for all workers, and pauses asked for by providers."""

import sys
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from models.enums import Channel
from models.policy.messaging import SendingPolicy
from tasks.db.sql import insert
from tasks.tables import CHANNEL_STATES

UNLIMITED = sys.maxsize
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


def tokens(connection: Connection, channel: Channel, now: datetime, policy: SendingPolicy) -> int:
    """Return how many messages may leave in this second, after those of all workers; `UNLIMITED` without a limit.

    The channel's state stays locked until the transaction ends, which then calls `count_sent`.
    """
    limit = policy.per_second.get(channel)
    if limit is None:
        return UNLIMITED
    row = {"channel": channel, "window_second": 0, "sent_in_window": 0, "failed_probes": 0}
    connection.execute(insert(connection, CHANNEL_STATES).values(**row).on_conflict_do_nothing())
    window_second, sent = _window(connection, channel)
    return limit - (sent if window_second == _second(window_second, now) else 0)


def count_sent(connection: Connection, channel: Channel, sent: int, now: datetime, policy: SendingPolicy) -> None:
    """Count messages that leave in this second."""
    if sent and channel in policy.per_second:
        window_second, before = _window(connection, channel)
        second = _second(window_second, now)
        count = sent + (before if window_second == second else 0)
        state = update(CHANNEL_STATES).where(CHANNEL_STATES.c.channel == channel)
        connection.execute(state.values(window_second=second, sent_in_window=count))


def _window(connection: Connection, channel: Channel) -> tuple[int, int]:
    columns = (CHANNEL_STATES.c.window_second, CHANNEL_STATES.c.sent_in_window)
    window = select(*columns).where(CHANNEL_STATES.c.channel == channel).with_for_update()
    second, sent = connection.execute(window).one()
    return second, sent


def _second(window_second: int, now: datetime) -> int:
    """Return the current second; a clock that is ahead by less than MAX_CLOCK_SKEW_SECONDS sets it for all."""
    second = int(now.timestamp())
    return window_second if 0 <= window_second - second < MAX_CLOCK_SKEW_SECONDS else second
