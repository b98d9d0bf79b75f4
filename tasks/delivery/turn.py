"""One turn of a channel: record the answers that came back, and mark the next messages as sending, in one transaction.

A message is checked in the transaction that marks it: what it says is so when it leaves. A turn runs beside the
requests under way and waits for none of them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import Connection, Integer, bindparam
from sqlalchemy.exc import OperationalError

from models.enums import Channel
from models.messages import DeliveryOutcome
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.delivery.channel_breaker import ChannelBreaker
from tasks.delivery.message_kind import MessageKind, Outgoing
from tasks.delivery.outcomes import record_outcomes, skipped_at
from tasks.delivery.queue import LeaseHolder, due_filter, mark_sending, marked_at
from tasks.delivery.rate_limit import count_sent, tokens
from tasks.tables import OUTBOX

MAX_EXAMINED = 500
"""Due messages that one turn looks at, so that a turn ends soon also where most of them must not leave."""
STALE_PAGE = 50
"""Due messages looked at together after some that must not leave: the facts of each alone would be slow to load."""
DATABASE_RETRY_SECONDS = (0.1, 0.5, 2, 5)
"""Waits between the attempts of a turn when the database is away; then the turn fails."""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What one turn did."""

    recorded: list[DeliveryOutcome] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    """Messages marked as sending: the caller sends them now."""
    more_due: bool = False
    """Whether due messages remain that this turn could not take, because of the rate limit or MAX_EXAMINED."""


@dataclass(slots=True)
class _Claim:
    """What a turn has marked so far, and what became of the messages that must not leave."""

    outgoing: list[Outgoing] = field(default_factory=list)
    skipped: list[DeliveryOutcome] = field(default_factory=list)
    examined: int = 0
    looked_at: bool = False
    """Whether the state of the channel was read: until then, only messages of a usable channel are found."""


class Turns:
    """The turns of one deliver run for one kind of message. `breaker` is None where there is none to trip."""

    def __init__(
        self, context: Context, holder: LeaseHolder, kind: MessageKind, breaker: ChannelBreaker | None = None
    ) -> None:
        self._context, self.holder, self._kind, self._breaker = context, holder, kind, breaker
        # Put together once: that takes longer than to run them.
        self._due = kind.select().where(due_filter(kind.channels)).limit(bindparam("room", type_=Integer))
        usable = self._due if breaker is None else self._due.where(breaker.usable_filter())
        self._locked = usable.order_by(OUTBOX.c.not_before, OUTBOX.c.id).with_for_update(skip_locked=True, of=OUTBOX)

    def take(self, answers: Sequence[DeliveryOutcome], room: int, now: datetime) -> TurnResult:
        """Record the answers, and mark up to `room` due messages as sending.

        Each turn needs a `now` of its own: after a commit whose answer was lost, the turn is repeated with the same
        one, and knows its own rows by it, so that nothing is recorded or sent twice. Raises OperationalError after the
        last attempt.
        """
        repeated, memory = False, None if self._breaker is None else self._breaker.memory
        for pause in DATABASE_RETRY_SECONDS:
            try:
                return self._take(answers, room, now, repeated=repeated)
            except OperationalError:
                if self._breaker is not None and memory is not None:
                    self._breaker.memory = memory
                time.sleep(pause)
                repeated = True
        return self._take(answers, room, now, repeated=True)

    def _take(self, answers: Sequence[DeliveryOutcome], room: int, now: datetime, *, repeated: bool) -> TurnResult:
        as_of = now.astimezone(self._context.zone).date()
        with self._context.engine.begin() as connection:
            recorded = record_outcomes(connection, answers, now, self.holder.name)
            claim = self._own_claim(connection, as_of, now) if repeated else _Claim()
            calm = self._breaker is None or (not repeated and self._breaker.is_calm(recorded))
            more_due = calm and not claim.outgoing and self._claim(connection, claim, room, as_of, now)
            if self._breaker is not None and not claim.examined:
                room, claim.looked_at = self._breaker.update(connection, recorded, room, now), True
                more_due = not claim.outgoing and self._claim(connection, claim, room, as_of, now)
                self._breaker.claimed(connection, [outgoing.id for outgoing in claim.outgoing], now)
            self._kind.follow_up(connection, [*recorded, *claim.skipped], as_of)
        return TurnResult([*recorded, *claim.skipped], claim.outgoing, more_due)

    def _claim(self, connection: Connection, claim: _Claim, room: int, as_of: date, now: datetime) -> bool:
        """Mark due messages as sending; return whether due ones remain that this turn could not take."""
        allowed = self._allowed(connection, room, now)
        found_all = False
        while len(claim.outgoing) < allowed and not found_all and claim.examined < MAX_EXAMINED:
            missing = allowed - len(claim.outgoing)
            found_all = self._prepare(connection, claim, missing, as_of, now)
        self._count(connection, len(claim.outgoing), now)
        return not found_all and len(claim.outgoing) < room and self._any_due(connection, as_of, now)

    def _any_due(self, connection: Connection, as_of: date, now: datetime) -> bool:
        return connection.execute(self._due, {**self._kind.parameters(as_of, now), "room": 1}).first() is not None

    def _prepare(self, connection: Connection, claim: _Claim, missing: int, as_of: date, now: datetime) -> bool:
        """Lock due messages, and mark up to `missing` of those that may leave; return whether no more are due."""
        size = max(missing, STALE_PAGE) if claim.examined and not claim.outgoing else missing
        given = {**self._kind.parameters(as_of, now), "room": size, "looked_at": claim.looked_at}
        rows = connection.execute(self._locked, given).all()
        if not rows:
            return True
        prepared = self._kind.prepare(connection, rows, as_of, now)
        claim.skipped += record_outcomes(connection, prepared.outcomes, now, self.holder.name, locked=True)
        leaving = prepared.outgoing[:missing]
        mark_sending(connection, self.holder, [outgoing.id for outgoing in leaving], now)
        claim.outgoing += leaving
        claim.examined += len(rows)
        return len(rows) < size and len(leaving) == len(prepared.outgoing)

    def _own_claim(self, connection: Connection, as_of: date, now: datetime) -> _Claim:
        """Return what the first attempt of this turn marked and skipped, when its commit was stored after all."""
        claim = _Claim(skipped=skipped_at(connection, self.holder, now))
        if ids := marked_at(connection, self.holder, self._kind.channels, now):
            query = self._kind.select().where(in_list(connection, OUTBOX.c.id, ids))
            rows = connection.execute(query, self._kind.parameters(as_of, now)).all()
            prepared = self._kind.prepare(connection, rows, as_of, now)
            claim.skipped += record_outcomes(connection, prepared.outcomes, now, self.holder.name)
            claim.outgoing = [replace(outgoing, attempts=outgoing.attempts - 1) for outgoing in prepared.outgoing]
        return claim

    def _allowed(self, connection: Connection, room: int, now: datetime) -> int:
        """Return how many messages the rate limit of the channel allows now."""
        if self._breaker is None or room <= 0:
            return max(room, 0)
        return min(room, tokens(connection, Channel(self._breaker.channel), now, self._context.policy.sending))

    def _count(self, connection: Connection, sent: int, now: datetime) -> None:
        if self._breaker is not None:
            count_sent(connection, Channel(self._breaker.channel), sent, now, self._context.policy.sending)
