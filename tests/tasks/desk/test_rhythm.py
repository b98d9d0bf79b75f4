"""When a flow is likely to start next, from the starts of its last runs."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.desk.rhythm import next_start

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def starts(*minutes):
    return [NOON + timedelta(minutes=each) for each in minutes]


@pytest.mark.parametrize(
    ("minutes", "following"),
    [
        ((0, 15, 30, 45), 60),
        ((45, 30, 15, 0), 60),
        ((0, 15, 30, 60, 75, 90, 120, 135), 150),  # in turn with another flow, once an hour
        ((0, 1440, 2880, 4320), 5760),
        ((0, 15.4, 29.8, 45), 60),
        ((0, 15, 18, 30, 45, 60), 75),  # once by hand in between
        ((0, 15, 30), None),
        ((), None),
        ((0, 5, 60, 300, 307), None),
    ],
)
def test_the_next_start_follows_the_usual_gap_where_there_is_one(minutes, following):
    found = next_start(starts(*minutes))
    expected = None if following is None else NOON + timedelta(minutes=following)
    assert found == expected or abs(found - expected) < timedelta(minutes=1)
