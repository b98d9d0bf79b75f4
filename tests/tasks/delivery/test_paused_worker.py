"""A worker that stood still beyond its lease, as a suspended machine does, sends nothing of what it had claimed."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from models.enums import Channel, State
from models.messages import Receipt
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker
from tests.support.clocks import MovedClock, PausingEngine
from tests.support.shop_driver import FakeTransport, ShopDriver, noon

pytestmark = pytest.mark.sqlite_suffices(
    "a worker's own clock and lease; what it and others write meanwhile is written on both databases by a few"
)

LEASE = 600


class Provider:
    """What one provider took, from all workers, as (worker, message id), and what left without a lease."""

    def __init__(self, driver, clock):
        self.driver, self.clock = driver, clock
        self.taken, self.without_lease = [], []

    def take(self, worker, key):
        (notice,) = [notice for notice in self.driver.notices if notice["id"] == key]
        if notice["state"] != State.SENDING or notice["lease_until"] <= self.clock.now:
            self.without_lease.append(key)
        self.taken.append((worker, key))

    def took_each_once(self):
        return sorted(key for _, key in self.taken) == sorted(notice["id"] for notice in self.driver.notices)


class Door(FakeTransport):
    """One worker's transport to the provider, which can be asked what it took."""

    def __init__(self, provider, worker):
        super().__init__()
        self.provider, self.worker = provider, worker

    async def send(self, message):
        self.provider.take(self.worker, message.id)
        return await super().send(message)

    async def lookup(self, message, since):
        return Receipt("found") if message.id in {key for _, key in self.provider.taken} else None


def deliver_by_others(provider, minutes):
    """Let another worker deliver every five minutes, as the schedule does, and ask about what is in doubt."""
    driver, clock, door = provider.driver, provider.clock, Door(provider, "B")
    for _ in range(0, minutes, 5):
        clock.move(minutes=5)
        driver.deliver(transport=door, clock=clock)
        worker = DeliveryWorker(LeaseHolder("asks", timedelta(seconds=LEASE)), dict.fromkeys(Channel, door), 4, clock)
        asyncio.run(reconcile_in_doubt(driver.context, worker))


def deliver_with_pause(provider, pause):
    """Deliver by worker A, which stands still right after it has marked messages as sending."""
    driver, paused = provider.driver, []

    def stand_still():
        if not paused and any(notice["state"] == State.SENDING for notice in driver.notices):
            paused.append(True)
            pause()

    paused_driver = ShopDriver(replace(driver.context, engine=PausingEngine(driver.context.engine, stand_still)))
    paused_driver.deliver(transport=Door(provider, "A"), clock=provider.clock, lease=LEASE)
    assert paused


@pytest.fixture
def provider(driver):
    """Return a provider, with three notices that wait."""
    for key in ("1", "2", "3"):
        driver.order(key)
    driver.evaluate()
    return Provider(driver, MovedClock(noon(0)))


@pytest.mark.parametrize("minutes", [15, 45, 90])
def test_what_others_did_while_a_worker_stood_still_is_not_done_again(provider, minutes):
    deliver_with_pause(provider, lambda: deliver_by_others(provider, minutes))
    deliver_by_others(provider, 90)
    assert provider.took_each_once()
    assert provider.without_lease == []
    assert {notice["state"] for notice in provider.driver.notices} == {State.SENT}


@pytest.mark.both_databases
def test_what_others_sent_while_a_worker_stood_still_it_does_not_send(provider):
    deliver_with_pause(provider, lambda: deliver_by_others(provider, 90))
    assert {worker for worker, _ in provider.taken} == {"B"}
    assert provider.took_each_once()


@pytest.mark.parametrize("seconds", [5, LEASE - 1, LEASE, LEASE + 1, 10 * LEASE])
def test_a_worker_sends_only_within_a_lease(provider, seconds):
    deliver_with_pause(provider, lambda: provider.clock.move(seconds=seconds))
    deliver_by_others(provider, 90)
    assert provider.took_each_once()
    assert provider.without_lease == []


@pytest.mark.both_databases
def test_a_pause_within_the_lease_takes_nothing_away_from_a_worker(provider):
    deliver_with_pause(provider, lambda: deliver_by_others(provider, 5))
    assert provider.taken
    assert {worker for worker, _ in provider.taken} == {"A"}
    assert provider.took_each_once()
