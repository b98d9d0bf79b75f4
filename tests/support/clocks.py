"""A clock that tests move, and ledgers of workers that stand still or die at a moment of theirs."""

from contextlib import contextmanager
from datetime import datetime, timedelta


class MovedClock:
    """A clock that shows what a test set, in UTC."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **units: float) -> None:
        self.now += timedelta(**units)


class PausingEngine:
    """A worker's ledger: after each commit it calls `stand_still`, which may let time pass and others work."""

    def __init__(self, engine, stand_still):
        self._engine, self._stand_still = engine, stand_still

    def __getattr__(self, name):
        return getattr(self._engine, name)

    @contextmanager
    def begin(self):
        with self._engine.begin() as connection:
            yield connection
        self._stand_still()


class Killed(KeyboardInterrupt):
    """The process was killed. Only an exception of this kind ends an event loop at once."""


class NotAlive(Exception):
    """A killed process tried to use its ledger."""


class MortalEngine:
    """A worker's ledger until the worker is killed: then nothing is read or committed any more."""

    def __init__(self, engine):
        self._engine, self.dead = engine, False

    def __getattr__(self, name):
        self._check()
        return getattr(self._engine, name)

    @contextmanager
    def begin(self):
        self._check()
        with self._engine.begin() as connection:
            yield connection
            self._check()

    def _check(self):
        if self.dead:
            raise NotAlive
