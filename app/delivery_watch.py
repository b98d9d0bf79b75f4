"""Deliver, and then look every two seconds whether anything is due, and deliver again: one run in place of many."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.composition import App, open_app, read_settings
from app.live_channels import channels_not_live
from app.reports.deliveries import add_delivery, did_anything
from app.shop_files import FileStates, file_states
from app.transports import closed_channels, reaches_customers
from app.webhook import webhook_problem
from models.enums import NETWORKS, Channel
from models.errors import ForewarnError
from models.run_report import Report
from tasks.callbacks.apply import is_callback_due
from tasks.callbacks.ask import ASK_EVERY, is_report_due
from tasks.customers.webhook_delivery import is_webhook_due
from tasks.db.counters import get_counter, increment
from tasks.db.sql import read_only
from tasks.delivery.due import is_delivery_due

LOOK_SECONDS = 2.0
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 60.0
"""The least time between two deliveries. It doubles after each that found nothing to do, as beside another worker."""
TURN = "deliver:turn"
"""The counter that each run of the schedule raises when it takes over; the run before sees that, and ends."""

logger = logging.getLogger(__name__)
OnLook = Callable[[App], Awaitable[None]]


@dataclass(slots=True)
class DeliveryWatch:
    """Delivers with `deliver` whenever something is due, until its time is over, it is stopped or it has a successor.

    Each delivery finds out the day and the channels that are live. The shop's files are read again when they change.
    """

    deliver: Callable[[App], Awaitable[Report]]
    ends_at: float = math.inf
    """When it ends, by `time.monotonic`."""
    takes_turns: bool = False
    """Whether it takes over from an earlier watch after its first delivery, and ends when a later one takes over."""
    on_delivery: Callable[[Report], Awaitable[None]] | None = None
    """Called with the report of each delivery."""
    on_look: OnLook | None = None
    """Called at each look, and beside a delivery, which may take hours, while no later watch has taken over."""
    look_seconds: float = LOOK_SECONDS
    pause_seconds: float = PAUSE_SECONDS
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    report: Report | None = None
    """The report of all deliveries so far."""
    _turn: int | None = None
    _has_successor: bool = False
    _pause: float = 0.0
    _report_look_at: float = 0.0
    """When it looks next, by `time.monotonic`, whether a provider is to be asked what became of a message."""
    _fault: Exception | None = None
    """Why the latest attempt to look, to deliver or to read the shop's files failed; None if it succeeded."""

    async def run(self, shop: str | Path | None = None) -> Report:
        """Deliver at once, then whenever something is due; return the report of all deliveries at the end.

        Raises what the first delivery raises. Afterwards, a database that is away and files that cannot be read are
        waited for; their error is raised if it lasts until the end.
        """
        folder = read_settings({"shop": shop}).shop
        while self.report is None or not self._is_over():
            files = file_states(folder)
            with ExitStack() as opened:
                app = self._open(opened, shop)
                await (self._until_changed(folder, files) if app is None else self._watch(app, folder, files))
        if self._fault is not None:
            raise self._fault
        return self.report

    def _open(self, opened: ExitStack, shop: str | Path | None) -> App | None:
        """Open the shop; return None if its changed files cannot be read."""
        try:
            return opened.enter_context(open_app(shop))
        except ForewarnError as error:
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        if self.report is None:
            raise error
        if self._fault is None:
            logger.error("%s", error)
        self._fault = error

    def _is_over(self) -> bool:
        return self.stopped.is_set() or self._has_successor or time.monotonic() >= self.ends_at

    async def _until_changed(self, folder: Path, files: FileStates) -> None:
        while not self._is_over() and file_states(folder) == files:
            await self._sleep()

    async def _watch(self, app: App, folder: Path, files: FileStates) -> None:
        """Deliver at once, and whenever something is due, until the end or until the shop's files change."""
        is_due, next_at = True, 0.0
        while True:
            if is_due and time.monotonic() >= next_at:
                await self._deliver(app)
                next_at = time.monotonic() + self._pause
            await self._sleep()
            if self._is_over() or file_states(folder) != files:
                return
            is_due = await self._look(app)

    async def _sleep(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), self.look_seconds)

    async def _deliver(self, app: App) -> None:
        try:
            latest = await (self.deliver(app) if self.on_look is None else self._deliver_and_look(app, self.on_look))
        except OperationalError as error:
            self._fail(error)
            self._pause = self._longer_pause()
            return
        self._pause = self.pause_seconds if did_anything(latest) else self._longer_pause()
        self.report, self._fault = add_delivery(self.report, latest), None
        if self.takes_turns and self._turn is None:
            self._turn = await asyncio.to_thread(_take_turn, app)
        if self.on_delivery is not None:
            await self.on_delivery(latest)

    async def _deliver_and_look(self, app: App, look: OnLook) -> Report:
        delivered = asyncio.Event()
        looking = asyncio.create_task(self._look_until(delivered, app, look))
        try:
            return await self.deliver(app)
        finally:
            delivered.set()
            await looking

    async def _look_until(self, delivered: asyncio.Event, app: App, look: OnLook) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(delivered.wait(), self.look_seconds)
            if delivered.is_set():
                return
            with suppress(SQLAlchemyError):  # the delivery, or the next look, says so
                if self._turn in (None, await asyncio.to_thread(_whose_turn, app)):
                    await look(app)

    def _longer_pause(self) -> float:
        return min(max(2 * self._pause, self.pause_seconds), LONGEST_PAUSE_SECONDS)

    async def _look(self, app: App) -> bool:
        """Return whether anything is due, and notice a successor."""
        try:
            is_due, turn = await asyncio.to_thread(_look_up, app)
            is_due = is_due or await asyncio.to_thread(self._is_report_due, app)
        except OperationalError as error:
            self._fail(error)
            return False
        self._fault = None
        self._has_successor = self._turn is not None and turn != self._turn
        if self.on_look is not None and turn == self._turn:
            await self.on_look(app)
        return is_due

    def _is_report_due(self, app: App) -> bool:
        """Return whether a provider is to be asked about a message; looked up seldom, because it reads a day's."""
        if time.monotonic() < self._report_look_at:
            return False
        self._report_look_at = time.monotonic() + ASK_EVERY.total_seconds()
        with read_only(app.context.engine) as connection:
            channels = set(reaches_customers(app.settings)) - channels_not_live(app).keys() - set(NETWORKS)
            return is_report_due(connection, datetime.now(UTC), channels, app.context.policy.in_doubt)


def _take_turn(app: App) -> int:
    with app.context.engine.begin() as connection:
        increment(connection, TURN, 1)
        return get_counter(connection, TURN)


def _whose_turn(app: App) -> int:
    with read_only(app.context.engine) as connection:
        return get_counter(connection, TURN)


def _look_up(app: App) -> tuple[bool, int]:
    """Return whether anything is due, and whose turn it is."""
    closed = closed_channels(app.settings, app.folder.shop.sender) | channels_not_live(app)
    has_webhook = app.context.has_webhook and not webhook_problem(app.settings)
    with read_only(app.context.engine) as connection:
        usable = [channel for channel in Channel if channel not in closed]
        now, in_doubt = datetime.now(UTC), app.context.policy.in_doubt
        is_due = is_delivery_due(connection, now, usable, in_doubt) or is_callback_due(connection, now)
        return is_due or (has_webhook and is_webhook_due(connection, now)), get_counter(connection, TURN)
