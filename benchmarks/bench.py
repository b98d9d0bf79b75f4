"""Where relays are measured: mails that are owed, databases that each begin with the same, and a provider."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.costs import ServerCosts, server_costs
from benchmarks.databases import POSTGRESQL, Databases, databases
from benchmarks.delivering import Shift
from benchmarks.pgqueue import enqueue, send_from_queue
from benchmarks.processes import process
from benchmarks.provider import a_provider, bodies
from benchmarks.relays import send_bare, send_by_sdk, send_durably
from benchmarks.side import ANSWERED_AFTER_SECONDS
from benchmarks.sides import Side
from benchmarks.turns import SQLITE, create_turns

KEPT_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Case:
    """On which database, with how many requests at once, by how many processes."""

    database: str
    parallel: int
    workers: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What one relay did in one round."""

    shifts: list[Shift]
    server: ServerCosts | None

    @property
    def n(self) -> int:
        """Return how many mails were sent."""
        return sum(one.sent for one in self.shifts)

    @property
    def rate(self) -> float:
        """Return mails a second of all workers together."""
        return self.n / (max(one.ended for one in self.shifts) - min(one.began for one in self.shifts))

    @property
    def client_us(self) -> float:
        """Return the microseconds of processor time of the workers, for each mail."""
        return 1e6 * sum(one.cpu_seconds for one in self.shifts) / self.n

    @property
    def cpu_us(self) -> float:
        """Return the microseconds of the workers and of the server together, for each mail."""
        return self.client_us + (1e6 * self.server.cpu_seconds / self.n if self.server else 0)


@dataclass(slots=True)
class Bench:
    """Mails that are owed at each side, and their bodies."""

    databases: Databases
    provider: str
    mails: Path
    n: int

    def forewarn(self, side: Side, case: Case, **settings: str) -> Sent:
        """Deliver by the code of a side."""
        owed = f"owed_{side.folder.name}" if case.database == POSTGRESQL else str(side.folder / "owed.db")

        def deliver(url: str) -> list[Shift]:
            given = url, self.provider, case.parallel, case.workers, settings
            done = side.ask("deliver", side.folder, *given)
            return [Shift(**one) for one in done]

        return self._sent(case, owed, deliver)

    def bare(self, case: Case) -> Sent:
        """Post the same bodies, and remember nothing."""
        given = self.provider, self.mails, case.parallel
        return self._all(Sent(together(send_bare, case.workers, *given, numbered=True), None))

    def durable(self, case: Case) -> Sent:
        """Post the same bodies with two plain INSERTs for each."""
        given = self.provider, self.mails, case.parallel
        empty = "turns" if case.database == POSTGRESQL else str(self.mails.with_name("turns.db"))
        return self._sent(case, empty, lambda url: together(send_durably, case.workers, url, *given, numbered=True))

    def pgqueuer(self, case: Case) -> Sent:
        """Post the same bodies from pgqueuer's queue."""
        given = self.provider, case.parallel
        return self._sent(case, "queue", lambda url: together(send_from_queue, case.workers, url, *given))

    def sdk(self, _: Case) -> Sent:
        """Post some of them by the SDK's own client."""
        return Sent(together(send_by_sdk, 1, self.provider, self.mails), None)

    def _sent(self, case: Case, template: str, send: Callable[[str], list[Shift]]) -> Sent:
        with self.databases.copy(template) as url:
            if case.database == POSTGRESQL:
                with server_costs(self.databases.server, url) as server:
                    shifts = send(url)
                return self._all(Sent(shifts, server))
            return self._all(Sent(send(url), None))

    def _all(self, sent: Sent) -> Sent:
        assert sent.n == self.n, f"{sent.n} mails were sent, and {self.n} are owed"
        return sent


def together(work: Callable[..., None], workers: int, *given: Any, numbered: bool = False) -> list[Shift]:
    """Run so many processes of a relay, each with its number where it needs one; return what each did."""
    with ExitStack() as stack:
        pipes = [
            stack.enter_context(process(work, *given, *((one, workers) if numbered else ())))[1]
            for one in range(workers)
        ]
        return [pipe.recv() for pipe in pipes]


def finished_mails(side: Side, n: int) -> list[bytes]:
    """Have a side make a shop that owes so many mails; return their bodies as it posts them."""
    side.ask("make", side.folder, n)
    copy = shutil.copy(side.folder / "owed.db", side.folder / "posted.db")
    with a_provider(ANSWERED_AFTER_SECONDS, keep=True) as provider:
        side.ask("deliver", side.folder, f"{SQLITE}{copy}", provider, KEPT_AT_ONCE, 1, {})
        posted = bodies(provider)
    assert len(posted) == n, f"{len(posted)} mails were posted, not {n}"
    return posted


@contextmanager
def bench(folder: Path, sides: Sequence[Side], n: int) -> Iterator[Bench]:
    """Have each side make a shop that owes so many mails, and start a provider.

    The bodies that all others post are those that this tree's code posts for its own shop.
    """
    with databases(folder) as made, a_provider(ANSWERED_AFTER_SECONDS) as provider:
        ready = Bench(made, provider, folder / "mails", n)
        for side in reversed(sides):
            ready.mails.write_bytes(b"\n".join(finished_mails(side, n)))
            made.template(f"owed_{side.folder.name}", partial(side.ask, "copy", side.folder / "owed.db"))
        made.template("turns", create_turns)
        create_turns(f"{SQLITE}{folder / 'turns.db'}")
        made.template("queue", lambda url: enqueue(url, ready.mails))
        yield ready
