"""TODO."""

from datetime import datetime

from sqlalchemy import Connection, case, or_, select, update

from models.enums import Channel
from models.policy.messaging import Sending
from tasks.db.sql import insert
from tasks.tables import GATES

SKEW = 5
"""Seconds by which the clocks of workers may differ, and their rate still holds: the foremost clock counts."""


def rest(connection: Connection, channel: str, until: datetime) -> None:
    """Leave a channel alone until a moment, as its provider asked: its gate is not shut, for nobody need mend it."""
    new = insert(connection, GATES).values(channel=channel, try_at=until, tries=0, second=0, passed=0)
    sooner = or_(GATES.c.try_at.is_(None), GATES.c.try_at < until)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={"try_at": until}, where=sooner))


def resting(connection: Connection, now: datetime) -> set[str]:
    """Return the channels whose providers asked to be left alone until later."""
    query = select(GATES.c.channel).where(GATES.c.shut_at.is_(None), GATES.c.try_at > now)
    return set(connection.execute(query).scalars())


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
