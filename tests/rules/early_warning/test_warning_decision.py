from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.date_basis import InboundBasis, InboundPromise, InStockBasis, ShippedBasis
from models.early_warning import Likelihood, Source, Term
from models.enums import WITHOUT_OFFER, ChangeKind, Channel, Promise
from models.inventory import DateSource
from models.orders import NoticeLine, Outlook
from models.policy.policy import GOOD_NEWS, MAY_BE_LATE, CalendarPolicy, DayCount, Policy
from models.policy.warning import WarningPolicy
from rules.delays.assess import ONLY_ESTIMATED, assess_order, bucket_of, last_notice_after
from rules.delays.delays import still_true
from rules.delays.schedule import next_check_date
from rules.delays.working_days import Calendar
from rules.early_warning.decision import warn_now
from rules.early_warning.facts import DateStanding, date_standing
from rules.early_warning.sentences import likelihood_sentence, outlook_sentence
from tests.support.builders import CALENDAR, DAY, POLICY, day, line, order

WARNING = WarningPolicy()
WORKING = Calendar(CalendarPolicy(count=DayCount.WORKING))
MONDAY = date(2026, 6, 22)


def likely(in_hundred, *terms):
    return Likelihood(in_hundred / 100, 4, Source.MODEL, tuple(Term(words, words, 9.0) for words in terms))


def estimated(number="1", *, stated=None, **days):
    """Return a line whose date nobody states."""
    facts = line(number, promise=Promise.DELIVER, **days)
    return replace(facts, estimated=True, stated_on=None if stated is None else day(stated))


def with_outlook(facts, in_hundred):
    """Return an order of which it is said how likely each of its promises is broken."""
    promises = {(one.promise, one.promised_on) for one in facts.lines}
    return replace(facts, outlook=tuple(Outlook(*promise, likely(in_hundred)) for promise in sorted(promises)))


def assess(facts, *, on=0, policy=POLICY):
    return assess_order(facts, day(on), policy, CALENDAR)


@pytest.mark.parametrize(
    ("before", "in_hundred", "needed", "now"),
    [
        (6, 99, None, False),
        (5, 60, 60, True),
        (5, 59.99, 60, False),
        (2, 59, 60, False),
        (1, 40, 40, True),
        (1, 39, 40, False),
        (0, 99, None, False),
        (-1, 99, None, False),
    ],
)
def test_an_early_warning_needs_more_than_a_late_one(before, in_hundred, needed, now):
    found = warn_now(likely(in_hundred), DAY, day(-before), WARNING, CALENDAR)
    assert (found.needed, found.now) == (needed, now)


def test_the_last_morning_may_be_the_promised_one():
    policy = WarningPolicy(last_day=0)
    assert warn_now(likely(40), DAY, DAY, policy, CALENDAR).now
    assert not warn_now(likely(40), DAY, day(-1), policy, CALENDAR).now


@pytest.mark.parametrize(("on", "needed"), [(12, None), (15, 60), (18, 60), (19, 40), (20, 40), (21, 40), (22, None)])
def test_the_last_working_day_before_a_monday_is_friday_and_the_weekend_follows_it(on, needed):
    assert warn_now(None, MONDAY, date(2026, 6, on), WARNING, WORKING).needed == needed


def test_a_promise_for_a_sunday_is_warned_of_on_friday():
    found = [
        n for n in range(14, 22) if warn_now(None, date(2026, 6, 21), date(2026, 6, n), WARNING, WORKING).needed == 40
    ]
    assert found == [19, 20]


def test_nothing_is_warned_of_without_a_likelihood_or_where_it_is_off():
    assert not warn_now(None, DAY, day(-1), WARNING, CALENDAR).now
    assert not warn_now(likely(99), DAY, day(-1), WarningPolicy(on=False), CALENDAR).now


@pytest.mark.parametrize(
    "numbers",
    [{"likely": 61}, {"last_day": 6}, {"up_to_days": 3}, {"days_before": 11}, {"surely": 101}, {"channels": ["x"]}],
)
def test_thresholds_that_contradict_each_other_are_refused(numbers):
    with pytest.raises(ValidationError):
        WarningPolicy(**numbers)


def test_the_numbers_of_a_warning_decide():
    assert Policy(warning=WarningPolicy(likely=41)).digest != POLICY.digest


def by(*promised):
    promises = (InboundPromise(f"D{n}", promised_on, None) for n, promised_on in enumerate(promised))
    return InboundBasis(tuple(promises))


@pytest.mark.parametrize(
    ("source", "basis", "promise", "standing"),
    [
        (DateSource.STAFF, None, Promise.DELIVER, DateStanding(assured=True)),
        (DateSource.CARRIER, None, Promise.DELIVER, DateStanding(assured=True)),
        (DateSource.VENDOR, None, Promise.DELIVER, DateStanding()),
        (DateSource.VENDOR, by(day(3)), Promise.DELIVER, DateStanding(estimated=True, stated_on=day(3))),
        (DateSource.STOCK, InStockBasis(Promise.SHIP, "DE"), Promise.SHIP, DateStanding()),
        (DateSource.STOCK, InStockBasis(Promise.DELIVER, "DE"), Promise.DELIVER, DateStanding(estimated=True)),
        (DateSource.STOCK, ShippedBasis(DAY), Promise.DELIVER, DateStanding(estimated=True)),
        (DateSource.STOCK, None, Promise.SHIP, DateStanding(estimated=True)),
        (DateSource.INBOUND, by(day(3), day(9)), Promise.SHIP, DateStanding(estimated=True, stated_on=day(9))),
        (DateSource.INBOUND, by(day(3), None), Promise.SHIP, DateStanding(estimated=True)),
        (DateSource.INBOUND, None, Promise.SHIP, DateStanding(estimated=True)),
        (DateSource.FORECAST, None, Promise.SHIP, DateStanding()),
        (DateSource.SHOP, None, Promise.SHIP, DateStanding()),
    ],
)
def test_what_is_a_fact_and_what_an_estimate(source, basis, promise, standing):
    assert date_standing(source, basis, promise) == standing


def test_an_estimate_is_told_by_itself_when_its_promise_has_passed():
    facts = order(estimated(promised=3, expected=12))
    before = assess(facts, on=3)
    assert (before.bucket, before.plan, before.no_notice_reason) == ("fortnight", None, ONLY_ESTIMATED)
    assert before.next_check_on == day(4)
    assert assess(facts, on=4).plan.message == "fortnight"


@pytest.mark.parametrize(
    ("stated", "message"), [(None, None), (3, None), (6, None), (7, "fortnight"), (20, "fortnight")]
)
def test_the_vendors_own_day_is_a_fact_and_its_bucket_decides_whether_it_is_told(stated, message):
    plan = assess(order(estimated(promised=3, expected=12, stated=stated))).plan
    assert (plan.message if plan else None) == message


def test_an_estimate_of_a_further_line_is_named_and_tells_nothing_by_itself():
    known, guessed = line(promised=-5, expected=3), estimated("2", promised=3, expected=20)
    plan = assess(order(known, guessed)).plan
    assert [late.line.number for late in plan.delay.late] == ["1", "2"]
    after = order(
        known, guessed, told=replace(last_notice_after(plan, POLICY), lines=last_notice_after(plan, POLICY).lines[:1])
    )
    assert assess(after).plan is None


def test_a_warning_is_its_own_message_without_offer_by_its_own_channels():
    policy = Policy(warning=WarningPolicy(channels=(Channel.SMS,)))
    plan = assess(
        with_outlook(order(estimated(promised=1, expected=9), line("2", promised=30)), 61), policy=policy
    ).plan
    assert (plan.message, plan.change, plan.revision) == (MAY_BE_LATE, ChangeKind.WARNING, 1)
    assert plan.change in WITHOUT_OFFER
    assert bucket_of(plan, policy).channels == (Channel.SMS,)
    assert [late.line.number for late in plan.delay.late] == ["1"]
    assert [one.number for one in plan.delay.on_time] == ["2"]
    assert (plan.delay.likely.from_on, plan.delay.likely.to_on) == (day(1), day(11))
    assert plan.why == "61 in 100 such orders end 4 or more days late"


def test_a_warning_names_no_day_before_the_one_that_is_shown():
    plan = assess(with_outlook(order(estimated(promised=1, expected=25)), 61)).plan
    assert plan.delay.likely.to_on == day(25)


@pytest.mark.parametrize("promise", Promise)
def test_promises_to_ship_are_warned_of_as_well(promise):
    facts = replace(line(promised=1), promise=promise)
    assert assess(with_outlook(order(facts), 40)).plan.message == MAY_BE_LATE


def warned(*lines):
    """Return an order whose customer was warned on the day before."""
    facts = order(*lines)
    plan = assess(with_outlook(facts, 90), on=-1).plan
    return replace(facts, told=last_notice_after(plan, POLICY), revision=1)


def test_who_was_warned_is_not_warned_again():
    facts = warned(line(promised=2, promise=Promise.DELIVER))
    assert assess(with_outlook(facts, 99), on=1).plan is None


def test_after_a_warning_the_delay_is_told_as_the_first_one_when_it_is_known():
    facts = warned(estimated(promised=2, expected=20))
    assert assess(facts, on=2).plan is None
    plan = assess(facts, on=3).plan
    assert (plan.message, plan.change, plan.revision) == ("long", ChangeKind.FIRST, 2)


@pytest.mark.parametrize(("expected", "change"), [(2, ChangeKind.IN_TIME), (None, None), (3, None)])
def test_after_a_warning_only_what_is_known_is_good_news(expected, change):
    facts = warned(line(promised=2, promise=Promise.DELIVER))
    days = None if expected is None else day(expected)
    facts = replace(facts, lines=(replace(facts.lines[0], expected_on=days, assured=True),))
    plan = assess(facts, on=1).plan
    assert (plan.change if plan else None) is change
    if plan:
        assert plan.message == GOOD_NEWS
        assert assess(replace(facts, told=last_notice_after(plan, POLICY)), on=2).plan is None


def test_an_estimate_that_became_better_is_no_good_news_and_an_arrival_needs_no_words():
    facts = warned(estimated(promised=2, expected=9))
    better = replace(facts, lines=(estimated(promised=2, expected=1),))
    assert assess(better, on=1).plan is None
    assert assess(replace(facts, lines=(estimated(promised=2, delivered=1),)), on=1).plan is None


def test_goods_that_arrive_in_stock_after_a_warning_are_good_news():
    facts = warned(line(promised=2))
    here = replace(facts, lines=(replace(line(promised=2, expected=2), ready=True),))
    assert assess(here, on=1).plan.change is ChangeKind.IN_TIME


def test_the_carriers_word_counts_for_more_than_a_likelihood():
    facts = replace(line(promised=1, expected=1, promise=Promise.DELIVER), assured=True)
    assert assess(with_outlook(order(facts), 99)).plan is None


def test_a_warning_is_true_while_what_it_names_is_open_and_its_promise_stands():
    facts = warned(line(promised=2, promise=Promise.DELIVER))
    assert still_true(facts.told.lines, facts, day(2))
    assert not still_true(facts.told.lines, facts, day(3))
    arrived = replace(facts, lines=(replace(facts.lines[0], delivered_on=day(1)),))
    assert not still_true(facts.told.lines, arrived, day(1))


def test_a_warned_line_is_read_back_as_it_was_stored():
    (noticed,) = warned(line(promised=2, promise=Promise.DELIVER)).told.lines
    assert noticed.warned
    assert NoticeLine.from_data(noticed.as_data()) == noticed


@pytest.mark.parametrize(("promised", "look"), [(9, 4), (5, 1), (1, 2), (2, 1)])
def test_an_order_is_looked_at_each_morning_on_which_it_may_be_warned_of(promised, look):
    assert next_check_date(order(line(promised=promised)), None, DAY, POLICY, CALENDAR) == day(look)


def test_staff_read_why_and_what_a_warning_needs():
    said = likelihood_sentence(likely(61.9, "17 days with the carrier, usual for RJ: 11", "a", "b", "c"))
    assert said == "61 in 100 such orders end 4 or more days late: 17 days with the carrier, usual for RJ: 11; a; b"
    near, far = (with_outlook(order(line(promised=n)), 35) for n in (3, 8))
    assert outlook_sentence(near, DAY, POLICY, CALENDAR).endswith("late. A warning needs 60 in 100 today.")
    assert outlook_sentence(far, DAY, POLICY, CALENDAR).endswith("A warning is possible from 2026-06-18 on.")
    assert outlook_sentence(order(line(promised=3)), DAY, POLICY, CALENDAR) == ""


lines_of_any_kind = st.builds(
    lambda stated, sure, assured, **days: replace(
        line(**days), estimated=not sure, stated_on=stated, assured=assured and sure
    ),
    st.none() | st.integers(-5, 20).map(day),
    st.booleans(),
    st.booleans(),
    number=st.sampled_from("123"),
    promised=st.integers(-5, 25),
    expected=st.none() | st.integers(-5, 40),
    shipped=st.none() | st.integers(0, 40),
    promise=st.sampled_from(Promise),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(lines_of_any_kind, min_size=1, max_size=3, unique_by=lambda one: one.number),
    st.lists(st.integers(0, 100), min_size=40, max_size=40),
    st.builds(
        lambda last, before: WarningPolicy(last_day=last, days_before=before), st.integers(0, 2), st.integers(2, 7)
    ),
)
def test_a_customer_is_warned_once_and_first_and_never_between_two_looks(lines, said, warning):
    policy, facts, due = Policy(warning=warning), order(*lines), DAY
    changes = []
    for n, in_hundred in enumerate(said):
        verdict = assess(with_outlook(facts, in_hundred), on=n, policy=policy)
        if day(n) < due:
            assert verdict.plan is None
            continue
        due = verdict.next_check_on
        assert due > day(n)
        if (plan := verdict.plan) is None:
            continue
        changes.append(plan.change)
        if plan.change is ChangeKind.WARNING:
            assert in_hundred >= warning.likely
            assert all(day(n) <= late.line.promised_on for late in plan.delay.late)
        if plan.change is ChangeKind.FIRST:
            assert any(
                late.line.promised_on < day(n) or not late.line.estimated or late.line.stated_on
                for late in plan.delay.late
            )
        facts = replace(facts, told=last_notice_after(plan, policy), revision=plan.revision)
    assert ChangeKind.WARNING not in changes[1:]
    assert changes.count(ChangeKind.FIRST) <= 1


def test_days_are_counted_as_the_shop_counts_them():
    policy = Policy(days=CalendarPolicy(count=DayCount.WORKING))
    facts = with_outlook(order(replace(line(), promised_on=MONDAY)), 45)
    on_friday = assess_order(facts, MONDAY - timedelta(days=3), policy, Calendar(policy.days))
    assert on_friday.plan.message == MAY_BE_LATE
    assert on_friday.plan.delay.likely.to_on == date(2026, 7, 6)
