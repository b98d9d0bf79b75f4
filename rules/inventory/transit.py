"""The working days from a vendor's door to a customer's: receiving, handling, transit."""

from collections.abc import Mapping
from datetime import date, timedelta

from models.policy.policy import CalendarPolicy, DayCount
from models.policy.supply import AllocationPolicy
from rules.delays.working_days import Calendar

DAY = timedelta(days=1)


class TransitTimes:
    """How long goods take, step by step.

    A vendor brings goods on working days of its own country; warehouse and carrier keep the policy's. Nothing leaves
    and nothing arrives on a day that is not worked. Of what has no date, nothing that follows has one.
    """

    def __init__(self, allocating: AllocationPolicy, days: CalendarPolicy) -> None:
        self._policy = allocating
        subdivision = days.subdivision if allocating.country in (None, days.country) else None
        self._ours = _calendar(allocating.country or days.country, subdivision)
        self._vendors: dict[str, Calendar] = {}
        self._leaves: dict[date, date] = {}
        self._arrives: dict[tuple[date, str], date] = {}

    def handed_over(self, comes_on: date | None, vendor_country: str | None = None) -> date | None:
        """Return the day on which a vendor hands over what comes on a day."""
        return None if comes_on is None else _worked(self._vendor(vendor_country), comes_on)

    def at_hand(self, comes_on: date | None, vendor_country: str | None = None) -> date | None:
        """Return the day on which goods of a delivery can be packed."""
        handed_over = self.handed_over(comes_on, vendor_country)
        return None if handed_over is None else self._ours.add(handed_over, self._policy.receiving_days)

    def leaves(self, ready_on: date | None) -> date | None:
        """Return the day on which goods that are at hand on a day leave."""
        if ready_on is None:
            return None
        found = self._leaves.get(ready_on)
        if found is None:
            found = self._leaves[ready_on] = _worked(self._ours, self._ours.add(ready_on, self._policy.handling_days))
        return found

    def arrives(self, leaves_on: date | None, country: str) -> date | None:
        """Return the day on which a parcel that leaves on a day arrives in a country."""
        if leaves_on is None:
            return None
        found = self._arrives.get((leaves_on, country))
        if found is None:
            transit: Mapping[str, int] = self._policy.transit
            days = transit.get(country, self._policy.transit_days)
            found = self._arrives[leaves_on, country] = self._ours.add(leaves_on, days)
        return found

    def _vendor(self, country: str | None) -> Calendar:
        if country is None:
            return self._ours
        return self._vendors.get(country) or self._vendors.setdefault(country, _calendar(country, None))


def _worked(calendar: Calendar, day: date) -> date:
    """Return a day itself where it is a working day, else the next one."""
    return calendar.add(day - DAY, 1)


def _calendar(country: str | None, subdivision: str | None) -> Calendar:
    # A country whose holidays nobody has written down still has weekends.
    try:
        return Calendar(CalendarPolicy(count=DayCount.WORKING, country=country, subdivision=subdivision))
    except ValueError:
        return Calendar(CalendarPolicy(count=DayCount.WORKING))
