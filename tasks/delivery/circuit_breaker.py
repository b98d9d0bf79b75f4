"""A channel's gate: shut for everybody when its provider takes nothing, and as wide as the policy's rate."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select, update

from models.enums import State
from models.policy.messaging import Sending
from tasks.db.events import happened
from tasks.db.sql import insert
from tasks.tables import GATES, SUPPRESSIONS

LAST_TRY = timedelta(hours=6)
DOUBLINGS = 9
RECENT = timedelta(hours=1)
FAILED = (State.REJECTED, State.IN_DOUBT)


def shut(
    connection: Connection, channel: str, reason: str, now: datetime, policy: Sending, who: str, *, tried: bool
) -> None:
    """Shut a channel's gate, or leave it shut after a message was `tried` in vain: the wait for the next one doubles.

    To meet the same fault as those who shut it is no try.
    """
    there = connection.execute(select(GATES.c.tries).where(GATES.c.channel == channel, GATES.c.shut_at.is_not(None)))
    tries = there.scalar()
    if tries is not None and not tried:
        return
    base = timedelta(minutes=policy.try_again_minutes)
    wait = min(base * 2 ** min(tries or 0, DOUBLINGS), max(base, LAST_TRY))
    row = {"channel": channel, "reason": reason, "try_at": now + wait, "tries": (tries or 0) + 1}
    new = insert(connection, GATES).values(**row, shut_at=now, second=0, passed=0)
    since = func.coalesce(GATES.c.shut_at, new.excluded.shut_at)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={**row, "shut_at": since}))
    if tries is None:
        happened(connection, [("channel_shut", channel, reason)], now, who)


def opened(connection: Connection, channels: Iterable[str], now: datetime, who: str) -> None:
    """Open the gates of channels whose provider took a message again."""
    back = (
        update(GATES)
        .where(GATES.c.channel.in_(list(channels)), GATES.c.shut_at.is_not(None))
        .values(shut_at=None, reason=None, try_at=None, tries=0)
        .returning(GATES.c.channel)
    )
    happened(connection, [("channel_open", one, "") for one in connection.execute(back).scalars()], now, who)


def shut_gates(connection: Connection) -> dict[str, Any]:
    """Return the channels that are shut, each with its reason, since when, and when one message is tried again."""
    query = select(GATES.c.channel, GATES.c.reason, GATES.c.shut_at, GATES.c.try_at).where(GATES.c.shut_at.is_not(None))
    return {row["channel"]: dict(row) for row in connection.execute(query).mappings()}


def try_one(connection: Connection, channels: Iterable[str], now: datetime, policy: Sending) -> str | None:
    """Return a shut channel on which one message may be tried now; nobody else is told the same one."""
    for channel in channels:
        later = now + timedelta(minutes=policy.try_again_minutes)
        mine = (
            update(GATES)
            .where(GATES.c.channel == channel, GATES.c.shut_at.is_not(None), GATES.c.try_at <= now)
            .values(try_at=later)
        )
        if connection.execute(mine).rowcount == 1:
            return channel
    return None


def not_tried(connection: Connection, channels: Iterable[str], now: datetime) -> None:
    """Let messages be tried on shut channels now: of those that were claimed for it, none may leave any more."""
    for channel in channels:
        spared = update(GATES).where(GATES.c.channel == channel, GATES.c.shut_at.is_not(None))
        connection.execute(spared.values(try_at=now))


def burst(connection: Connection, table: Table, channel: str, now: datetime, policy: Sending) -> bool:
    """Say whether more than half of a channel's latest messages failed, and at least `policy.rejections`.

    They were refused, or are in doubt.

    An address that must not be written to any more says nothing about the channel.
    """
    addressed = [_not_suppressed(table)] if "address" in table.c else []
    latest = (
        select(table.c.state)
        .where(table.c.channel == channel, table.c.settled_at > now - RECENT, _answered(table), *addressed)
        .order_by(table.c.settled_at.desc())
        .limit(2 * policy.rejections - 1)
        .subquery()
    )
    failed = select(func.count()).select_from(latest).where(latest.c.state.in_(FAILED))
    return connection.execute(failed).scalar_one() >= policy.rejections


def _answered(table: Table) -> ColumnElement[bool]:
    return or_(*(table.c.state == state for state in (State.SENT, State.DELIVERED, State.BOUNCED, *FAILED)))


def _not_suppressed(table: Table) -> ColumnElement[bool]:
    return ~select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == table.c.address).exists()
