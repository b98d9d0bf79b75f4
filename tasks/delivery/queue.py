"""Queue of messages in the ledger: claim them, mark them as sending, release them. Each step is a compare-and-set.

The tables of notices, posts and purchase requests have the same columns for it. `tasks/delivery/outcomes.py` records
how a message ended.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select, update

from models.enums import Channel, State
from tasks.db.events import record_events
from tasks.db.sql import in_list

CLEAR_LEASE: dict[str, Any] = {"claimed_by": None, "lease_until": None}


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who claims messages: a name that is unique to each run, and how long its leases last."""

    name: str
    lease: timedelta


def claim(
    connection: Connection,
    table: Table,
    holder: LeaseHolder,
    now: datetime,
    channels: Iterable[str],
    limit: int,
    only_run: str | None = None,
) -> list[Mapping[str, Any]]:
    """Claim up to `limit` due messages of these channels, oldest first; return their rows.

    With `only_run`, only messages that this run recorded. Claims whose lease has ended are queued again first.
    """
    expired = and_(table.c.state == State.CLAIMED, table.c.lease_until < now)
    connection.execute(update(table).where(expired).values(**CLEAR_LEASE, state=State.QUEUED))
    ready = and_(table.c.state == State.QUEUED, table.c.not_before <= now)
    if only_run is not None:
        ready = and_(ready, table.c.run_id == only_run)
    chosen = (
        select(table.c.id)
        .where(ready, table.c.channel.in_(list(channels)))
        .order_by(table.c.not_before, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")  # PostgreSQL may evaluate a subquery once per row, and then claim more than the limit
    )
    claimed = (
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)), ready)
        .values(state=State.CLAIMED, claimed_by=holder.name, lease_until=now + holder.lease)
        .returning(table)
    )
    rows: list[Mapping[str, Any]] = [dict(row) for row in connection.execute(claimed).mappings()]
    return sorted(rows, key=lambda row: (row["not_before"], row["id"]))


def mark_sending(
    connection: Connection, table: Table, holder: LeaseHolder, ids: Sequence[str], now: datetime
) -> set[str]:
    """Mark claimed messages as sending; return the ids of those whose lease was still held.

    Commit before the provider is called. Safe to repeat with the same `now` after a commit whose answer was lost.
    """
    if not ids:
        return set()
    marked = (
        update(table)
        .where(in_list(connection, table.c.id, ids), table.c.claimed_by == holder.name, _not_expired_filter(table, now))
        .values(state=State.SENDING, sending_at=now, lease_until=now + holder.lease, attempts=table.c.attempts + 1)
        .returning(table.c.id)
    )
    return set(connection.execute(marked).scalars())


def marked_at(
    connection: Connection, table: Table, holder: LeaseHolder, ids: Sequence[str], now: datetime
) -> list[str]:
    """Return those messages that this holder marked as sending at exactly `now`, in the order given."""
    marked_now = and_(table.c.claimed_by == holder.name, table.c.state == State.SENDING, table.c.sending_at == now)
    marked = set(
        connection.execute(select(table.c.id).where(in_list(connection, table.c.id, ids), marked_now)).scalars()
    )
    return [key for key in ids if key in marked]


def _not_expired_filter(table: Table, now: datetime) -> ColumnElement[bool]:
    return or_(table.c.state == State.CLAIMED, and_(table.c.state == State.SENDING, table.c.sending_at == now))


def mark_abandoned_in_doubt(connection: Connection, table: Table, now: datetime, who: str) -> list[str]:
    """Put messages in doubt whose sender died while sending: they may or may not have left. Return their ids."""
    expired = select(table.c.id).where(table.c.state == State.SENDING, table.c.lease_until < now)
    abandoned = (
        update(table)
        .where(table.c.id.in_(expired.with_for_update(skip_locked=True)))
        .values(**CLEAR_LEASE, state=State.IN_DOUBT, reason="the sending process ended", settled_at=now)
        .returning(table.c.id)
    )
    ids = list(connection.execute(abandoned).scalars())
    why = "the sending process ended before the provider's answer was recorded"
    record_events(connection, [(State.IN_DOUBT, key, why) for key in ids], now, who)
    return ids


def release_claims(connection: Connection, table: Table, holder: LeaseHolder, ids: Sequence[str]) -> None:
    """Queue claimed messages again that were not sent."""
    if ids:
        connection.execute(
            update(table)
            .where(table.c.id.in_(ids), table.c.state == State.CLAIMED, table.c.claimed_by == holder.name)
            .values(**CLEAR_LEASE, state=State.QUEUED)
        )


def channels_of(table: Table) -> tuple[Channel, ...]:
    """Return the channels whose messages a table contains."""
    return (Channel.X,) if table.name == "post" else (Channel.EMAIL, Channel.SMS)


def count_queued(connection: Connection, tables: Iterable[Table]) -> Counter[str]:
    """Return how many messages are queued, by channel."""
    counts: Counter[str] = Counter()
    for table in tables:
        queued = select(table.c.channel, func.count()).where(table.c.state == State.QUEUED).group_by(table.c.channel)
        counts += Counter(dict(connection.execute(queued).all()))
    return counts
