"""Do work in a process of its own, so that its memory is its own, in a folder that is gone afterwards."""

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in."""


def fresh(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a new process and return what it returns."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def peak_mb() -> float:
    """Return the most memory that this process held so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES / 1e6


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a temporary folder to work in, where no setting of this machine's Forewarn or Prefect reaches."""
    folder, home = Path(tempfile.mkdtemp(prefix="forewarn-bench-")), Path.cwd()
    for name in [name for name in os.environ if name.startswith(("FOREWARN_", "PREFECT_"))]:
        del os.environ[name]
    os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "ERROR"}
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(home)
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Spent:
    """What `n` orders or messages took: seconds on the clock and on the processor, and the process's peak memory.

    `idle_mb` is the peak before the work began: Python, our code and its libraries.
    """

    n: int
    seconds: float
    cpu_seconds: float
    idle_mb: float = 0.0
    peak_mb: float = 0.0

    @property
    def rate(self) -> float:
        """Return how many a second."""
        return self.n / self.seconds


@dataclass(slots=True)
class Watch:
    """A stopwatch that may be started and stopped many times, and adds up."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    idle_mb: float = field(default_factory=peak_mb)

    def __enter__(self) -> Self:
        self.seconds -= time.perf_counter()
        self.cpu_seconds -= time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter()
        self.cpu_seconds += time.process_time()

    def spent(self, n: int) -> Spent:
        """Return what `n` orders or messages took."""
        return Spent(n, self.seconds, self.cpu_seconds, self.idle_mb, peak_mb())
