from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.enums import ChangeKind
from models.policy.messaging import ContactPolicy
from models.policy.policy import CLOSED, FUTURE, LATE_AGAIN, ON_TIME, Bucket, Policy
from models.policy.warning import WarningPolicy
from rules.delays.assess import assess_order, last_notice_after
from rules.delays.delays import change_of, delay_of
from rules.delays.schedule import NEVER, next_check_date
from tests.support.builders import CALENDAR, DAY, POLICY, day, heard, line, order, told

WITHOUT_WARNINGS = Policy(warning=WarningPolicy(on=False))


def said(before, *, promised, expected=None, as_of=0, policy=POLICY):
    """Return the news about an order of one line, of which `before` was told: a bucket and a date."""
    facts = line(promised=promised, expected=expected)
    known = told(heard(before[0], promised=promised, expected=before[1])) if before else None
    return change_of(delay_of(order(facts, told=known), day(as_of), policy, CALENDAR), policy)


def test_whoever_was_told_nothing_hears_of_the_delay():
    assert said(None, promised=-5) is ChangeKind.FIRST


@pytest.mark.parametrize(("before", "promised"), [("week", -5), ("fortnight", -5), ("long", -20)])
def test_the_same_bucket_or_a_better_one_is_no_news_where_the_date_stays_unknown(before, promised):
    assert said((before, None), promised=promised) is None


def test_a_worse_bucket_is_news():
    assert said(("week", None), promised=-8) is ChangeKind.WORSE


@pytest.mark.parametrize(
    ("expected", "found"), [(2, None), (3, None), (4, ChangeKind.SLIPPED), (None, ChangeKind.SLIPPED)]
)
def test_a_later_or_lost_date_is_news_and_an_earlier_one_is_not(expected, found):
    assert said(("fortnight", 3), promised=-8, expected=expected) is found


def test_a_date_told_that_passed_is_news_from_the_day_after():
    assert said(("fortnight", 3), promised=-8, expected=3, as_of=3) is None
    assert said(("fortnight", 3), promised=-5, expected=3, as_of=4) is ChangeKind.PASSED


@pytest.mark.parametrize(("expected", "found"), [(5, None), (6, ChangeKind.SLIPPED)])
def test_a_slip_of_fewer_days_than_the_policy_names_is_no_news(expected, found):
    policy = Policy(contact=ContactPolicy(slip_days=3))
    assert said(("fortnight", 3), promised=-8, expected=expected, policy=policy) is found


def test_a_bucket_that_the_policy_has_no_more_still_counts_as_told():
    assert said(("fortnite", None), promised=-8) is None


def plan_of(*lines, before):
    return assess_order(order(*lines, told=told(*before)), DAY, POLICY, CALENDAR).plan


def test_every_line_keeps_the_date_that_was_told_of_it():
    before = [heard("long", "1", promised=-11, expected=5), heard("long", "2", promised=-11, expected=20)]
    plan = plan_of(line("1", promised=-11, expected=18), line("2", promised=-11, expected=20), before=before)
    assert (plan.change, plan.message, plan.told_date) == (ChangeKind.SLIPPED, LATE_AGAIN, day(5))


def test_a_date_that_passes_is_news_also_beside_a_line_without_any():
    before = [heard("fortnight", "1", promised=-12), heard("fortnight", "2", promised=-12, expected=-1)]
    plan = plan_of(line("1", promised=-12), line("2", promised=-12), before=before)
    assert (plan.change, plan.told_date) == (ChangeKind.PASSED, day(-1))


@pytest.mark.parametrize(("promised", "found"), [(-3, None), (-4, ChangeKind.ANOTHER)])
def test_a_line_that_was_on_time_is_a_change_when_it_is_late_enough_to_notify(promised, found):
    before = [heard("long", "1", promised=-20)]
    plan = plan_of(line("1", promised=-20), line("2", promised=promised), before=before)
    assert (plan and plan.change) is found


def test_a_line_that_shipped_as_told_leaves_no_broken_word_behind():
    before = [heard("long", "1", promised=-20, expected=5)]
    plan = plan_of(line("1", promised=-20, expected=5, shipped=-1), line("2", promised=-5), before=before)
    assert (plan.change, plan.message, plan.told_date) == (ChangeKind.ANOTHER, "week", None)


def test_a_new_promise_that_is_broken_again_is_news_at_its_first_bucket():
    before = [heard("long", "1", promised=-40)]
    assert plan_of(line("1", promised=-3), before=before) is None
    assert plan_of(line("1", promised=-4), before=before).change is ChangeKind.ANOTHER


def test_a_renewed_notice_has_its_own_words_and_an_escalation_has_its_buckets():
    slipped = plan_of(line(promised=-8, expected=9), before=[heard("long", promised=-8, expected=3)])
    worse = plan_of(line(promised=-8), before=[heard("week", promised=-8)])
    assert (slipped.message, slipped.revision) == (LATE_AGAIN, 2)
    assert (worse.message, worse.revision) == ("fortnight", 2)


@pytest.mark.parametrize(("on", "silent"), [(-1, True), (-2, False)])
def test_the_minimum_gap_holds_a_notice_back_until_it_is_over(on, silent):
    before = told(heard("week", promised=-8), on=on)
    verdict = assess_order(order(line(promised=-8), told=before), DAY, POLICY, CALENDAR)
    assert (verdict.plan is None) is silent
    if silent:
        assert "minimum gap" in verdict.no_notice_reason
        assert verdict.next_check_on == day(on + 2)


def test_a_bucket_that_the_policy_does_not_tell_is_counted_and_left_alone():
    verdict = assess_order(order(line(promised=-2)), DAY, POLICY, CALENDAR)
    assert (verdict.bucket, verdict.plan) == ("short", None)
    assert verdict.next_check_on == day(2)


def test_an_order_of_tomorrow_does_not_exist_today():
    verdict = assess_order(order(line(promised=-2), placed=1), DAY, POLICY, CALENDAR)
    assert (verdict.bucket, verdict.next_check_on) == (FUTURE, day(1))


@pytest.mark.parametrize(
    ("lines", "before", "look"),
    [
        ([line(promised=5)], [], day(6)),
        ([line(promised=5, expected=5)], [], day(6)),
        ([line(promised=5, expected=9)], [], day(10)),
        ([line(promised=-1)], [], day(3)),
        ([line(promised=-4)], [heard("week", promised=-4)], day(4)),
        ([line(promised=-20)], [heard("long", promised=-20)], NEVER),
        ([line(promised=-20, shipped=7)], [heard("long", promised=-20)], day(7)),
        ([line(promised=-8, expected=9)], [heard("long", promised=-8, expected=3)], day(4)),
        ([line(promised=5), line("2", promised=1)], [], day(2)),
    ],
)
def test_an_order_is_looked_at_again_on_the_first_day_that_could_bring_news(lines, before, look):
    known = told(*before) if before else None
    assert next_check_date(order(*lines, told=known), known, DAY, WITHOUT_WARNINGS, CALENDAR) == look


lines_of_any_kind = st.builds(
    line,
    number=st.sampled_from("123"),
    promised=st.integers(-25, 25),
    expected=st.none() | st.integers(-25, 40),
)
policies = st.builds(
    lambda gap, slip, short: Policy(
        bucket=(Bucket(name="short", from_days=1, notify=short), *POLICY.bucket[1:]),
        contact=ContactPolicy(minimum_gap_days=gap, slip_days=slip),
    ),
    st.integers(0, 5),
    st.integers(1, 4),
    st.booleans(),
)


def live(facts, policy, days):
    """Live so many days, looking at every one; yield each day's verdict and what the customer knows by then."""
    for n in range(days):
        verdict = assess_order(facts, day(n), policy, CALENDAR)
        yield n, facts, verdict
        if verdict.plan is not None:
            facts = order(*facts.lines, told=last_notice_after(verdict.plan, policy))


@settings(max_examples=150, deadline=None)
@given(st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number), policies)
def test_between_two_looks_there_is_never_news(lines, policy):
    due = DAY
    for n, _, verdict in live(order(*lines), policy, 60):
        if day(n) < due:
            assert verdict.plan is None
        else:
            due = verdict.next_check_on
            assert due > day(n)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number), policies)
def test_no_customer_is_told_the_same_twice(lines, policy):
    told_of = [
        (verdict.plan.message, frozenset((one.line.number, one.expected_on) for one in verdict.plan.delay.late))
        for _, _, verdict in live(order(*lines), policy, 90)
        if verdict.plan is not None
    ]
    assert len(told_of) == len(set(told_of))


@settings(max_examples=100, deadline=None)
@given(st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number), policies)
def test_notices_of_one_order_keep_the_gap_and_never_announce_a_better_bucket(lines, policy):
    plans = [verdict.plan for _, _, verdict in live(order(*lines), policy, 90) if verdict.plan is not None]
    for before, after in pairwise(plans):
        gap = after.delay.as_of - before.delay.as_of
        assert gap >= timedelta(days=policy.contact.minimum_gap_days)
        if after.change is ChangeKind.WORSE:
            assert after.delay.days > before.delay.days


def test_every_late_order_stands_in_a_bucket_and_every_other_is_on_time_or_closed():
    assert assess_order(order(line(promised=3)), DAY, POLICY, CALENDAR).bucket == ON_TIME
    assert assess_order(order(line(promised=3, shipped=-1)), DAY, POLICY, CALENDAR).bucket == CLOSED
    assert assess_order(order(line(promised=3), cancelled=-1), DAY, POLICY, CALENDAR).bucket == CLOSED
