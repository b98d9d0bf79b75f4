"""Hand over what is owed: claim a batch, read the facts again, mark, send in parallel, settle.

No database session is open while a provider is being called; a crash leaves in doubt at most what was under way.
"""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import OperationalError

from channels.door import Door, Rejected, SendError
from models.values import Channel, Message, Receipt, Skip, State
from tasks.desk import Desk
from tasks.gates import burst, opened, passing, shut, shut_gates, try_one
from tasks.notices import NOTICES
from tasks.outbox import Claim, Settled, Worker, channels_of, claim, doubt_abandoned, give_back, settle, start
from tasks.posts import POSTS, stale
from tasks.runs import Now
from tasks.truth import retell, untrue

TABLES = (NOTICES, POSTS)
FRESH = 100
"""How many messages are checked against the facts at once: a message leaves at most so many sends after its check."""
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=6)
AFRESH = (Skip.CHANGED, Skip.TOO_OLD)
"""Reasons after which an order is looked at anew: there is something to say, but not these words."""
PAUSE = 0.05
"""Seconds between two looks at a rate that lets nothing through."""
PAUSES = (0.1, 0.5, 2, 5)
"""Seconds to wait for a database that went away in the middle of a batch, before giving up."""
BURST = "more than half of its latest messages were refused"
DOUBLINGS = 9
"""More of them would lie beyond LAST_RETRY, and at last beyond what a time can be."""


@dataclass(slots=True)
class Delivered:
    """What came of a deliver run; adds up over batches."""

    sent: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    in_doubt: int = 0
    down: dict[str, str] = field(default_factory=dict)
    """Channels that somebody must mend, with the provider's reason."""

    def add(self, other: "Delivered") -> None:
        """Take in another batch."""
        for name in ("sent", "skipped", "rejected", "later"):
            getattr(self, name).update(getattr(other, name))
        self.in_doubt += other.in_doubt
        self.down.update(other.down)

    def count(self, channel: str, outcome: Settled) -> None:
        """Take in one outcome."""
        match outcome.state:
            case State.SENT:
                self.sent[channel] += 1
            case State.SKIPPED:
                self.skipped[outcome.reason] += 1
            case State.REJECTED:
                self.rejected[outcome.reason] += 1
            case State.QUEUED:
                self.later[outcome.reason] += 1
            case State.IN_DOUBT:
                self.in_doubt += 1


@dataclass(frozen=True, slots=True)
class Crew:
    """Who delivers: the doors by channel, how many requests at once, and the clock for what happens meanwhile."""

    worker: Worker
    doors: Mapping[Channel, Door]
    parallel: int
    clock: Callable[[], datetime]


async def deliver_batch(desk: Desk, now: Now, crew: Crew, *, batch: int, down: Sequence[str] = ()) -> Delivered | None:
    """Claim and deliver the next batch of notices, or else of posts; None where nothing is due.

    Channels named in `down` are left alone; on one whose gate is shut, a single message is tried when its time comes.
    Safe to repeat: a claim that is not used falls back when its lease ends.
    """
    for table in TABLES:
        channels = [one for one in channels_of(table) if one in crew.doors and one not in down]
        claimed = await asyncio.to_thread(_claim, desk, table, crew, channels, batch)
        if claimed.rows:
            return await _Round(desk, now, crew, claimed).deliver()
    return None


def _claim(desk: Desk, table: Table, crew: Crew, channels: Sequence[str], batch: int) -> Claim:
    now = crew.clock()
    with desk.engine.begin() as connection:
        closed = shut_gates(connection)
        one = try_one(connection, [name for name in channels if name in closed], now, desk.policy.sending)
        if one is not None and (tried := claim(connection, table, crew.worker, now, [one], 1)).rows:
            return tried
        return claim(connection, table, crew.worker, now, [name for name in channels if name not in closed], batch)


def doubt(desk: Desk, crew: Crew) -> int:
    """Put in doubt what earlier deliver runs left under way when they died; return how many."""
    with desk.engine.begin() as connection:
        return sum(len(doubt_abandoned(connection, table, crew.clock(), crew.worker.name)) for table in TABLES)


class _Round:
    """One claimed batch on its way out."""

    def __init__(self, desk: Desk, now: Now, crew: Crew, claimed: Claim) -> None:
        self._desk, self._now, self._crew, self._table = desk, now, crew, claimed.table
        self._rows = {row["id"]: row for row in claimed.rows}
        self._waiting = list(self._rows)
        """Claimed, and still to be checked against the facts."""
        self._ready: list[str] = []
        """Checked, and still to leave."""
        self._under_way: dict[asyncio.Task[Receipt], str] = {}
        self._back: list[Settled] = []
        """Answered, and still to be written down."""
        self._delivered = Delivered()

    async def deliver(self) -> Delivered:
        """Keep up to `parallel` requests under way until the batch is through; hand back what did not leave."""
        try:
            while self._waiting or self._ready or self._under_way or self._back:
                for key in await asyncio.to_thread(self._turn):
                    row = self._rows[key]
                    sending = self._crew.doors[Channel(row["channel"])].send(message_of(row))
                    self._under_way[asyncio.create_task(sending)] = key
                if self._under_way:
                    done, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                    self._back = [self._outcome(one) for one in done]
                elif self._ready:
                    await asyncio.sleep(PAUSE)
            return self._delivered
        finally:
            if left := [*self._waiting, *self._ready]:
                with self._desk.engine.begin() as connection:
                    give_back(connection, self._table, self._crew.worker, left)

    def _turn(self) -> set[str]:
        """Settle what came back and mark what leaves next; return the ids of what leaves.

        A database that goes away for a moment is waited for: what came back must not be forgotten.
        """
        now = self._crew.clock()
        for pause in PAUSES:
            try:
                return self._turned(now)
            except OperationalError:
                time.sleep(pause)
        return self._turned(now)

    def _turned(self, now: datetime) -> set[str]:
        """Do a turn in one transaction; what is remembered changes only after it was kept."""
        with self._desk.engine.begin() as connection:
            settled = self._settle(connection, self._back, now)
            waiting, ready = self._up(connection)
            room = self._crew.parallel - len(self._under_way)
            while len(ready) < room and waiting:
                chunk, waiting = waiting[:FRESH], waiting[FRESH:]
                untrue = self._settle(connection, self._untrue(connection, chunk, now), now)
                settled += untrue
                ready += [key for key in chunk if key not in {one.id for one in untrue}]
            leaving = self._passing(connection, ready[:room], now)
            self._retell(connection, settled)
            ours = start(connection, self._table, self._crew.worker, leaving, now)
        self._back, self._waiting = [], waiting
        self._ready = [key for key in ready if key not in leaving]
        for one in settled:
            self._delivered.count(self._rows[one.id]["channel"], one)
        return ours

    def _settle(self, connection: Connection, outcomes: Sequence[Settled], now: datetime) -> list[Settled]:
        who = self._crew.worker.name
        kept = settle(connection, self._table, outcomes, now, who)
        opened(connection, {self._channel(one) for one in kept if one.state is State.SENT}, now, who)
        for channel in {self._channel(one) for one in kept if one.state is State.REJECTED}:
            if burst(connection, self._table, channel, now, self._desk.policy.sending):
                self._delivered.down[channel] = BURST
        for channel in sorted({self._channel(one) for one in kept} & self._delivered.down.keys()):
            shut(connection, channel, self._delivered.down[channel], now, self._desk.policy.sending, who)
        return kept

    def _retell(self, connection: Connection, settled: Sequence[Settled]) -> None:
        # All at once and after the gates: every transaction locks them and the watches in one order.
        if self._table is NOTICES:
            lost = [one for one in settled if one.state in (State.SKIPPED, State.REJECTED)]
            changed = {self._rows[one.id]["order_id"] for one in lost if one.reason in AFRESH}
            retell(connection, {self._rows[one.id]["order_id"] for one in lost}, changed, self._now.as_of)

    def _channel(self, one: Settled) -> str:
        return str(self._rows[one.id]["channel"])

    def _up(self, connection: Connection) -> tuple[list[str], list[str]]:
        """Return what waits and what is ready, without the channels that went down: those are handed back."""
        kept = [[key for key in keys if self._rows[key]["channel"] not in self._delivered.down] for keys in self._left]
        idle = {key for keys in self._left for key in keys} - {key for keys in kept for key in keys}
        give_back(connection, self._table, self._crew.worker, sorted(idle))
        return kept[0], kept[1]

    @property
    def _left(self) -> tuple[list[str], list[str]]:
        return self._waiting, self._ready

    def _untrue(self, connection: Connection, chunk: Sequence[str], now: datetime) -> list[Settled]:
        check = untrue if self._table is NOTICES else stale
        return check(self._desk, connection, [self._rows[key] for key in chunk], self._now.as_of, now)

    def _passing(self, connection: Connection, ready: Sequence[str], now: datetime) -> list[str]:
        """Return the messages that the policy's rate lets through now."""
        leaving: list[str] = []
        for channel in sorted({Channel(self._rows[key]["channel"]) for key in ready}):
            of_it = [key for key in ready if self._rows[key]["channel"] == channel]
            leaving += of_it[: passing(connection, channel, len(of_it), now, self._desk.policy.sending)]
        return leaving

    def _outcome(self, task: asyncio.Task[Receipt]) -> Settled:
        row = self._rows[self._under_way.pop(task)]
        error = task.exception()
        if isinstance(error, SendError) and error.channel_down:
            self._delivered.down[row["channel"]] = error.reason
        return settled(row, task, self._crew.clock())


def settled(row: Mapping[str, Any], task: "asyncio.Task[Receipt]", now: datetime) -> Settled:
    """Say what a door's answer means for a message: three outcomes, and in doubt for everything else."""
    match task.exception():
        case None:
            return Settled(row["id"], State.SENT, reference=task.result().reference)
        case Rejected() as error:
            return Settled(row["id"], State.REJECTED, error.reason, suppress=row["address"] if error.suppress else None)
        case SendError() as error if error.tries is not None and row["attempts"] >= error.tries:
            return Settled(row["id"], State.REJECTED, f"{error.reason} (tried {row['attempts'] + 1} times)")
        case SendError() as error:
            wait = error.retry_after or backoff(row["id"], row["attempts"])
            return Settled(row["id"], State.QUEUED, error.reason, not_before=now + wait)
        case error:
            return Settled(row["id"], State.IN_DOUBT, f"{type(error).__name__}: {error}")


def backoff(key: str, attempts: int) -> timedelta:
    """Return how long to wait after so many tries: doubled each time, and up to half as long again by the message."""
    jitter = 1 + zlib.crc32(f"{key}{attempts}".encode()) % 1000 / 2000
    doubled: timedelta = FIRST_RETRY * 2 ** min(attempts, DOUBLINGS)
    return min(doubled, LAST_RETRY) * jitter


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
