"""Open the circuit breaker of a channel whose messages do not arrive, and close it when one arrives."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from models.callbacks import DeliveryReport, Effect
from tasks.callbacks.messages import CallbackMessage
from tasks.context import Context
from tasks.delivery.circuit_breaker import FAILURE_RATE_REASON, failure_rate_exceeded, open_breakers, reset, trip


@dataclass(slots=True)
class ChannelReports:
    """What the callbacks of one batch say about each channel."""

    arrived: dict[str, datetime] = field(default_factory=dict)
    """When the latest of the messages was sent that arrived."""
    failed: dict[str, datetime] = field(default_factory=dict)
    """When the latest of the messages was sent that failed, and not because of their address."""
    down: dict[str, str] = field(default_factory=dict)
    """Channels that a person must repair, with the provider's reason."""

    def __bool__(self) -> bool:
        """Return whether they say anything."""
        return bool(self.arrived or self.failed)

    def add(self, message: CallbackMessage, report: DeliveryReport, effect: Effect) -> None:
        """Note what a report that applied says about the message's channel."""
        if message.sending_at is None:
            return
        if effect is Effect.DELIVERED:
            _keep_latest(self.arrived, message.channel, message.sending_at)
        elif effect is Effect.BOUNCED and not report.suppress:
            _keep_latest(self.failed, message.channel, message.sending_at)
            if report.channel_down:
                self.down[message.channel] = report.reason


def _keep_latest(moments: dict[str, datetime], channel: str, moment: datetime) -> None:
    moments[channel] = max(moment, moments.get(channel, moment))


def judge_channels(
    context: Context, connection: Connection, reports: ChannelReports, now: datetime, who: str
) -> list[str]:
    """Open and close breakers by what a batch of callbacks says; return the channels that it opened."""
    opened, policy = open_breakers(connection), context.policy.sending
    tripped = {channel: state["tripped_at"] for channel, state in opened.items()}
    down = _down(context, connection, reports, now)
    for channel, reason in down.items():
        probed = channel in tripped and reports.failed[channel] > tripped[channel]
        trip(connection, channel, reason, now, policy, who, probed=probed, by_callback=True)
    working = [
        channel
        for channel, sent_at in reports.arrived.items()
        if channel in tripped and channel not in down and sent_at > tripped[channel]
    ]
    if working:
        reset(connection, working, now, who)
    return [channel for channel in down if channel not in tripped]


def _down(context: Context, connection: Connection, reports: ChannelReports, now: datetime) -> dict[str, str]:
    return reports.down | {
        channel: FAILURE_RATE_REASON
        for channel in _others(reports.failed, reports.down)
        if failure_rate_exceeded(connection, channel, now, context.policy.sending)
    }


def _others(channels: Iterable[str], known: Iterable[str]) -> list[str]:
    return [channel for channel in channels if channel not in known]
