"""What providers tell changes messages, addresses and channels, once, in whatever order it comes."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from channels.email.sendgrid_events import read_events
from channels.sms.twilio_callbacks import inbound_text, status_callback
from channels.transport import OutcomeUnknown
from models.enums import Channel, State
from models.policy.messaging import SendingPolicy
from models.policy.policy import Policy
from tasks.callbacks.append import DUPLICATES, append_callbacks
from tasks.callbacks.apply import BATCH, apply_callbacks, is_callback_due
from tasks.db.counters import get_counter
from tasks.db.settled_counts import count_messages, count_settled
from tasks.db.sql import read_only
from tasks.delivery.circuit_breaker import open_breakers
from tasks.delivery.fallback import send_fallbacks
from tasks.notices.marketing import without_marketing
from tasks.tables import CALLBACK_EVENTS, EVENTS, MARKETING_OPT_OUTS, ORDER_LINES, ORDERS, OUTBOX, SUPPRESSIONS
from tests.support.callbacks import event, inbound_fields, status_fields
from tests.support.shop_driver import FakeTransport, customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "what a report means; all that is read and written for it is so on both databases by a few"
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATER = noon(0) + 5 * MINUTE
PHONE = "+4915112345678"
TEXTING = {"phone": PHONE, "sms_consent": True}


def mail(*events, at=LATER):
    signed = str(int(at.timestamp()))
    return read_events(json.dumps(events).encode(), signed)


def text(status, message="1041-1-sms", sid=None, **fields):
    sid = sid or f"ref-{message}"
    return [status_callback(status_fields(status, sid, To=PHONE, **fields).items(), message)]


def inbound(body, sid="SM9", **fields):
    return [inbound_text(inbound_fields(body, sid, PHONE, **fields).items())]


def tell(driver, callbacks, at=LATER):
    """Append callbacks, and work off what is due; return the counts."""
    with driver.context.engine.begin() as connection:
        append_callbacks(connection, callbacks, at)
    return dict(apply_callbacks(driver.context, lambda: at, "worker"))


def sent(driver, n=1, transport=None, **facts):
    """Send notices by mail, at noon."""
    for key in range(n):
        driver.order(str(1041 + key), customer=customer(f"c{key}", **facts))
    driver.evaluate()
    driver.deliver(transport=transport)
    return driver


def by_sms(driver, transport=None):
    """Send a notice by text, at noon."""
    return sent(driver, transport=transport, prefers="sms", **TEXTING)


def states(driver):
    return [(notice["channel"], notice["state"]) for notice in driver.notices]


def kinds(driver):
    return [(row["kind"], row["subject"]) for row in driver.rows(EVENTS)]


def addresses(driver, table=SUPPRESSIONS):
    return [row["address"] for row in driver.rows(table)]


def breakers(driver):
    with read_only(driver.context.engine) as connection:
        return open_breakers(connection)


def event_of(name, notice, key="e1", **fields):
    reference = f"{notice['reference']}.filter0001" if notice["reference"] else "abc.filter"
    return event(name, key, notice["id"], notice["address"], sg_message_id=reference, **fields)


@pytest.mark.both_databases
def test_a_mail_that_arrived_is_delivered_with_the_moment_of_the_provider(driver):
    (notice,) = sent(driver).notices
    when = int((noon(0) + MINUTE).timestamp())
    assert tell(driver, mail(event_of("delivered", notice, timestamp=when))) == {"delivered": 1}
    (now,) = driver.notices
    assert (now["state"], now["settled_at"], now["reason"]) == (State.DELIVERED, notice["settled_at"], None)
    (entry,) = [row for row in driver.rows(EVENTS) if row["kind"] == "delivered"]
    assert (entry["subject"], entry["at"]) == (notice["id"], noon(0) + MINUTE)


def test_a_copy_is_dropped_and_counted(driver):
    (notice,) = sent(driver).notices
    assert tell(driver, mail(*[event_of("delivered", notice)] * 2)) == {"delivered": 1}
    assert tell(driver, mail(event_of("delivered", notice))) == {}
    with read_only(driver.context.engine) as connection:
        assert get_counter(connection, DUPLICATES) == 2


def test_an_unknown_id_is_counted_and_changes_nothing(driver):
    sent(driver)
    callbacks = [*mail(event("bounce", message="invented")), *text("delivered", "")]
    assert tell(driver, callbacks) == {"unknown": 2}
    assert (states(driver), addresses(driver)) == ([("email", State.SENT)], [])


@pytest.mark.both_databases
def test_a_test_event_of_the_provider_stops_no_marketing(driver):
    assert tell(driver, mail(event("unsubscribe", message="", email="example@test.com"))) == {"unknown": 1}
    assert driver.rows(MARKETING_OPT_OUTS) == []


@pytest.mark.both_databases
def test_a_mail_that_bounced_is_followed_by_the_next_channel_and_its_address_is_not_used_again(with_policy):
    policy = Policy(sending=SendingPolicy(fallback=(Channel.EMAIL, Channel.SMS)))
    driver = sent(with_policy(policy), prefers="email", **TEXTING)
    (notice,) = driver.notices
    bounce = event_of("bounce", notice, type="bounce", reason="550 5.1.1\r\nno such user")
    assert tell(driver, mail(bounce)) == {"bounced": 1}
    assert driver.notices[0]["reason"] == "SendGrid reports bounce: 550 5.1.1 no such user"
    assert addresses(driver) == [notice["address"]]
    assert send_fallbacks(driver.context.with_run("", driver.context.as_of, LATER), "worker", batch=10).queued == 1
    assert states(driver) == [("email", State.BOUNCED), ("sms", State.QUEUED)]
    assert driver.deliver(at=LATER + MINUTE).sent == {"sms": 1}


@pytest.mark.parametrize(
    ("fields", "suppressed"),
    [
        ({"name": "bounce", "type": "blocked"}, False),
        ({"name": "dropped", "reason": "Spam Content"}, False),
        ({"name": "dropped", "reason": "Bounced Address"}, True),
        ({"name": "dropped", "reason": "Invalid"}, True),
    ],
)
def test_an_address_is_kept_where_the_failure_is_not_its_own(driver, fields, suppressed):
    (notice,) = sent(driver).notices
    assert tell(driver, mail(event_of(notice=notice, **fields))) == {"bounced": 1}
    assert (len(addresses(driver)) == 1, driver.notices[0]["awaits_fallback"]) == (suppressed, True)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("name", "state"),
    [("processed", State.SENT), ("deferred", State.SENT), ("delivered", State.DELIVERED), ("bounce", State.BOUNCED)],
)
def test_a_doubt_is_settled_by_what_the_provider_tells(driver, name, state):
    (doubt,) = sent(driver, transport=FakeTransport(lambda _: OutcomeUnknown("silence"))).notices
    assert doubt["state"] == State.IN_DOUBT
    tell(driver, mail(event_of(name, doubt)))
    (notice,) = driver.notices
    assert (notice["state"], notice["settled_at"], notice["reference"]) == (state, LATER, "abc")
    assert driver.watch()["next_check_on"] == driver.context.as_of
    assert driver.deliver(at=LATER + HOUR).sent == {}


@pytest.mark.both_databases
def test_a_doubt_about_a_text_is_settled_by_the_id_in_the_address(driver):
    by_sms(driver, transport=FakeTransport(lambda _: OutcomeUnknown("silence")))
    (doubt,) = driver.notices
    assert tell(driver, text("delivered", doubt["id"], "SM77")) == {"delivered": 1}
    assert [(one["state"], one["reference"]) for one in driver.notices] == [(State.DELIVERED, "SM77")]


def test_a_message_of_a_trial_settles_as_one_and_suppresses_nobody(driver):
    (doubt,) = sent(driver, transport=FakeTransport(lambda _: OutcomeUnknown("silence"))).notices
    bounce = event("bounce", message=doubt["id"], email="tester@example.com")
    assert tell(driver, mail(bounce)) == {"bounced": 1}
    (notice,) = driver.notices
    assert (notice["state"], notice["trial"], notice["awaits_fallback"]) == (State.BOUNCED, True, False)
    assert addresses(driver) == []


def test_reports_that_overtake_each_other_never_take_a_message_back(driver):
    (notice,) = sent(driver).notices
    events = [event_of(name, notice, f"e{n}") for n, name in enumerate(("delivered", "processed", "deferred", "open"))]
    assert tell(driver, mail(*events)) == {"delivered": 1, "nothing": 3}
    assert states(driver) == [("email", State.DELIVERED)]


def test_two_different_ends_are_both_kept_and_told_to_staff(driver):
    (notice,) = sent(driver).notices
    bounce = event_of("bounce", notice, "e2", type="bounce", reason="mailbox full")
    assert tell(driver, mail(event_of("delivered", notice), bounce)) == {"delivered": 1, "conflict": 1}
    assert states(driver) == [("email", State.DELIVERED)]
    assert [row["for_staff"] for row in driver.rows(CALLBACK_EVENTS)].count(True) == 1
    assert ("callback_conflict", notice["id"]) in kinds(driver)


@pytest.mark.both_databases
def test_a_report_waits_until_the_answer_of_the_send_call_is_recorded(driver):
    (notice,) = sent(driver).notices
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=State.SENDING, settled_at=None))
    assert tell(driver, mail(event_of("delivered", notice))) == {}
    with driver.context.engine.begin() as connection:
        assert not is_callback_due(connection, LATER + timedelta(seconds=9))
        assert is_callback_due(connection, LATER + timedelta(seconds=10))
        connection.execute(update(OUTBOX).values(state=State.SENT, settled_at=LATER))
    assert tell(driver, [], LATER + timedelta(seconds=10)) == {"delivered": 1}


@pytest.mark.parametrize(("code", "tries"), [("30003", 3), ("30008", 2), ("30004", 1), ("99999", 1)])
def test_a_text_is_tried_again_as_often_as_its_code_allows(driver, code, tries):
    by_sms(driver)
    at = LATER
    (notice,) = driver.notices
    for number in range(1, 5):
        sid = driver.notices[0]["reference"]
        tell(driver, text("undelivered", notice["id"], sid, ErrorCode=code, RawDlrDoneDate=str(number)), at)
        at += HOUR
        driver.deliver(at=at)
    assert len([message for message in driver.transport.taken if message.channel == "sms"]) == tries
    assert driver.notices[0]["state"] == State.BOUNCED


@pytest.mark.both_databases
def test_a_late_report_about_a_copy_that_failed_does_not_stop_the_next_one(driver):
    by_sms(driver)
    (notice,) = driver.notices
    tell(driver, text("undelivered", notice["id"], notice["reference"], ErrorCode="30003"))
    assert tell(driver, text("sent", notice["id"], notice["reference"])) == {"nothing": 1}
    assert driver.deliver(at=LATER + HOUR).sent == {"sms": 1}


def test_a_number_that_cannot_be_texted_is_not_used_again(driver):
    by_sms(driver)
    (notice,) = driver.notices
    assert tell(driver, text("undelivered", notice["id"], ErrorCode="30006")) == {"bounced": 1}
    assert (addresses(driver), breakers(driver)) == ([PHONE], {})


@pytest.mark.both_databases
def test_a_channel_that_is_filtered_stops_and_only_a_text_that_arrives_opens_it_again(driver):
    by_sms(driver)
    (notice,) = driver.notices
    tell(driver, text("undelivered", notice["id"], ErrorCode="30007"))
    assert breakers(driver)["sms"]["reason"] == "Twilio reports undelivered, code 30007"
    assert driver.rows(CALLBACK_EVENTS)[0]["for_staff"]
    driver.order("2000", customer=customer("c9", **TEXTING | {"phone": "+4915112345679", "prefers": "sms"}))
    driver.evaluate(at=LATER)
    assert driver.deliver(at=LATER + MINUTE).sent == {}
    probe_at = breakers(driver)["sms"]["retry_at"]
    assert driver.deliver(at=probe_at).sent == {"sms": 1}
    assert set(breakers(driver)) == {"sms"}
    probe = driver.notices[-1]
    tell(driver, text("delivered", probe["id"], probe["reference"]), probe_at + MINUTE)
    assert breakers(driver) == {}


def test_a_channel_stops_when_most_of_its_messages_do_not_arrive(with_policy):
    driver = sent(with_policy(Policy(sending=SendingPolicy(rejections=3))), 5)
    blocked = [event_of("bounce", one, f"e{n}", type="blocked") for n, one in enumerate(driver.notices)]
    tell(driver, mail(*blocked[:2]))
    assert breakers(driver) == {}
    tell(driver, mail(blocked[2]))
    assert set(breakers(driver)) == {"email"}


def test_bounces_of_bad_addresses_say_nothing_about_the_channel(with_policy):
    driver = sent(with_policy(Policy(sending=SendingPolicy(rejections=3))), 6)
    tell(driver, mail(*[event_of("bounce", one, f"e{n}", type="bounce") for n, one in enumerate(driver.notices)]))
    assert (breakers(driver), len(addresses(driver))) == ({}, 6)


@pytest.mark.parametrize("name", ["spamreport", "unsubscribe", "group_unsubscribe"])
def test_a_wish_for_no_marketing_leaves_the_notices(driver, name):
    (notice,) = sent(driver).notices
    assert tell(driver, mail(event_of(name, notice))) == {"marketing_stopped": 1}
    assert (addresses(driver, MARKETING_OPT_OUTS), addresses(driver)) == ([notice["address"]], [])
    with read_only(driver.context.engine) as connection:
        assert without_marketing(connection, {notice["address"], "b@example.com"}) == {notice["address"]}


@pytest.mark.both_databases
@pytest.mark.parametrize(("stopped_by", "left"), [("group_unsubscribe", 0), ("unsubscribe", 1)])
def test_a_group_that_is_subscribed_again_takes_back_its_own_wish_alone(driver, stopped_by, left):
    (notice,) = sent(driver).notices
    tell(driver, mail(event_of(stopped_by, notice), event_of("group_resubscribe", notice, "e2")))
    assert len(driver.rows(MARKETING_OPT_OUTS)) == left


@pytest.mark.parametrize(
    ("body", "fields"), [("Basta", {"OptOutType": "STOP"}), ("stop", {}), ("please stop texting me", {})]
)
def test_a_wish_to_stop_suppresses_the_number_and_is_told_to_staff(driver, body, fields):
    assert tell(driver, inbound(body, **fields)) == {"suppressed": 1}
    assert addresses(driver) == [PHONE]
    assert ("text_stop", "SM9") in kinds(driver)
    assert driver.rows(CALLBACK_EVENTS)[0]["for_staff"]


def test_start_lifts_a_stop(driver):
    assert tell(driver, [*inbound("STOP"), *inbound("START", "SM10")]) == {"suppressed": 1, "resumed": 1}
    assert addresses(driver) == []


@pytest.mark.both_databases
def test_start_does_not_lift_what_staff_have_suppressed(driver):
    row = {"address": PHONE, "reason": "asked for it", "who": "staff", "created_at": noon(0)}
    with driver.context.engine.begin() as connection:
        connection.execute(SUPPRESSIONS.insert().values(**row))
    assert tell(driver, inbound("START")) == {"nothing": 1}
    assert addresses(driver) == [PHONE]


@pytest.mark.parametrize("body", ["HELP", "When does it come?", ""])
def test_any_other_text_is_for_staff_and_suppresses_nobody(driver, body):
    assert tell(driver, inbound(body)) == {"message": 1}
    assert (addresses(driver), driver.rows(CALLBACK_EVENTS)[0]["for_staff"]) == ([], True)


def test_an_old_signature_is_told_to_staff_and_its_events_still_count(driver):
    (notice,) = sent(driver).notices
    at = noon(0) + 2 * DAY
    fresh, old = (
        mail(event_of(name, notice, name), at=at - age) for name, age in (("processed", DAY), ("open", 26 * HOUR))
    )
    tell(driver, [*fresh, *old], at)
    assert sorted((row["kind"], row["for_staff"]) for row in driver.rows(CALLBACK_EVENTS)) == [
        ("open", True),
        ("processed", False),
    ]


def test_more_than_one_batch_is_worked_off_in_the_order_of_arrival(driver):
    (notice,) = sent(driver).notices
    early = mail(*[event_of("deferred", notice, f"d{n}") for n in range(BATCH + 1)])
    assert tell(driver, early) == {"nothing": BATCH + 1}
    assert tell(driver, mail(event_of("delivered", notice))) == {"delivered": 1}


@pytest.mark.both_databases
def test_counters_of_settled_messages_stay_right_when_one_changes_long_after(driver):
    notices = sent(driver, 3).notices
    at = noon(0) + 2 * DAY
    assert count_settled(driver.context.engine, at)
    tell(driver, mail(event_of("delivered", notices[0]), event_of("bounce", notices[1], "e2")), at)
    with read_only(driver.context.engine) as connection:
        counts = {state: n for (_, state, _), n in count_messages(connection).items() if n}
    assert counts == {State.SENT: 1, State.DELIVERED: 1, State.BOUNCED: 1}


@pytest.mark.both_databases
def test_a_mail_that_bounces_after_its_order_has_ended_is_followed_by_nothing(driver):
    (notice,) = sent(driver, **TEXTING | {"prefers": "email"}).notices
    driver.change("1041", 1, shipped_at=noon(1))
    driver.evaluate(1)
    later = noon(2)
    assert tell(driver, mail(event_of("bounce", notice), at=later), later) == {"bounced": 1}
    context = driver.context.with_run("", driver.context.as_of + 2 * DAY, later)
    assert send_fallbacks(context, "worker", batch=10).queued == 0
    assert send_fallbacks(context, "worker", batch=10) is None


@pytest.mark.both_databases
def test_a_mail_that_bounces_after_its_order_was_deleted_stops_no_delivery(driver):
    (notice,) = sent(driver).notices
    with driver.context.engine.begin() as connection:
        connection.execute(delete(ORDER_LINES))
        connection.execute(delete(ORDERS))
    tell(driver, mail(event_of("bounce", notice)))
    context = driver.context.with_run("", driver.context.as_of, LATER)
    assert send_fallbacks(context, "worker", batch=10).queued == 0
    assert send_fallbacks(context, "worker", batch=10) is None


@pytest.mark.both_databases
def test_a_person_who_stops_texts_is_told_by_mail(driver):
    driver.order("1041", customer=customer("c0", prefers="sms", **TEXTING))
    driver.evaluate()
    tell(driver, inbound("STOP"), noon(0))
    assert driver.deliver().skipped == {"suppressed": 1}
    driver.evaluate(1)
    assert driver.deliver(1).sent == {"email": 1}
