"""The days that a page of numbers is about: asked for in its address, within what is kept."""

from datetime import date, timedelta

from models.quantities import counted
from web.staff.forms import Form
from web.staff.visit import Visit

MAX_DAYS = 400


def asked_period(visit: Visit, default_days: int) -> tuple[date, date, Form]:
    """Return the days that the address asks for, within what is kept; a wrong one is said, and the default shown."""
    form = Form("", {name: [visit.query(name)] for name in ("from", "to") if visit.query(name)})
    first, last = form.day("from"), form.day("to")
    if first and last and last < first:
        form.wrong("to", "The last day is before the first.")
    if form.errors:
        first = last = None
    last = min(last or visit.today, visit.today)
    first = min(first or last - timedelta(days=default_days - 1), last)
    return max(first, last - timedelta(days=MAX_DAYS)), last, form


def counted_days(days: int, first: date, last: date) -> str:
    """Say how many days of a period were counted; empty where all of them were."""
    of = (last - first).days + 1
    return "" if days == of else f"{days} of {counted(of, 'day')} were counted."
