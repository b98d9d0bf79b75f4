"""When the watch finds something to do. Whatever is due is no longer due once a deliver run was there."""

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import Channel, State
from tasks.db.sql import read_only
from tasks.delivery.due import is_delivery_due
from tasks.delivery.fallback import send_fallbacks
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker
from tasks.posts.compose import compose_delay_posts
from tasks.posts.review import review_post
from tasks.tables import OUTBOX
from tests.support.builders import line
from tests.support.shop_driver import FakeTransport, customer, noon

NOON = noon(0)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def is_due(driver, at=NOON, channels=tuple(Channel)):
    with read_only(driver.context.engine) as connection:
        return is_delivery_due(connection, at, channels, driver.context.policy.in_doubt)


def change(driver, **values):
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(**values))


def reconcile(driver, at, channels=tuple(Channel)):
    transports = dict.fromkeys(channels, FakeTransport())
    worker = DeliveryWorker(LeaseHolder("asker", 10 * MINUTE), transports, 4, lambda: at)
    return asyncio.run(reconcile_in_doubt(driver.context, worker))


@pytest.fixture
def late(driver):
    """Return a driver at which one notice is queued."""
    driver.order()
    driver.evaluate()
    return driver


def refuse(driver, error, at=NOON):
    return driver.deliver(transport=FakeTransport(lambda _: error), at=at)


def test_nothing_is_due_in_an_empty_ledger(driver):
    assert not is_due(driver)


@pytest.mark.parametrize(("before", "due"), [(SECOND, False), (timedelta(), True)])
def test_a_message_is_due_from_the_moment_for_which_it_waits(late, before, due):
    change(late, not_before=NOON)
    assert is_due(late, NOON - before) == due


def test_nothing_is_due_once_all_is_sent(late):
    assert is_due(late)
    assert late.deliver().sent == {"email": 1}
    assert not is_due(late)


def test_a_message_of_a_channel_that_is_closed_is_not_due(late):
    assert not is_due(late, channels=[Channel.SMS, Channel.X])


def test_a_message_of_a_channel_that_is_down_is_due_with_the_probe(late):
    refuse(late, TemporaryFailure("no credit", channel_down=True))
    change(late, not_before=NOON)
    probe = timedelta(minutes=late.context.policy.sending.try_again_minutes)
    assert [is_due(late, NOON + after) for after in (SECOND, 2 * probe)] == [False, True]


def test_a_message_of_a_channel_that_was_asked_to_wait_is_due_when_the_wait_is_over(late):
    refuse(late, TemporaryFailure("busy", retry_after=HOUR))
    change(late, not_before=NOON)
    assert [is_due(late, NOON + after) for after in (SECOND, HOUR)] == [False, True]


@pytest.mark.parametrize(("after", "due"), [(timedelta(), False), (SECOND, True)])
def test_what_a_dead_run_was_sending_is_due_when_its_lease_has_ended(late, after, due):
    change(late, state=State.SENDING, lease_holder="dead", lease_until=NOON)
    assert is_due(late, NOON + after) == due


@pytest.fixture
def doubtful(late):
    refuse(late, OutcomeUnknown("silence"))
    return late


@pytest.mark.parametrize(("minutes", "due"), [(4, False), (5, True)])
def test_a_message_in_doubt_is_due_when_the_provider_may_be_asked(doubtful, minutes, due):
    assert is_due(doubtful, NOON + minutes * MINUTE) == due


def test_a_message_in_doubt_that_another_run_looks_up_is_due_when_that_runs_lease_has_ended(doubtful):
    later = NOON + HOUR
    change(doubtful, lease_holder="asker", lease_until=later)
    assert [is_due(doubtful, at) for at in (later - SECOND, later)] == [False, True]


def test_a_message_in_doubt_is_not_due_once_it_waits_for_staff(doubtful):
    assert reconcile(doubtful, NOON + HOUR) == {"people": 1}
    assert not is_due(doubtful, noon(5))


def test_a_message_in_doubt_whose_channel_is_closed_is_due_when_staff_must_look(doubtful):
    hours = doubtful.context.policy.in_doubt.staff_after_hours * HOUR
    others = [Channel.SMS, Channel.X]
    assert [is_due(doubtful, NOON + at, others) for at in (hours, hours + SECOND)] == [False, True]
    reconcile(doubtful, NOON + hours + SECOND, others)
    assert not is_due(doubtful, NOON + hours + SECOND, others)


def test_a_failed_notice_is_due_until_its_fallback_is_recorded(late):
    refuse(late, PermanentFailure("no such mailbox"))
    assert is_due(late, NOON + SECOND)
    send_fallbacks(late.context, "worker", batch=50)
    assert not is_due(late, NOON + SECOND)


def test_a_post_is_due_once_it_is_approved(driver):
    for key in range(5):
        driver.order(str(key), line(promised=-9), customer=customer(f"c{key}"))
    now = driver.context.with_run("r", driver.context.as_of, NOON)
    (post,) = compose_delay_posts(now)
    assert not is_due(driver)
    review_post(now, post["id"], State.QUEUED, "mara")
    assert is_due(driver)
    driver.deliver()
    assert not is_due(driver)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_no_question_of_a_deliver_run_reads_the_whole_outbox(driver):
    plans = []

    def explain(connection, cursor, statement, parameters, *_):
        if "outbox" in statement and statement.startswith(("SELECT", "UPDATE")):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in cursor.fetchall())

    event.listen(driver.context.engine, "before_cursor_execute", explain)
    driver.order()
    driver.evaluate()
    with read_only(driver.context.engine) as connection:
        is_delivery_due(connection, noon(0), list(Channel), driver.context.policy.in_doubt)
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    send_fallbacks(driver.context, "test", batch=10)
    assert plans
    whole = re.compile(r"SCAN (outbox|notice)(?! USING (COVERING )?INDEX ix_outbox)")
    assert [plan for plan in plans if whole.match(plan)] == []
