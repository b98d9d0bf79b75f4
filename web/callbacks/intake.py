"""Store callbacks that come at once by one transaction: a commit costs about the same for one as for many."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from models.callbacks import Callback
from tasks.callbacks.append import append_callbacks
from tasks.callbacks.erased import without_erased
from tasks.context import Context

RETRY_AFTER = {"Retry-After": "30"}
Append = Callable[[Sequence[Callback]], None]


def append_to(context: Context, clock: Callable[[], datetime], load_key: Callable[[], bytes]) -> Append:
    """Return the function that appends callbacks to a ledger; `load_key` returns the erasure key."""

    def append(callbacks: Sequence[Callback]) -> None:
        with context.engine.begin() as connection:
            kept = without_erased(context, connection, callbacks, load_key)
            append_callbacks(connection, kept, clock())

    return append


class Intake:
    """Appends callbacks for requests that run at once; each is answered after its own are stored."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._waiting: list[tuple[Sequence[Callback], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, callbacks: Sequence[Callback]) -> None:
        """Return once the callbacks are stored; raises HTTPException 503 while the database is away."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((callbacks, stored))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        try:
            await stored
        except DBAPIError as error:
            raise HTTPException(503, headers=RETRY_AFTER) from error

    async def _write(self) -> None:
        """Write what waits, until nothing does."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[tuple[Sequence[Callback], "asyncio.Future[None]"]]) -> None:
        error: Exception | None = None
        try:
            await asyncio.to_thread(self._append, [one for callbacks, _ in batch for one in callbacks])
        except Exception as problem:  # noqa: BLE001 - every request that waits gets it
            error = problem
        for _, stored in batch:
            if stored.done():  # its client has gone
                continue
            if error is None:
                stored.set_result(None)
            else:
                stored.set_exception(error)
