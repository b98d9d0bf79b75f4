"""Settle what is in doubt: by the provider's own records where they can be asked, else by people; never by a guess.

A message that is asked about is its asker's until `lease_until`, as a claimed one is, and in doubt meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, and_, or_, select, update

from channels.transport import DeliveryLookup, LookupUnavailable, MessageTransport, PermanentFailure, TemporaryFailure
from models.enums import Channel, State
from models.messages import DeliveryOutcome, Receipt
from models.policy.messaging import InDoubtPolicy
from tasks.context import Context
from tasks.db.events import record_events
from tasks.delivery.in_doubt import STAFF
from tasks.delivery.outcomes import record_outcomes
from tasks.delivery.worker import TABLES, DeliveryWorker, message_of
from tasks.notices.told_state import restore_told_state
from tasks.tables import NOTICES

MAX_LOOKUPS = 200
"""Messages asked about in one run; those in doubt are as many as requests were under way, so there are few."""
LOOKUP_SKEW = timedelta(minutes=15)
"""How far the provider's clock may be behind ours."""
FOUND_REASON, NEVER_TAKEN_REASON = "the provider's records have it", "the provider's records say that it never came"
Answer = Receipt | None | BaseException


async def reconcile_in_doubt(context: Context, crew: DeliveryWorker) -> Counter[str]:
    """Ask the providers about messages in doubt; return how many are `sent`, `rejected`, `queued` again, or people's.

    Safe to repeat: asking changes nothing, and each answer is written by compare-and-set.
    """
    done: Counter[str] = Counter()
    for table in TABLES:
        rows = await asyncio.to_thread(_take_due, context, table, crew)
        by_channel: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            by_channel.setdefault(row["channel"], []).append(row)
        asked = await asyncio.gather(
            *(
                _query_provider(crew.doors[Channel(channel)], some, crew.parallel)
                for channel, some in by_channel.items()
            )
        )
        answers = {key: answer for found in asked for key, answer in found.items()}
        done += await asyncio.to_thread(_write, context, table, crew, rows, answers)
    return done


def _take_due(context: Context, table: Table, crew: DeliveryWorker) -> list[Mapping[str, Any]]:
    """Take for ourselves the messages whose provider may be asked now."""
    now, policy = crew.clock(), context.policy.in_doubt
    due = and_(
        table.c.state == State.IN_DOUBT,
        table.c.sending_at <= now - timedelta(minutes=policy.ask_after_minutes),
        table.c.claimed_by.is_distinct_from(STAFF),
        or_(table.c.lease_until.is_(None), table.c.lease_until <= now),
        table.c.channel.in_(list(crew.doors)),
    )
    with context.engine.begin() as connection:
        chosen = select(table.c.id).where(due).order_by(table.c.sending_at).limit(MAX_LOOKUPS)
        keys = list(connection.execute(chosen.with_for_update(skip_locked=True)).scalars())
        mine = update(table).where(table.c.id.in_(keys), due)
        taken = mine.values(claimed_by=crew.worker.name, lease_until=now + crew.worker.lease).returning(table)
        return [dict(row) for row in connection.execute(taken).mappings()]


async def _query_provider(door: MessageTransport, rows: Sequence[Mapping[str, Any]], at_once: int) -> dict[str, Answer]:
    """Ask one provider about its messages: one first, then a few at once; after one it cannot answer now, no more."""
    ids = [row["id"] for row in rows]
    if not isinstance(door, DeliveryLookup):
        return dict.fromkeys(ids, LookupUnavailable("this door keeps no records"))
    answers: dict[str, Answer] = {}
    while some := rows[len(answers) :][: at_once if answers else 1]:
        asked = (door.find(message_of(row), row["sending_at"] - LOOKUP_SKEW) for row in some)
        found = await asyncio.gather(*asked, return_exceptions=True)
        answers |= zip((row["id"] for row in some), found, strict=True)
        if away := next((one for one in found if isinstance(one, TemporaryFailure)), None):
            return dict.fromkeys(ids, away) | answers
    return answers


def _write(
    context: Context,
    table: Table,
    crew: DeliveryWorker,
    rows: Sequence[Mapping[str, Any]],
    answers: Mapping[str, Answer],
) -> Counter[str]:
    now, who, policy = crew.clock(), crew.worker.name, context.policy.in_doubt
    settled: list[DeliveryOutcome] = []
    people: dict[str, str] = {}
    with context.engine.begin() as connection:
        for row in rows:
            match _interpret_lookup(row, answers[row["id"]], now, policy):
                case DeliveryOutcome() as one:
                    settled.append(one)
                case timedelta() as pause:
                    _query_again(connection, table, row["id"], who, now + pause)
                case why:
                    people[row["id"]] = why
        kept = record_outcomes(connection, table, settled, now, who)
        done = Counter(str(one.state) for one in kept)
        over = _not_queried(connection, table, crew, now - timedelta(hours=policy.hours))
        people |= dict.fromkeys(over, "no provider could be asked about it in time")
        done[STAFF] = _hand_to_staff(connection, table, people, now, who)
        if table is NOTICES:
            lost = {one.id for one in kept if one.state is State.REJECTED}
            restore_told_state(connection, {row["order_id"] for row in rows if row["id"] in lost}, set(), now.date())
    return +done


def _interpret_lookup(
    row: Mapping[str, Any], answer: Answer, now: datetime, policy: InDoubtPolicy
) -> DeliveryOutcome | timedelta | str:
    """Say what a provider's answer means: an end, a pause before it is asked again, or why people have to look."""
    since: timedelta = now - row["sending_at"]
    pause, late = timedelta(minutes=policy.ask_after_minutes), timedelta(minutes=policy.wait_minutes)
    match answer:
        case Receipt():
            return DeliveryOutcome(
                row["id"], State.SENT, FOUND_REASON, answer.reference or row["reference"], trial=answer.trial
            )
        case PermanentFailure() as error:
            return DeliveryOutcome(
                row["id"], State.REJECTED, error.reason, suppress=row["address"] if error.suppress else None
            )
        case None if since >= late:
            return DeliveryOutcome(row["id"], State.QUEUED, NEVER_TAKEN_REASON, not_before=now)
        case None:
            return late - since
        case TemporaryFailure() if since < timedelta(hours=policy.hours):
            return answer.retry_after or pause
        case TemporaryFailure() | LookupUnavailable():
            return answer.reason
        case _:
            return f"{type(answer).__name__}: {answer}"


def _query_again(connection: Connection, table: Table, key: str, who: str, when: datetime) -> None:
    ours = and_(table.c.id == key, table.c.state == State.IN_DOUBT, table.c.claimed_by == who)
    connection.execute(update(table).where(ours).values(lease_until=when))


def _not_queried(connection: Connection, table: Table, crew: DeliveryWorker, before: datetime) -> list[str]:
    """Return what is in doubt for too long by channels that cannot be asked at all, for they are shut."""
    query = select(table.c.id).where(
        table.c.state == State.IN_DOUBT,
        table.c.sending_at < before,
        table.c.claimed_by.is_distinct_from(STAFF),
        table.c.channel.not_in(list(crew.doors)),
    )
    return list(connection.execute(query).scalars())


def _hand_to_staff(connection: Connection, table: Table, why: Mapping[str, str], now: datetime, who: str) -> int:
    """Leave messages in doubt to people, with an event each; return how many were still in doubt."""
    waiting = (
        update(table)
        .where(table.c.id.in_(list(why)), table.c.state == State.IN_DOUBT)
        .values(claimed_by=STAFF, lease_until=None)
        .returning(table.c.id)
    )
    ids = list(connection.execute(waiting).scalars()) if why else []
    record_events(connection, [("for_people", key, why[key]) for key in ids], now, who)
    return len(ids)
