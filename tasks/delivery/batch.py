"""One step of a claimed batch: record the answers, check the waiting messages and mark the next ones as sending.

Each step is one transaction. It runs beside the requests under way and waits for none of them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import OperationalError

from models.enums import Channel, SkipReason, State
from models.messages import DeliveryOutcome
from tasks.context import Context
from tasks.delivery.circuit_breaker import FAILURE_STATES, failure_rate_exceeded, reset, return_probe, trip
from tasks.delivery.outcomes import record_outcomes
from tasks.delivery.queue import LeaseHolder, mark_sending, marked_at, release_claims
from tasks.delivery.rate_limit import pause_channel, take_tokens
from tasks.delivery.revalidate import stale_notices
from tasks.notices.told_state import restore_told_state
from tasks.posts.compose import stale_posts
from tasks.tables import NOTICES

REVALIDATED_AT_ONCE = 100
"""Messages checked against the facts together: a message leaves at most this many sends after its check."""
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
"""Skip reasons after which the order is checked again: there is news, but with other words or by another channel."""
DATABASE_RETRY_SECONDS = (0.1, 0.5, 2, 5)
"""Waits between the attempts of a step when the database is away; then the step fails."""
FAILURE_RATE_REASON = "more than half of its latest messages were refused or are in doubt"


@dataclass(frozen=True, slots=True)
class BatchState:
    """The unsent messages of a batch between two steps, by id."""

    waiting: Sequence[str] = ()
    """Claimed, and not yet checked against the facts."""
    ready: Sequence[str] = ()
    """Checked, and not yet sent."""
    down: Mapping[str, str] = field(default_factory=dict)
    """Channels that a person must repair, with the provider's reason."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one step."""

    state: BatchState
    recorded: Sequence[DeliveryOutcome]
    to_send: Sequence[str]
    """Ids marked as sending: the caller sends them now."""


class DeliveryBatch:
    """The ledger's side of one claimed batch. `open_channels` are those whose breaker was open when it was claimed."""

    def __init__(
        self,
        context: Context,
        as_of: date,
        holder: LeaseHolder,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        open_channels: set[str],
    ) -> None:
        self._context, self._as_of, self._holder, self._table = context, as_of, holder, table
        self._rows = {row["id"]: row for row in rows}
        self._open_channels = open_channels
        self._tripped: set[str] = set()
        """Channels whose breaker this batch has tripped already."""
        self._is_retry = False
        """True while a step is repeated after a lost commit: it may or may not have been stored."""

    def step(self, state: BatchState, answers: Sequence[DeliveryOutcome], room: int, now: datetime) -> StepResult:
        """Record the answers, then mark up to `room` messages as sending.

        Repeats on OperationalError, because an answer must not be lost; raises it after the last attempt. A step may be
        repeated with the same `now` without recording or sending anything twice.
        """
        self._is_retry = False
        for pause in DATABASE_RETRY_SECONDS:
            try:
                return self._step(state, answers, room, now)
            except OperationalError:
                time.sleep(pause)
                self._is_retry = True
        return self._step(state, answers, room, now)

    def release_unsent(self, state: BatchState) -> None:
        """Give back the claims of messages that were not sent."""
        if ids := [*state.waiting, *state.ready]:
            with self._context.engine.begin() as connection:
                release_claims(connection, self._table, self._holder, ids)

    def _step(self, state: BatchState, answers: Sequence[DeliveryOutcome], room: int, now: datetime) -> StepResult:
        with self._context.engine.begin() as connection:
            recorded = self._record(connection, answers, now)
            down = self._update_breakers(connection, recorded, state.down, now)
            paused = self._pause_channels(connection, recorded)
            remaining = self._drop_paused(connection, state, down, paused)
            waiting, ready, skipped = self._revalidate(connection, remaining, room, now)
            recorded += skipped
            allowed = self._already_marked(connection, ready, now) or self._rate_limited(connection, ready[:room], now)
            if not (allowed or ready or answers):
                self._return_unused_probes(connection, state, now)
            self._restore_told(connection, recorded)
            marked = mark_sending(connection, self._table, self._holder, allowed, now)
        self._tripped |= down.keys()
        unsent = [key for key in ready if key not in set(allowed)]
        return StepResult(BatchState(waiting, unsent, down), recorded, [key for key in allowed if key in marked])

    def _record(
        self, connection: Connection, outcomes: Sequence[DeliveryOutcome], now: datetime
    ) -> list[DeliveryOutcome]:
        return record_outcomes(connection, self._table, outcomes, now, self._holder.name)

    def _update_breakers(
        self, connection: Connection, recorded: Sequence[DeliveryOutcome], down: Mapping[str, str], now: datetime
    ) -> dict[str, str]:
        """Reset the breakers of channels that took a message, trip those that failed; return the channels down."""
        policy, who, reasons = self._context.policy.sending, self._holder.name, dict(down)
        if recovered := {self._channel(one.id) for one in recorded if one.state is State.SENT} & self._open_channels:
            reset(connection, recovered, now, who)
        failed = {self._channel(one.id) for one in recorded if one.state in FAILURE_STATES and not one.suppress}
        for channel in failed - reasons.keys():
            if failure_rate_exceeded(connection, self._table, channel, now, policy):
                reasons[channel] = FAILURE_RATE_REASON
        for channel in sorted(reasons.keys() - self._tripped):
            trip(connection, channel, reasons[channel], now, policy, who, probed=channel in self._open_channels)
        return reasons

    def _pause_channels(self, connection: Connection, recorded: Sequence[DeliveryOutcome]) -> set[str]:
        """Pause channels for as long as their providers asked; return them."""
        pauses = {self._channel(one.id): one.not_before for one in recorded if one.pauses_channel and one.not_before}
        for channel, until in sorted(pauses.items()):
            pause_channel(connection, channel, until)
        return set(pauses)

    def _drop_paused(
        self, connection: Connection, state: BatchState, down: Mapping[str, str], paused: set[str]
    ) -> BatchState:
        """Release the claims of messages whose channel is down or paused; return the other messages."""
        stopped = down.keys() | paused
        dropped = {key for key in (*state.waiting, *state.ready) if self._channel(key) in stopped}
        release_claims(connection, self._table, self._holder, sorted(dropped))
        waiting, ready = ([key for key in keys if key not in dropped] for keys in (state.waiting, state.ready))
        return BatchState(waiting, ready, down)

    def _revalidate(
        self, connection: Connection, state: BatchState, room: int, now: datetime
    ) -> tuple[list[str], list[str], list[DeliveryOutcome]]:
        """Check waiting messages until `room` are ready; return those waiting, those ready, and the outcomes of others.

        A message whose hours ended after its check is checked again.
        """
        expired = [key for key in state.ready if self._window_over(key, now)]
        ready = [key for key in state.ready if key not in expired]
        waiting = [*expired, *state.waiting]
        skipped: list[DeliveryOutcome] = []
        while len(ready) < room and waiting:
            chunk, waiting = waiting[:REVALIDATED_AT_ONCE], waiting[REVALIDATED_AT_ONCE:]
            stale = self._record(connection, self._stale(connection, chunk, now), now)
            stale_ids = {one.id for one in stale}
            ready += [key for key in chunk if key not in stale_ids]
            skipped += stale
        return waiting, ready, skipped

    def _window_over(self, key: str, now: datetime) -> bool:
        valid_until = self._rows[key].get("valid_until")
        return valid_until is not None and valid_until <= now

    def _stale(self, connection: Connection, chunk: Sequence[str], now: datetime) -> list[DeliveryOutcome]:
        stale = stale_notices if self._table is NOTICES else stale_posts
        return stale(self._context, connection, [self._rows[key] for key in chunk], self._as_of, now)

    def _already_marked(self, connection: Connection, ready: Sequence[str], now: datetime) -> list[str]:
        """Return the messages that the first attempt of this step marked, when its commit was stored after all."""
        return marked_at(connection, self._table, self._holder, ready, now) if self._is_retry else []

    def _rate_limited(self, connection: Connection, ready: Sequence[str], now: datetime) -> list[str]:
        """Return the messages that the policy's rate limits allow in this second."""
        by_channel: dict[str, list[str]] = {}
        for key in ready:
            by_channel.setdefault(self._channel(key), []).append(key)
        allowed: list[str] = []
        for channel, ids in sorted(by_channel.items()):
            tokens = take_tokens(connection, Channel(channel), len(ids), now, self._context.policy.sending)
            allowed += ids[:tokens]
        return allowed

    def _return_unused_probes(self, connection: Connection, state: BatchState, now: datetime) -> None:
        return_probe(connection, {self._channel(key) for key in state.waiting} & self._open_channels, now)

    def _restore_told(self, connection: Connection, recorded: Sequence[DeliveryOutcome]) -> None:
        # Once, and after the breakers: every transaction locks channel states before watches, so none can deadlock.
        if self._table is NOTICES:
            failed = [one for one in recorded if one.state in (State.SKIPPED, State.REJECTED)]
            recheck = {self._rows[one.id]["order_id"] for one in failed if one.reason in RECHECK_REASONS}
            restore_told_state(connection, {self._rows[one.id]["order_id"] for one in failed}, recheck, self._as_of)

    def _channel(self, key: str) -> str:
        return str(self._rows[key]["channel"])
