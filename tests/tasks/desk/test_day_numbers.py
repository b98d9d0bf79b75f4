"""The numbers of a small history, counted by hand."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select, update

from models.enums import ChangeKind, Channel, RemedyKind, State
from models.numbers import Measure
from models.policy.costs import CostPolicy
from models.policy.policy import Policy
from tasks.db.sql import read_only
from tasks.desk.numbers import load_daily, load_numbers
from tasks.reporting.day_numbers import BACKFILLED_DAYS, count_days, days_to_count
from tasks.tables import DAY_NUMBERS, OUTBOX
from tests.support.builders import day
from tests.support.shop_driver import noon
from tests.support.told_history import History


class Counted(History):
    """A history whose numbers are counted."""

    def count(self, *days):
        return count_days(self.context, [day(on) for on in days], noon(max(days)))

    def numbers(self, first=0, last=0, policy=None):
        with read_only(self.context.engine) as connection:
            return load_numbers(policy or self.context.policy, connection, day(first), day(last))


@pytest.fixture
def history(context):
    return Counted(context)


@pytest.fixture
def small_history(history):
    """Six orders in three days, as the comments say."""
    first = history.message("1")  # told three days before the promised day, by mail
    history.message("1", channel=Channel.SMS, state=State.DELIVERED)  # and by text: the same order, once
    late = history.message("2", promised=0)  # told on the promised day: not before it
    history.message("3", state=State.REJECTED)  # nobody was told
    history.message("3", channel=Channel.SMS, on=1, promised=3)  # until the next day
    history.message("4", bucket="long", state=State.BOUNCED)  # it came back: not told
    history.message("5", trial=True)  # in a trial
    history.message("6", state=State.SKIPPED)
    history.message(
        "1", 2, on=1, run="r2", change=ChangeKind.SLIPPED, bucket="long", expected=20
    )  # a change is no first message
    history.choice("1", "wait", first, on=1)
    history.choice("2", "cancel", late, on=1)
    history.choice("2", "wait", late, number=2, on=1)  # thought again: kept
    history.choice("4", "cancel", None, on=1)
    history.choice("1", "swap", first, number=2, on=1, state="undone")
    history.offer("1", RemedyKind.SUBSTITUTE)
    history.offer("2", RemedyKind.FUTURE_DISCOUNT, value="12.90")
    history.count(0, 1, 2)
    return history


def test_orders_told_before_the_promised_day_are_counted_once_each(small_history):
    first, both = small_history.numbers(), small_history.numbers(0, 2)
    assert (first.in_time.count, first.in_time.of) == (1, 2)
    assert (both.in_time.count, both.in_time.of) == (2, 3)


def test_what_became_of_messages_is_counted_by_channel_without_those_of_a_trial(small_history):
    email, sms = small_history.numbers(0, 2).channels
    assert (email.channel, email.total, email.sent, email.delivered, email.came_back) == ("email", 6, 4, 0, 1)
    assert (email.refused, email.not_sent) == (1, 1)
    assert (sms.channel, sms.sent, sms.delivered) == ("sms", 2, 1)


def test_answers_and_offers_are_counted_by_days_late(small_history):
    by_bucket = {one.bucket: one for one in small_history.numbers(0, 2).buckets}
    assert by_bucket["week"].answers == {"wait": 2, "cancel": 1}
    assert by_bucket[""].answers == {"cancel": 1}
    assert by_bucket["week"].offers == {"substitute": 1, "future_discount": 1}
    assert (by_bucket["week"].kept, by_bucket["week"].cancelled) == (2, 0)
    assert by_bucket["long"].told == 0


def test_the_last_choice_says_whether_an_order_is_kept(small_history):
    kept = small_history.numbers(0, 2).kept
    assert (kept.count, kept.of) == (2, 3)


def test_costs_are_added_up_by_currency_and_messages_without_a_price_are_told(small_history):
    numbers = small_history.numbers(0, 2)
    assert numbers.offer_value == {"EUR": Decimal("12.90")}
    assert (numbers.message_cost, numbers.unpriced) == ({}, 6)
    priced = Policy(costs=CostPolicy(sms={"EUR": Decimal("0.08"), "USD": Decimal("0.10")}))
    numbers = small_history.numbers(0, 2, priced)
    assert numbers.message_cost == {"EUR": Decimal("0.16"), "USD": Decimal("0.20")}
    assert numbers.unpriced == 4


def test_a_message_that_repeats_the_one_before_is_counted(history):
    history.message("1")
    history.message("1", 2, on=1, change=ChangeKind.PASSED)
    history.message("2")
    history.message("2", 2, on=1, change=ChangeKind.PASSED, expected=12)
    history.message("3")
    history.message("3", 2, on=1, address="new@example.com")
    history.message("4", state=State.BOUNCED)
    history.message("4", 2, on=1)
    history.count(0, 1)
    assert history.numbers(0, 1).twice == 1


def test_a_real_history_of_the_shop_tells_nobody_twice(driver):
    driver.order("1041")
    for on in range(4):
        driver.run_day(on)
    history = Counted(driver.context)
    history.count(0, 1, 2, 3)
    numbers = history.numbers(0, 3)
    assert (numbers.twice, numbers.in_time.of, numbers.days) == (0, 1, 4)


def test_counting_again_replaces_a_day(small_history):
    before = small_history.numbers(0, 2)
    small_history.count(0, 1, 2)
    assert small_history.numbers(0, 2) == before
    with small_history.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == "n1").values(state=State.BOUNCED))
    small_history.count(0)
    assert small_history.numbers().in_time.of == 2  # by text order 1 was still told
    assert small_history.numbers().channels[0].came_back == 2


def test_days_that_were_never_counted_are_filled_in_and_recent_ones_counted_again(history):
    today = history.context.as_of
    assert len(days_to_count(history.context, today)) == BACKFILLED_DAYS + 1
    history.count(*range(-BACKFILLED_DAYS, 1))
    assert days_to_count(history.context, today) == [today - timedelta(days=n) for n in range(14, -1, -1)]


def test_a_period_that_was_never_counted_says_so(history):
    numbers = history.numbers(-3, 0)
    assert (numbers.counted_at, numbers.days, numbers.in_time.of, numbers.twice) == (None, 0, 0, 0)


def test_the_daily_numbers_are_those_that_were_stored(small_history):
    with read_only(small_history.context.engine) as connection:
        daily = load_daily(connection, day(0), day(2))
        stored = connection.execute(select(DAY_NUMBERS.c.value).where(DAY_NUMBERS.c.measure != Measure.COUNTED)).all()
    assert len(daily) == len(stored)
    assert (day(0), Measure.TOLD, "week", "", 2) in daily


def test_a_price_of_messages_does_not_make_every_order_due(context):
    assert replace(context, policy=Policy(costs=CostPolicy(email={"EUR": Decimal("0.001")}))).policy.digest == (
        context.policy.digest
    )


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_counting_offers_does_not_read_all_messages_of_their_run(driver):
    plans = []

    def explain(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT") and "notice" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in cursor.fetchall())

    event.listen(driver.context.engine, "before_cursor_execute", explain)
    count_days(driver.context, [day(0)], noon(0))
    of_order = [plan for plan in plans if "notice USING INDEX sqlite_autoindex_notice" in plan and "order_id=?" in plan]
    assert of_order, "each offer finds the messages of its order"
    assert [plan for plan in plans if "ix_notice_run_id" in plan] == []
