"""Whether the alerts of the shop reach the people that they are for, as the last looks at Prefect's events told."""

from datetime import UTC, datetime
from math import ceil

from sqlalchemy import Connection

from tasks.db.counters import get_counter, set_counter

SENT_AT, FAILING_SINCE = "alerts:sent_at", "alerts:failing_since"
"""Counters of seconds since 1970: when an alert or a test last went through, and since when none has; 0: never."""


def alert_sent_at(connection: Connection) -> datetime | None:
    """Return when an alert last went through, or the alerts were removed; None where that is not known."""
    return _moment(get_counter(connection, SENT_AT))


def alerts_failing_since(connection: Connection) -> datetime | None:
    """Return when the first alert came due that did not go through, and none did after; None where all is well."""
    return _moment(get_counter(connection, FAILING_SINCE))


def note_alert_sent(connection: Connection, at: datetime) -> None:
    """Record that an alert went through, or that there are none any more."""
    # Rounded up: what came due in the same second, before it went through, is not later than this.
    set_counter(connection, SENT_AT, ceil(at.timestamp()))
    set_counter(connection, FAILING_SINCE, 0)


def note_alerts_failing(connection: Connection, since: datetime) -> None:
    """Record that alerts do not go through, and since when."""
    set_counter(connection, FAILING_SINCE, int(since.timestamp()))


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
