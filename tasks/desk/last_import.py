"""When the shop's orders were last imported, in words."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from tasks.context import Context
from tasks.desk.staff_words import clock_time, long_day
from tasks.imports.guard import last_imported_at


def last_import_words(context: Context, connection: Connection) -> str:
    """Return when the last import was, and that newer orders come with the next one."""
    at = last_imported_at(connection)
    if at is None:
        return "Nothing was imported so far; orders come with the next import."
    return f"The last import was {_when(context, at)}; newer orders come with the next one."


def _when(context: Context, at: datetime) -> str:
    day = at.astimezone(context.zone).date()
    names = {context.as_of: "today", context.as_of - timedelta(days=1): "yesterday"}
    return f"{names.get(day) or 'on ' + long_day(day, context.as_of)} at {clock_time(at, context.zone)}"
