"""A turn at the ledger: what came back is written down, what waits is checked, and what leaves next is marked.

One transaction a turn, which runs beside the requests that are under way and waits for none of them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from models.enums import Channel, SkipReason, State
from models.messages import DeliveryOutcome
from tasks.context import Context
from tasks.delivery.circuit_breaker import FAILURE_STATES, failure_rate_exceeded, reset, return_probe, trip
from tasks.delivery.outcomes import record_outcomes
from tasks.delivery.queue import Claim, LeaseHolder, mark_sending, marked_at, release_claims
from tasks.delivery.rate_limit import pause_channel, take_tokens
from tasks.delivery.revalidate import stale_notices
from tasks.notices.told_state import restore_told_state
from tasks.posts.compose import stale_posts
from tasks.tables import NOTICES

REVALIDATED_AT_ONCE = 100
"""How many messages are checked against the facts at once: a message leaves at most so many sends after its check."""
RECHECK_REASONS = (
    SkipReason.CHANGED,
    SkipReason.TOO_OLD,
    SkipReason.SUPPRESSED,
    SkipReason.NO_CONSENT,
    SkipReason.NO_ADDRESS,
    SkipReason.BAD_ADDRESS,
    SkipReason.NO_HOUR,
    SkipReason.NOT_MOBILE,
)
"""Reasons after which an order is looked at anew: there is something to say, but not these words, or not this way."""
PAUSES = (0.1, 0.5, 2, 5)
"""Seconds to wait for a database that went away in the middle of a batch, before giving up."""
FAILURE_RATE_REASON = "more than half of its latest messages were refused or are in doubt"


@dataclass(frozen=True, slots=True)
class BatchState:
    """How a claimed batch stands between two turns; messages by their ids."""

    waiting: Sequence[str] = ()
    """Claimed, and still to be checked against the facts."""
    ready: Sequence[str] = ()
    """Checked, and still to leave."""
    down: Mapping[str, str] = field(default_factory=dict)
    """Channels that somebody must mend, with the provider's reason."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of a turn: how the batch stands now, what was settled, and what leaves."""

    standing: BatchState
    settled: Sequence[DeliveryOutcome]
    leaving: Sequence[str]


class DeliveryBatch:
    """The ledger's side of one claimed batch; `closed` are the channels that were shut when it was claimed."""

    def __init__(self, context: Context, as_of: date, worker: LeaseHolder, claimed: Claim, closed: set[str]) -> None:
        self._context, self._as_of, self._worker, self._table, self._closed = (
            context,
            as_of,
            worker,
            claimed.table,
            closed,
        )
        self._rows = {row["id"]: row for row in claimed.rows}
        self._shut: set[str] = set()
        """Channels that we shut already."""
        self._again = False
        """Whether a turn is taken again, of which nobody knows whether it was kept."""

    def take(self, before: BatchState, back: Sequence[DeliveryOutcome], room: int, now: datetime) -> StepResult:
        """Settle what came back and mark what leaves next, as far as there is room for it.

        A database that goes away for a moment is waited for: what came back must not be forgotten. What is remembered
        changes only after it was kept.
        """
        self._again = False
        for pause in PAUSES:
            try:
                return self._once(before, back, room, now)
            except OperationalError:
                time.sleep(pause)
                self._again = True
        return self._once(before, back, room, now)

    def hand_back(self, left: BatchState) -> None:
        """Hand back what did not leave."""
        if ids := [*left.waiting, *left.ready]:
            with self._context.engine.begin() as connection:
                release_claims(connection, self._table, self._worker, ids)

    def _once(self, before: BatchState, back: Sequence[DeliveryOutcome], room: int, now: datetime) -> StepResult:
        with self._context.engine.begin() as connection:
            settled = record_outcomes(connection, self._table, back, now, self._worker.name)
            down = self._gates(connection, settled, before.down, now)
            after = self._without(connection, before, down, self._resting(connection, settled))
            over = [key for key in after.ready if self._over(key, now)]
            ready = [key for key in after.ready if key not in over]
            waiting = [*over, *after.waiting]
            while len(ready) < room and waiting:
                chunk, waiting = waiting[:REVALIDATED_AT_ONCE], waiting[REVALIDATED_AT_ONCE:]
                lost = record_outcomes(
                    connection, self._table, self._untrue(connection, chunk, now), now, self._worker.name
                )
                settled += lost
                ready += [key for key in chunk if key not in {one.id for one in lost}]
            leaving = self._marked(connection, ready, now) or self._passing(connection, ready[:room], now)
            if not (leaving or ready or back):
                return_probe(connection, {self._rows[key]["channel"] for key in before.waiting} & self._closed, now)
            self._retell(connection, settled)
            ours = mark_sending(connection, self._table, self._worker, leaving, now)
        self._shut |= after.down.keys()
        rest = [key for key in ready if key not in set(leaving)]
        return StepResult(BatchState(waiting, rest, after.down), settled, [key for key in leaving if key in ours])

    def _gates(
        self, connection: Connection, settled: Sequence[DeliveryOutcome], down: Mapping[str, str], now: datetime
    ) -> dict[str, str]:
        """Open and shut the gates as the answers say; return the channels that are down."""
        sending, who, known = self._context.policy.sending, self._worker.name, dict(down)
        if sent := {self._channel(one) for one in settled if one.state is State.SENT} & self._closed:
            reset(connection, sent, now, who)
        failed = {self._channel(one) for one in settled if one.state in FAILURE_STATES and not one.suppress}
        for channel in failed - known.keys():
            if failure_rate_exceeded(connection, self._table, channel, now, sending):
                known[channel] = FAILURE_RATE_REASON
        for channel in sorted(known.keys() - self._shut):
            trip(connection, channel, known[channel], now, sending, who, tried=channel in self._closed)
        return known

    def _resting(self, connection: Connection, settled: Sequence[DeliveryOutcome]) -> set[str]:
        """Leave channels alone as long as their providers asked; return them."""
        asked = {self._channel(one): one.not_before for one in settled if one.rests and one.not_before}
        for channel, until in sorted(asked.items()):
            pause_channel(connection, channel, until)
        return set(asked)

    def _without(
        self, connection: Connection, before: BatchState, down: Mapping[str, str], resting: set[str]
    ) -> BatchState:
        """Hand back the messages of channels that went down, or rest."""
        idle = {key for key in (*before.waiting, *before.ready) if self._channel_of(key) in down.keys() | resting}
        release_claims(connection, self._table, self._worker, sorted(idle))
        waiting, ready = ([key for key in keys if key not in idle] for keys in (before.waiting, before.ready))
        return BatchState(waiting, ready, down)

    def _over(self, key: str, now: datetime) -> bool:
        """Say whether a message's hours ended since it was checked."""
        until = self._rows[key].get("valid_until")
        return until is not None and until <= now

    def _retell(self, connection: Connection, settled: Sequence[DeliveryOutcome]) -> None:
        # All at once and after the gates: every transaction locks them and the watches in one order.
        if self._table is NOTICES:
            lost = [one for one in settled if one.state in (State.SKIPPED, State.REJECTED)]
            changed = {self._rows[one.id]["order_id"] for one in lost if one.reason in RECHECK_REASONS}
            restore_told_state(connection, {self._rows[one.id]["order_id"] for one in lost}, changed, self._as_of)

    def _channel(self, one: DeliveryOutcome) -> str:
        return self._channel_of(one.id)

    def _channel_of(self, key: str) -> str:
        return str(self._rows[key]["channel"])

    def _untrue(self, connection: Connection, chunk: Sequence[str], now: datetime) -> list[DeliveryOutcome]:
        check = stale_notices if self._table is NOTICES else stale_posts
        return check(self._context, connection, [self._rows[key] for key in chunk], self._as_of, now)

    def _marked(self, connection: Connection, ready: Sequence[str], now: datetime) -> list[str]:
        """Return the messages that this turn marked and let pass already, where it was kept and is taken again."""
        return marked_at(connection, self._table, self._worker, ready, now) if self._again else []

    def _passing(self, connection: Connection, ready: Sequence[str], now: datetime) -> list[str]:
        """Return the messages that the policy's rate lets through now."""
        leaving: list[str] = []
        of: dict[Any, list[str]] = {}
        for key in ready:
            of.setdefault(self._rows[key]["channel"], []).append(key)
        for channel in sorted(of):
            free = take_tokens(connection, Channel(channel), len(of[channel]), now, self._context.policy.sending)
            leaving += of[channel][:free]
        return leaving
