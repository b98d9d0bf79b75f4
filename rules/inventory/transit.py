"""The working days from a vendor to a customer: receiving, handling, transit."""

from collections.abc import Mapping
from datetime import date, timedelta

from models.policy.policy import CalendarPolicy, DayCount
from models.policy.supply import AllocationPolicy
from rules.delays.working_days import Calendar

DAY = timedelta(days=1)


class TransitTimes:
    """The days that receiving, handling and transit take, by the policy's [allocation] and [days] tables.

    A vendor delivers on the working days of its own country; warehouse and carrier work on those of the policy's.
    Nothing leaves or arrives on another day. Each step returns None for a date that is unknown.
    """

    def __init__(self, allocation: AllocationPolicy, days: CalendarPolicy) -> None:
        self._policy = allocation
        subdivision = days.subdivision if allocation.country in (None, days.country) else None
        self._warehouse_calendar = _calendar(allocation.country or days.country, subdivision)
        self._vendor_calendars: dict[str, Calendar] = {}
        self._ship_dates: dict[date, date] = {}
        self._arrival_dates: dict[tuple[date, str], date] = {}

    def handover_date(self, due_on: date | None, vendor_country: str | None = None) -> date | None:
        """Return the day on which a vendor hands over what is due on a day."""
        return None if due_on is None else _this_or_next_working_day(self._vendor_calendar(vendor_country), due_on)

    def available_date(self, due_on: date | None, vendor_country: str | None = None) -> date | None:
        """Return the first day on which goods of a delivery can be packed."""
        handed_over_on = self.handover_date(due_on, vendor_country)
        if handed_over_on is None:
            return None
        return self._warehouse_calendar.add(handed_over_on, self._policy.receiving_days)

    def ship_date(self, available_on: date | None) -> date | None:
        """Return the day on which goods leave that can be packed from a day on."""
        if available_on is None:
            return None
        ships_on = self._ship_dates.get(available_on)
        if ships_on is None:
            packed_on = self._warehouse_calendar.add(available_on, self._policy.handling_days)
            ships_on = _this_or_next_working_day(self._warehouse_calendar, packed_on)
            self._ship_dates[available_on] = ships_on
        return ships_on

    def arrival_date(self, ships_on: date | None, country: str) -> date | None:
        """Return the day on which a parcel that leaves on a day arrives in a country."""
        if ships_on is None:
            return None
        arrives_on = self._arrival_dates.get((ships_on, country))
        if arrives_on is None:
            transit_by_country: Mapping[str, int] = self._policy.transit
            transit_days = transit_by_country.get(country, self._policy.transit_days)
            arrives_on = self._warehouse_calendar.add(ships_on, transit_days)
            self._arrival_dates[ships_on, country] = arrives_on
        return arrives_on

    def _vendor_calendar(self, country: str | None) -> Calendar:
        if country is None:
            return self._warehouse_calendar
        if country not in self._vendor_calendars:
            self._vendor_calendars[country] = _calendar(country, None)
        return self._vendor_calendars[country]


def _this_or_next_working_day(calendar: Calendar, day: date) -> date:
    return calendar.add(day - DAY, 1)


def _calendar(country: str | None, subdivision: str | None) -> Calendar:
    # A country that the holidays library does not know still has weekends.
    try:
        return Calendar(CalendarPolicy(count=DayCount.WORKING, country=country, subdivision=subdivision))
    except ValueError:
        return Calendar(CalendarPolicy(count=DayCount.WORKING))
