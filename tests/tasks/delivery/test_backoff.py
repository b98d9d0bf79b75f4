from datetime import timedelta

import pytest

from tasks.delivery.backoff import message_retry_delay, retry_delay

MINUTE, HOURS = timedelta(minutes=1), timedelta(hours=6)


@pytest.mark.parametrize(
    ("first", "failures", "wait"),
    [
        (MINUTE, 0, MINUTE),
        (MINUTE, 1, 2 * MINUTE),
        (MINUTE, 8, 256 * MINUTE),
        (MINUTE, 9, HOURS),
        (MINUTE, 10**9, HOURS),
        (15 * MINUTE, 4, 240 * MINUTE),
        (15 * MINUTE, 5, HOURS),
        (timedelta(hours=8), 0, timedelta(hours=8)),
        (timedelta(hours=8), 3, timedelta(hours=8)),
    ],
)
def test_the_wait_doubles_up_to_six_hours_and_is_never_under_the_first(first, failures, wait):
    assert retry_delay(first, failures) == wait


def test_a_message_waits_up_to_half_as_long_again_and_the_same_after_a_crash():
    waits = [message_retry_delay(f"n-{number}", 0) for number in range(200)]
    assert min(waits) >= MINUTE
    assert max(waits) < 1.5 * MINUTE
    assert len(set(waits)) > 100
    assert waits == [message_retry_delay(f"n-{number}", 0) for number in range(200)]
    assert HOURS <= message_retry_delay("n-1", 1_000) < 1.5 * HOURS
