"""Send what is due on one channel: turn after turn, with up to `concurrency` requests in flight between them.

No database transaction is open while a provider is called. A crash leaves in doubt at most the requests in flight, and
those that the setting FOREWARN_CLAIM_AHEAD lets wait for one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from channels.transport import MessageTransport
from models.enums import Channel
from tasks.context import Context
from tasks.delivery.channel_breaker import ChannelBreaker
from tasks.delivery.kinds import kinds_of
from tasks.delivery.queue import LeaseHolder, mark_abandoned_in_doubt
from tasks.delivery.sender import Sender
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.turn import TurnResult, Turns


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    """One deliver run: its leases, its transports by channel, its concurrency on each channel and its clock."""

    lease_holder: LeaseHolder
    transports: Mapping[Channel, MessageTransport]
    concurrency: int
    clock: Callable[[], datetime]
    only_run: str | None = None
    """The id of a run: when given, only the messages it recorded are sent."""
    claim_ahead: int = 0
    """Messages marked as sending beyond the requests in flight, so that a request follows the last one at once."""


async def deliver_channel(
    context: Context, worker: DeliveryWorker, channel: Channel, progress: Callable[[int], None] = lambda _: None
) -> DeliverySummary:
    """Send what is due on one channel, until nothing more may leave; `progress` gets how many were sent so far.

    A message that this run marked and did not send, because it died, is in doubt when its lease ends.
    """
    breaker = ChannelBreaker(channel, context.policy.sending, worker.lease_holder.name)
    summary = DeliverySummary()

    def count(result: TurnResult) -> None:
        for outcome in result.recorded:
            summary.count(channel, outcome)
        progress(summary.sent.total())

    for kind in kinds_of(context, channel, worker.transports[channel], worker.only_run):
        turns = Turns(context, worker.lease_holder, kind, breaker)
        await Sender(turns, worker.concurrency, worker.clock, kind.conclude, count, worker.claim_ahead).send_all()
    if breaker.down is not None:
        summary.down[channel] = breaker.down
    return summary


def mark_abandoned(context: Context, worker: DeliveryWorker) -> int:
    """Put in doubt the messages that a dead deliver run left as sending; return how many."""
    with context.engine.begin() as connection:
        return len(mark_abandoned_in_doubt(connection, list(Channel), worker.clock(), worker.lease_holder.name))
