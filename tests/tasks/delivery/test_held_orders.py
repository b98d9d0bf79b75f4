"""A held order beside workers that claim and runs that decide: nothing of it leaves, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.enums import State
from tasks.db.sql import read_only
from tasks.delivery.due import is_delivery_due
from tasks.delivery.queue import LeaseHolder
from tasks.orders.instructions import hold_order, load_instructions, release_order
from tasks.reporting.check_ledger import check_ledger
from tasks.tables import OUTBOX
from tests.support.builders import day, line
from tests.support.delivery import mark_due
from tests.support.shop_driver import noon


@pytest.fixture
def late(driver):
    """Return a driver with a notice that waits to be sent."""
    driver.order("1041", line(promised=-6, expected=5))
    driver.evaluate()
    return driver


def hold(driver):
    with driver.context.engine.begin() as connection:
        return hold_order(connection, "1041", noon(0), "Mara")


def release(driver):
    with driver.context.engine.begin() as connection:
        return release_order(connection, "1041", day(0))


def test_nothing_of_a_held_order_is_due(late):
    policy = late.context.policy.in_doubt
    with read_only(late.context.engine) as connection:
        assert is_delivery_due(connection, noon(0), ["email"], policy)
    assert hold(late) == 1
    with read_only(late.context.engine) as connection:
        assert not is_delivery_due(connection, noon(0), ["email"], policy)


def test_a_worker_that_locked_the_message_first_sends_it_and_the_hold_says_so(late):
    with ThreadPoolExecutor() as pool:
        with late.context.engine.begin() as connection:
            taken = mark_due(connection, LeaseHolder("w", timedelta(minutes=10)), noon(0), ["email"])
            waiting = pool.submit(hold, late)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        assert len(taken) == 1
        assert waiting.result(timeout=30) == 0
    with late.context.engine.connect() as connection:
        assert connection.execute(select(OUTBOX.c.state)).scalar() == State.SENDING


def test_a_worker_that_comes_while_an_order_is_being_held_takes_nothing(late):
    with ThreadPoolExecutor() as pool:
        with late.context.engine.begin() as connection:
            hold_order(connection, "1041", noon(0), "Mara")
            running = pool.submit(late.deliver)
            if connection.dialect.name != "sqlite":
                running.result(timeout=30)
        running.result(timeout=30)
    assert late.transport.taken == []


def test_what_a_run_decided_before_the_hold_is_not_recorded_as_free_to_leave(late):
    hold(late)
    late.change("1041", expected_on=day(30))
    late.evaluate()
    late.deliver()
    assert late.transport.taken == []
    assert [row["state"] for row in late.notices] == [State.QUEUED]
    assert release(late) == 1
    late.run_day(1)
    assert [message.id for message in late.transport.taken] == [late.notices[-1]["id"]]
    assert late.told().lines[0].expected_on == day(30)


def test_a_release_leaves_no_trace(late):
    hold(late)
    release(late)
    with read_only(late.context.engine) as connection:
        assert load_instructions(connection, "1041").held_at is None
        assert connection.execute(select(func.count()).where(OUTBOX.c.on_hold)).scalar() == 0
        assert check_ledger(connection) == []
