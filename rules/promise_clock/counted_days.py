"""A line's dates as its country counts them: dates of shipping, or of arrival."""

from datetime import date, timedelta

from models.enums import Promise
from rules.inventory.transit import TransitTimes

MAX_TRANSIT = 60
"""Days that are tried before an arrival, to find the one on which the parcel has to leave."""


def counted_day(day: date | None, said: Promise, counted: Promise, transit: TransitTimes, country: str) -> date | None:
    """Return the day of arrival for a day of shipping, or the reverse; `said`: what the day is about."""
    if day is None or said is counted:
        return day
    if counted is Promise.DELIVER:
        return transit.arrival_date(day, country)
    tried = (day - timedelta(days=count) for count in range(MAX_TRANSIT))
    return next((one for one in tried if (transit.arrival_date(one, country) or day) <= day), day)
