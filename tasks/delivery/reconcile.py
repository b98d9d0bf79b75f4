"""Resolve messages in doubt by the provider's records, or else hand them to staff.

A message is sent again only if the records show that it was not sent.

While its provider is asked, a message in doubt is leased to the asking run.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from channels.transport import DeliveryLookup, LookupUnavailable, MessageTransport, PermanentFailure, TemporaryFailure
from models.enums import Channel, State
from models.messages import DeliveryOutcome, Receipt
from models.policy.messaging import InDoubtPolicy
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import in_list
from tasks.delivery.in_doubt import IN_DOUBT_FILTER, STAFF, mark_settled_orders_due
from tasks.delivery.kinds import load_messages, message_of
from tasks.delivery.outcomes import record_outcomes
from tasks.delivery.worker import DeliveryWorker
from tasks.tables import OUTBOX

MAX_LOOKUPS = 200
"""Messages looked up in one run. At most the requests in flight at a crash are in doubt, so there are few."""
LOOKUP_SKEW = timedelta(minutes=15)
"""How far the provider's clock may be behind ours."""
FOUND_REASON, NEVER_TAKEN_REASON = "the provider's records have it", "the provider's records say that it never came"
LookupResult = Receipt | None | BaseException


@dataclass(frozen=True, slots=True)
class Resolved:
    """The provider's records say what became of the message."""

    outcome: DeliveryOutcome


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The provider's records may still change, or cannot be read now."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class AskStaff:
    """The provider's records do not answer it; staff must look."""

    reason: str


async def reconcile_in_doubt(context: Context, worker: DeliveryWorker) -> Counter[str]:
    """Look up messages in doubt at their providers; count those now `sent`, `rejected`, `queued` or for `people`.

    Safe to repeat: a lookup changes nothing, and each result is recorded by compare-and-set.
    """
    rows = await asyncio.to_thread(_lease_due, context, worker)
    by_channel: dict[Channel, list[Row[Any]]] = {}
    for row in rows:
        by_channel.setdefault(Channel(row.channel), []).append(row)
    lookups = await asyncio.gather(
        *(
            _query_provider(worker.transports[channel], channel_rows, worker.concurrency, context.link_key)
            for channel, channel_rows in by_channel.items()
        )
    )
    results = {key: result for channel_results in lookups for key, result in channel_results.items()}
    return await asyncio.to_thread(_record_results, context, worker, rows, results)


def _lease_due(context: Context, worker: DeliveryWorker) -> list[Row[Any]]:
    """Lease the messages in doubt whose provider may be asked now; return them with their words."""
    now, policy, holder = worker.clock(), context.policy.in_doubt, worker.lease_holder
    due = and_(
        IN_DOUBT_FILTER,
        OUTBOX.c.sending_at <= now - timedelta(minutes=policy.ask_after_minutes),
        OUTBOX.c.lease_holder.is_distinct_from(STAFF),
        or_(OUTBOX.c.lease_until.is_(None), OUTBOX.c.lease_until <= now),
        OUTBOX.c.channel.in_(list(worker.transports)),
    )
    with context.engine.begin() as connection:
        oldest = select(OUTBOX.c.id).where(due).order_by(OUTBOX.c.sending_at).limit(MAX_LOOKUPS)
        ids = list(connection.execute(oldest.with_for_update(skip_locked=True)).scalars())
        lease = {"lease_holder": holder.name, "lease_until": now + holder.lease}
        connection.execute(update(OUTBOX).where(in_list(connection, OUTBOX.c.id, ids)).values(**lease))
        return load_messages(connection, ids)


async def _query_provider(
    transport: MessageTransport, rows: Sequence[Row[Any]], concurrency: int, link_key: bytes
) -> dict[str, LookupResult]:
    """Look up messages at one provider: one first, then `concurrency` at once. Stop after a TemporaryFailure."""
    ids = [row.id for row in rows]
    if not isinstance(transport, DeliveryLookup):
        return dict.fromkeys(ids, LookupUnavailable("this provider keeps no records that can be asked"))
    results: dict[str, LookupResult] = {}
    while chunk := rows[len(results) :][: concurrency if results else 1]:
        lookups = (transport.lookup(message_of(row, link_key), row.sending_at - LOOKUP_SKEW) for row in chunk)
        answers = await asyncio.gather(*lookups, return_exceptions=True)
        results |= zip((row.id for row in chunk), answers, strict=True)
        if failure := next((answer for answer in answers if isinstance(answer, TemporaryFailure)), None):
            return dict.fromkeys(ids, failure) | results
    return results


def _record_results(
    context: Context,
    worker: DeliveryWorker,
    rows: Sequence[Row[Any]],
    results: Mapping[str, LookupResult],
) -> Counter[str]:
    now, who, policy = worker.clock(), worker.lease_holder.name, context.policy.in_doubt
    outcomes: list[DeliveryOutcome] = []
    staff_reasons: dict[str, str] = {}
    with context.engine.begin() as connection:
        for row in rows:
            match _interpret_lookup(row, results[row.id], now, policy):
                case Resolved(outcome):
                    outcomes.append(outcome)
                case AskAgain(after):
                    _query_again(connection, row.id, who, now + after)
                case AskStaff(reason):
                    staff_reasons[row.id] = reason
        recorded = record_outcomes(connection, outcomes, now, who)
        unqueried = _not_queried(connection, worker, now - timedelta(hours=policy.staff_after_hours))
        staff_reasons |= dict.fromkeys(unqueried, "no provider could be asked about it in time")
        counts = Counter(str(outcome.state) for outcome in recorded)
        counts[STAFF] = _hand_to_staff(connection, staff_reasons, now, who)
        mark_settled_orders_due(connection, [outcome.id for outcome in recorded], context.as_of)
    return +counts


def _interpret_lookup(
    row: Row[Any], result: LookupResult, now: datetime, policy: InDoubtPolicy
) -> Resolved | AskAgain | AskStaff:
    """Return what a lookup's result means for a message.

    A message that the records do not have is queued again only `wait_minutes` after it was sent: until then the
    provider may still add it. A provider that cannot be asked is asked again for `hours`; then staff look.
    """
    age: timedelta = now - row.sending_at
    ask_after, wait = timedelta(minutes=policy.ask_after_minutes), timedelta(minutes=policy.wait_minutes)
    match result:
        case Receipt():
            reference = result.reference or row.reference
            return Resolved(DeliveryOutcome(row.id, State.SENT, FOUND_REASON, reference, trial=result.trial))
        case PermanentFailure() as error:
            suppress = row.address if error.suppress else None
            return Resolved(DeliveryOutcome(row.id, State.REJECTED, error.reason, suppress=suppress))
        case None if age >= wait:
            return Resolved(DeliveryOutcome(row.id, State.QUEUED, NEVER_TAKEN_REASON, not_before=now))
        case None:
            return AskAgain(wait - age)
        case TemporaryFailure() if age < timedelta(hours=policy.staff_after_hours):
            return AskAgain(result.retry_after or ask_after)
        case TemporaryFailure() | LookupUnavailable():
            return AskStaff(result.reason)
        case _:
            return AskStaff(f"{type(result).__name__}: {result}")


def _query_again(connection: Connection, key: str, who: str, when: datetime) -> None:
    leased = and_(OUTBOX.c.id == key, OUTBOX.c.state == State.IN_DOUBT, OUTBOX.c.lease_holder == who)
    connection.execute(update(OUTBOX).where(leased).values(lease_until=when))


def _not_queried(connection: Connection, worker: DeliveryWorker, sent_before: datetime) -> list[str]:
    """Return the ids of messages in doubt, sent before a moment, whose channel has no transport to ask."""
    query = select(OUTBOX.c.id).where(
        IN_DOUBT_FILTER,
        OUTBOX.c.sending_at < sent_before,
        OUTBOX.c.lease_holder.is_distinct_from(STAFF),
        OUTBOX.c.channel.not_in(list(worker.transports)),
    )
    return list(connection.execute(query).scalars())


def _hand_to_staff(connection: Connection, reasons: Mapping[str, str], now: datetime, who: str) -> int:
    """Let staff resolve messages in doubt, with an event for each; return how many were still in doubt."""
    handed_over = (
        update(OUTBOX)
        .where(OUTBOX.c.id.in_(list(reasons)), OUTBOX.c.state == State.IN_DOUBT)
        .values(lease_holder=STAFF, lease_until=None)
        .returning(OUTBOX.c.id)
    )
    ids = list(connection.execute(handed_over).scalars()) if reasons else []
    record_events(connection, [("for_people", key, reasons[key]) for key in ids], now, who)
    return len(ids)
