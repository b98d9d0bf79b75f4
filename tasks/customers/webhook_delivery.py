"""Send webhook events, retry them for three days, and then leave them to staff.

The receiver ignores an event that it has already, so what is in doubt is sent again under the same id. The events of
one choice are sent in their order: one is not sent before those before it are taken or given up.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, exists, or_, select

from channels.http_client import json_body
from models.enums import State
from models.messages import DeliveryOutcome, Receipt
from models.tables.column_types import UtcTime
from models.webhooks import WEBHOOK
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import queue_messages
from tasks.db.sql import in_list
from tasks.delivery.backoff import FIRST_RETRY_DELAY, message_retry_delay
from tasks.delivery.message_kind import QUEUE_COLUMNS, Outgoing, Prepared
from tasks.delivery.queue import LeaseHolder, due_filter, mark_abandoned_in_doubt
from tasks.delivery.rate_limit import pause_channel
from tasks.delivery.sender import Sender
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.turn import TurnResult, Turns
from tasks.tables import CHANNEL_STATES, OUTBOX, WEBHOOK_EVENTS

GIVE_UP_AFTER = timedelta(days=3)
"""How long an event is tried, from when it was recorded or sent again by staff."""
MAX_FAILURES = 4
"""Failures in a row after which a run pauses the webhook: a receiver that is down is not asked for each event."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""A moment at which nothing is due."""
RESENT = "it may have arrived: sent again under the same id, by which the receiver knows it"
EVENTS = OUTBOX.join(WEBHOOK_EVENTS, WEBHOOK_EVENTS.c.id == OUTBOX.c.id)


class EventTransport(Protocol):
    """Sends webhook events."""

    async def send(self, event_id: str, body: bytes) -> Receipt:
        """Hand an event to its receiver; return the receipt. Raises as `MessageTransport.send` does."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookWorker:
    """One run that sends webhook events: lease holder, transport, number of parallel requests, clock."""

    lease_holder: LeaseHolder
    transport: EventTransport
    concurrency: int
    clock: Callable[[], datetime]


def is_webhook_due(connection: Connection, now: datetime) -> bool:
    """Return whether a webhook event may leave at this moment, or the lease of a dead run has ended."""
    abandoned = and_(
        OUTBOX.c.channel == WEBHOOK,
        OUTBOX.c.settled_at.is_(None),
        OUTBOX.c.state == State.SENDING,
        OUTBOX.c.lease_until < bindparam("now", type_=UtcTime),
    )
    due = exists(_select_due().where(due_filter([WEBHOOK])))
    return bool(connection.execute(select(or_(due, exists().where(abandoned))), {"now": now}).scalar_one())


def _select_due() -> Select[Any]:
    columns = (OUTBOX.c.queued_at, WEBHOOK_EVENTS.c.payload)
    return select(*QUEUE_COLUMNS, *columns).select_from(EVENTS).where(~_is_paused(), ~_waits_for_another())


def _is_paused() -> ColumnElement[bool]:
    now = bindparam("now", type_=UtcTime)
    return exists().where(CHANNEL_STATES.c.channel == WEBHOOK, CHANNEL_STATES.c.retry_at > now)


def _waits_for_another() -> ColumnElement[bool]:
    """Return the SQL of an event before which another one of the same choice has not ended."""
    earlier, state = WEBHOOK_EVENTS.alias("earlier"), OUTBOX.alias("earlier_state")
    before = and_(earlier.c.choice_id == WEBHOOK_EVENTS.c.choice_id, earlier.c.created_at < WEBHOOK_EVENTS.c.created_at)
    return exists().where(before, state.c.id == earlier.c.id, state.c.settled_at.is_(None))


async def send_webhook_events(context: Context, worker: WebhookWorker) -> DeliverySummary:
    """Send the webhook events that are due, until none may leave or the receiver is down."""
    summary = DeliverySummary()
    await asyncio.to_thread(requeue_abandoned, context, worker)
    events = WebhookEvents(worker)

    def count(result: TurnResult) -> None:
        for outcome in result.recorded:
            summary.count(WEBHOOK, outcome)

    turns = Turns(context, worker.lease_holder, events)
    await Sender(turns, worker.concurrency, worker.clock, events.conclude, count).send_all()
    return summary


def requeue_abandoned(context: Context, worker: WebhookWorker) -> None:
    """Queue again what an earlier run was sending when it died."""
    now, who = worker.clock(), worker.lease_holder.name
    with context.engine.begin() as connection:
        abandoned = mark_abandoned_in_doubt(connection, [WEBHOOK], now, who)
        requeued = queue_messages(
            connection, in_list(connection, OUTBOX.c.id, abandoned), not_before=now, reason=RESENT
        )
        record_events(connection, [(State.QUEUED, event, RESENT) for event in requeued], now, who)


@dataclass(slots=True)
class WebhookEvents:
    """Webhook events, as delivery sees them."""

    worker: WebhookWorker
    channels: Collection[str] = (WEBHOOK,)
    queued_at: dict[str, datetime] = field(default_factory=dict)
    """Since when each event that this run prepared is tried."""
    failures: int = 0
    """Failures in a row."""

    def select(self) -> Select[Any]:
        return _select_due()

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"now": now if self.failures < MAX_FAILURES else NEVER}

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        return Prepared([self._outgoing(row) for row in rows])

    def _outgoing(self, row: Row[Any]) -> Outgoing:
        self.queued_at[row.id] = row.queued_at
        body = json_body(row.payload)
        return Outgoing(row.id, WEBHOOK, row.attempts, lambda: self.worker.transport.send(row.id, body))

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        """Return the outcome: what is not taken, or in doubt, is sent again for three days and then rejected."""
        self.failures = 0 if outcome.state is State.SENT else self.failures + 1
        if outcome.state is State.IN_DOUBT:
            retry_at = now + message_retry_delay(outgoing.id, outgoing.attempts)
            outcome = replace(outcome, state=State.QUEUED, reason=f"{outcome.reason}; {RESENT}", not_before=retry_at)
        if outcome.not_before is None or outcome.not_before < self.queued_at[outgoing.id] + GIVE_UP_AFTER:
            return replace(outcome, channel_down=False)
        reason = f"{outcome.reason} (given up after {outgoing.attempts + 1} tries in {GIVE_UP_AFTER.days} days)"
        return DeliveryOutcome(outgoing.id, State.REJECTED, reason)

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        if self.failures >= MAX_FAILURES:
            pause_channel(connection, WEBHOOK, self.worker.clock() + FIRST_RETRY_DELAY)
