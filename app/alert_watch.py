"""See by Prefect's events whether alerts went through: its server tells nobody when it cannot send one."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from prefect.client.orchestration import get_client
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventOrder, EventResourceFilter
from prefect.exceptions import PrefectException
from sqlalchemy.exc import SQLAlchemyError

from app.alert_automations import automation_name
from app.composition import App
from models.alerts import Alert
from tasks.reporting.alert_state import alert_sent_at, alerts_failing_since, note_alert_sent, note_alerts_failing

TRIGGERED, EXECUTED = "prefect.automation.triggered", "prefect.automation.action.executed"
"""The events of an alert that is to be sent, and of one that went through; one that failed may have none of its own."""
LOOK_SECONDS = 600.0
SENT_WITHIN = timedelta(minutes=2)
"""How long an alert may take."""
REMEMBERED = timedelta(days=2)
MOST_EVENTS = 50
"""As many as Prefect returns at once."""
Event = tuple[str, datetime]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class AlertWatch:
    """Looks every ten minutes whether the shop's alerts go through, and records it for the desk and the commands."""

    clock: Callable[[], float] = time.monotonic
    _look_at: float = 0.0

    async def look(self, app: App) -> None:
        """Look, unless the last look was a while ago. What goes wrong stops no delivery."""
        now = self.clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            events = await _load_events(app)
            await asyncio.to_thread(record_events, app, events, datetime.now(UTC))
        except (httpx.HTTPError, PrefectException, TimeoutError, SQLAlchemyError, OSError) as error:
            logger.warning("whether alerts go through is not known: %s", type(error).__name__)


async def _load_events(app: App) -> list[Event]:
    """Return when alerts of the shop were to be sent, and when some were, the newest first."""
    now = datetime.now(UTC)
    alerts = EventFilter(
        occurred=EventOccurredFilter(since=now - REMEMBERED, until=now),
        event=EventNameFilter(name=[TRIGGERED, EXECUTED]),
        resource=EventResourceFilter.model_validate(
            {"labels": {"prefect.resource.name": [automation_name(app, alert) for alert in Alert]}}
        ),
        order=EventOrder.DESC,
    )
    async with get_client() as client:
        page = await client.read_events(alerts, limit=MOST_EVENTS)
    return [(event.event, event.occurred) for event in page.events]


def record_events(app: App, events: Iterable[Event], now: datetime) -> None:
    """Record since when alerts do not go through, or that one did."""
    known = list(events)
    executed = max((at for name, at in known if name == EXECUTED), default=None)
    with app.context.engine.begin() as connection:
        sent_at, failing_since = alert_sent_at(connection), alerts_failing_since(connection)
        if executed is not None and (sent_at is None or executed > sent_at):
            note_alert_sent(connection, executed)
            sent_at, failing_since = executed, None
        unsent = [at for name, at in known if name == TRIGGERED and at <= now - SENT_WITHIN]
        since = min((at for at in unsent if sent_at is None or at > sent_at), default=None)
        if since is not None and failing_since is None:
            note_alerts_failing(connection, since)
