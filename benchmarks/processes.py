"""Processes that begin warm: forked from one that has read all the code, for one is started at every moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

# Only what is installed: the process that reads it may stand in any folder.
READ = ["flows.deliver", "flows.late_orders", "sources.sample", "aiohttp.web"]
_warm = get_context("forkserver")
_warm.set_forkserver_preload(READ)


@contextmanager
def process(work: Callable[..., None], *given: Any) -> Iterator[tuple[ForkServerProcess, Connection]]:
    """Run work in a process with a pipe as its last argument; yield both, and end the process whatever happens."""
    ours, theirs = _warm.Pipe(duplex=False)
    child = _warm.Process(target=work, args=(*given, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        yield child, ours
    finally:
        child.kill()
        child.join()
        child.close()
        ours.close()
