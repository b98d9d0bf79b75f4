from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.enums import GOOD_CHANGES, ChangeKind, Channel
from models.orders import NoticeLine
from models.policy.messaging import ContactPolicy
from models.policy.policy import GOOD_NEWS, ON_TIME, Bucket, Policy
from models.policy.supply import RestockPolicy
from rules.delays.assess import assess_order, bucket_of, last_notice_after
from rules.delays.delays import notice_lines, still_true
from rules.delays.good_news import good_news
from tests.support.builders import CALENDAR, DAY, POLICY, day, heard, line, order, told


def said(*lines, before, policy=POLICY):
    """Return the news about an order of whose lines `before` was told."""
    found = good_news(order(*lines, told=told(*before) if before else None), DAY, policy, CALENDAR)
    return found[0] if found else None


def plan(*lines, before, policy=POLICY):
    return assess_order(order(*lines, told=told(*before)), DAY, policy, CALENDAR).plan


@pytest.mark.parametrize(
    ("ready", "knew", "found"),
    [(True, False, ChangeKind.READY), (True, True, None), (False, False, None)],
)
def test_goods_in_stock_are_reported_once(ready, knew, found):
    before = heard("week", promised=-5, expected=1, ready=knew)
    assert said(line(promised=-5, expected=1, ready=ready), before=[before]) is found


@pytest.mark.parametrize(
    ("knew", "expected", "found"),
    [
        (9, 6, ChangeKind.EARLIER),
        (9, 7, None),
        (9, 9, None),
        (None, 20, ChangeKind.DATED),
        (None, None, None),
        (9, None, None),
    ],
)
def test_an_earlier_date_is_news_by_enough_days_and_a_first_one_is_news_of_its_own(knew, expected, found):
    assert said(line(promised=-5, expected=expected), before=[heard("week", promised=-5, expected=knew)]) is found


def test_nobody_hears_of_the_end_of_a_delay_of_which_they_were_told_nothing():
    assert said(line(promised=-5, expected=1, ready=True), before=[]) is None
    assert said(line(promised=-5, expected=1, ready=True), before=[heard("week", "2", promised=-5)]) is None
    renewed = heard("week", promised=-9)
    assert said(line(promised=-5, expected=1, ready=True), before=[renewed]) is None, "of the old promise, not of this"


def test_a_shop_may_leave_good_news_unsaid():
    policy = Policy(restock=RestockPolicy(good_news=False))
    assert said(line(promised=-5, ready=True), before=[heard("week", promised=-5)], policy=policy) is None


def test_good_news_has_its_own_message_and_its_own_revision():
    found = plan(line(promised=-5, expected=1, ready=True), before=[heard("week", promised=-5, expected=9)])
    assert (found.message, found.change, found.revision) == (GOOD_NEWS, ChangeKind.READY, 2)
    assert "is there and can go" in found.why
    assert found.delay.expected_on == day(1)


def test_an_order_that_can_keep_its_promise_after_all_is_on_time_and_its_customer_hears_of_it():
    late_before = heard("week", promised=5, expected=10)
    verdict = assess_order(
        order(line(promised=5, expected=2, ready=True), told=told(late_before)), DAY, POLICY, CALENDAR
    )
    assert (verdict.bucket, verdict.delay) == (ON_TIME, None)
    assert verdict.plan.message == GOOD_NEWS
    assert (verdict.plan.delay.days, verdict.plan.delay.bucket) == (0, ON_TIME)
    assert [one.line.number for one in verdict.plan.delay.late] == ["1"]


def test_bad_news_goes_before_good_news():
    found = plan(
        line(promised=-5, expected=1, ready=True),
        line("2", promised=-9, expected=20),
        before=[heard("week", promised=-5), heard("long", "2", promised=-9, expected=12)],
    )
    assert found.change is ChangeKind.SLIPPED


def test_good_news_names_the_lines_that_are_still_late_too():
    found = plan(
        line(promised=-5, expected=1, ready=True),
        line("2", promised=-9, expected=12),
        line("3", promised=9),
        before=[heard("week", promised=-5), heard("long", "2", promised=-9, expected=12)],
    )
    assert {one.line.number for one in found.delay.late} == {"1", "2"}
    assert [one.number for one in found.delay.on_time] == ["3"]


def test_good_news_goes_by_the_channels_of_the_worst_that_was_told():
    policy = Policy(
        bucket=(Bucket(name="week", from_days=4), Bucket(name="long", from_days=15, channels=(Channel.SMS,)))
    )
    mild = plan(line(promised=5, ready=True), before=[heard("week", promised=5, expected=12)], policy=policy)
    grave = plan(line(promised=5, ready=True), before=[heard("long", promised=5, expected=30)], policy=policy)
    forgotten = plan(line(promised=5, ready=True), before=[heard("gone", promised=5, expected=30)], policy=policy)
    assert [bucket_of(one, policy).name for one in (mild, grave, forgotten)] == ["week", "long", "week"]


@pytest.mark.parametrize(
    ("now", "true"),
    [
        (line(promised=5, expected=2, ready=True), True),
        (line(promised=5, expected=2, ready=False), False),
        (line(promised=5, expected=3, ready=True), False),
        (line(promised=4, expected=2, ready=True), False),
        (line(promised=5, expected=2, ready=True, shipped=0), False),
    ],
)
def test_good_news_is_true_as_long_as_the_goods_lie_there_for_the_order(now, true):
    found = plan(line(promised=5, expected=2, ready=True), before=[heard("week", promised=5, expected=12)])
    assert still_true(notice_lines(found.delay, POLICY), order(now), DAY) is true


def test_words_that_leave_out_a_line_late_since_are_not_true_any_more():
    words = [heard("week", promised=-5, expected=1)]
    assert still_true(words, order(line(promised=-5, expected=1), line("2", promised=9)), DAY)
    assert not still_true(words, order(line(promised=-5, expected=1), line("2", promised=-9)), DAY)


@pytest.mark.parametrize("ready", [True, False])
def test_what_was_told_is_kept_and_read_back(ready):
    one = NoticeLine("1", DAY, None, "week", ready)
    assert NoticeLine.from_data(one.as_data()) == one


def test_what_an_older_version_kept_is_read_as_not_ready():
    assert NoticeLine.from_data(["1", "2026-06-15", None, "week"]) == NoticeLine("1", DAY, None, "week", ready=False)


changes = st.lists(
    st.tuples(st.integers(0, 6), st.none() | st.integers(-5, 40), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=150, deadline=None)
@given(changes, st.integers(-20, 5), st.integers(0, 4))
def test_whatever_the_dates_do_no_news_is_said_twice_and_the_gap_is_kept(steps, promised, gap):
    policy = Policy(contact=ContactPolicy(minimum_gap_days=gap))
    facts, today, plans = order(line(promised=promised)), 0, []
    for wait, expected, ready in steps:
        today += wait
        found = assess_order(facts := order(
            line(promised=promised, expected=None if expected is None else today + expected, ready=ready),
            told=facts.told,
        ), day(today), policy, CALENDAR).plan  # fmt: skip
        if found is None:
            continue
        plans.append(found)
        known = last_notice_after(found, policy)
        facts = order(*facts.lines, told=known)
        again = assess_order(facts, day(today + gap), Policy(contact=ContactPolicy(minimum_gap_days=0)), CALENDAR).plan
        assert again is None or again.change not in GOOD_CHANGES, "what was just said is said again as good news"
    for before, after in pairwise(plans):
        assert after.revision == before.revision + 1
        assert after.delay.as_of - before.delay.as_of >= timedelta(days=gap)
        if after.change in GOOD_CHANGES:
            assert before.delay.late, "good news without a delay told before"
