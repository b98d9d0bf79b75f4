"""Count the days between a promise and a later day: calendar days, or the working days of a country."""

from bisect import bisect_right
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from models.policy.policy import CalendarPolicy, DayCount

if TYPE_CHECKING:
    from holidays import HolidayBase


class Calendar:
    """The shop's way of counting days: all of them, or working days only.

    Working days are those outside the country's weekends and public holidays, as the `holidays` library lists them;
    without a country they are Monday to Friday.
    """

    def __init__(self, days: CalendarPolicy) -> None:
        self._every_day = days.count is DayCount.CALENDAR
        self._country, self._subdivision = days.country, days.subdivision
        self._years: dict[int, tuple[date, ...]] = {}

    def days_late(self, promised: date, day: date) -> int:
        """Count the days after `promised` up to and including `day`; negative where `day` comes first."""
        if self._every_day:
            return (day - promised).days
        if day < promised:
            return -self.days_late(day, promised)
        between = sum(len(self._working(year)) for year in range(promised.year, day.year))
        return between + self._rank(day) - self._rank(promised)

    def day_when(self, promised: date, days: int) -> date:
        """Return the first day on which what was promised for `promised` is `days` late."""
        if self._every_day:
            return promised + timedelta(days=days)
        year, rank = promised.year, self._rank(promised) + days
        while rank < 1:
            year -= 1
            rank += len(self._working(year))
        while rank > len(self._working(year)):
            rank -= len(self._working(year))
            year += 1
        return self._working(year)[rank - 1]

    def add(self, day: date, n: int) -> date:
        """Return the nth day after `day`, or `day` itself for 0; raises ValueError for a negative n."""
        if n < 0:
            raise ValueError(f"n counts days after {day}, so it is 0 or more (found {n})")
        return self.day_when(day, n) if n else day

    @cached_property
    def _holidays(self) -> "HolidayBase":
        # Here, because most commands count no working day.
        import holidays

        if self._country is None:
            return holidays.HolidayBase()
        return holidays.country_holidays(self._country, subdiv=self._subdivision)

    def _rank(self, day: date) -> int:
        return bisect_right(self._working(day.year), day)

    def _working(self, year: int) -> tuple[date, ...]:
        known = self._years.get(year)
        if known is None:
            first = date(year, 1, 1).toordinal()
            days = map(date.fromordinal, range(first, date(year, 12, 31).toordinal() + 1))
            known = self._years[year] = tuple(day for day in days if self._holidays.is_working_day(day))
        return known
