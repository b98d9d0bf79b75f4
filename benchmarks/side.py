"""Measure the code of one tree for another process: run as a file, with that tree first on the path.

Each line of its input is a request, `[name, arguments]` in JSON, and is answered by a line. It uses only what the
benchmarks of commits since a497e40 have.
"""

import asyncio
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

NO_REQUESTS = "BENCHMARKS_NO_REQUESTS"
"""A setting with which nothing is posted."""
ANSWERED_AFTER_SECONDS = 0.005
RECORDING = (("record", "benchmarks.recording"), ("owe", "benchmarks.owing"))
"""What records the notices of late orders, by its name and module; the newest first."""


def make(folder: str, n: int) -> None:
    """Make a shop that owes so many mails, and its ledger `owed.db`."""
    delivering, processes = _module("delivering"), _module("processes")
    with processes.process(delivering.make, Path(folder), n) as (child, _):
        child.join()
        assert child.exitcode == 0, "the shop could not be made"


def build(folder: str, open_orders: int, late: int) -> str:
    """Make a shop of which so many orders are late; return its ledger's file."""
    _module("fresh").fresh(_module("shop").build, Path(folder), open_orders, late)
    (file,) = Path(folder).rglob("*.db")
    return str(file)


def copy(file: str, url: str) -> None:
    """Fill a database without a table from a ledger's file."""
    ledgers = _module("ledgers")
    engine = ledgers.connect(url)
    ledgers.copy(Path(file), engine)
    engine.dispose()


def migrate(url: str) -> None:
    """Create a ledger's tables in a database."""
    ledgers = _module("ledgers")
    engine = ledgers.connect(url)
    ledgers.migrate(engine)
    engine.dispose()


def deliver(
    folder: str, url: str, provider: str, parallel: int, workers: int, settings: dict[str, str]
) -> list[dict[str, Any]]:
    """Deliver all owed mails by so many processes with these settings; return what each did."""
    delivering, processes = _module("delivering"), _module("processes")
    given = settings, delivering.work, Path(folder) / "shop", url, provider, "sendgrid", parallel
    with ExitStack() as stack:
        pipes = [stack.enter_context(processes.process(_with_settings, *given, name))[1] for name in range(workers)]
        return [asdict(pipe.recv()) for pipe in pipes]


def _with_settings(settings: dict[str, str], work: Callable[..., None], *given: Any) -> None:
    os.environ |= settings  # here, because a process of the fork server does not get ours
    if NO_REQUESTS in settings:
        _module("posting").DOORS["sendgrid"] = lambda *_: NoProvider()
    work(*given)


class NoProvider:
    """A transport that sends nothing: what a worker takes with it is the ledger's part of sending."""

    def __init__(self) -> None:
        """Take the receipt of this tree: it stood in another module once."""
        name = next(one for one in ("models.messages", "models.values") if importlib.util.find_spec(one))
        self._receipt = importlib.import_module(name).Receipt

    async def send(self, message: Any) -> Any:
        """Answer as late as the benchmarks' provider."""
        await asyncio.sleep(ANSWERED_AFTER_SECONDS)
        return self._receipt(str(message.id))

    async def close(self) -> None:
        """Close nothing."""


def record(folder: str, url: str, late: int) -> dict[str, Any]:
    """Record the notices of so many late orders."""
    for name, module in RECORDING:
        if importlib.util.find_spec(module):
            os.environ["FOREWARN_DATABASE_URL"] = url
            work = getattr(importlib.import_module(module), name)
            return asdict(_module("fresh").fresh(work, Path(folder), late))
    raise LookupError(f"none of {RECORDING} is here")


def take_in(folder: str, url: str, orders: int) -> dict[str, Any]:
    """Import a sample shop twice."""
    os.environ["FOREWARN_DATABASE_URL"] = url
    return asdict(_module("fresh").fresh(_module("intake").take_in, Path(folder), orders))


REQUESTS = {work.__name__: work for work in (make, build, copy, migrate, deliver, record, take_in)}


def _module(name: str) -> Any:
    return importlib.import_module(f"benchmarks.{name}")


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the work itself prints is no answer
    for line in sys.stdin:
        name, given = json.loads(line)
        for setting in [setting for setting in os.environ if setting.startswith("FOREWARN_")]:
            del os.environ[setting]
        answers.write(json.dumps(REQUESTS[name](*given)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
