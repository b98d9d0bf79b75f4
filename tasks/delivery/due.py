"""Tell whether a deliver run has anything to do at a moment. The watch asks this once a second."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Exists,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    or_,
    select,
)

from models.enums import State
from models.policy.messaging import InDoubtPolicy
from tasks.delivery.fallback import FAILED_STATES
from tasks.delivery.in_doubt import STAFF
from tasks.delivery.worker import TABLES
from tasks.tables import CHANNEL_STATES, NOTICES

FALLBACK_WINDOW = timedelta(days=1)
"""A failed notice that was due earlier waits for the next run: the query would otherwise read all failed notices."""


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
        "fallback_after": now - FALLBACK_WINDOW,
    }
    return bool(connection.execute(_query(frozenset(open_channels)), moments).scalar_one())


@cache
def _query(open_channels: frozenset[str]) -> Select[tuple[bool]]:
    """Return the query; to put it together takes several times as long as to run it."""
    due = [condition for table in TABLES for condition in _due(table, open_channels)]
    return select(or_(*due, _fallback_due()))


def _due(table: Table, open_channels: Collection[str]) -> list[Exists]:
    now: BindParameter[datetime] = bindparam("now")
    state = table.c.state
    is_open = table.c.channel.in_(sorted(open_channels))
    unusable = select(CHANNEL_STATES.c.channel).where(CHANNEL_STATES.c.retry_at > now)
    usable = and_(is_open, table.c.channel.not_in(unusable))
    return [
        _any(table, state == State.QUEUED, table.c.not_before <= now, usable),
        _any(table, state == State.CLAIMED, table.c.lease_until < now, usable),
        _any(table, state == State.SENDING, table.c.lease_until < now),
        _any(table, state == State.IN_DOUBT, _lookup_due(table, is_open)),
    ]


def _lookup_due(table: Table, is_open: ColumnElement[bool]) -> ColumnElement[bool]:
    """Select the messages in doubt that `reconcile_in_doubt` looks up, or hands to staff because it cannot."""
    free = or_(table.c.lease_until.is_(None), table.c.lease_until <= bindparam("now"))
    return and_(
        table.c.claimed_by.is_distinct_from(STAFF),
        or_(
            and_(is_open, free, table.c.sending_at <= bindparam("ask_before")),
            and_(~is_open, table.c.sending_at < bindparam("staff_before")),
        ),
    )


def _fallback_due() -> Exists:
    recent = NOTICES.c.not_before > bindparam("fallback_after")
    return _any(NOTICES, NOTICES.c.state.in_(FAILED_STATES), recent, NOTICES.c.fallback_id.is_(None))


def _any(table: Table, *conditions: ColumnElement[bool]) -> Exists:
    return exists(select(table.c.id).where(*conditions))
