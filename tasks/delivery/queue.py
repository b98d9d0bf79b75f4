"""The life of what is owed, in the ledger: claimed, sending, settled; every step a compare-and-set.

How it ends is in `tasks/delivery/outcomes.py`.
Notices and posts live the same life, in two tables with the same columns for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select, update

from models.enums import Channel, State
from tasks.db.events import record_events
from tasks.db.sql import in_list

CLEAR_LEASE: dict[str, Any] = {"claimed_by": None, "lease_until": None}


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who claims: a name of its own for each deliver run, and how long its claims hold."""

    name: str
    lease: timedelta


@dataclass(slots=True)
class Claim:
    """A batch of one table's rows that are this worker's until its lease is over."""

    table: Table
    rows: Sequence[Mapping[str, Any]] = field(default_factory=list)


def claim(
    connection: Connection,
    table: Table,
    worker: LeaseHolder,
    now: datetime,
    channels: Iterable[str],
    n: int,
    run: str | None = None,
) -> Claim:
    """Take up to `n` messages that are due and nobody else's, oldest first; nothing has left yet.

    With a `run`, only what that run recorded.
    """
    lapsed = and_(table.c.state == State.CLAIMED, table.c.lease_until < now)
    connection.execute(update(table).where(lapsed).values(**CLEAR_LEASE, state=State.QUEUED))
    ready = and_(table.c.state == State.QUEUED, table.c.not_before <= now)
    if run is not None:
        ready = and_(ready, table.c.run_id == run)
    chosen = (
        select(table.c.id)
        .where(ready, table.c.channel.in_(list(channels)))
        .order_by(table.c.not_before, table.c.id)
        .limit(n)
        .with_for_update(skip_locked=True)
        .cte("chosen")  # as a subquery, PostgreSQL may ask it again for every row, and take more than n
    )
    taken = (
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)), ready)
        .values(state=State.CLAIMED, claimed_by=worker.name, lease_until=now + worker.lease)
        .returning(table)
    )
    rows: list[Mapping[str, Any]] = [dict(row) for row in connection.execute(taken).mappings()]
    return Claim(table, sorted(rows, key=lambda row: (row["not_before"], row["id"])))


def mark_sending(
    connection: Connection, table: Table, worker: LeaseHolder, ids: Sequence[str], now: datetime
) -> set[str]:
    """Mark messages as leaving now; return those that were still ours to send.

    Safe to repeat with the same moment, where nobody knows whether the transaction was kept: nothing left yet.
    """
    if not ids:
        return set()
    marked = (
        update(table)
        .where(in_list(connection, table.c.id, ids), table.c.claimed_by == worker.name, _not_expired_filter(table, now))
        .values(state=State.SENDING, sending_at=now, lease_until=now + worker.lease, attempts=table.c.attempts + 1)
        .returning(table.c.id)
    )
    return set(connection.execute(marked).scalars())


def marked_at(
    connection: Connection, table: Table, worker: LeaseHolder, ids: Sequence[str], now: datetime
) -> list[str]:
    """Return those messages that we marked as leaving at this very moment, in their order."""
    mine = and_(table.c.claimed_by == worker.name, table.c.state == State.SENDING, table.c.sending_at == now)
    marked = set(connection.execute(select(table.c.id).where(in_list(connection, table.c.id, ids), mine)).scalars())
    return [key for key in ids if key in marked]


def _not_expired_filter(table: Table, now: datetime) -> ColumnElement[bool]:
    return or_(table.c.state == State.CLAIMED, and_(table.c.state == State.SENDING, table.c.sending_at == now))


def mark_abandoned_in_doubt(connection: Connection, table: Table, now: datetime, who: str) -> list[str]:
    """Put messages in doubt whose sender died on the way: nobody can know whether they left. Return their ids."""
    over = select(table.c.id).where(table.c.state == State.SENDING, table.c.lease_until < now)
    lost = (
        update(table)
        .where(table.c.id.in_(over.with_for_update(skip_locked=True)))
        .values(**CLEAR_LEASE, state=State.IN_DOUBT, reason="the sending process ended", settled_at=now)
        .returning(table.c.id)
    )
    ids = list(connection.execute(lost).scalars())
    why = "the sending process ended between handing over and the answer"
    record_events(connection, [(State.IN_DOUBT, key, why) for key in ids], now, who)
    return ids


def release_claims(connection: Connection, table: Table, worker: LeaseHolder, ids: Sequence[str]) -> None:
    """Hand back claims that were not used."""
    if ids:
        connection.execute(
            update(table)
            .where(table.c.id.in_(ids), table.c.state == State.CLAIMED, table.c.claimed_by == worker.name)
            .values(**CLEAR_LEASE, state=State.QUEUED)
        )


def channels_of(table: Table) -> tuple[Channel, ...]:
    """Return the channels whose messages a table holds."""
    return (Channel.X,) if table.name == "post" else (Channel.EMAIL, Channel.SMS)
