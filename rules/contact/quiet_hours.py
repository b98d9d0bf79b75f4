"""Compute when a message may arrive: outside the quiet hours of every time zone in which the recipient may be."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.policy.messaging import QuietHours

HORIZON = timedelta(hours=48)
"""How far ahead a moment is searched; zones without a common moment by then have none."""

_MINUTE = timedelta(minutes=1)


def not_before(now: datetime, quiet: QuietHours | None, zones: Sequence[str]) -> datetime | None:
    """Return the first moment from `now` on that is quiet in none of the zones, in UTC.

    None where the zones have no such moment in common within `HORIZON`: the channel is then not used.
    Raises ValueError for a naive `now`, and ZoneInfoNotFoundError for a zone that does not exist.
    """
    return _not_before(_utc(now), quiet, tuple(zones))


def window_end(moment: datetime, quiet: QuietHours | None, zones: Sequence[str]) -> datetime | None:
    """Return when the quiet hours next begin in any of the zones, in UTC; None where there are none.

    A moment within quiet hours is returned as it is. Raises as `not_before` does.
    """
    return _window_end(_utc(moment), quiet, tuple(zones))


# A run calls it for every order with the same moment and a few sets of zones.
@lru_cache(maxsize=4096)
def _not_before(now: datetime, quiet: QuietHours | None, zones: tuple[str, ...]) -> datetime | None:
    if quiet is None or not zones:
        return now
    moment = now
    while moment <= now + HORIZON:
        later = max(_first_outside(moment, quiet.begins, quiet.ends, zone) for zone in zones)
        if later == moment:
            return moment
        moment = later
    return None


@lru_cache(maxsize=4096)
def _window_end(moment: datetime, quiet: QuietHours | None, zones: tuple[str, ...]) -> datetime | None:
    if quiet is None or not zones:
        return None
    return min(_first_outside(moment, quiet.ends, quiet.begins, zone) for zone in zones)


def _first_outside(moment: datetime, begins: time, ends: time, zone: str) -> datetime:
    """Return the first moment from `moment` on at which the zone's clock is outside the hours `begins` to `ends`."""
    clock = ZoneInfo(zone)
    local = moment.astimezone(clock)
    if not _within(local.time(), begins, ends):
        return moment
    later = moment + (_since_midnight(ends) - _since_midnight(local.time())) % timedelta(days=1)
    if later.astimezone(clock).utcoffset() == local.utcoffset():
        return later
    # The clocks change in between: the hour may come early, twice or not at all. Search it minute by minute.
    later = moment.replace(second=0, microsecond=0) + _MINUTE
    while _within(later.astimezone(clock).time(), begins, ends):
        later += _MINUTE
    return later


def _within(hour: time, begins: time, ends: time) -> bool:
    if begins < ends:
        return begins <= hour < ends
    return hour >= begins or hour < ends


def _since_midnight(hour: time) -> timedelta:
    return timedelta(hours=hour.hour, minutes=hour.minute, seconds=hour.second, microseconds=hour.microsecond)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a moment without a time zone may be quiet or not: {moment!r}")
    return moment.astimezone(UTC)
