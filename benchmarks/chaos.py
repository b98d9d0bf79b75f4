"""Strike Forewarn at random moments, and count what was lost or said twice: `python -m benchmarks.chaos`."""

import importlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from signal import SIGKILL
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from benchmarks import ledgers, lives
from benchmarks.fresh import workplace
from benchmarks.processes import process
from benchmarks.provider import a_provider
from tasks.db.engine import connect
from tasks.db.sql import read_only
from tasks.reporting.check_ledger import check_ledger

SPAN = {lives.deliver: 0.35, lives.publish: 0.35, lives.owe: 0.1}
"""Seconds within which a process is struck: about what a batch takes."""
DELAY = 0.01
"""Seconds of the provider's answer to one worker. To several it answers so much later that they are struck at work."""
PATIENCE = 60
ENDS = (0, lives.GONE, -SIGKILL)
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
HEADS = ("flow", "fault", "database", "times", "in doubt", "at once", "lost", "twice", "seconds")
Strike = Callable[[ForkServerProcess, Any], int]


def kill(child: ForkServerProcess, _: Any) -> int:
    """Kill a process; return how often it was struck."""
    alive = child.is_alive()
    child.kill()
    return int(alive)


def cut(_: ForkServerProcess, server: Any) -> int:
    """Break all connections of the ledger's database; return how many there were."""
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ledger'"
    return len(server.run(ours).all())


@dataclass(frozen=True, slots=True)
class Trial:
    """What is struck, how, and on which database."""

    flow: Callable[..., None]
    strike: Strike
    database: str
    workers: int = 1
    """Processes at once; each strike hits one of them, or the connections of all."""

    @property
    def delay(self) -> float:
        """Return the seconds after which the provider answers."""
        return DELAY if self.workers == 1 else 2 * self.workers * DELAY

    @property
    def names(self) -> tuple[str, str, str]:
        """Return what a table says of it."""
        workers = f", {self.workers} workers" if self.workers > 1 else ""
        return self.flow.__name__ + workers, self.strike.__name__, self.database


TRIALS = (
    Trial(lives.deliver, kill, SQLITE),
    Trial(lives.deliver, kill, POSTGRESQL),
    Trial(lives.deliver, cut, POSTGRESQL),
    Trial(lives.deliver, kill, SQLITE, 3),
    Trial(lives.deliver, kill, POSTGRESQL, 3),
    Trial(lives.deliver, cut, POSTGRESQL, 3),
    Trial(lives.publish, kill, SQLITE),
    Trial(lives.publish, kill, POSTGRESQL, 3),
    Trial(lives.owe, kill, SQLITE),
    Trial(lives.owe, kill, POSTGRESQL),
    Trial(lives.owe, cut, POSTGRESQL),
)


@dataclass(slots=True)
class Outcome:
    """What came of a trial; adds up over rounds."""

    strikes: int = 0
    in_doubt: int = 0
    at_once: int = 0
    """The most that one life left under way."""
    bound: int = lives.PARALLEL
    """The most that may be: the requests in flight of all workers."""
    lost: int = 0
    twice: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Say whether Forewarn kept its promise."""
        return not self.lost and not self.twice and self.at_once <= self.bound


@dataclass(slots=True)
class Chaos:
    """A shop in a folder, and a PostgreSQL; each round of a trial has a copy of the shop's ledger."""

    folder: Path
    server: Any
    _numbers: Iterator[int] = field(default_factory=count)

    def make(self, orders: int) -> None:
        """Make the shop, of which so many orders are late."""
        with process(ledgers.make, self.folder, orders) as (child, _):
            child.join()
            assert child.exitcode == 0, "the shop could not be made"

    def run(self, trial: Trial, strikes: int, seed: int) -> Outcome:
        """Strike at least so many times, in as many rounds as it takes; each is played to its end and looked at."""
        outcome, dice = Outcome(bound=lives.PARALLEL * trial.workers), random.Random(seed)  # noqa: S311 - no secret
        begun = time.monotonic()
        while outcome.strikes < strikes:
            self._round(trial, dice, strikes, outcome)
        outcome.seconds = time.monotonic() - begun
        return outcome

    def _round(self, trial: Trial, dice: random.Random, strikes: int, outcome: Outcome) -> None:
        with self._ledger(trial) as ledger, a_provider(trial.delay) as provider:
            for life in count():
                ended = self._life(trial, (ledger, provider, life), dice, strikes, outcome)
                ledger.dispose()  # our own connection was cut with the others, and may not have heard of it yet
                outcome.at_once = max(outcome.at_once, ledgers.under_way(ledger, trial.flow))
                if ended and (trial.flow is lives.owe or ledgers.over(ledger, trial.flow)):
                    break
            outcome.in_doubt += ledgers.doubted(ledger)
            with read_only(ledger) as connection:
                assert not (violations := check_ledger(connection)), violations
            if trial.flow is lives.deliver:
                lost, twice = ledgers.delivered(ledger, provider)
            elif trial.flow is lives.publish:
                lost, twice = ledgers.published(ledger, provider)
            else:
                lost, twice = ledgers.owed(ledger, self.folder / ledgers.BEFORE[lives.deliver])
            outcome.lost, outcome.twice = outcome.lost + lost, outcome.twice + twice

    def _life(
        self, trial: Trial, given: tuple[Engine, str, int], dice: random.Random, strikes: int, outcome: Outcome
    ) -> bool:
        """Let the workers live until they are done or struck; say whether all came to their end."""
        ledger, provider, life = given
        url = ledger.url.render_as_string(hide_password=False)
        with ExitStack() as stack:
            begun = [
                stack.enter_context(process(trial.flow, self.folder / "shop", url, provider, life, worker))
                for worker in range(trial.workers)
            ]
            for _, pipe in begun:
                assert pipe.poll(PATIENCE), "a process did not begin"
            children = [child for child, _ in begun]
            while outcome.strikes < strikes and (alive := [child for child in children if child.is_alive()]):
                struck = dice.choice(alive)
                struck.join(dice.uniform(0, SPAN[trial.flow]))
                outcome.strikes += trial.strike(struck, self.server)
            for child in children:
                child.join(PATIENCE)
                assert child.exitcode in ENDS, f"a process ended by itself, with {child.exitcode}"
            return all(child.exitcode == 0 for child in children)

    @contextmanager
    def _ledger(self, trial: Trial) -> Iterator[Engine]:
        """Open a copy of the shop's ledger, in which nothing was delivered yet, or nothing owed."""
        new = f"sqlite:///{self.folder / f'{next(self._numbers)}.db'}"
        engine = connect(self.server.emptied() if trial.database == POSTGRESQL else new)
        ledgers.copy(self.folder / ledgers.BEFORE[trial.flow], engine)
        try:
            yield engine
        finally:
            engine.dispose()


def main(
    strikes: Annotated[int, typer.Option(help="strikes a trial, at least")] = 150,
    orders: Annotated[int, typer.Option(help="late orders of the shop")] = 400,
    seed: Annotated[int, typer.Option(help="another one strikes at other moments")] = 1,
) -> None:
    """Kill what delivers and what owes, and break their database's connections; print what came of it."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in HEADS:
        table.add_column(head, justify="left" if head in HEADS[:3] else "right")
    found = []
    # The tests' own server: it is no part of what is measured, and the tests are not typed.
    with workplace() as folder, importlib.import_module("tests.support.postgres").started() as server:
        chaos = Chaos(folder, server)
        chaos.make(orders)
        for trial in TRIALS:
            with Console(stderr=True).status(", ".join(trial.names)):
                found.append(one := chaos.run(trial, strikes, seed))
            numbers = (one.strikes, one.in_doubt, one.at_once, one.lost, one.twice, round(one.seconds))
            table.add_row(*trial.names, *map(str, numbers))
    Console(highlight=False).print(table)
    raise typer.Exit(0 if all(one.good for one in found) else 1)


if __name__ == "__main__":
    typer.run(main)
