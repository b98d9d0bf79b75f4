"""Compute the day promised for a line: the shop's own date, or else one by the policy."""

from datetime import date, timedelta

from models.enums import Promise
from models.policy.policy import DayCount, Policy, PromisedFrom
from rules.delays.working_days import Calendar
from rules.inventory.transit import TransitTimes

DAY = timedelta(days=1)


class Promises:
    """The policy's promises, which count from the order, or from its payment where that is later.

    A date of the shop moves with a later payment only where `promise.stored_from` of the policy says so.
    """

    def __init__(self, policy: Policy) -> None:
        self._moves_with_payment = policy.promise.stored_from is PromisedFrom.PAYMENT
        self._within = {name.lower(): days for name, days in policy.promise.ship_within.items()}
        self._without_method = timedelta(days=policy.days.without_promise)
        self._working = Calendar(policy.days.model_copy(update={"count": DayCount.WORKING}))
        self.transit = TransitTimes(policy.allocation, policy.days)
        """Remembers the days that it has computed: one for all pages of a run."""

    def day(
        self,
        stored: date | None,
        placed_on: date,
        paid_on: date | None = None,
        method: str | None = None,
        promise: Promise = Promise.SHIP,
        country: str = "",
    ) -> date:
        """Return the promised day; `stored` is the shop's own date.

        Without one it is `promise.ship_within` working days, by shipping method, or else `days.without_promise` days. A
        promise to deliver adds the transit time.
        """
        began = max(placed_on, paid_on or placed_on)
        if stored is not None:
            return stored + (began - placed_on) if self._moves_with_payment else stored
        ship_within = self._within.get((method or "").lower())
        if ship_within is None:
            return began + self._without_method
        ship_by = self._working.add(began, ship_within)
        return ship_by if promise is Promise.SHIP else self.transit.arrival_date(ship_by, country) or ship_by

    def lapsed(self, as_of: date) -> tuple[dict[str, date], date]:
        """Return, for each shipping method and for none, the latest start date whose promised ship date has passed."""
        return {
            name: self._last(days, as_of) for name, days in self._within.items()
        }, as_of - DAY - self._without_method

    def _last(self, days: int, as_of: date) -> date:
        start = as_of - DAY - timedelta(days=days)
        while self._working.add(start, days) >= as_of:
            start -= DAY
        return start
