"""One deliver run that stays: it sends what becomes due, and ends for its successor, its time or a signal."""

import asyncio
import contextlib
import math
import time

import pytest
from pydantic import SecretStr
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from app.composition import isolated_settings
from app.delivery_watch import TURN, DeliveryWatch
from models.config.settings import GivenSettings
from models.enums import State
from models.errors import BadShop, ForewarnError
from models.run_report import Report
from tasks.db.counters import increment
from tasks.tables import OUTBOX, RUNS
from tests.support.builders import DAY
from tests.support.shop_driver import SHOP_TOML, noon

AWAY = OperationalError("SELECT 1", {}, Exception("the database is away"))
LONG = 30.0
"""Seconds after which a test gives up waiting."""


@pytest.fixture
def shop(tmp_path, ledger):
    """Return the folder of a shop, whose ledger is the driver's."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.toml").write_text(SHOP_TOML)
    with isolated_settings(GivenSettings(shop=folder, home=tmp_path, database_url=SecretStr(ledger))):
        yield folder


@pytest.fixture
def late(driver):
    """Return a driver at which one notice is due."""
    driver.order()
    driver.evaluate()
    return driver


class Deliveries:
    """Settles all that is queued, as a deliver run does; fails first where a test wants it."""

    def __init__(self, driver, *errors):
        self.errors, self.made, self.driver = list(errors), [], driver

    async def __call__(self, app):
        error = self.errors.pop(0) if self.errors else None
        self.made.append(app)
        if error is not None:
            raise error
        queued = update(OUTBOX).where(OUTBOX.c.state == State.QUEUED)
        with self.driver.context.engine.begin() as connection:
            sent = connection.execute(queued.values(state=State.SENT, settled_at=noon(0))).rowcount
        return Report(as_of=DAY, sent={"email": sent} if sent else {})


def queue_again(driver):
    """Make a message due."""
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=State.QUEUED, not_before=noon(0), settled_at=None))


async def until(true):
    """Wait until something is true."""
    async with asyncio.timeout(LONG):
        while not true():  # noqa: ASYNC110 - what it waits for is in the ledger
            await asyncio.sleep(0.01)


def watch(deliveries, **options):
    return DeliveryWatch(deliveries, look_seconds=0.01, pause_seconds=0.01, **options)


@contextlib.asynccontextmanager
async def under_way(one):
    """Run a watch beside a test, and stop it."""
    running = asyncio.create_task(one.run())
    try:
        yield running
    finally:
        one.stopped.set()
        await asyncio.wait({running}, timeout=LONG)
        assert running.done()


async def test_what_becomes_due_leaves_by_the_run_that_watches(shop, late):
    deliveries = Deliveries(late)
    one = watch(deliveries)
    async with under_way(one) as running:
        await until(lambda: one.report is not None)
        queue_again(late)
        await until(lambda: len(deliveries.made) > 1)
    assert running.result().sent == {"email": 2}


async def test_a_look_that_finds_nothing_delivers_nothing_and_records_nothing(shop, late):
    deliveries = Deliveries(late)
    one = watch(deliveries)
    async with under_way(one):
        await until(lambda: one.report is not None)
        before = late.rows(RUNS)
        assert not await one._look(deliveries.made[0])
        await asyncio.sleep(20 * one.look_seconds)
        assert (len(deliveries.made), late.rows(RUNS)) == (1, before)


async def test_a_run_delivers_once_though_its_time_is_over(shop, late):
    report = await asyncio.wait_for(watch(Deliveries(late), ends_at=time.monotonic()).run(), LONG)
    assert report.sent == {"email": 1}


async def test_the_next_run_takes_over_and_the_one_before_ends_by_itself(shop, late):
    first, second = watch(Deliveries(late), takes_turns=True), watch(Deliveries(late), takes_turns=True)
    async with under_way(first) as ending, under_way(second) as staying:
        await until(lambda: first.report is not None and second.report is not None)
        done, _ = await asyncio.wait({ending, staying}, timeout=LONG, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        queue_again(late)
        await until(lambda: State.QUEUED not in [notice["state"] for notice in late.notices])


async def test_a_next_run_that_fails_does_not_end_the_one_before(shop, late):
    first, second = watch(Deliveries(late), takes_turns=True), watch(Deliveries(late, AWAY), takes_turns=True)
    async with under_way(first) as staying:
        await until(lambda: first.report is not None)
        with pytest.raises(OperationalError):
            await second.run()
        queue_again(late)
        await until(lambda: len(first.deliver.made) > 1)
        assert not staying.done()


async def test_a_run_without_turns_ends_nobodys_watch(shop, late):
    first, other = watch(Deliveries(late), takes_turns=True), watch(Deliveries(late))
    async with under_way(first) as staying:
        await until(lambda: first.report is not None)
        async with under_way(other):
            await until(lambda: other.report is not None)
        queue_again(late)
        await until(lambda: len(first.deliver.made) > 1)
        assert not staying.done()


async def test_a_changed_policy_and_changed_templates_are_read_again(shop, late):
    deliveries = Deliveries(late)
    async with under_way(watch(deliveries)):
        await until(lambda: deliveries.made)
        (shop / "policy.toml").write_text("[sending]\nper_second = { email = 7 }\n")
        await until(lambda: len(deliveries.made) == 2)
        text = shop / "templates" / "messages" / "week" / "subject.txt"
        text.parent.mkdir(parents=True)
        text.write_text("Late")
        await until(lambda: len(deliveries.made) > 2)
    policies = [dict(app.context.policy.sending.per_second) for app in deliveries.made]
    assert policies[0] != policies[1] == {"email": 7}
    assert deliveries.made[-1].folder.own_templates == (shop / "templates").resolve()


async def test_files_that_cannot_be_read_are_waited_for(shop, late):
    deliveries = Deliveries(late)
    one = watch(deliveries)
    async with under_way(one) as running:
        await until(lambda: one.report is not None)
        (shop / "policy.toml").write_text("[sending")
        await until(lambda: one._fault is not None)
        (shop / "policy.toml").write_text("[sending]\n")
        await until(lambda: len(deliveries.made) == 2)
    assert running.exception() is None


async def test_files_that_stay_unreadable_fail_the_run_at_its_end(shop, late):
    one = watch(Deliveries(late))
    async with under_way(one) as running:
        await until(lambda: one.report is not None)
        (shop / "policy.toml").write_text("[sending")
        await until(lambda: one._fault is not None)
    assert isinstance(running.exception(), BadShop)


async def test_a_shop_that_cannot_be_read_at_the_start_fails_the_run_at_once(shop, late):
    (shop / "policy.toml").write_text("[sending")
    with pytest.raises(BadShop):
        await watch(Deliveries(late)).run()


async def test_a_database_that_is_away_for_a_while_does_not_end_the_run(shop, late):
    deliveries = Deliveries(late, None, AWAY)
    one = watch(deliveries)
    async with under_way(one) as running:
        await until(lambda: one.report is not None)
        queue_again(late)
        await until(lambda: len(deliveries.made) > 2)
    assert running.result().sent == {"email": 2}


async def test_any_other_error_ends_the_run_at_once(shop, late):
    one = watch(Deliveries(late, None, ForewarnError("the clock is wrong")))
    async with under_way(one) as running:
        await until(lambda: one.report is not None)
        queue_again(late)
        await until(running.done)
    assert str(running.exception()) == "the clock is wrong"


async def test_a_cancelled_run_ends_between_two_looks(shop, late):
    one = watch(Deliveries(late), ends_at=math.inf)
    async with under_way(one) as running:
        await until(lambda: one.report is not None)
        running.cancel()
        await until(running.done)
    assert running.cancelled()


async def test_beside_a_delivery_that_takes_long_it_goes_on_looking_until_another_run_took_over(shop, late):
    deliveries, looks = Deliveries(late), []
    is_sent = asyncio.Event()

    async def deliver(app):
        if deliveries.made:
            await is_sent.wait()
        return await deliveries(app)

    async def look(app):
        looks.append(app)

    one = watch(deliver, takes_turns=True, on_look=look)
    async with under_way(one):
        await until(lambda: one.report is not None)
        queue_again(late)
        await until(lambda: len(deliveries.made) == 1 and len(looks) > 20)
        with late.context.engine.begin() as connection:
            increment(connection, TURN, 1)
        await asyncio.sleep(20 * one.look_seconds)
        before = len(looks)
        await asyncio.sleep(20 * one.look_seconds)
        assert len(looks) == before
        is_sent.set()
        await until(lambda: len(deliveries.made) == 2)
