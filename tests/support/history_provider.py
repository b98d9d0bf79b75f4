"""The provider of a random history: it takes messages, refuses them, is away, falls silent, or the sender is killed."""

import asyncio
from datetime import timedelta
from enum import StrEnum

from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.messages import Receipt
from tests.support.clocks import Killed


class Weather(StrEnum):
    """What becomes of the requests of one deliver run."""

    FINE = "fine"
    AWAY = "away"
    SILENT = "silent"
    """Some answers are lost."""
    DEADLY = "deadly"
    """The sending process is killed during a request."""


class RandomProvider:
    """The transport of all channels of one history; its records can be asked, on most days."""

    def __init__(self, rng, clock, judge):
        self.rng, self.clock, self.judge = rng, clock, judge
        self.weather = Weather.FINE
        self.engine = None
        """The ledger of the worker that sends: it is dead once the worker was killed."""
        self.refused: set[str] = set()
        """Addresses that the provider refuses."""
        self.taken: dict[str, Receipt] = {}

    async def send(self, message):
        departure = self.judge.leaves(message)
        self.clock.move(seconds=1)
        await asyncio.sleep(0)
        if self.weather is Weather.AWAY:
            raise TemporaryFailure("away", retry_after=self.rng.choice([None, timedelta(hours=6)]))
        if message.to in self.refused:
            raise PermanentFailure("no such mailbox", suppress=self.rng.random() < 0.1)
        lost = self.weather in (Weather.SILENT, Weather.DEADLY) and self.rng.random() < 0.6
        if not lost or self.rng.random() < 0.5:
            self._take(message, departure)
        if lost and self.weather is Weather.DEADLY:
            self.engine.dead = True
            raise Killed
        if lost:
            raise OutcomeUnknown("no answer")
        return self.taken[message.id]

    def _take(self, message, departure):
        self.judge.takes(message, departure, again=message.id in self.taken)
        self.taken[message.id] = Receipt(f"ref-{message.id}")

    async def lookup(self, message, since):
        await asyncio.sleep(0)
        match self.weather:
            case Weather.AWAY:
                raise TemporaryFailure("away")
            case Weather.SILENT:
                raise LookupUnavailable("its records cannot be asked")
        return self.taken.get(message.id)

    async def close(self):
        pass
