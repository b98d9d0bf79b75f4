"""Start late-orders as soon as it has something to do, and once an hour what follows from changed facts."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.composition import App
from app.source_files import source_state
from models.errors import ForewarnError
from tasks.db.sql import read_only
from tasks.runs.records import LATE_ORDERS
from tasks.starts.check_state import CheckState, flows_that_follow, load_check_state

LOOK_SECONDS = 4.0
SETTLED_SECONDS = 3.0
"""For so long no file changes before it is read: one that is being written would be read half."""
MAX_UNSETTLED_SECONDS = 900.0
"""Files that change all the time are read after so long all the same."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 3600.0
"""The least time between two starts of late-orders. It doubles as long as a run leaves what it was started for."""
FOLLOW_LOOK_SECONDS = 60.0

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
    _pause: float = PAUSE_SECONDS
    _is_repeated: bool = False
    _started_at: float | None = None
    _files: int | None = None
    """The state of the files at the last look."""
    _files_since: float = 0.0
    _unsettled_since: float | None = None
    _asked: tuple[int | None, datetime] | None = None
    """The state of the files for which a run was last started, and when."""

    async def look(self, app: App) -> None:
        """Look, unless the last look was a moment ago, and start what is due."""
        now = self.clock()
        if now < self._look_at:
            return
        self._look_at = now + self.look_seconds
        is_running, why = await asyncio.to_thread(self._find, app)
        if is_running:
            return
        if why is None:
            self._pause, self._is_repeated = self.pause_seconds, False
            await self._start_followers(app, now)
        elif self._started_at is None or now >= self._started_at + self._pause:
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS) if self._is_repeated else self.pause_seconds
            self._is_repeated = True
            self._started_at, self._asked = now, (self._files, datetime.now(UTC))
            await self._start(LATE_ORDERS, why)

    async def _start_followers(self, app: App, now: float) -> None:
        if now >= self._follow_look_at:
            self._follow_look_at = now + FOLLOW_LOOK_SECONDS
            for flow in await asyncio.to_thread(_flows_that_follow, app):
                await self._start(flow, "facts changed since its last run")

    async def _start(self, flow: str, why: str) -> None:
        try:
            await self.start(flow, why)
        except ForewarnError as error:
            logger.warning("%s was not started; its schedule will: %s", flow, error)

    def _find(self, app: App) -> tuple[bool, str | None]:
        """Return whether late-orders is running, and why a run has something to do; None where it has not."""
        files = source_state(app.settings, app.folder)
        is_settled = self._is_settled(files)
        with read_only(app.context.engine) as connection:
            state = load_check_state(connection)
        if state is not None and state.is_running:
            return True, None
        minutes = app.settings.import_minutes
        why = None
        if files is None and _is_old(state, timedelta(minutes=minutes)):
            why = f"the last import was {minutes:g} minutes ago"
        elif files is not None and is_settled and self._is_new(files, state):
            why = "the shop's files changed"
        elif state is not None and state.orders_changed:
            why = "orders changed since the last run"
        return False, why

    def _is_settled(self, files: int | None) -> bool:
        """Return whether the files have been as they are for a while, or change all the time."""
        now = self.clock()
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
        if self._asked is None or self._asked[0] != files:
            return True
        return not state.is_done or state.started_at < self._asked[1]


def _is_old(state: CheckState | None, longest: timedelta) -> bool:
    return state is None or state.imported_at is None or datetime.now(UTC) - state.imported_at >= longest


def _flows_that_follow(app: App) -> list[str]:
    with read_only(app.context.engine) as connection:
        return flows_that_follow(connection, datetime.now(UTC))
