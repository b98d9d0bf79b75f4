"""A message of which no callback told is asked about, and what the provider says counts as a callback."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from channels.sms.twilio_callbacks import recorded_status
from channels.transport import LookupUnavailable, TemporaryFailure
from models.enums import Channel, State
from models.policy.messaging import InDoubtPolicy, SendingPolicy
from models.policy.policy import Policy
from tasks.callbacks.apply import apply_callbacks
from tasks.callbacks.ask import ASK_EVERY, ask_for_reports, is_report_due
from tasks.db.sql import read_only
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.worker import DeliveryWorker
from tasks.tables import CALLBACK_EVENTS, OUTBOX, SUPPRESSIONS
from tests.support.at_once import run_at_once
from tests.support.shop_driver import FakeTransport, noon
from tests.tasks.callbacks.test_apply_callbacks import PHONE, by_sms, sent, tell, text

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SENT_AT = noon(0) + timedelta(microseconds=1)


class Records(FakeTransport):
    """A transport whose provider says what became of a text: a status with its code, nothing, or an error."""

    def __init__(self, said=None, code=None):
        super().__init__()
        self.said, self.code, self.asked = said, code, []

    async def report(self, message, reference):
        self.asked.append(message.id)
        if isinstance(self.said, Exception):
            raise self.said
        return recorded_status(reference, self.said, self.code, message, None) if self.said else None


def ask(driver, transport, at):
    """Ask, and work off what was told; return the effects."""
    worker = DeliveryWorker(LeaseHolder("asker", 10 * MINUTE), {Channel.SMS: transport}, 4, lambda: at)
    run_at_once(ask_for_reports(driver.context, worker))
    return dict(apply_callbacks(driver.context, lambda: at, "worker"))


def is_due(driver, at, channels=(Channel.SMS,)):
    with read_only(driver.context.engine) as connection:
        return is_report_due(connection, at, channels, driver.context.policy.in_doubt)


def test_a_text_is_asked_about_an_hour_after_it_was_sent_and_then_no_more(driver):
    by_sms(driver)
    provider = Records("delivered")
    early = SENT_AT + 60 * MINUTE - timedelta(seconds=1)
    assert (is_due(driver, early), ask(driver, provider, early), provider.asked) == (False, {}, [])
    at = early + ASK_EVERY
    assert is_due(driver, at)
    assert ask(driver, provider, at) == {"delivered": 1}
    (notice,) = driver.notices
    assert (notice["state"], provider.asked) == (State.DELIVERED, [notice["id"]])
    assert not is_due(driver, at + ASK_EVERY)
    (told,) = driver.rows(CALLBACK_EVENTS)
    assert (told["source"], told["effect"]) == ("twilio_records", "delivered")


def test_a_bounce_that_was_asked_for_is_followed_by_the_next_channel(with_policy):
    policy = Policy(sending=SendingPolicy(fallback=(Channel.SMS, Channel.EMAIL)))
    driver = by_sms(with_policy(policy))
    assert ask(driver, Records("undelivered", 30006), SENT_AT + HOUR) == {"bounced": 1}
    assert [row["address"] for row in driver.rows(SUPPRESSIONS)] == [PHONE]
    assert driver.notices[0]["awaits_fallback"]


def test_a_text_that_callbacks_told_about_is_not_asked_about(driver):
    (notice,) = by_sms(driver).notices
    tell(driver, text("delivered", notice["id"], notice["reference"]))
    provider = Records("delivered")
    ask(driver, provider, SENT_AT + HOUR)
    assert provider.asked == []


def test_a_callback_that_comes_after_all_changes_nothing(driver):
    (notice,) = by_sms(driver).notices
    ask(driver, Records("delivered"), SENT_AT + HOUR)
    late = text("delivered", notice["id"], notice["reference"], RawDlrDoneDate="2606151000")
    assert tell(driver, late, SENT_AT + 2 * HOUR) == {"nothing": 1}
    assert driver.notices[0]["state"] == State.DELIVERED


def test_a_text_on_its_way_is_asked_about_again_at_twice_its_age_until_it_is_20_hours_old(driver):
    by_sms(driver)
    provider = Records("sent")
    asked_at = []
    for n in range(1, 24 * 6):
        before = len(provider.asked)
        ask(driver, provider, SENT_AT + n * ASK_EVERY)
        asked_at += [n / 6] * (len(provider.asked) - before)
    assert asked_at == [1, 2, 4, 8, 16]
    assert driver.rows(CALLBACK_EVENTS) == []


def test_nothing_is_asked_where_the_policy_says_never_or_only_a_test_address_got_it(with_policy):
    driver = by_sms(with_policy(Policy(in_doubt=InDoubtPolicy(report_after_minutes=0))))
    provider = Records("delivered")
    assert (is_due(driver, SENT_AT + HOUR), ask(driver, provider, SENT_AT + HOUR)) == (False, {})
    driver.context = replace(driver.context, policy=Policy())
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(trial=True))
    assert (ask(driver, provider, SENT_AT + HOUR), provider.asked) == ({}, [])


@pytest.mark.parametrize(
    ("said", "again_after"),
    [
        (TemporaryFailure("slow down", retry_after=30 * MINUTE), 30 * MINUTE),
        (TemporaryFailure("no answer"), ASK_EVERY),
        (LookupUnavailable("the account keeps no records"), HOUR),
        (ValueError("no such field"), HOUR),
    ],
)
def test_a_provider_that_cannot_be_asked_is_asked_again_when_it_can(driver, said, again_after):
    by_sms(driver)
    provider = Records(said)
    at = SENT_AT + HOUR
    ask(driver, provider, at)
    ask(driver, provider, at + again_after - timedelta(seconds=1))
    assert len(provider.asked) == 1
    ask(driver, provider, at + max(again_after, ASK_EVERY) + ASK_EVERY)
    assert len(provider.asked) == 2


def test_a_provider_that_keeps_no_records_is_asked_once_for_all_messages_of_a_run(driver):
    sent(driver, 5)
    provider = Records(LookupUnavailable("the account keeps no records"))
    worker = DeliveryWorker(LeaseHolder("asker", 10 * MINUTE), {Channel.EMAIL: provider}, 4, lambda: SENT_AT + HOUR)
    assert run_at_once(ask_for_reports(driver.context, worker)) == 0
    assert len(provider.asked) == 1
