"""Send on all channels at once, each at its own pace, until no channel has anything due."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from app.prefect_tasks import run_task
from models.batches import Progress
from models.enums import Channel
from tasks.context import Context
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.worker import DeliveryWorker, deliver_channel

IDLE_SECONDS, IDLE_POLL_SECONDS = 30, 0.05
"""How long a channel with nothing due waits before it looks again, and how often it checks that others still send."""


async def finish_all(*work: Coroutine[Any, Any, None] | None) -> None:
    """Await coroutines together; when some fail, the others finish, and then the first error is raised."""
    results = await asyncio.gather(*filter(None, work), return_exceptions=True)
    for error in filter(None, results):
        raise error


async def send_on_all_channels(
    context: Context, worker: DeliveryWorker, summary: DeliverySummary, progress: Progress
) -> None:
    """Send what is due on all channels concurrently, each at its own pace; add the results to `summary`.

    When channels fail, the others finish; then the first error is raised.
    """
    loops = _ChannelLoops(context, worker, summary, progress)
    await finish_all(*map(loops.send_on, worker.transports))


@dataclass(slots=True)
class _ChannelLoops:
    """The sending loops of all channels, which end together: one that is idle waits while another sends."""

    context: Context
    worker: DeliveryWorker
    summary: DeliverySummary
    progress: Progress
    under_way: Counter[Channel] = field(default_factory=Counter)
    """Messages sent that are not in the summary so far."""
    busy: set[Channel] = field(init=False)

    def __post_init__(self) -> None:
        self.busy = set(self.worker.transports)

    async def send_on(self, channel: Channel) -> None:
        """Send on one channel whatever becomes due, until no channel has anything due."""

        def show(sent: int) -> None:
            self.under_way[channel] = sent
            self.progress("messages", self.summary.sent.total() + self.under_way.total())

        try:
            while self.busy and channel not in self.summary.down:
                sent = await run_task(deliver_channel, self.context, self.worker, channel, show)
                if sent:
                    self.busy.add(channel)
                    self.summary.add(sent)
                    del self.under_way[channel]
                else:
                    self.busy.discard(channel)
                    await self._wait_while_busy()
        finally:
            self.busy.discard(channel)

    async def _wait_while_busy(self) -> None:
        for _ in range(round(IDLE_SECONDS / IDLE_POLL_SECONDS)):
            if self.busy:
                await asyncio.sleep(IDLE_POLL_SECONDS)
