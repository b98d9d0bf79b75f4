"""TODO."""

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
    """The only clock: today's, or one that was set to the noon of another day and runs on from there."""

    zone: ZoneInfo
    as_of: date
    now: Callable[[], datetime]

    def day(self) -> date:
        """Return the day it is by now: a run may last beyond midnight."""
        return self.now().astimezone(self.zone).date()

    def snapshot(self, context: Context) -> Context:
        """Return a context of this day and moment, for what belongs to no run."""
        return context.with_run("", self.as_of, self.now())


def make_clock(zone: str, as_of: date | None, *, ahead: bool = False) -> Clock:
    """Set the clock: to another day's noon in the shop's zone, so that re-living it does not depend on the hour.

    Raises ForewarnError for a day that has not come, unless only a look `ahead` is meant.
    """
    shop = ZoneInfo(zone)
    today = datetime.now(shop).date()
    if as_of is None or as_of == today:
        return Clock(shop, today, lambda: datetime.now(UTC))
    if as_of > today and not ahead:
        raise ForewarnError(f"{as_of} is in the future; `forewarn run --dry-run --as-of {as_of}` previews it")
    noon, begun = datetime.combine(as_of, NOON, shop).astimezone(UTC), time.monotonic()
    return Clock(shop, as_of, lambda: noon + timedelta(seconds=time.monotonic() - begun))
