import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from time import sleep

import pytest
from sqlalchemy.exc import OperationalError

from app.channel_loops import send_on_all_channels
from app.composition import read_settings
from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import Channel, State
from models.errors import ForewarnError
from models.messages import DeliveryOutcome, Receipt
from models.policy.messaging import ContactPolicy, QuietHours, SendingPolicy
from models.policy.policy import Bucket, Policy
from rules.contact.addresses import email_address
from tasks.delivery.outcomes import record_outcomes
from tasks.delivery.queue import LeaseHolder, mark_abandoned_in_doubt
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.worker import DeliveryWorker
from tasks.notices.suppressions import suppress
from tasks.tables import EVENTS, OUTBOX, SUPPRESSIONS
from tests.support.builders import DAY, day, line
from tests.support.delivery import deliver_all, mark_due
from tests.support.shop_driver import FakeTransport, customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "what becomes of a message; each statement of it, and what workers do to each other, runs on both databases"
)


def states(driver):
    return sorted(notice["state"] for notice in driver.notices)


@pytest.mark.both_databases
def test_a_notice_leaves_once_with_its_own_words(driver):
    driver.order()
    (message,) = driver.run_day()
    assert (message.to, message.channel) == ("anna@example.com", Channel.EMAIL)
    (notice,) = driver.notices
    assert (notice["state"], notice["reference"]) == (State.SENT, f"ref-{notice['id']}")
    assert (message.subject, message.html) == (notice["subject"], notice["html"])
    assert driver.deliver().sent == {}


@pytest.mark.parametrize(
    ("error", "state", "event"),
    [
        (PermanentFailure("no such mailbox"), State.REJECTED, "no such mailbox"),
        (TemporaryFailure("busy"), State.QUEUED, "busy"),
        (OutcomeUnknown("silence"), State.IN_DOUBT, "silence"),
        (TimeoutError("nobody knows"), State.IN_DOUBT, "TimeoutError: nobody knows"),
        (OutcomeUnknown("odd \x00 \ud800 answer"), State.IN_DOUBT, "odd answer"),
        (ValueError("a bug of ours"), State.IN_DOUBT, "ValueError: a bug of ours"),
    ],
)
def test_every_answer_of_a_door_has_its_state_and_its_event(driver, error, state, event):
    driver.order()
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: error))
    assert states(driver) == [state]
    assert [row["why"] for row in driver.rows(EVENTS)] == [event]


@pytest.mark.both_databases
def test_a_reference_that_no_database_takes_is_kept_without_what_it_does_not_take(driver):
    class Odd(FakeTransport):
        async def send(self, _):
            return Receipt('ref\x00 7, {"é"} \\n NULL')

    driver.order()
    driver.evaluate()
    assert driver.deliver(transport=Odd()).sent == {"email": 1}
    assert driver.notices[0]["reference"] == 'ref 7, {"é"} \\n NULL'


@pytest.mark.parametrize("error", [PermanentFailure("never"), OutcomeUnknown("silence")])
def test_what_was_refused_or_is_in_doubt_is_never_sent_again_by_itself(driver, error):
    driver.order()
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: error))
    assert driver.deliver(1).sent == {}
    assert driver.transport.taken == []


@pytest.mark.both_databases
def test_what_may_later_be_taken_waits_as_long_as_the_provider_says(driver):
    driver.order()
    driver.evaluate()
    busy = FakeTransport(lambda _: TemporaryFailure("busy", retry_after=timedelta(minutes=7)))
    driver.deliver(transport=busy)
    assert driver.notices[0]["not_before"] == noon(0) + timedelta(minutes=7)
    assert driver.deliver(at=noon(0) + timedelta(minutes=6)).sent == {}
    assert driver.deliver(at=noon(0) + timedelta(minutes=7)).sent == {"email": 1}


def test_without_a_word_from_the_provider_the_wait_doubles(driver):
    driver.order()
    driver.evaluate()
    waits, at = [], noon(0)
    for _ in range(3):
        driver.deliver(transport=FakeTransport(lambda _: TemporaryFailure("busy")), at=at)
        waits.append(driver.notices[0]["not_before"] - at)
        at = driver.notices[0]["not_before"]
    for wait, minutes in zip(waits, (1, 2, 4), strict=True):
        assert timedelta(minutes=minutes) <= wait <= timedelta(minutes=1.5 * minutes)


@pytest.mark.both_databases
def test_an_address_that_the_provider_calls_dead_is_suppressed_for_all_orders(driver):
    driver.order("1")
    driver.order("2")
    driver.evaluate()
    dead = FakeTransport(lambda _: PermanentFailure("unsubscribed", suppress=True))
    driver.deliver(transport=dead, parallel=1)
    assert [row["address"] for row in driver.rows(SUPPRESSIONS)] == ["anna@example.com"]
    driver.order("3")
    assert driver.evaluate().skipped == {"suppressed": 2}
    assert driver.transport.taken == []


@pytest.mark.both_databases
def test_a_channel_that_is_down_stops_alone_and_nothing_of_it_is_lost(driver):
    texting = {"phone": "+4915112345678", "sms_consent": True, "prefers": "sms"}
    for key in range(30):
        driver.order(f"t{key}", customer=customer(f"t{key}", **texting))
    for key in range(6):
        driver.order(f"m{key}", customer=customer(f"m{key}"))
    driver.evaluate()

    def answer(message):
        return TemporaryFailure("bad key", channel_down=True) if message.channel is Channel.SMS else None

    till = FakeTransport(answer)
    done = driver.deliver(transport=till, parallel=2)
    assert done.down == {"sms": "bad key"}
    assert done.sent == {"email": 6}
    assert states(driver) == [State.QUEUED] * 30 + [State.SENT] * 6
    assert sum(done.retrying.values()) <= 2


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shipped_at": noon(0)}, "shipped"),
        ({"cancelled_at": noon(0)}, "cancelled"),
        ({"expected_on": day(30)}, "changed"),
        ({"expected_on": day(30), "promised_on": day(29)}, "changed"),
        ({"promised_on": day(3)}, "changed"),
    ],
)
def test_a_notice_that_has_become_untrue_is_not_sent(driver, change, reason):
    driver.order()
    driver.evaluate()
    driver.change("1041", **change)
    assert driver.deliver().skipped == {reason: 1}
    assert driver.transport.taken == []
    assert states(driver) == [State.SKIPPED]


@pytest.mark.both_databases
def test_who_opts_out_while_a_notice_waits_does_not_get_it(driver):
    driver.order()
    driver.evaluate()
    driver.customer("c1", opted_out=True)
    assert driver.deliver().skipped == {"opted_out": 1}


def test_after_an_untrue_notice_the_customer_is_told_the_truth(driver):
    driver.order()
    driver.evaluate()
    driver.change("1041", expected_on=day(30))
    driver.deliver()
    (message,) = driver.run_day()
    assert message.category == "long"
    assert [(row["revision"], row["state"]) for row in driver.notices] == [(1, "skipped"), (2, "sent")]


def test_an_untrue_renewal_leaves_what_was_really_told_standing(driver):
    driver.order("1041", line(promised=-20, expected=3))
    driver.run_day()
    driver.change("1041", on=2, expected_on=day(9))
    driver.evaluate(2)
    driver.change("1041", on=2, expected_on=day(3))
    assert driver.deliver(2).skipped == {"changed": 1}
    assert driver.run_day(2) == []
    assert [line.expected_on for line in driver.told().lines] == [day(3)]


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ({"shipped_at": noon(0)}, {"shipped_at": None}),
        ({"expected_on": day(30)}, {"expected_on": None}),
    ],
)
def test_a_notice_that_never_left_counts_as_told_to_nobody(driver, away, back):
    driver.order("1041", line(promised=-9))
    driver.evaluate()
    driver.change("1041", **away)
    assert driver.deliver().sent == {}
    driver.change("1041", on=1, **back)
    assert [message.category for message in driver.run_day(1)] == ["fortnight"]


@pytest.mark.both_databases
def test_a_refused_notice_counts_as_told_to_nobody_and_a_new_address_hears_of_the_delay(driver):
    driver.order()
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    assert driver.told_revision() is None
    assert driver.run_day(1) == []
    driver.customer("c1", email="new@example.com")
    with driver.context.engine.begin() as connection:
        driver.mark_due(connection, "1041", 2)
    assert [message.to for message in driver.run_day(2)] == ["new@example.com"]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"sms_consent": False}, "no_consent"),
        ({"phone": None}, "no_address"),
        ({"phone": "+4915112345679"}, "changed"),
    ],
)
def test_consent_and_number_are_read_again_before_a_text_leaves(driver, facts, reason):
    driver.order(customer=customer("c2", phone="+4915112345678", sms_consent=True, prefers="sms"))
    driver.evaluate()
    driver.customer("c2", **facts)
    assert driver.deliver().skipped == {reason: 1}


@pytest.mark.parametrize("closed", [{"sms_consent": False}, {"phone": None}, {"phone": "12"}, None])
def test_a_channel_that_closes_while_a_notice_waits_leaves_the_others(driver, closed):
    driver.order(customer=customer("c2", phone="+4915112345678", sms_consent=True, prefers="sms"))
    driver.evaluate()
    if closed is None:
        with driver.context.engine.begin() as connection:
            suppress(connection, {"+4915112345678": "STOP"}, noon(0), "test")
    else:
        driver.customer("c2", **closed)
    assert driver.deliver().sent == {}
    assert [message.channel for message in driver.run_day(1)] == [Channel.EMAIL]
    assert driver.run_day(2) == []


def test_who_is_left_without_any_channel_is_not_looked_at_over_and_over(driver):
    driver.order()
    driver.evaluate()
    driver.customer("c1", email=None)
    assert driver.deliver().skipped == {"no_address": 1}
    assert driver.evaluate(1).skipped == {"no_address": 1}
    assert driver.evaluate(2).orders == 0


@pytest.mark.both_databases
def test_after_an_outage_only_the_newest_of_an_orders_notices_leaves(driver):
    driver.order("1041", line(promised=-4))
    for n in range(12):
        driver.evaluate(n)
    assert driver.deliver(12).skipped == {}
    assert [row["reason"] for row in driver.notices] == ["changed", "changed", None]
    assert [message.category for message in driver.transport.taken] == ["long"]


def test_the_policy_of_one_run_does_not_make_its_notices_untrue(driver, with_policy):
    with_policy(Policy(bucket=(Bucket(name="short", from_days=1), *Policy().bucket[1:])))
    driver.order("1041", line(promised=-2))
    driver.evaluate()
    with_policy(Policy())
    assert driver.deliver().sent == {"email": 1}


@pytest.mark.both_databases
def test_a_suppressed_address_is_known_in_any_spelling(driver):
    with driver.context.engine.begin() as connection:
        suppress(connection, {email_address("Anna@Example.COM"): "asked"}, noon(0), "mara")
    driver.order(customer=customer("c3", email="anna@example.com"))
    driver.order("2", customer=customer("c4", email="ANNA@example.com"))
    assert driver.evaluate().skipped == {"suppressed": 2}


@pytest.mark.both_databases
def test_a_provider_that_is_away_for_weeks_stops_no_run(driver):
    driver.order()
    driver.evaluate()
    with driver.context.engine.begin() as connection:
        connection.execute(OUTBOX.update().values(attempts=5000))
    driver.deliver(transport=FakeTransport(lambda _: TemporaryFailure("away")))
    assert noon(0) + timedelta(hours=6) <= driver.notices[0]["not_before"] <= noon(0) + timedelta(hours=9)


def test_a_day_that_passes_makes_no_notice_untrue_by_itself(driver):
    driver.order()
    driver.evaluate()
    assert driver.deliver(2).sent == {"email": 1}


def test_a_text_whose_hours_are_over_waits_for_the_next_morning(driver):
    driver.order(customer=customer("c1", phone="+4915112345678", sms_consent=True, prefers="sms"))
    driver.evaluate()
    late_evening = datetime(2026, 6, 15, 19, 0, tzinfo=UTC)
    assert (
        driver.deliver(
            at=late_evening - timedelta(seconds=1), transport=FakeTransport(lambda _: TemporaryFailure("busy"))
        ).sent
        == {}
    )
    assert driver.deliver(at=late_evening + timedelta(minutes=5)).sent == {}
    (notice,) = driver.notices
    assert notice["not_before"] == datetime(2026, 6, 16, 6, 0, tzinfo=UTC)
    assert notice["valid_until"] == datetime(2026, 6, 16, 19, 0, tzinfo=UTC)
    assert driver.deliver(1, at=notice["not_before"]).sent == {"sms": 1}


def text_to_anna(driver):
    driver.order(customer=customer("c1", phone="+4915112345678", sms_consent=True, prefers="sms"))
    driver.evaluate()


def test_a_text_that_waits_for_hours_which_the_policy_has_no_longer_leaves(driver, with_policy):
    text_to_anna(driver)
    with_policy(Policy(contact=ContactPolicy(quiet={})))
    after_the_old_hours = (datetime(2026, 6, 15, 20, 0, n, tzinfo=UTC) for n in range(60))
    assert driver.deliver(clock=after_the_old_hours.__next__).sent == {"sms": 1}


@pytest.mark.both_databases
def test_a_text_leaves_by_the_clock_of_the_zone_where_its_customer_is_now(driver):
    text_to_anna(driver)
    driver.customer("c1", zone="America/New_York")
    assert driver.deliver().sent == {}
    assert driver.deliver(at=noon(0) + timedelta(hours=2)).sent == {"sms": 1}


@pytest.mark.both_databases
def test_two_workers_never_mark_the_same_notice(driver):
    for key in range(20):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()
    taken = []
    for name in ("a", "b", "c"):
        with driver.context.engine.begin() as connection:
            taken += mark_due(connection, LeaseHolder(name, timedelta(minutes=10)), noon(0), [Channel.EMAIL], 8)
    assert len(taken) == len(set(taken)) == 20


@pytest.mark.both_databases
def test_a_message_whose_sender_died_on_the_way_is_in_doubt_and_stays_there(driver):
    driver.order()
    driver.evaluate()
    worker = LeaseHolder("dead", timedelta(minutes=10))
    with driver.context.engine.begin() as connection:
        assert len(mark_due(connection, worker, noon(0), [Channel.EMAIL])) == 1
    assert driver.deliver(at=noon(0) + timedelta(minutes=9)).in_doubt == 0
    done = driver.deliver(at=noon(0) + timedelta(minutes=11))
    assert (done.in_doubt, done.sent) == (1, {})
    assert states(driver) == [State.IN_DOUBT]
    assert driver.deliver(at=noon(1)).sent == {}


@pytest.mark.both_databases
def test_a_worker_whose_lease_ran_out_cannot_settle_what_is_another_workers(driver):
    driver.order()
    driver.evaluate()
    slow, quick = LeaseHolder("slow", timedelta(minutes=1)), LeaseHolder("quick", timedelta(minutes=10))
    later = noon(0) + timedelta(minutes=2)
    with driver.context.engine.begin() as connection:
        (key,) = mark_due(connection, slow, noon(0), [Channel.EMAIL])
        mark_abandoned_in_doubt(connection, [Channel.EMAIL], later, "quick")
        record_outcomes(connection, [DeliveryOutcome(key, State.QUEUED)], later, "quick", locked=True)
        assert mark_due(connection, quick, later, [Channel.EMAIL]) == [key]
        assert record_outcomes(connection, [DeliveryOutcome(key, State.REJECTED, "no")], later, "slow") == []
    assert states(driver) == [State.SENDING]
    assert driver.rows(EVENTS)[-1]["kind"] == "too_late"


@pytest.mark.parametrize("given", [{"timeout": 200}, {"timeout": 100, "lease_seconds": 300}])
def test_a_lease_that_a_request_may_outlast_is_refused(given):
    with pytest.raises(
        ForewarnError, match=r"^FOREWARN_LEASE_SECONDS: must be above [36]00, because a request may take three times"
    ):
        read_settings(given)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (DeliveryOutcome("", State.SENT, reference="SG-1"), State.SENT),
        (DeliveryOutcome("", State.REJECTED, "no such mailbox"), State.REJECTED),
        (DeliveryOutcome("", State.QUEUED, "busy"), State.IN_DOUBT),
        (DeliveryOutcome("", State.IN_DOUBT, "silence"), State.IN_DOUBT),
    ],
)
def test_an_answer_after_the_lease_ends_the_doubt_where_it_is_certain(driver, answer, state):
    driver.order()
    driver.evaluate()
    late = noon(0) + timedelta(minutes=2)
    with driver.context.engine.begin() as connection:
        slow = LeaseHolder("slow", timedelta(minutes=1))
        (key,) = mark_due(connection, slow, noon(0), [Channel.EMAIL])
        mark_abandoned_in_doubt(connection, [Channel.EMAIL], late, "quick")
        record_outcomes(connection, [replace(answer, id=key)], late, "slow")
    (notice,) = driver.notices
    assert (notice["state"], notice["reference"]) == (state, answer.reference)


class Forgetful:
    """A ledger that keeps every transaction, and once does not say so: the line broke after the commit."""

    def __init__(self, engine, lost):
        self.engine, self.lost, self.begun = engine, lost, 0

    @contextmanager
    def begin(self):
        self.begun += 1
        last = self.begun == self.lost
        with self.engine.begin() as connection:
            yield connection
        if last:
            raise OperationalError("COMMIT", {}, ConnectionError("the line broke"))


@pytest.mark.both_databases
@pytest.mark.parametrize("lost", [3, 4, 5])
def test_a_commit_whose_answer_was_lost_is_neither_repeated_nor_forgotten(driver, lost):
    for key in range(5):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()
    driver.change("2", shipped_at=noon(0))
    whole, forgetful = driver.context, Forgetful(driver.context.engine, lost)
    driver.context = replace(whole, engine=forgetful)
    done = driver.deliver(parallel=2)
    driver.context = whole
    assert forgetful.begun > lost
    assert (done.sent, done.skipped) == ({"email": 4}, {"shipped": 1})
    assert len(driver.transport.taken) == 4
    assert states(driver) == [State.SENT] * 4 + [State.SKIPPED]
    assert [event["kind"] for event in driver.rows(EVENTS)] == [State.SKIPPED]


@pytest.mark.both_databases
def test_what_was_let_pass_by_a_commit_whose_answer_was_lost_leaves_before_anything_else(driver, with_policy):
    with_policy(Policy(sending=SendingPolicy(per_second={Channel.EMAIL: 2})))
    for key in range(6):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()
    whole = driver.context
    driver.context = replace(whole, engine=Forgetful(whole.engine, 5))
    driver.deliver(clock=iter(noon(0) + timedelta(seconds=n) for n in range(99)).__next__)
    driver.context = whole
    assert states(driver) == [State.SENT] * 6


def test_a_mail_whose_hours_end_while_it_waits_for_its_second_does_not_leave_after_them(driver, with_policy):
    quiet = ContactPolicy(quiet={Channel.EMAIL: QuietHours(begins=time(21), ends=time(8))})
    with_policy(Policy(contact=quiet, sending=SendingPolicy(per_second={Channel.EMAIL: 1})))
    for key in range(8):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()
    evening = datetime(2026, 6, 15, 18, 59, 50, tzinfo=UTC)
    done = driver.deliver(clock=iter(evening + timedelta(seconds=n) for n in range(99)).__next__, parallel=2)
    left = [row["sending_at"] for row in driver.notices if row["sending_at"]]
    assert max(left) < evening + timedelta(seconds=10)
    assert sum(done.retrying.values()) == states(driver).count(State.QUEUED) > 0


@pytest.mark.parametrize("parallel", [1, 3, 10])
def test_never_more_messages_are_marked_as_leaving_than_requests_are_under_way(driver, parallel):
    for key in range(25):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()
    seen = []

    class Watching(FakeTransport):
        under_way = 0

        async def send(self, message):
            self.under_way += 1
            await asyncio.sleep(0.001)
            marked = sum(row["state"] == State.SENDING for row in driver.notices)
            seen.append((marked, self.under_way))
            self.under_way -= 1
            return await super().send(message)

    driver.deliver(transport=Watching(), parallel=parallel)
    assert len(seen) == 25
    assert max(marked for marked, _ in seen) <= parallel
    assert max(under_way for _, under_way in seen) == parallel


class SlowToCommit:
    """A ledger whose transactions take longer than a provider's answer."""

    def __init__(self, engine):
        self.engine = engine

    @contextmanager
    def begin(self):
        with self.engine.begin() as connection:
            yield connection
            sleep(0.02)


@pytest.mark.both_databases
def test_answers_that_come_in_while_the_ledger_is_written_are_recorded(driver):
    for key in range(12):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()

    class Uneven(FakeTransport):
        numbers = count()

        async def send(self, message):
            await asyncio.sleep(0.015 * (next(self.numbers) % 2))
            return await super().send(message)

    whole = driver.context
    driver.context = replace(whole, engine=SlowToCommit(whole.engine))
    assert driver.deliver(transport=Uneven(), parallel=2).sent == {"email": 12}
    driver.context = whole
    assert states(driver) == [State.SENT] * 12


def send(driver, now):
    """Send all as a deliver run does that began on DAY, with this clock."""
    worker = DeliveryWorker(LeaseHolder("w", timedelta(minutes=10)), dict.fromkeys(Channel, driver.transport), 4, now)
    done = DeliverySummary()
    context = driver.context.with_run("r", DAY, noon(0))
    asyncio.run(send_on_all_channels(context, worker, done, lambda _, __: None))
    return done


def test_texts_that_wait_for_their_seconds_hold_up_no_mail(driver, with_policy):
    with_policy(Policy(sending=SendingPolicy(per_second={Channel.SMS: 1})))
    texting = {"phone": "+4915112345678", "sms_consent": True, "prefers": "sms"}
    for key in range(8):
        driver.order(f"t{key}", customer=customer(f"t{key}", **texting))
        driver.order(f"m{key}", customer=customer(f"m{key}"))
    driver.evaluate()
    seconds = iter(range(500))

    def now():
        next(seconds)  # as a limit, too: a mail that waits for a text would wait for ever
        mails = [message for message in driver.transport.taken if message.channel is Channel.EMAIL]
        return noon(0) + timedelta(seconds=next(seconds) if len(mails) == 8 else 0)

    assert send(driver, now).sent == {"email": 8, "sms": 8}


@pytest.mark.both_databases
def test_a_run_that_lasts_beyond_midnight_tells_nobody_of_yesterday(driver):
    driver.order("1041", line(promised=-9, expected=0))
    driver.evaluate()
    assert send(driver, lambda: noon(0) + timedelta(hours=14)).skipped == {"changed": 1}


def test_a_run_that_is_stopped_leaves_unknown_only_what_was_under_way(driver):
    for key in range(10):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()

    class Stopping(FakeTransport):
        async def send(self, message):
            if len(self.taken) == 4:
                asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
                raise KeyboardInterrupt
            return await super().send(message)

    worker = DeliveryWorker(
        LeaseHolder("stopped", timedelta(minutes=10)), dict.fromkeys(Channel, Stopping()), 2, lambda: noon(0)
    )
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(deliver_all(driver.context.with_run("r", DAY, noon(0)), worker))
    assert driver.deliver(at=noon(0) + timedelta(minutes=11)).in_doubt <= 2
    assert states(driver).count(State.SENT) >= 8
