"""Strike Forewarn at random moments, and count what was lost or said twice: `python -m benchmarks.chaos`."""

import importlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
from tasks.db import connect

SPAN = {"deliver": 0.35, "owe": 0.15}
"""Seconds within which a process is killed: about what a batch takes."""
DELAY = 0.01
PATIENCE = 60
ENDS = (0, lives.GONE, -SIGKILL)
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
Strike = Callable[[ForkServerProcess, float, Any], int]


def kill(child: ForkServerProcess, moment: float, _: Any) -> int:
    """Kill a process at a moment; return how often it was struck."""
    child.join(moment)
    alive = child.is_alive()
    child.kill()
    return int(alive)


def cut(child: ForkServerProcess, moment: float, server: Any) -> int:
    """Break all connections of the ledger's database at a moment; return how many there were."""
    child.join(moment)
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ledger'"
    return len(server.run(ours).all())


@dataclass(frozen=True, slots=True)
class Trial:
    """What is struck, how, and on which database."""

    deed: str
    strike: Strike
    database: str


TRIALS = (
    Trial("deliver", kill, SQLITE),
    Trial("deliver", kill, POSTGRESQL),
    Trial("deliver", cut, POSTGRESQL),
    Trial("owe", kill, SQLITE),
    Trial("owe", kill, POSTGRESQL),
    Trial("owe", cut, POSTGRESQL),
)


@dataclass(slots=True)
class Outcome:
    """What came of a trial; adds up over rounds."""

    strikes: int = 0
    in_doubt: int = 0
    at_once: int = 0
    """The most that one strike left under way."""
    lost: int = 0
    twice: int = 0
    seconds: float = 0.0


class Chaos:
    """A shop, as it was before anything was owed and after; each trial has a copy of its ledger."""

    def __init__(self, folder: Path, orders: int) -> None:
        self._folder, self._stack, self._server = folder, ExitStack(), None
        self._numbers = count(1)
        with process(ledgers.make, folder, orders) as (child, _):
            child.join()
            assert child.exitcode == 0, "the shop could not be made"

    def __enter__(self) -> "Chaos":
        self._server = self._stack.enter_context(importlib.import_module("tests.postgres").started())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, trial: Trial, strikes: int, seed: int) -> Outcome:
        """Strike so many times, in as many rounds as it takes; each round is played to its end and looked at."""
        outcome, dice = Outcome(), random.Random(seed)  # noqa: S311 - no secret
        begun = time.monotonic()
        while outcome.strikes < strikes:
            self._round(trial, dice, strikes, outcome)
        outcome.seconds = time.monotonic() - begun
        return outcome

    def _round(self, trial: Trial, dice: random.Random, strikes: int, outcome: Outcome) -> None:
        with self._ledger(trial) as ledger, a_provider(DELAY) as provider:
            for life in count():
                url = ledger.url.render_as_string(hide_password=False)
                given = self._folder / "shop", url, provider, life
                with process(getattr(lives, trial.deed), *given) as (child, pipe):
                    assert pipe.poll(PATIENCE), "a process did not begin"
                    while outcome.strikes < strikes and child.is_alive():
                        moment = dice.uniform(0, SPAN[trial.deed])
                        outcome.strikes += trial.strike(child, moment, self._server)
                    child.join(PATIENCE)
                    assert child.exitcode in ENDS, f"a process ended by itself, with {child.exitcode}"
                    ended = child.exitcode == 0
                outcome.at_once = max(outcome.at_once, ledgers.under_way(ledger))
                if ended and (trial.deed == "owe" or ledgers.over(ledger)):
                    break
            if trial.deed == "deliver":
                missing, twice = ledgers.delivered(ledger, provider)
                outcome.in_doubt += ledgers.doubted(ledger)
            else:
                missing, twice = ledgers.owed(ledger, self._folder / ledgers.BEFORE["deliver"])
            outcome.lost, outcome.twice = outcome.lost + missing, outcome.twice + twice

    @contextmanager
    def _ledger(self, trial: Trial) -> Iterator[Engine]:
        """Open a copy of the shop's ledger, in which nothing was delivered yet, or nothing owed."""
        new = f"sqlite:///{self._folder / f'{next(self._numbers)}.db'}"
        url = self._server.emptied() if trial.database == POSTGRESQL else new
        engine = connect(url)
        ledgers.copy(self._folder / ledgers.BEFORE[trial.deed], engine)
        try:
            yield engine
        finally:
            engine.dispose()


def main(
    strikes: Annotated[int, typer.Option(help="kills a trial")] = 150,
    orders: Annotated[int, typer.Option(help="late orders of the shop")] = 400,
    seed: Annotated[int, typer.Option(help="another seed strikes at other moments")] = 1,
) -> None:
    """Kill deliver and late-orders at random moments, and break their database's connections; print what came of it."""
    out = Console(highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    heads = ("", "struck by", "database", "strikes", "in doubt after", "at once, most", "lost", "twice", "seconds")
    for head in heads:
        table.add_column(head, justify="left" if head in heads[:3] else "right")
    failed = False
    with workplace() as folder, Chaos(folder, orders) as chaos, out.status("") as status:
        for trial in TRIALS:
            status.update(f"{trial.deed}, {trial.strike.__name__}, {trial.database}")
            found = chaos.run(trial, strikes, seed)
            failed |= bool(found.lost or found.twice or found.at_once > lives.PARALLEL)
            doubts = (f"{found.in_doubt}", f"{found.at_once}") if trial.deed == "deliver" else ("-", "-")
            row = (trial.deed, trial.strike.__name__, trial.database, f"{found.strikes}", *doubts)
            table.add_row(*row, f"{found.lost}", f"{found.twice}", f"{found.seconds:.0f}")
    out.print(table)
    raise typer.Exit(int(failed))


if __name__ == "__main__":
    typer.run(main)
