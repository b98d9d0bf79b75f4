"""The day of a message is the shop's day on which it leaves, also where a run lasts beyond midnight."""

from datetime import UTC, datetime

import pytest

from tests.support.builders import line
from tests.support.clocks import MovedClock
from tests.support.shop_driver import FakeTransport, customer

MIDNIGHT = datetime(2026, 6, 15, 22, tzinfo=UTC)
"""The end of day 0 in Berlin."""


class SlowTransport(FakeTransport):
    """A transport whose requests take a second each; it keeps when each message left."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.left = clock, []

    async def send(self, message):
        self.left.append((self.clock.now, message))
        receipt = await super().send(message)
        self.clock.move(seconds=1)
        return receipt


@pytest.fixture
def six_expected_today(imported_shop):
    for n in range(6):
        imported_shop.order(f"104{n}", line(promised=-9, expected=0), customer=customer(f"c{n}"))
    imported_shop.evaluate()
    return imported_shop


def test_after_midnight_no_message_names_the_day_before_as_to_come(six_expected_today):
    shop, clock = six_expected_today, MovedClock(MIDNIGHT.replace(hour=21, minute=59, second=58))
    slow = SlowTransport(clock)
    shop.deliver(transport=slow, parallel=1, clock=clock)
    assert [when < MIDNIGHT for when, _ in slow.left] == [True, True]
    assert all("June 15" in message.subject for _, message in slow.left)
    told = shop.run_day(1)
    assert len(told) == 4
    assert not any("expected" in message.subject for message in told)


def test_before_midnight_all_of_them_leave(six_expected_today):
    shop, clock = six_expected_today, MovedClock(MIDNIGHT.replace(hour=21, minute=59, second=54))
    slow = SlowTransport(clock)
    shop.deliver(transport=slow, parallel=1, clock=clock)
    assert len(slow.left) == 6


def test_after_midnight_messages_that_name_no_day_leave_all_the_same(imported_shop):
    for n in range(6):
        imported_shop.order(f"104{n}", line(promised=-9), customer=customer(f"c{n}"))
    imported_shop.evaluate()
    clock = MovedClock(MIDNIGHT.replace(hour=21, minute=59, second=58))
    slow = SlowTransport(clock)
    imported_shop.deliver(transport=slow, parallel=1, clock=clock)
    assert len(slow.left) == 6
