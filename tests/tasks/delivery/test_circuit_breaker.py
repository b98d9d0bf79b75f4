import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import Channel, State
from models.messages import DeliveryOutcome, Receipt
from models.policy.messaging import GuardrailPolicy, SendingPolicy
from models.policy.policy import Policy
from tasks.db.sql import read_only
from tasks.delivery.channel_breaker import ChannelBreaker
from tasks.delivery.circuit_breaker import open_breakers, trip
from tasks.delivery.fallback import NO_CHANNEL_LEFT, FallbackSummary, send_fallbacks
from tasks.delivery.kinds import Notices
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.rate_limit import count_sent, pause_channel, tokens
from tasks.delivery.turn import Turns
from tasks.tables import EVENTS, OFFERS
from tests.support.builders import DAY, day, line
from tests.support.shop_driver import FakeTransport, ShopDriver, customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "when a channel is shut; all that is stored of it is stored on both databases by a few"
)

TEXTING = {"phone": "+4915112345678", "sms_consent": True}


def orders(driver, n, **facts):
    for key in range(n):
        driver.order(f"{key:03}", customer=customer(f"c{key}", **facts))
    driver.evaluate()


def bad_key(_):
    return TemporaryFailure("bad key", channel_down=True)


def minutes(n):
    return noon(0) + timedelta(minutes=n)


@pytest.mark.both_databases
def test_a_channel_that_is_down_is_left_alone_by_the_next_runs_until_its_time(driver):
    orders(driver, 6)
    first = driver.deliver(transport=FakeTransport(bad_key), parallel=2)
    assert first.down == {"email": "bad key"}
    asked = []
    driver.deliver(transport=FakeTransport(asked.append), at=minutes(14))
    assert asked == []


def test_when_its_time_comes_one_message_is_tried_and_a_failure_doubles_the_wait(driver):
    orders(driver, 6)
    driver.deliver(transport=FakeTransport(bad_key), parallel=1)
    transport = FakeTransport(bad_key)
    driver.deliver(transport=transport, at=minutes(16))
    with read_only(driver.context.engine) as connection:
        gate = open_breakers(connection)["email"]
    # Each turn of a clock that stands still is a microsecond later.
    assert gate["tripped_at"].replace(microsecond=0) == noon(0)
    assert gate["retry_at"].replace(microsecond=0) == minutes(16) + timedelta(minutes=30)
    assert sum(row["attempts"] for row in driver.notices) == 2


@pytest.mark.parametrize("second", [None, TemporaryFailure("bad key", channel_down=True)])
def test_what_is_answered_after_a_channel_was_shut_neither_opens_it_nor_doubles_the_wait(driver, second):
    orders(driver, 2)
    answers = iter([TemporaryFailure("bad key", channel_down=True), second])

    class Slow(FakeTransport):
        async def send(self, message):
            answer = next(answers)
            await asyncio.sleep(0.1 if answer is second else 0)
            if answer is not None:
                raise answer
            return Receipt("ref")

    driver.deliver(transport=Slow(), parallel=2)
    with read_only(driver.context.engine) as connection:
        assert open_breakers(connection)["email"]["retry_at"].replace(microsecond=0) == minutes(15)
    kinds = [event["kind"] for event in driver.rows(EVENTS)]
    assert (kinds.count("channel_shut"), kinds.count("channel_open")) == (1, 0)


@pytest.mark.both_databases
def test_a_message_that_passes_opens_the_channel_for_all(driver):
    orders(driver, 6)
    driver.deliver(transport=FakeTransport(bad_key), parallel=1)
    assert driver.deliver(at=minutes(20)).sent == {"email": 6}
    kinds = [event["kind"] for event in driver.rows(EVENTS)]
    assert kinds.count("channel_shut") == kinds.count("channel_open") == 1


def open_breaker(driver):
    policy = driver.context.policy.sending
    with driver.context.engine.begin() as connection:
        trip(connection, "email", "bad key", noon(0), policy, "test", probed=False)


def turns_of(driver):
    context, holder = driver.context, LeaseHolder("a run", timedelta(minutes=10))
    breaker = ChannelBreaker(Channel.EMAIL, context.policy.sending, holder.name)
    return Turns(context, holder, Notices(context, Channel.EMAIL, FakeTransport()), breaker)


def pause(driver):
    with driver.context.engine.begin() as connection:
        pause_channel(connection, Channel.EMAIL, minutes(15))


@pytest.mark.both_databases
@pytest.mark.parametrize(("stop", "later"), [(open_breaker, 1), (pause, 2)])
def test_a_run_sends_nothing_more_after_another_one_shut_or_paused_the_channel(driver, stop, later):
    orders(driver, 6)
    turns = turns_of(driver)
    begun = turns.take([], 2, minutes(0)).outgoing
    assert len(begun) == 2
    stop(driver)
    answers = [DeliveryOutcome(outgoing.id, State.SENT) for outgoing in begun]
    assert turns.take(answers, 2, minutes(1)).outgoing == []
    assert len(turns.take([], 2, minutes(16)).outgoing) == later


@pytest.mark.both_databases
def test_a_turn_without_room_takes_no_probe(driver):
    orders(driver, 1)
    open_breaker(driver)
    turns = turns_of(driver)
    assert turns.take([], 0, minutes(16)).outgoing == []
    assert len(turns.take([], 4, minutes(17)).outgoing) == 1


class Unreliable:
    """A ledger of which one commit fails; with `stored` it is kept all the same."""

    def __init__(self, engine, failing, stored):
        self.engine, self.failing, self.stored, self.begun = engine, failing, stored, 0

    @contextmanager
    def begin(self):
        self.begun += 1
        fails = self.begun == self.failing
        with self.engine.begin() as connection:
            yield connection
            self._fail(fails and not self.stored)
        self._fail(fails)

    def _fail(self, fails):
        if fails:
            raise OperationalError("COMMIT", {}, ConnectionError("the line broke"))


@pytest.mark.both_databases
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("failing", [2, 3, 4])
@pytest.mark.parametrize("is_up", [False, True])
def test_a_breaker_is_as_its_channel_is_after_a_commit_that_failed(driver, is_up, failing, stored):
    orders(driver, 4)
    if is_up:
        open_breaker(driver)
    whole = driver.context
    driver.context = replace(whole, engine=Unreliable(whole.engine, failing, stored))
    driver.deliver(at=minutes(16), parallel=2, transport=FakeTransport(None if is_up else bad_key))
    driver.context = whole
    with read_only(whole.engine) as connection:
        assert set(open_breakers(connection)) == (set() if is_up else {"email"})
    assert [row["state"] for row in driver.notices] == [State.SENT if is_up else State.QUEUED] * 4


def test_what_may_not_leave_any_more_spends_no_try_and_holds_up_no_message_that_may(driver, with_policy):
    with_policy(Policy(guardrails=GuardrailPolicy(max_late_share=1)))
    orders(driver, 55)
    driver.deliver(transport=FakeTransport(bad_key), parallel=1)
    for key in range(52):
        driver.change(f"{key:03}", shipped_at=noon(0))
    done = driver.deliver(at=minutes(16))
    assert (done.skipped, done.sent) == ({"shipped": 52}, {"email": 3})


@pytest.mark.both_databases
def test_those_who_meet_a_fault_at_once_do_not_double_the_wait(driver):
    for who in ("a", "b", "c"):
        with driver.context.engine.begin() as connection:
            trip(connection, Channel.EMAIL, "bad key", noon(0), SendingPolicy(), who, probed=False)
    with read_only(driver.context.engine) as connection:
        assert open_breakers(connection)["email"]["retry_at"] == minutes(15)


@pytest.mark.both_databases
def test_addresses_that_want_no_more_stop_no_channel(driver):
    orders(driver, 45)
    count = iter(range(45))
    done = driver.deliver(
        transport=FakeTransport(lambda _: PermanentFailure("STOP", suppress=True) if next(count) < 30 else None)
    )
    assert (done.down, done.sent) == ({}, {"email": 15})


@pytest.mark.parametrize(("refused", "stops"), [(19, False), (20, True)])
def test_a_burst_of_refusals_stops_the_channel_alone(driver, refused, stops):
    orders(driver, 45)
    count = iter(range(45))
    done = driver.deliver(
        transport=FakeTransport(lambda _: PermanentFailure("spam") if next(count) < refused else None), parallel=1
    )
    assert ("email" in done.down) is stops
    assert sum(done.rejected.values()) == refused
    assert done.sent == ({} if stops else {"email": 45 - refused})


def test_a_provider_that_falls_silent_stops_its_channel_before_the_backlog_is_in_doubt(driver):
    orders(driver, 45)
    done = driver.deliver(transport=FakeTransport(lambda _: OutcomeUnknown("silence")))
    assert set(done.down) == {"email"}
    assert 20 <= done.in_doubt < 20 + 4
    assert driver.deliver(transport=FakeTransport(lambda _: OutcomeUnknown("silence")), at=minutes(16)).in_doubt == 1


@pytest.mark.parametrize(
    ("wait", "max_retries", "asked"),
    [(600, None, 4), (11, None, 4), (10, None, 45), (600, 2, 45)],
)
def test_a_channel_whose_provider_asks_to_wait_waits_as_a_whole_and_is_not_down(driver, wait, max_retries, asked):
    orders(driver, 45)
    busy = TemporaryFailure("busy", retry_after=timedelta(seconds=wait), max_retries=max_retries)
    done = driver.deliver(transport=FakeTransport(lambda _: busy))
    assert (sum(done.retrying.values()), done.down) == (asked, {})
    assert driver.deliver(at=noon(0) + timedelta(seconds=wait - 1)).sent == {}
    assert driver.deliver(at=noon(0) + timedelta(seconds=wait)).sent == {"email": 45}


def test_a_refusal_now_and_then_stops_nothing(driver):
    orders(driver, 45)
    count = iter(range(45))
    done = driver.deliver(
        transport=FakeTransport(lambda _: None if next(count) % 4 else PermanentFailure("gone")), parallel=1
    )
    assert done.down == {}


def take(connection, channel, wanted, now, policy):
    """Take so many tokens of a second's as a turn does; return how many there were."""
    taken = min(wanted, tokens(connection, channel, now, policy))
    count_sent(connection, channel, taken, now, policy)
    return taken


@pytest.mark.both_databases
def test_a_rate_is_kept_by_all_workers_together(driver):
    policy = SendingPolicy(per_second={Channel.EMAIL: 5})
    let_through = []
    for wanted in (3, 4, 2):
        with driver.context.engine.begin() as connection:
            let_through.append(take(connection, Channel.EMAIL, wanted, noon(0), policy))
    with driver.context.engine.begin() as connection:
        let_through.append(take(connection, Channel.EMAIL, 9, noon(0) + timedelta(seconds=1), policy))
        let_through.append(take(connection, Channel.SMS, 9, noon(0), policy))
    assert let_through == [3, 2, 0, 5, 9]


def test_a_rate_is_kept_by_machines_whose_clocks_differ(driver):
    policy, passed = SendingPolicy(per_second={Channel.EMAIL: 1}), []
    for ahead in (0, 1, 0, 1, 0, 1, -3600, -3600):
        with driver.context.engine.begin() as connection:
            passed.append(take(connection, Channel.EMAIL, 5, noon(0) + timedelta(seconds=ahead), policy))
    assert passed == [1, 1, 0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(("max_retries", "state"), [(2, State.QUEUED), (1, State.QUEUED), (0, State.REJECTED)])
def test_what_makes_sense_only_so_often_is_not_tried_more(driver, max_retries, state):
    driver.order()
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: TemporaryFailure("phone is off", max_retries=max_retries)))
    assert driver.notices[0]["state"] == state


@pytest.mark.both_databases
@pytest.mark.parametrize(("hours", "sent"), [(72, 1), (73, 0)])
def test_a_notice_that_waited_too_long_is_not_sent_and_the_order_looked_at_anew(driver, hours, sent):
    driver.order("1041", line(promised=-20))
    driver.evaluate()
    at = noon(0) + timedelta(hours=hours)
    done = driver.deliver(3, at=at)
    assert sum(done.sent.values()) == sent
    assert done.skipped == ({} if sent else {"too_old": 1})
    assert driver.evaluate(3).changes == ({} if sent else {"long": 1})


def follow(driver):
    return send_fallbacks(driver.context.with_run("r", DAY, noon(0)), "test", batch=50)


@pytest.mark.both_databases
def test_a_refused_mail_goes_out_as_a_text_once(driver):
    driver.order(customer=customer("c1", **TEXTING, prefers="email"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    assert follow(driver) == FallbackSummary(1, 0)
    assert follow(driver) is None
    mail, text = sorted(driver.notices, key=lambda row: row["channel"])
    assert (text["channel"], text["state"], text["revision"]) == ("sms", State.QUEUED, mail["revision"])
    assert mail["fallback_id"] == text["id"]
    assert driver.deliver().sent == {"sms": 1}
    assert driver.told_revision() == 1
    assert driver.run_day(1) == []


def test_without_consent_nobody_is_reached_and_staff_hear_of_it(driver):
    driver.order(customer=customer("c1", phone="+4915112345678", sms_consent=False))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    assert follow(driver) == FallbackSummary(0, 1)
    (mail,) = driver.notices
    assert mail["fallback_id"] == NO_CHANNEL_LEFT
    assert "not_reached" in [event["kind"] for event in driver.rows(EVENTS)]


def test_who_was_reached_by_another_channel_is_not_told_once_more(driver):
    driver.order(customer=customer("c1", **TEXTING))
    driver.evaluate()
    driver.deliver(
        transport=FakeTransport(lambda message: PermanentFailure("full") if message.channel is Channel.EMAIL else None)
    )
    follow(driver)
    assert len(driver.notices) == 2
    assert driver.told_revision() == 1


def test_a_policy_without_fallback_has_none(driver, with_policy):
    with_policy(Policy(sending=SendingPolicy(fallback=())))
    driver.order(customer=customer("c1", **TEXTING, prefers="email"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    follow(driver)
    assert len(driver.notices) == 1


@pytest.mark.both_databases
def test_a_fallback_gives_no_second_code(driver):
    driver.order("1041", line(promised=-20), customer=customer("c1", **TEXTING, prefers="email"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    follow(driver)
    assert len(driver.rows(OFFERS)) == 1


@pytest.mark.both_databases
def test_a_date_that_changed_meanwhile_is_told_by_a_run_once_it_was_judged(driver):
    driver.order("1041", line(promised=-5, expected=3), customer=customer("c1", **TEXTING, prefers="email"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    driver.change("1041", on=300, expected_on=day(368))
    assert follow(driver) == FallbackSummary(0, 0)
    assert driver.deliver().sent == {}
    assert driver.evaluate().notices == {"email": 1}


class Overtaken:
    """A ledger in which something happens each time just before we write."""

    def __init__(self, engine, meanwhile):
        self.engine, self.meanwhile = engine, meanwhile

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def begin(self):
        self.meanwhile()
        return self.engine.begin()


@pytest.mark.both_databases
def test_two_runs_that_follow_up_the_same_refusal_count_it_once(driver):
    driver.order()
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    first = []
    second = ShopDriver(
        replace(driver.context, engine=Overtaken(driver.context.engine, lambda: first.append(follow(driver))))
    )
    assert (follow(second), first) == (FallbackSummary(0, 0), [FallbackSummary(0, 1)])
    assert [event["kind"] for event in driver.rows(EVENTS)].count("not_reached") == 1


@pytest.mark.both_databases
def test_a_delay_that_ended_meanwhile_is_followed_by_nobody(driver):
    driver.order(customer=customer("c1", **TEXTING, prefers="email"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    driver.change("1041", shipped_at=noon(0))
    follow(driver)
    assert len(driver.notices) == 1
    assert driver.watch()["next_check_on"] == day(0)
