"""The circuit breaker of one channel as one deliver run sees it, turn by turn: what came back, and what may leave."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, bindparam, exists, or_, select

from models.enums import State
from models.messages import DeliveryOutcome
from models.policy.messaging import SendingPolicy
from tasks.delivery.circuit_breaker import (
    FAILURE_RATE_REASON,
    FAILURE_STATES,
    acquire_probe,
    failure_rate_exceeded,
    reset,
    return_probe,
    trip,
)
from tasks.delivery.rate_limit import pause_channel
from tasks.tables import CHANNEL_STATES

CHANNEL_STATE_QUERY = select(
    CHANNEL_STATES.c.tripped_at, CHANNEL_STATES.c.retry_at, CHANNEL_STATES.c.awaits_delivery
).where(CHANNEL_STATES.c.channel == bindparam("channel"))


class ChannelBreaker:
    """The breaker of one channel as one deliver run sees it, turn by turn."""

    def __init__(self, channel: str, policy: SendingPolicy, who: str) -> None:
        self.channel, self._policy, self._who = channel, policy, who
        self.down: str | None = None
        """The reason for which this run sends nothing more by the channel; None while it may."""
        self._is_open = self._is_probing = False
        self._probe: str | None = None
        """The id of the probe that this run has sent and that has not ended."""

    @property
    def memory(self) -> tuple[str | None, str | None]:
        """Return what a turn changes besides the ledger; a turn that fails sets it back."""
        return self.down, self._probe

    @memory.setter
    def memory(self, memory: tuple[str | None, str | None]) -> None:
        self.down, self._probe = memory

    def is_calm(self, recorded: Sequence[DeliveryOutcome]) -> bool:
        """Return whether this run knows nothing against the channel: messages are then found by `usable_filter`."""
        is_closed = self.down is None and self._probe is None and not self._is_open
        return is_closed and all(outcome.state is State.SENT for outcome in recorded)

    def usable_filter(self) -> ColumnElement[bool]:
        """Return the SQL of a channel that is neither down nor paused at the parameter `now`, or was `looked_at`."""
        unusable = or_(CHANNEL_STATES.c.tripped_at.is_not(None), CHANNEL_STATES.c.retry_at > bindparam("now"))
        blocked = exists().where(CHANNEL_STATES.c.channel == self.channel, unusable)
        return or_(bindparam("looked_at", type_=Boolean), ~blocked)

    def update(self, connection: Connection, recorded: Sequence[DeliveryOutcome], room: int, now: datetime) -> int:
        """Trip or reset the breaker by what came back; return how many messages may leave now, at most `room`."""
        state = channel_state(connection, self.channel)
        is_open = state is not None and state.tripped_at is not None
        probed = next((outcome for outcome in recorded if outcome.id == self._probe), None)
        if probed is not None and probed.state is State.SENT and not (state and state.awaits_delivery):
            reset(connection, [self.channel], now, self._who)
            is_open = False
        if reason := self._failure(connection, recorded, now):
            trip(connection, self.channel, reason, now, self._policy, self._who, probed=probed is not None)
            self.down = reason
        if probed is not None:
            self._probe = None
        self._is_open, self._is_probing = is_open, False
        if pauses := [outcome.not_before for outcome in recorded if outcome.pauses_channel and outcome.not_before]:
            pause_channel(connection, self.channel, max(pauses))
            return 0
        if self.down is not None or (not is_open and state is not None and _is_paused(state, now)):
            return 0
        return self._probe_room(connection, now) if is_open and room else room

    def _probe_room(self, connection: Connection, now: datetime) -> int:
        """Return 1 when this turn may send the probe; 0 while another worker may, or this run's probe has not ended."""
        if self._probe is not None:
            return 0
        self._is_probing = acquire_probe(connection, [self.channel], now, self._policy) is not None
        return int(self._is_probing)

    def claimed(self, connection: Connection, outgoing: Sequence[str], now: datetime) -> None:
        """Remember the probe among the messages that this turn marked; return a probe for which there was none."""
        if outgoing and self._is_open:
            self._probe = outgoing[0]
        elif self._is_probing:
            return_probe(connection, [self.channel], now)

    def _failure(self, connection: Connection, recorded: Sequence[DeliveryOutcome], now: datetime) -> str | None:
        """Return why the channel is down by these outcomes; None where it is not."""
        if self.down is not None:
            return None
        if reason := next((outcome.reason for outcome in recorded if outcome.channel_down), None):
            return reason
        failed = any(outcome.state in FAILURE_STATES and not outcome.suppress for outcome in recorded)
        if failed and failure_rate_exceeded(connection, self.channel, now, self._policy):
            return FAILURE_RATE_REASON
        return None


def channel_state(connection: Connection, channel: str) -> Any:
    """Return the state of a channel; None where nothing was ever wrong with it."""
    return connection.execute(CHANNEL_STATE_QUERY, {"channel": channel}).first()


def _is_paused(state: Any, now: datetime) -> bool:
    return state.retry_at is not None and bool(state.retry_at > now)
