"""An event loop that runs at once what goes to a thread. Where nothing else runs, handing over is most of the work."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

import anyio.to_thread

_IN_A_THREAD = anyio.to_thread.run_sync


class AtOnceLoop(asyncio.SelectorEventLoop):
    """Runs in its own thread what `asyncio.to_thread` and a request's `run_in_threadpool` would run in another."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Return a future that is done."""
        future = self.create_future()
        try:
            future.set_result(_without_loop(self, func, *args))
        except Exception as error:  # noqa: BLE001 - as it comes from a thread
            future.set_exception(error)
        return future


def run_at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine, and what it gives to threads, in this thread."""
    with asyncio.Runner(loop_factory=AtOnceLoop) as runner:
        return runner.run(coroutine)


async def _run_sync(func: Callable[..., Any], *args: Any, **options: Any) -> Any:
    loop = asyncio.get_running_loop()
    if isinstance(loop, AtOnceLoop):
        return copy_context().run(_without_loop, loop, func, *args)
    return await _IN_A_THREAD(func, *args, **options)


def _without_loop(loop: AtOnceLoop, func: Callable[..., Any], *args: Any) -> Any:
    """Call a function that may run a loop of its own, as it may in a thread."""
    asyncio._set_running_loop(None)
    try:
        return func(*args)
    finally:
        asyncio._set_running_loop(loop)


anyio.to_thread.run_sync = _run_sync
