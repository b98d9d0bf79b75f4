"""Hand over what is owed: claim a batch, read the facts again, mark, send in parallel, settle.

No database session waits for a provider; a crash leaves in doubt at most what was under way.
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
from tasks.delivery.queue import Claim, LeaseHolder, channels_of, claim, mark_abandoned_in_doubt
from tasks.delivery.rate_limit import paused_channels
from tasks.tables import NOTICES, POSTS

TABLES = (NOTICES, POSTS)
CHANNEL_PAUSE_THRESHOLD = timedelta(seconds=10)
"""A provider that asks for a longer wait gets nothing of the channel meanwhile; a shorter is the message's alone."""
RATE_POLL_SECONDS = 0.05
"""Seconds between two looks at a rate that lets nothing through."""
MOMENT, MOMENTS = 0.001, 5
"""Seconds between two looks at who answered, and how many looks at most: until half of them have."""


@dataclass(slots=True)
class DeliverySummary:
    """What came of a deliver run; adds up over batches."""

    sent: Counter[str] = field(default_factory=Counter)
    trial: Counter[str] = field(default_factory=Counter)
    """Of those sent, the messages that reached no customer: the local outbox, a test address or a sandbox has them."""
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    retrying: Counter[str] = field(default_factory=Counter)
    in_doubt: int = 0
    down: dict[str, str] = field(default_factory=dict)
    """Channels that somebody must mend, with the provider's reason."""

    def add(self, other: "DeliverySummary") -> None:
        """Take in another batch."""
        for name in ("sent", "trial", "skipped", "rejected", "retrying"):
            getattr(self, name).update(getattr(other, name))
        self.in_doubt += other.in_doubt
        self.down.update(other.down)

    def count(self, channel: str, outcome: DeliveryOutcome) -> None:
        """Take in one outcome."""
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
    """Who delivers: the doors by channel, how many requests at once for each batch, and the clock meanwhile."""

    worker: LeaseHolder
    doors: Mapping[Channel, MessageTransport]
    parallel: int
    clock: Callable[[], datetime]
    run: str | None = None
    """Where it is given, only what this run recorded is sent."""


async def deliver_batch(
    context: Context, crew: DeliveryWorker, *, batch: int, down: Sequence[str] = ()
) -> DeliverySummary | None:
    """Claim and deliver the next batch of notices, or else of posts; None where nothing is due.

    Channels named in `down` are left alone; on one whose gate is shut, a single message is tried when its time comes:
    the first that may still leave.
    Safe to repeat: a claim that is not used falls back when its lease ends.
    """
    for table in TABLES:
        channels = [one for one in channels_of(table) if one in crew.doors and one not in down]
        if not channels:
            continue
        claimed, closed = await asyncio.to_thread(_claim, context, table, crew, channels, batch)
        if claimed.rows:
            return await _BatchSender(context, crew, claimed, closed).deliver()
    return None


def _claim(
    context: Context, table: Table, crew: DeliveryWorker, channels: Sequence[str], batch: int
) -> tuple[Claim, set[str]]:
    """Claim a batch; return it with the channels that are shut."""
    now = crew.clock()
    with context.engine.begin() as connection:
        closed = set(open_breakers(connection))
        one = acquire_probe(connection, [name for name in channels if name in closed], now, context.policy.sending)
        if one is not None and (tried := claim(connection, table, crew.worker, now, [one], batch, crew.run)).rows:
            return tried, closed
        free = [name for name in channels if name not in closed | paused_channels(connection, now)]
        return claim(connection, table, crew.worker, now, free, batch, crew.run), closed


def mark_abandoned(context: Context, crew: DeliveryWorker) -> int:
    """Put in doubt what earlier deliver runs left under way when they died; return how many."""
    with context.engine.begin() as connection:
        return sum(len(mark_abandoned_in_doubt(connection, table, crew.clock(), crew.worker.name)) for table in TABLES)


class _BatchSender:
    """One claimed batch on its way out; of a shut channel's, a single message is tried."""

    def __init__(self, context: Context, crew: DeliveryWorker, claimed: Claim, closed: set[str]) -> None:
        self._crew, self._turns = crew, DeliveryBatch(context, context.as_of, crew.worker, claimed, closed)
        self._rows = {row["id"]: row for row in claimed.rows}
        self._standing = BatchState(waiting=list(self._rows))
        self._under_way: dict[asyncio.Task[Receipt], str] = {}
        self._trying, self._tried = any(row["channel"] in closed for row in claimed.rows), False
        self._back: list[DeliveryOutcome] = []
        """Answered, and still to be written down."""
        self._delivered = DeliverySummary()

    async def deliver(self) -> DeliverySummary:
        """Keep up to `parallel` requests under way until the batch is through; hand back what did not leave."""
        try:
            while self._more() or self._under_way or self._back:
                for key in await asyncio.to_thread(self._turn):
                    row = self._rows[key]
                    sending = self._crew.doors[Channel(row["channel"])].send(message_of(row))
                    task = asyncio.create_task(sending)
                    task.add_done_callback(_heard)
                    self._under_way[task] = key
                if self._under_way:
                    self._back = [self._outcome(one) for one in await self._answers()]
                elif self._standing.ready:
                    await asyncio.sleep(RATE_POLL_SECONDS)
            return self._delivered
        finally:
            self._turns.hand_back(self._standing)

    def _more(self) -> bool:
        return not self._tried and bool(self._standing.waiting or self._standing.ready)

    def _turn(self) -> Sequence[str]:
        """Settle what came back and mark what leaves next; return the ids of what leaves."""
        room = int(not self._tried) if self._trying else self._crew.parallel - len(self._under_way)
        before = replace(self._standing, down=dict(self._delivered.down))
        turned = self._turns.take(before, self._back, room, self._crew.clock())
        self._back, self._standing = [], turned.standing
        self._tried |= self._trying and bool(turned.leaving)
        self._delivered.down.update(turned.standing.down)
        for one in turned.settled:
            self._delivered.count(self._rows[one.id]["channel"], one)
        return turned.leaving

    async def _answers(self) -> "list[asyncio.Task[Receipt]]":
        """Wait for an answer, and a moment for more: a turn costs nearly the same for one and for many.

        Where half of them answered meanwhile it waits for nothing, so that the turn runs beside what leaves just now.
        """
        for _ in range(MOMENTS):
            done = [one for one in self._under_way if one.done()]
            if 2 * len(done) >= len(self._under_way):
                return done
            await asyncio.sleep(MOMENT)
        await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        return [one for one in self._under_way if one.done()]

    def _outcome(self, task: asyncio.Task[Receipt]) -> DeliveryOutcome:
        row = self._rows[self._under_way.pop(task)]
        error = task.exception()
        if isinstance(error, TemporaryFailure) and error.channel_down:
            self._delivered.down[row["channel"]] = error.reason
        return outcome_of(row, task, self._crew.clock())


def _heard(task: "asyncio.Task[Receipt]") -> None:
    """Take note of an answer that a run which is ended does not wait for: the ledger has the message as sending."""
    if not task.cancelled():
        task.exception()


def outcome_of(row: Mapping[str, Any], task: "asyncio.Task[Receipt]", now: datetime) -> DeliveryOutcome:
    """Say what a door's answer means for a message: three outcomes, and in doubt for everything else."""
    match task.exception():
        case None:
            return DeliveryOutcome(row["id"], State.SENT, reference=task.result().reference, trial=task.result().trial)
        case PermanentFailure() as error:
            return DeliveryOutcome(
                row["id"], State.REJECTED, error.reason, suppress=row["address"] if error.suppress else None
            )
        case TemporaryFailure() as error if error.tries is not None and row["attempts"] >= error.tries:
            return DeliveryOutcome(row["id"], State.REJECTED, f"{error.reason} (tried {row['attempts'] + 1} times)")
        case TemporaryFailure() as error:
            wait = error.retry_after or message_retry_delay(row["id"], row["attempts"])
            rests = error.tries is None and (error.retry_after or CHANNEL_PAUSE_THRESHOLD) > CHANNEL_PAUSE_THRESHOLD
            return DeliveryOutcome(row["id"], State.QUEUED, error.reason, not_before=now + wait, rests=rests)
        case error:
            return DeliveryOutcome(row["id"], State.IN_DOUBT, f"{type(error).__name__}: {error}")


def message_of(row: Mapping[str, Any]) -> Message:
    """Return the words of a notice or a post as the doors take them."""
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
