"""Hand over what is owed: claim a batch, read the facts again, mark, send in parallel, settle.

No database session is open while a provider is being called; a crash leaves in doubt at most what was under way.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table

from channels.door import Door, Rejected, SendError
from models.values import Channel, Message, Receipt, Skip, State
from tasks.desk import Desk
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

    Channels named in `down` are left alone. Safe to repeat: a claim that is not used falls back when its lease ends.
    """
    for table in TABLES:
        channels = [one for one in channels_of(table) if one in crew.doors and one not in down]
        claimed = await asyncio.to_thread(_claim, desk, table, crew, channels, batch)
        if claimed.rows:
            return await _Round(desk, now, crew, claimed).deliver()
    return None


def _claim(desk: Desk, table: Table, crew: Crew, channels: Sequence[str], batch: int) -> Claim:
    with desk.engine.begin() as connection:
        return claim(connection, table, crew.worker, crew.clock(), channels, batch)


def doubt(desk: Desk, crew: Crew) -> int:
    """Put in doubt what earlier deliver runs left under way when they died; return how many."""
    with desk.engine.begin() as connection:
        return sum(len(doubt_abandoned(connection, table, crew.clock(), crew.worker.name)) for table in TABLES)


class _Round:
    """One claimed batch on its way out."""

    def __init__(self, desk: Desk, now: Now, crew: Crew, claimed: Claim) -> None:
        self._desk, self._now, self._crew, self._table = desk, now, crew, claimed.table
        self._rows = {row["id"]: row for row in claimed.rows}
        self._waiting = deque(self._rows)
        self._ready: deque[str] = deque()
        self._under_way: dict[asyncio.Task[Receipt], str] = {}
        self._back: list[Settled] = []
        self._lost: list[Settled] = []
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
            return self._delivered
        finally:
            if left := [*self._waiting, *self._ready]:
                with self._desk.engine.begin() as connection:
                    give_back(connection, self._table, self._crew.worker, left)

    def _turn(self) -> set[str]:
        """Settle what came back and mark what leaves next, in one transaction; return the ids of what leaves."""
        with self._desk.engine.begin() as connection:
            self._settle(connection, self._back)
            self._back = []
            self._set_aside(connection)
            room = self._crew.parallel - len(self._under_way)
            while len(self._ready) < room and self._waiting:
                self._ready.extend(self._still_true(connection))
            self._retell(connection)
            leaving = [self._ready.popleft() for _ in range(min(room, len(self._ready)))]
            return start(connection, self._table, self._crew.worker, leaving, self._crew.clock())

    def _settle(self, connection: Connection, outcomes: Sequence[Settled]) -> None:
        kept = settle(connection, self._table, outcomes, self._crew.clock(), self._crew.worker.name)
        for one in kept:
            self._delivered.count(self._rows[one.id]["channel"], one)
        self._lost += [one for one in kept if one.state in (State.SKIPPED, State.REJECTED)]

    def _retell(self, connection: Connection) -> None:
        """Put right what customers were told; all at once, for a transaction locks watches in one order."""
        if self._table is NOTICES:
            changed = {self._rows[one.id]["order_id"] for one in self._lost if one.reason == Skip.CHANGED}
            retell(connection, {self._rows[one.id]["order_id"] for one in self._lost}, changed, self._now.as_of)
        self._lost = []

    def _set_aside(self, connection: Connection) -> None:
        """Hand back the messages of channels that went down meanwhile."""
        down = self._delivered.down
        idle = [key for key in (*self._waiting, *self._ready) if self._rows[key]["channel"] in down] if down else []
        if idle:
            give_back(connection, self._table, self._crew.worker, idle)
            self._waiting = deque(key for key in self._waiting if self._rows[key]["channel"] not in down)
            self._ready = deque(key for key in self._ready if self._rows[key]["channel"] not in down)

    def _still_true(self, connection: Connection) -> list[str]:
        """Take the next waiting messages; settle as skipped those that the facts no longer bear out."""
        chunk = [self._waiting.popleft() for _ in range(min(FRESH, len(self._waiting)))]
        check = untrue if self._table is NOTICES else stale
        rows = [self._rows[key] for key in chunk]
        found = check(self._desk, connection, rows, self._now.as_of, self._crew.clock())
        self._settle(connection, found)
        ended = {one.id for one in found}
        return [key for key in chunk if key not in ended]

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
        case SendError() as error:
            wait = error.retry_after or min(FIRST_RETRY * 2 ** min(row["attempts"], DOUBLINGS), LAST_RETRY)
            return Settled(row["id"], State.QUEUED, error.reason, not_before=now + wait)
        case error:
            return Settled(row["id"], State.IN_DOUBT, f"{type(error).__name__}: {error}")


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
