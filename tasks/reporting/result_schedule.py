"""Find the days whose results are counted: recent ones, new ones, and older ones whose messages led to more."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, or_, select

from rules.retention import cutoff_days
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.orders.told_messages import load_told_messages
from tasks.reporting.day_numbers import BACKFILLED_DAYS, RECOUNTED_DAYS
from tasks.tables import CUSTOMER_CHOICES, NOTICES, RESULT_NUMBERS

OVERLAP = timedelta(hours=1)
"""Choices from before the last count that are looked at again: one may have been committed while it ran."""


def result_days_to_count(context: Context, today: date, recent_days: int = RECOUNTED_DAYS) -> list[date]:
    """Return the days to count, the oldest first.

    The last `recent_days` and all since the last count, of others those whose numbers changed. Days whose messages may
    be deleted stay as they are.
    """
    with read_only(context.engine) as connection:
        counted = _counted_days(connection)
        changed = {day for day, at in counted.items() if at == 0}
        since = max((at for at in counted.values() if at), default=None)
        if since is not None:
            last = datetime.fromtimestamp(since, UTC) - OVERLAP
            changed |= _answered_days(context, connection, last)
            recent_days = max(recent_days, min((today - last.astimezone(context.zone).date()).days, BACKFILLED_DAYS))
    recent = {today - timedelta(days=n) for n in range(recent_days + 1)}
    return sorted(day for day in recent | changed if _is_kept(context, day, today))


def result_days_to_fill(context: Context, today: date) -> list[date]:
    """Return the days to count at night: also those of the last weeks that were never counted, as after an upgrade."""
    with read_only(context.engine) as connection:
        counted = _counted_days(connection)
    backfilled = {today - timedelta(days=n) for n in range(BACKFILLED_DAYS + 1)} - counted.keys()
    return sorted(backfilled | set(result_days_to_count(context, today)))


def result_days_between(context: Context, first: date, last: date, today: date) -> list[date]:
    """Return all days of a period that can be counted again: those whose messages are kept."""
    days = (first + timedelta(days=n) for n in range((min(last, today) - first).days + 1))
    return [day for day in days if _is_kept(context, day, today)]


def _is_kept(context: Context, day: date, today: date) -> bool:
    cutoffs = cutoff_days(context.policy.retention, today)
    return day >= max(cutoffs.notices, cutoffs.offers)


def _counted_days(connection: Connection) -> dict[date, int]:
    query = select(RESULT_NUMBERS.c.day, RESULT_NUMBERS.c.counted).where(RESULT_NUMBERS.c.message == "")
    return {row.day: row.counted for row in connection.execute(query)}


def _answered_days(context: Context, connection: Connection, since: datetime) -> set[date]:
    """Return the days on which the messages left that customers answered since, or whose answers changed since."""
    choices = CUSTOMER_CHOICES.c
    query = (
        select(choices.order_id, NOTICES.c.revision)
        .select_from(CUSTOMER_CHOICES.join(NOTICES, NOTICES.c.id == choices.notice_id))
        .where(or_(choices.made_at >= since, choices.changed_at >= since))
    )
    answered = {(row.order_id, row.revision) for row in connection.execute(query)}
    if not answered:
        return set()
    told = load_told_messages(connection, {order for order, _ in answered})
    messages = (one for found in told.values() for one in found)
    return {one.told_at.astimezone(context.zone).date() for one in messages if (one.order_id, one.revision) in answered}
