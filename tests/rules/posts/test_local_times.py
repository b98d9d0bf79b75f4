"""A day and a time of a zone as a moment, on ordinary days and on those on which clocks change."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from rules.posts.local_times import NoSuchTimeError, moment_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("day", "at", "zone", "utc", "twice"),
    [
        (date(2025, 11, 25), time(10), "Europe/Berlin", "2025-11-25T09:00", False),
        (date(2025, 7, 1), time(10), "Europe/Berlin", "2025-07-01T08:00", False),
        (date(2025, 3, 30), time(1, 59), "Europe/Berlin", "2025-03-30T00:59", False),
        (date(2025, 3, 30), time(3), "Europe/Berlin", "2025-03-30T01:00", False),
        (date(2025, 10, 26), time(1, 59), "Europe/Berlin", "2025-10-25T23:59", False),
        (date(2025, 10, 26), time(2), "Europe/Berlin", "2025-10-26T00:00", True),
        (date(2025, 10, 26), time(2, 59), "Europe/Berlin", "2025-10-26T00:59", True),
        (date(2025, 10, 26), time(3), "Europe/Berlin", "2025-10-26T02:00", False),
        (date(2025, 4, 6), time(1, 45), "Australia/Lord_Howe", "2025-04-05T14:45", True),
        (date(2026, 1, 1), time(0), "UTC", "2026-01-01T00:00", False),
    ],
)
def test_a_time_that_clocks_show_is_a_moment(day, at, zone, utc, twice):
    found = moment_of(day, at, ZoneInfo(zone))
    assert found.at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert found.is_first_of_two is twice


@pytest.mark.parametrize(
    ("day", "at", "zone", "following"),
    [
        (date(2025, 3, 30), time(2), "Europe/Berlin", time(3)),
        (date(2025, 3, 30), time(2, 59), "Europe/Berlin", time(3)),
        (date(2025, 10, 5), time(2, 10), "Australia/Lord_Howe", time(2, 30)),
        (date(2025, 9, 7), time(0), "America/Santiago", time(1)),
    ],
)
def test_a_time_that_clocks_skip_is_refused_with_the_next(day, at, zone, following):
    with pytest.raises(NoSuchTimeError) as error:
        moment_of(day, at, ZoneInfo(zone))
    assert error.value.following == following
