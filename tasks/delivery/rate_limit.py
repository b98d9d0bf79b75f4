"""TODO."""

from datetime import datetime

from sqlalchemy import Connection, case, or_, select, update

from models.enums import Channel
from models.policy.messaging import SendingPolicy
from tasks.db.sql import insert
from tasks.tables import CHANNEL_STATES

MAX_CLOCK_SKEW_SECONDS = 5
"""Seconds by which the clocks of workers may differ, and their rate still holds: the foremost clock counts."""


def pause_channel(connection: Connection, channel: str, until: datetime) -> None:
    """Leave a channel alone until a moment, as its provider asked: its gate is not shut, for nobody need mend it."""
    new = insert(connection, CHANNEL_STATES).values(
        channel=channel, retry_at=until, failed_probes=0, window_second=0, sent_in_window=0
    )
    sooner = or_(CHANNEL_STATES.c.retry_at.is_(None), CHANNEL_STATES.c.retry_at < until)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={"retry_at": until}, where=sooner))


def paused_channels(connection: Connection, now: datetime) -> set[str]:
    """Return the channels whose providers asked to be left alone until later."""
    query = select(CHANNEL_STATES.c.channel).where(
        CHANNEL_STATES.c.tripped_at.is_(None), CHANNEL_STATES.c.retry_at > now
    )
    return set(connection.execute(query).scalars())


def take_tokens(connection: Connection, channel: Channel, wanted: int, now: datetime, policy: SendingPolicy) -> int:
    """Return how many of the wanted messages may pass in this second, for all workers together."""
    most = policy.per_second.get(channel)
    if most is None or wanted == 0:
        return wanted
    second = int(now.timestamp())
    row = {"channel": channel, "window_second": second, "sent_in_window": 0, "failed_probes": 0}
    connection.execute(insert(connection, CHANNEL_STATES).values(**row).on_conflict_do_nothing())
    before = (
        select(CHANNEL_STATES.c.window_second, CHANNEL_STATES.c.sent_in_window)
        .where(CHANNEL_STATES.c.channel == channel)
        .with_for_update()
    )
    at, passed = connection.execute(before).one()
    second = at if 0 <= at - second < MAX_CLOCK_SKEW_SECONDS else second
    free = min(wanted, most - (passed if at == second else 0))
    count = case((CHANNEL_STATES.c.window_second == second, CHANNEL_STATES.c.sent_in_window + free), else_=free)
    connection.execute(
        update(CHANNEL_STATES)
        .where(CHANNEL_STATES.c.channel == channel)
        .values(window_second=second, sent_in_window=count)
    )
    return free
