"""A channel's gate: shut for everybody when its provider takes nothing, and as wide as the policy's rate."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case, func, or_, select, update

from models.ledger import Gate
from models.policy_contact import Sending
from models.values import Channel, State
from tasks.db import insert
from tasks.orders import table_of
from tasks.outbox import SUPPRESSIONS, happened

GATES = table_of(Gate)
LAST_TRY = timedelta(hours=6)
DOUBLINGS = 9
RECENT = timedelta(hours=1)
FAILED = (State.REJECTED, State.IN_DOUBT)
SKEW = 5
"""Seconds by which the clocks of workers may differ, and their rate still holds: the foremost clock counts."""


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


def rest(connection: Connection, channel: str, until: datetime) -> None:
    """Leave a channel alone until a moment, as its provider asked: its gate is not shut, for nobody need mend it."""
    new = insert(connection, GATES).values(channel=channel, try_at=until, tries=0, second=0, passed=0)
    sooner = or_(GATES.c.try_at.is_(None), GATES.c.try_at < until)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={"try_at": until}, where=sooner))


def resting(connection: Connection, now: datetime) -> set[str]:
    """Return the channels whose providers asked to be left alone until later."""
    query = select(GATES.c.channel).where(GATES.c.shut_at.is_(None), GATES.c.try_at > now)
    return set(connection.execute(query).scalars())


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


def passing(connection: Connection, channel: Channel, wanted: int, now: datetime, policy: Sending) -> int:
    """Return how many of the wanted messages may pass in this second, for all workers together."""
    most = policy.per_second.get(channel)
    if most is None or wanted == 0:
        return wanted
    second = int(now.timestamp())
    row = {"channel": channel, "second": second, "passed": 0, "tries": 0}
    connection.execute(insert(connection, GATES).values(**row).on_conflict_do_nothing())
    before = select(GATES.c.second, GATES.c.passed).where(GATES.c.channel == channel).with_for_update()
    at, passed = connection.execute(before).one()
    second = at if 0 <= at - second < SKEW else second
    free = min(wanted, most - (passed if at == second else 0))
    count = case((GATES.c.second == second, GATES.c.passed + free), else_=free)
    connection.execute(update(GATES).where(GATES.c.channel == channel).values(second=second, passed=count))
    return free
