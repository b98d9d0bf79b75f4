"""Send what is due: claim a batch, check it against the facts, mark it, send it concurrently, record the answers.

No database session is open while a provider is called. A crash leaves in doubt at most the requests in flight.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table

from channels.transport import MessageTransport, PermanentFailure, TemporaryFailure
from models.enums import Channel, State
from models.messages import DeliveryOutcome, Message, Receipt
from tasks.context import Context
from tasks.delivery.backoff import message_retry_delay
from tasks.delivery.batch import BatchState, DeliveryBatch
from tasks.delivery.circuit_breaker import acquire_probe, open_breakers
from tasks.delivery.queue import LeaseHolder, channels_of, claim, mark_abandoned_in_doubt
from tasks.delivery.rate_limit import paused_channels
from tasks.tables import NOTICES, POSTS

TABLES = (NOTICES, POSTS)
CHANNEL_PAUSE_THRESHOLD = timedelta(seconds=10)
"""A Retry-After above this pauses the whole channel; a shorter one delays only the message that got it."""
RATE_POLL_SECONDS = 0.05
"""Pause before the rate limit is checked again after it allowed no message."""
ANSWER_GRACE_SECONDS = 0.005
"""How long to wait for more answers after the first one."""


@dataclass(slots=True)
class DeliverySummary:
    """Messages of a deliver run by outcome."""

    sent: Counter[str] = field(default_factory=Counter)
    """By channel."""
    trial: Counter[str] = field(default_factory=Counter)
    """Of those sent, by channel, the messages that reached only the local outbox, a test address or a sandbox."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Counted by reason, like the next two."""
    rejected: Counter[str] = field(default_factory=Counter)
    retrying: Counter[str] = field(default_factory=Counter)
    in_doubt: int = 0
    down: dict[str, str] = field(default_factory=dict)
    """Channels that a person must repair, with the provider's reason."""

    def add(self, other: "DeliverySummary") -> None:
        """Add the summary of another batch."""
        for name in ("sent", "trial", "skipped", "rejected", "retrying"):
            getattr(self, name).update(getattr(other, name))
        self.in_doubt += other.in_doubt
        self.down.update(other.down)

    def count(self, channel: str, outcome: DeliveryOutcome) -> None:
        """Count one outcome."""
        match outcome.state:
            case State.SENT:
                self.sent[channel] += 1
                self.trial[channel] += outcome.trial
            case State.SKIPPED:
                self.skipped[outcome.reason] += 1
            case State.REJECTED:
                self.rejected[outcome.reason] += 1
            case State.QUEUED:
                self.retrying[outcome.reason] += 1
            case State.IN_DOUBT:
                self.in_doubt += 1


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    """One deliver run: its leases, its transports by channel, its concurrency per batch and its clock."""

    lease_holder: LeaseHolder
    transports: Mapping[Channel, MessageTransport]
    concurrency: int
    clock: Callable[[], datetime]
    only_run: str | None = None
    """The id of a run: when given, only the messages it recorded are sent."""


async def deliver_batch(
    context: Context, worker: DeliveryWorker, *, batch: int, down: Sequence[str] = ()
) -> DeliverySummary | None:
    """Claim and send the next batch of notices, or of posts when no notice is due. Return None when nothing is due.

    Channels in `down` are skipped. On a channel whose breaker is open, one message is sent as a probe when its time
    comes. Safe to repeat: an unused claim expires with its lease.
    """
    for table in TABLES:
        channels = [channel for channel in channels_of(table) if channel in worker.transports and channel not in down]
        if not channels:
            continue
        rows, open_channels = await asyncio.to_thread(_claim_batch, context, table, worker, channels, batch)
        if rows:
            return await _BatchSender(context, worker, table, rows, open_channels).deliver()
    return None


def _claim_batch(
    context: Context, table: Table, worker: DeliveryWorker, channels: Sequence[str], batch: int
) -> tuple[list[Mapping[str, Any]], set[str]]:
    """Claim the messages of one channel to probe, or else of all usable channels; return them and the open breakers."""
    now, holder = worker.clock(), worker.lease_holder
    with context.engine.begin() as connection:
        open_channels = set(open_breakers(connection))
        probed = acquire_probe(
            connection, [channel for channel in channels if channel in open_channels], now, context.policy.sending
        )
        if probed is not None and (rows := claim(connection, table, holder, now, [probed], batch, worker.only_run)):
            return rows, open_channels
        unusable = open_channels | paused_channels(connection, now)
        usable = [channel for channel in channels if channel not in unusable]
        return claim(connection, table, holder, now, usable, batch, worker.only_run), open_channels


def mark_abandoned(context: Context, worker: DeliveryWorker) -> int:
    """Put in doubt the messages that a dead deliver run left as sending; return how many."""
    with context.engine.begin() as connection:
        now, who = worker.clock(), worker.lease_holder.name
        return sum(len(mark_abandoned_in_doubt(connection, table, now, who)) for table in TABLES)


class _BatchSender:
    """Sends one claimed batch. Of a channel whose breaker is open it sends a single message, the probe."""

    def __init__(
        self,
        context: Context,
        worker: DeliveryWorker,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        open_channels: set[str],
    ) -> None:
        self._worker = worker
        self._batch = DeliveryBatch(context, context.as_of, worker.lease_holder, table, rows, open_channels)
        self._rows = {row["id"]: row for row in rows}
        self._state = BatchState(waiting=list(self._rows))
        self._in_flight: dict[asyncio.Task[Receipt], str] = {}
        self._unrecorded: list[DeliveryOutcome] = []
        self._probing = any(row["channel"] in open_channels for row in rows)
        self._probe_sent = False
        self._summary = DeliverySummary()

    async def deliver(self) -> DeliverySummary:
        """Keep up to `concurrency` requests in flight until the batch is done, then release what was not sent."""
        try:
            while self._has_unsent() or self._in_flight or self._unrecorded:
                for key in await asyncio.to_thread(self._step):
                    self._send(key)
                if self._in_flight:
                    self._unrecorded = [self._outcome(task) for task in await self._next_answers()]
                elif self._state.ready:
                    await asyncio.sleep(RATE_POLL_SECONDS)
            return self._summary
        finally:
            self._batch.release_unsent(self._state)

    def _has_unsent(self) -> bool:
        return not self._probe_sent and bool(self._state.waiting or self._state.ready)

    def _step(self) -> Sequence[str]:
        """Record the answers and mark the next messages as sending; return their ids."""
        state = replace(self._state, down=dict(self._summary.down))
        result = self._batch.step(state, self._unrecorded, self._room(), self._worker.clock())
        self._unrecorded, self._state = [], result.state
        self._probe_sent |= self._probing and bool(result.to_send)
        self._summary.down.update(result.state.down)
        for outcome in result.recorded:
            self._summary.count(self._rows[outcome.id]["channel"], outcome)
        return result.to_send

    def _room(self) -> int:
        if self._probing:
            return 0 if self._probe_sent else 1
        return self._worker.concurrency - len(self._in_flight)

    def _send(self, key: str) -> None:
        row = self._rows[key]
        sending = self._worker.transports[Channel(row["channel"])].send(message_of(row))
        task = asyncio.create_task(sending)
        task.add_done_callback(_retrieve_exception)
        self._in_flight[task] = key

    async def _next_answers(self) -> "list[asyncio.Task[Receipt]]":
        """Wait for one answer, and a few milliseconds for more: a step costs about the same for one answer as for many.

        It does not wait for more when half of the requests have answered: the next ones then start at once.
        """
        done, pending = await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        if len(done) < len(pending):
            await asyncio.wait(pending, timeout=ANSWER_GRACE_SECONDS)
        return [task for task in self._in_flight if task.done()]

    def _outcome(self, task: asyncio.Task[Receipt]) -> DeliveryOutcome:
        row = self._rows[self._in_flight.pop(task)]
        error = task.exception()
        if isinstance(error, TemporaryFailure) and error.channel_down:
            self._summary.down[row["channel"]] = error.reason
        return outcome_or_retry(row, task, self._worker.clock())


def _retrieve_exception(task: "asyncio.Task[Receipt]") -> None:
    """Read the exception of a request that a stopped run does not wait for, or asyncio logs it as never retrieved."""
    if not task.cancelled():
        task.exception()


def outcome_or_retry(row: Mapping[str, Any], task: "asyncio.Task[Receipt]", now: datetime) -> DeliveryOutcome:
    """Return the outcome of a finished send: sent, rejected, queued again, and in doubt for any other error."""
    match task.exception():
        case None:
            return DeliveryOutcome(row["id"], State.SENT, reference=task.result().reference, trial=task.result().trial)
        case PermanentFailure() as error:
            return DeliveryOutcome(
                row["id"], State.REJECTED, error.reason, suppress=row["address"] if error.suppress else None
            )
        case TemporaryFailure() as error if error.max_retries is not None and row["attempts"] >= error.max_retries:
            return DeliveryOutcome(row["id"], State.REJECTED, f"{error.reason} (tried {row['attempts'] + 1} times)")
        case TemporaryFailure() as error:
            delay = error.retry_after or message_retry_delay(row["id"], row["attempts"])
            pauses_channel = error.max_retries is None and (error.retry_after or timedelta()) > CHANNEL_PAUSE_THRESHOLD
            return DeliveryOutcome(
                row["id"], State.QUEUED, error.reason, not_before=now + delay, pauses_channel=pauses_channel
            )
        case error:
            return DeliveryOutcome(row["id"], State.IN_DOUBT, f"{type(error).__name__}: {error}")


def message_of(row: Mapping[str, Any]) -> Message:
    """Return the message of a notice's or a post's row."""
    return Message(
        id=row["id"],
        channel=Channel(row["channel"]),
        to=row.get("address") or "",
        text=row["text"],
        locale=row["locale"],
        subject=row.get("subject", ""),
        html=row.get("html", ""),
        to_name=row.get("to_name", ""),
        category=row.get("message", "post"),
        valid_until=row.get("valid_until"),
    )
