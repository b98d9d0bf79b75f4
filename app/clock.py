"""The clock of a run: the present moment, or noon of another day."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as hour
from zoneinfo import ZoneInfo

from app.ledger import database_url as database_url
from app.ledger import state_folder as state_folder
from models.errors import ForewarnError
from tasks.context import Context

NOON = hour(12)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that shows the present, or that was set to noon of another day and runs on from there."""

    zone: ZoneInfo
    as_of: date
    now: Callable[[], datetime]
    started_at: datetime
    """When it was made or set. What a run records is due from then on: on a set clock the next process begins at noon
    again."""

    def day(self) -> date:
        """Return the shop's current day, which changes when a run lasts beyond midnight."""
        return self.now().astimezone(self.zone).date()

    def snapshot(self, context: Context) -> Context:
        """Return a context with this day and moment, for work outside a run."""
        return context.with_run("", self.as_of, self.started_at)


def make_clock(zone: str, as_of: date | None, *, ahead: bool = False) -> Clock:
    """Return a clock for today, or one set to noon of `as_of` in the shop's time zone.

    Noon makes a past day's run independent of the hour at which it is repeated. Raises ForewarnError for a day to
    come, unless `ahead` allows it.
    """
    shop = ZoneInfo(zone)
    today = datetime.now(shop).date()
    if as_of is None or as_of == today:
        return Clock(shop, today, lambda: datetime.now(UTC), datetime.now(UTC))
    if as_of > today and not ahead:
        raise ForewarnError(f"{as_of} is in the future; `forewarn run --dry-run --as-of {as_of}` previews it")
    noon, started = datetime.combine(as_of, NOON, shop).astimezone(UTC), time.monotonic()
    return Clock(shop, as_of, lambda: noon + timedelta(seconds=time.monotonic() - started), noon)
