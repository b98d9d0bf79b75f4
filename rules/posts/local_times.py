"""A day and a time in a shop's zone as a moment, also on the two days a year on which clocks change."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class LocalMoment:
    """A moment that a day and a time name."""

    at: datetime
    """In UTC."""
    is_first_of_two: bool = False
    """Whether clocks show the time twice that day; the first is meant."""


class NoSuchTimeError(ValueError):
    """Raised for a time that clocks skip on that day; `following` is the first that they show again."""

    def __init__(self, following: time) -> None:
        super().__init__(f"clocks skip this time; {following:%H:%M} is the next")
        self.following = following


def moment_of(day: date, at: time, zone: ZoneInfo) -> LocalMoment:
    """Return the moment of a day and a time in a zone; raises NoSuchTimeError."""
    first = datetime.combine(day, at, zone)
    moment = first.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != first.replace(tzinfo=None):
        raise NoSuchTimeError(_after_the_gap(first, zone))
    return LocalMoment(moment, first.utcoffset() != first.replace(fold=1).utcoffset())


def _after_the_gap(skipped: datetime, zone: ZoneInfo) -> time:
    wall = skipped.replace(tzinfo=None)
    while not _exists(wall, zone):
        wall += timedelta(minutes=1)
    return wall.time()


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there.replace(tzinfo=None) == wall
