"""What a customer was told is what left: a notice that still waits was told to nobody."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from channels.transport import TemporaryFailure
from models.enums import Channel, SkipReason, State
from models.policy.messaging import ContactPolicy
from models.policy.policy import Policy
from tasks.delivery.in_doubt import resolve_manually
from tests.support.builders import day, line
from tests.support.shop_driver import FakeTransport, customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "what counts as told; all that is read and written for it is so on both databases by a few"
)

TEXTING = customer("c9", phone="+4915112345678", sms_consent=True, prefers="sms")


def at(n, hour):
    return datetime.combine(day(n), time(hour), UTC)


def away():
    return FakeTransport(lambda _: TemporaryFailure("away", retry_after=timedelta(hours=6)))


def ends(shop):
    """Return revision, state and reason of each notice."""
    return [(row["revision"], row["state"], row["reason"]) for row in shop.notices]


@pytest.mark.parametrize("other_date", [16, 4], ids=["slips", "comes sooner"])
def test_a_date_that_comes_back_while_the_provider_is_away_is_not_told_again(imported_shop, other_date):
    shop = imported_shop
    shop.order("1041", line(promised=-9, expected=10))
    assert len(shop.run_day(0)) == 1
    shop.change("1041", 2, expected_on=day(other_date))
    shop.evaluate(2)
    shop.deliver(2, transport=away())
    shop.deliver(3, transport=away())
    shop.change("1041", 4, expected_on=day(10))
    shop.evaluate(4)
    shop.deliver(4, at=at(4, 18))
    assert shop.run_day(5) == []
    assert len(shop.transport.taken) == 1
    assert ends(shop)[1:] == [(2, State.SKIPPED, SkipReason.CHANGED)]


def test_a_date_that_comes_back_in_quiet_hours_is_not_told_again(imported_shop, with_policy):
    shop = imported_shop
    shop.context = with_policy(Policy(contact=ContactPolicy(minimum_gap_days=0))).context
    shop.order("1041", line(promised=-9, expected=10), customer=TEXTING)
    assert len(shop.run_day(0)) == 1
    evening = at(1, 20)
    shop.change("1041", 1, expected_on=day(16))
    shop.evaluate(1, at=evening)
    shop.deliver(1, at=evening)
    shop.change("1041", 1, expected_on=day(10))
    shop.evaluate(1, at=evening)
    shop.deliver(1, at=evening)
    shop.deliver(2, at=at(2, 8))
    assert shop.run_day(2) == []
    assert len(shop.transport.taken) == 1


@pytest.mark.both_databases
def test_a_notice_that_waits_and_still_holds_is_kept_and_leaves_once(imported_shop):
    shop = imported_shop
    shop.order("1041", line(promised=-9, expected=10))
    shop.run_day(0)
    shop.change("1041", 2, expected_on=day(16))
    shop.evaluate(2)
    shop.deliver(2, transport=away())
    shop.change("1041", 3, price=39)
    assert shop.evaluate(3).notified == 0
    assert [message.category for message in shop.run_day(4)] == ["late_again"]
    assert [row["state"] for row in shop.notices] == [State.SENT, State.SENT]


def test_the_date_told_before_is_one_that_was_read(imported_shop):
    shop = imported_shop
    shop.order("1041", line(promised=-9, expected=10))
    shop.run_day(0)
    shop.change("1041", 2, expected_on=day(16))
    shop.evaluate(2)
    shop.deliver(2, transport=away())
    shop.change("1041", 3, expected_on=day(20))
    shop.evaluate(3)
    shop.deliver(3, at=at(3, 18))
    (message,) = shop.run_day(4) or shop.transport.taken[1:]
    assert "expect your order 1041 by June 25" in message.text
    assert "by July 5" in message.text
    assert len(shop.transport.taken) == 2


@pytest.mark.both_databases
def test_what_reached_the_provider_counts_as_told_although_its_answer_was_lost(imported_shop):
    shop = imported_shop
    shop.order("1041", line(promised=-9, expected=10))
    shop.evaluate(0)
    shop.deliver(0, transport=FakeTransport(lambda _: ConnectionResetError("the answer was lost")))
    assert [row["state"] for row in shop.notices] == [State.IN_DOUBT]
    assert [shop.run_day(n) for n in (1, 2, 3)] == [[], [], []]


@pytest.mark.both_databases
@pytest.mark.parametrize(("sent", "message"), [(True, "good_news"), (False, "long")])
def test_good_news_follows_a_notice_in_doubt_only_once_it_is_known_that_it_was_sent(imported_shop, sent, message):
    shop = imported_shop
    shop.order("1041", line(promised=-9, expected=20))
    shop.evaluate(0)
    shop.deliver(0, transport=FakeTransport(lambda _: ConnectionResetError("the answer was lost")))
    shop.change("1041", 3, expected_on=day(10))
    assert shop.run_day(3) == []
    (notice,) = shop.notices
    resolve_manually(shop.context, noon(3), notice["id"], "mara", sent=sent)
    found = shop.run_day(3) + shop.run_day(4) + shop.run_day(5)
    assert [one.category for one in found] == [message]
    assert "June 25" in found[0].text


def test_after_a_first_notice_that_never_left_the_next_one_is_a_first_one(imported_shop):
    shop = imported_shop
    shop.order("1041", line(promised=-9, expected=10))
    shop.evaluate(0)
    shop.deliver(0, transport=away())
    shop.change("1041", 1, expected_on=day(16))
    shop.evaluate(1)
    shop.deliver(1, at=noon(1) + timedelta(hours=8))
    assert [message.category for message in shop.transport.taken or shop.run_day(2)] == ["long"]
    assert [row["change"] for row in shop.notices] == ["first", "first"]


def test_a_text_that_fits_facts_that_changed_tells_them_and_is_not_told_again(imported_shop):
    shop = imported_shop
    shop.order("1041", line(promised=-20), customer=TEXTING)
    evening = at(0, 20)
    shop.evaluate(0, at=evening)
    shop.change("1041", 0, promised_on=day(-19))
    assert shop.deliver(1, at=at(1, 8)).sent == {"sms": 1}
    assert [shop.run_day(n) for n in (1, 2, 3, 4)] == [[], [], [], []]


@pytest.mark.both_databases
def test_a_text_is_withdrawn_when_its_mail_has_left_and_the_facts_have_changed_since(imported_shop):
    shop = imported_shop
    shop.order("1041", line(promised=-20), customer=replace(TEXTING, prefers=None))
    evening = at(0, 20)
    shop.evaluate(0, at=evening)
    assert shop.deliver(0, at=evening).sent == {"email": 1}
    shop.change("1041", 0, promised_on=day(-19))
    assert shop.deliver(1, at=at(1, 8)).skipped == {"changed": 1}
    assert {message.channel for message in shop.run_day(4)} == {Channel.EMAIL, Channel.SMS}
    assert shop.run_day(5) == []
