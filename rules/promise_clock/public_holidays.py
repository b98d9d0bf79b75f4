"""Public holidays by country."""

from datetime import date
from functools import cache

from rules.promise_clock.refunds import Holidays


def public_holidays(country: str | None) -> Holidays:
    """Return whether a day is a public holiday, as a function of days; without a country none is."""
    return _known(country) if country else _none


def _none(_: date) -> bool:
    return False


@cache
def _known(country: str) -> Holidays:
    # Here, because most commands look at no holiday.
    import holidays

    if country not in holidays.list_supported_countries():
        return _none
    days = holidays.country_holidays(country)
    return lambda day: day in days
