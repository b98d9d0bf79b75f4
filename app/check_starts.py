"""Start late-orders as soon as it has something to do, and once an hour what follows from changed facts."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from app.composition import App
from app.source_files import source_state
from models.errors import ForewarnError
from tasks.db.sql import read_only
from tasks.runs.records import LATE_ORDERS
from tasks.starts.check_state import (
    FOLLOW_EVERY,
    CheckState,
    Start,
    flows_that_follow,
    load_check_state,
    load_start,
    note_start,
)

LOOK_SECONDS = 4.0
SETTLED_SECONDS = 10.0
"""For so long no file changes before they are read: one that is being written, or an export of several, is no whole."""
MAX_UNSETTLED_SECONDS = 900.0
"""Files that change all the time are read after so long all the same."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 3600.0
"""The least time between two starts of late-orders. It doubles as long as a run leaves what it was started for."""
CHANGED_PAUSE_SECONDS = 300.0
"""The pause is at most so long once the files are not those of the last start: somebody may have repaired them."""
MAX_TRIES = 20
FOLLOW_LOOK_SECONDS, TROUBLE_SECONDS = 60.0, 60.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class CheckStarts:
    """Looks whether a run of late-orders has something to do, and starts one with `start`.

    Files have something to import as soon as they changed and are settled; a database after the settings'
    `import_minutes`. An order has something to decide when its facts changed after the last run looked at it.
    """

    start: Callable[[str, str], Awaitable[None]]
    """Starts a run of a flow, and tells why. Raises ForewarnError."""
    look_seconds: float = LOOK_SECONDS
    settled_seconds: float = SETTLED_SECONDS
    pause_seconds: float = PAUSE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _look_at: float = 0.0
    _follow_look_at: float = 0.0
    _followed_at: dict[str, float] = field(default_factory=dict)
    """When a flow that follows was last started, by the flow."""
    _last: Start | None = None
    """The last start of late-orders, by this run of deliver or by another one."""
    _started_at: float = 0.0
    """When that was, by `clock`."""
    _files: int | None = None
    """The state of the files at the last look."""
    _files_since: float = 0.0
    _unsettled_since: float | None = None

    async def look(self, app: App) -> None:
        """Look, unless the last look was a moment ago, and start what is due. What goes wrong stops no delivery."""
        now = self.clock()
        if now < self._look_at:
            return
        self._look_at = now + self.look_seconds
        try:
            await self._look(app, now)
        except (SQLAlchemyError, OSError) as error:
            self._look_at = now + TROUBLE_SECONDS
            logger.warning("whether late-orders has something to do is not known: %s", type(error).__name__)

    async def _look(self, app: App, now: float) -> None:
        is_running, is_settled, why = await asyncio.to_thread(self._find, app)
        if is_running:
            return
        if why is None:
            if is_settled and self._last is not None and self._last.tries:
                await self._note(app, Start(self._last.at, self._last.files, 0))
            await self._start_followers(app, now)
        elif self._last is None or now >= self._started_at + self._pause(self._last):
            tries = min(self._last.tries + 1, MAX_TRIES) if self._last else 1
            self._started_at = now
            await self._note(app, Start(datetime.now(UTC).replace(microsecond=0), self._files or 0, tries))
            await self._start(LATE_ORDERS, why)

    def _pause(self, last: Start) -> float:
        pause = min(self.pause_seconds * 2.0 ** max(last.tries - 1, 0), LONGEST_PAUSE_SECONDS)
        return pause if (self._files or 0) == last.files else min(pause, CHANGED_PAUSE_SECONDS)

    async def _note(self, app: App, start: Start) -> None:
        self._last = start
        await asyncio.to_thread(_note_start, app, start)

    async def _start_followers(self, app: App, now: float) -> None:
        if now < self._follow_look_at:
            return
        self._follow_look_at = now + FOLLOW_LOOK_SECONDS
        for flow in await asyncio.to_thread(_flows_that_follow, app):
            # A run that waits for a worker, or that the server did not start, is not on record.
            if now - self._followed_at.get(flow, float("-inf")) >= FOLLOW_EVERY.total_seconds():
                self._followed_at[flow] = now
                await self._start(flow, "facts changed since its last run")

    async def _start(self, flow: str, why: str) -> None:
        try:
            await self.start(flow, why)
        except ForewarnError as error:
            logger.warning("%s was not started; its schedule will: %s", flow, error)

    def _find(self, app: App) -> tuple[bool, bool, str | None]:
        """Return whether late-orders is running, the files are settled, and why a run has something to do, or None."""
        files = source_state(app.settings, app.folder)
        is_settled = self._is_settled(files)
        with read_only(app.context.engine) as connection:
            self._learn(load_start(connection))
            state = load_check_state(connection)
        if state is not None and state.is_running:
            return True, is_settled, None
        minutes = app.settings.import_minutes
        why = None
        if files is None and _is_old(state, timedelta(minutes=minutes)):
            why = f"the last import was {minutes:g} minutes ago"
        elif files is not None and is_settled and self._is_new(files, state):
            why = "the shop's files changed"
        elif state is not None and state.orders_changed:
            why = "orders changed since the last run"
        return False, is_settled, why

    def _learn(self, last: Start | None) -> None:
        """Go on where another run of deliver ended: a run that always fails is not tried more often by that."""
        if last is not None and last != self._last:
            self._last = last
            self._started_at = self.clock() - max((datetime.now(UTC) - last.at).total_seconds(), 0)

    def _is_settled(self, files: int | None) -> bool:
        """Return whether the files have been as they are for a while, or change all the time."""
        now = self.clock()
        if files is None:
            return True
        if files != self._files:
            self._files, self._files_since = files, now
            self._unsettled_since = self._unsettled_since or now
        if now - self._files_since >= self.settled_seconds:
            self._unsettled_since = None
            return True
        return self._unsettled_since is not None and now - self._unsettled_since >= MAX_UNSETTLED_SECONDS

    def _is_new(self, files: int, state: CheckState | None) -> bool:
        """Return whether no run has imported the files as they are.

        Other machines may have other times of change: a run that was started for these files, and is done, counts.
        """
        if state is None or files == state.files:
            return state is None
        if self._last is None or self._last.files != files:
            return True
        return not state.is_done or state.started_at < self._last.at


def _note_start(app: App, start: Start) -> None:
    with app.context.engine.begin() as connection:
        note_start(connection, start)


def _is_old(state: CheckState | None, longest: timedelta) -> bool:
    return state is None or state.imported_at is None or datetime.now(UTC) - state.imported_at >= longest


def _flows_that_follow(app: App) -> list[str]:
    with read_only(app.context.engine) as connection:
        return flows_that_follow(connection, datetime.now(UTC))
