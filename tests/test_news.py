from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.policy import CLOSED, FUTURE, LATE_AGAIN, ON_TIME, Bucket, Contacting, Policy
from models.values import News
from rules.delays import delay_of, news
from rules.looks import NEVER, next_look
from rules.plans import judge, told_by
from tests.builders import CALENDAR, DAY, POLICY, day, line, order, told


def heard(before, *, promised, expected=None, as_of=0):
    found = delay_of(order(line(promised=promised, expected=expected), told=before), day(as_of), POLICY, CALENDAR)
    return news(found, POLICY)


def test_whoever_was_told_nothing_hears_of_the_delay():
    assert heard(None, promised=-5) is News.FIRST


@pytest.mark.parametrize(
    ("before", "promised", "expected"),
    [
        ("week", -5, None),
        ("fortnight", -5, None),
        ("long", -20, None),
    ],
)
def test_the_same_bucket_or_a_better_one_is_no_news_where_the_date_stays_unknown(before, promised, expected):
    assert heard(told(before), promised=promised, expected=expected) is None


def test_a_worse_bucket_is_news():
    assert heard(told("week"), promised=-8) is News.WORSE


@pytest.mark.parametrize(("expected", "said"), [(2, None), (3, None), (4, News.SLIPPED), (None, News.SLIPPED)])
def test_a_later_or_lost_date_is_news_and_an_earlier_one_is_not(expected, said):
    assert heard(told("fortnight", expected=3), promised=-8, expected=expected) is said


def test_a_date_told_that_passed_is_news_from_the_day_after():
    before = told("fortnight", expected=3)
    assert heard(before, promised=-8, expected=3, as_of=3) is None
    assert heard(before, promised=-5, expected=3, as_of=4) is News.PASSED


def test_a_slip_of_fewer_days_than_the_policy_names_is_no_news():
    policy = Policy(contact=Contacting(slip_days=3))
    for expected, said in ((5, None), (6, News.SLIPPED)):
        facts = order(line(promised=-8, expected=expected), told=told("fortnight", expected=3))
        assert news(delay_of(facts, DAY, policy, CALENDAR), policy) is said


def test_a_bucket_that_the_policy_has_no_more_still_counts_as_told():
    assert heard(told("fortnite"), promised=-8) is None


def test_a_renewed_notice_has_its_own_words_and_an_escalation_has_its_buckets():
    slipped = judge(order(line(promised=-8, expected=9), told=told("long", expected=3)), DAY, POLICY, CALENDAR)
    worse = judge(order(line(promised=-8), told=told("week")), DAY, POLICY, CALENDAR)
    assert (slipped.plan.message, slipped.plan.revision) == (LATE_AGAIN, 2)
    assert (worse.plan.message, worse.plan.revision) == ("fortnight", 2)


@pytest.mark.parametrize(("on", "silent"), [(-1, True), (-2, False)])
def test_the_minimum_gap_holds_a_notice_back_until_it_is_over(on, silent):
    verdict = judge(order(line(promised=-8), told=told("week", on=on)), DAY, POLICY, CALENDAR)
    assert (verdict.plan is None) is silent
    if silent:
        assert "minimum gap" in verdict.quiet
        assert verdict.look_again_on == day(on + 2)


def test_a_bucket_that_the_policy_does_not_tell_is_counted_and_left_alone():
    verdict = judge(order(line(promised=-2)), DAY, POLICY, CALENDAR)
    assert (verdict.bucket, verdict.plan) == ("short", None)
    assert verdict.look_again_on == day(2)


def test_an_order_of_tomorrow_does_not_exist_today():
    verdict = judge(order(line(promised=-2), placed=1), DAY, POLICY, CALENDAR)
    assert (verdict.bucket, verdict.look_again_on) == (FUTURE, day(1))


@pytest.mark.parametrize(
    ("lines", "before", "look"),
    [
        ([line(promised=5)], None, day(6)),
        ([line(promised=5, expected=5)], None, day(6)),
        ([line(promised=5, expected=9)], None, day(10)),
        ([line(promised=-1)], None, day(3)),
        ([line(promised=-4)], told("week"), day(4)),
        ([line(promised=-20)], told("long"), NEVER),
        ([line(promised=-8, expected=9)], told("long", expected=3), day(4)),
        ([line(promised=5), line("2", promised=1)], None, day(2)),
    ],
)
def test_an_order_is_looked_at_again_on_the_first_day_that_could_bring_news(lines, before, look):
    assert next_look(order(*lines, told=before), before, DAY, POLICY, CALENDAR) == look


lines_of_any_kind = st.builds(
    line,
    number=st.sampled_from("123"),
    promised=st.integers(-25, 25),
    expected=st.none() | st.integers(-25, 40),
)
policies = st.builds(
    lambda gap, slip, short: Policy(
        bucket=(Bucket(name="short", from_days=1, notify=short), *POLICY.bucket[1:]),
        contact=Contacting(minimum_gap_days=gap, slip_days=slip),
    ),
    st.integers(0, 5),
    st.integers(1, 4),
    st.booleans(),
)


def live(facts, policy, days):
    """Live so many days, looking at every one; yield each day's verdict and what the customer knows by then."""
    for n in range(days):
        verdict = judge(facts, day(n), policy, CALENDAR)
        yield n, facts, verdict
        if verdict.plan is not None:
            facts = order(*facts.lines, told=told_by(verdict.plan))


@settings(max_examples=300, deadline=None)
@given(st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number), policies)
def test_between_two_looks_there_is_never_news(lines, policy):
    due = DAY
    for n, _, verdict in live(order(*lines), policy, 60):
        if day(n) < due:
            assert verdict.plan is None
        else:
            due = verdict.look_again_on
            assert due > day(n)


@settings(max_examples=300, deadline=None)
@given(st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number), policies)
def test_no_customer_is_told_the_same_twice(lines, policy):
    said = [
        (verdict.plan.delay.bucket, verdict.plan.delay.expected_on, verdict.plan.message)
        for _, _, verdict in live(order(*lines), policy, 90)
        if verdict.plan is not None
    ]
    assert len(said) == len(set(said))


@settings(max_examples=200, deadline=None)
@given(st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number), policies)
def test_notices_of_one_order_keep_the_gap_and_never_announce_a_better_bucket(lines, policy):
    plans = [verdict.plan for _, _, verdict in live(order(*lines), policy, 90) if verdict.plan is not None]
    for before, after in pairwise(plans):
        gap = after.delay.as_of - before.delay.as_of
        assert gap >= timedelta(days=policy.contact.minimum_gap_days)
        if after.news is News.WORSE:
            assert after.delay.days > before.delay.days


def test_every_late_order_stands_in_a_bucket_and_every_other_is_on_time_or_closed():
    assert judge(order(line(promised=3)), DAY, POLICY, CALENDAR).bucket == ON_TIME
    assert judge(order(line(promised=3, shipped=-1)), DAY, POLICY, CALENDAR).bucket == CLOSED
    assert judge(order(line(promised=3), cancelled=-1), DAY, POLICY, CALENDAR).bucket == CLOSED
