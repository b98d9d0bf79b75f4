"""The day promised for a line: as the shop's facts say, or else as the policy does."""

from datetime import date, timedelta

from models.enums import Promise
from models.policy.policy import DayCount, Policy, PromisedFrom
from rules.delays.working_days import Calendar
from rules.inventory.transit import TransitTimes

DAY = timedelta(days=1)


class Promises:
    """What the shop promises, and from when a promise counts: from the order, or from its payment where that is later.

    A stored promise counts from payment where the policy says so; what the policy promises always does.
    """

    def __init__(self, policy: Policy) -> None:
        self._moves = policy.promise.stored_from is PromisedFrom.PAYMENT
        self._within = {name.lower(): days for name, days in policy.promise.ship_within.items()}
        self._otherwise = timedelta(days=policy.days.without_promise)
        self._working = Calendar(policy.days.model_copy(update={"count": DayCount.WORKING}))
        self._journey = TransitTimes(policy.allocation, policy.days)

    def day(
        self,
        stored: date | None,
        placed_on: date,
        paid_on: date | None = None,
        method: str | None = None,
        promise: Promise = Promise.SHIP,
        country: str = "",
    ) -> date:
        """Return the day promised. What the policy lets ship by a day arrives after the carrier's working days."""
        began = max(placed_on, paid_on or placed_on)
        if stored is not None:
            return stored + (began - placed_on) if self._moves else stored
        within = self._within.get((method or "").lower())
        if within is None:
            return began + self._otherwise
        ship_by = self._working.add(began, within)
        return ship_by if promise is Promise.SHIP else self._journey.arrives(ship_by, country) or ship_by

    def lapsed(self, as_of: date) -> tuple[dict[str, date], date]:
        """Return the last day from which the policy's promise to ship has passed: by shipping method, and without."""
        return {name: self._last(days, as_of) for name, days in self._within.items()}, as_of - DAY - self._otherwise

    def _last(self, days: int, as_of: date) -> date:
        found = as_of - DAY - timedelta(days=days)
        while self._working.add(found, days) >= as_of:
            found -= DAY
        return found
