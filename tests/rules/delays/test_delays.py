import pytest

from models.enums import Promise
from models.policy.policy import Bucket, CalendarPolicy, Policy
from rules.delays.buckets import bucket_for_days
from rules.delays.delays import delay_of
from rules.delays.working_days import Calendar
from tests.support.builders import CALENDAR, DAY, POLICY, day, line, order


def delay(*lines, as_of=0, policy=POLICY, **facts):
    return delay_of(order(*lines, **facts), day(as_of), policy, Calendar(policy.days))


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (1, "short"),
        (3, "short"),
        (4, "week"),
        (7, "week"),
        (8, "fortnight"),
        (14, "fortnight"),
        (15, "long"),
        (400, "long"),
    ],
)
def test_both_sides_of_every_bucket(days, bucket):
    assert bucket_for_days(days, POLICY).name == bucket
    assert delay(line(promised=-days)).bucket == bucket
    assert delay(line(promised=0, expected=days)).bucket == bucket


def test_on_the_promised_day_itself_an_order_is_not_late():
    assert bucket_for_days(0, POLICY) is None
    assert delay(line(promised=0)) is None
    assert delay(line(promised=0, expected=0)) is None


def test_a_date_after_the_promise_makes_an_order_late_before_the_promise_has_passed():
    found = delay(line(promised=10, expected=15))
    assert (found.days, found.expected_on) == (5, day(15))


def test_a_date_before_the_promise_does_not_help_once_the_promise_has_passed():
    found = delay(line(promised=-5, expected=-6))
    assert (found.days, found.expected_on) == (5, None)


@pytest.mark.parametrize(("expected", "known"), [(-1, None), (0, day(0)), (1, day(1))])
def test_an_expected_date_in_the_past_is_as_good_as_unknown(expected, known):
    assert delay(line(promised=-20, expected=expected)).expected_on == known


def test_days_are_counted_to_the_expected_date_and_to_today_where_there_is_none():
    assert delay(line(promised=-4, expected=6)).days == 10
    assert delay(line(promised=-4)).days == 4


def test_an_order_is_as_late_as_its_latest_line_and_names_every_late_one_as_it_lists_them():
    found = delay(line("1", promised=-4), line("2", promised=-9, expected=3), line("3", promised=5))
    assert found.days == 12
    assert [one.line.number for one in found.late] == ["1", "2"]
    assert [one.number for one in found.on_time] == ["3"]


def test_the_date_of_an_order_is_that_of_its_last_late_line_and_unknown_where_one_is():
    assert delay(line("1", promised=-4, expected=2), line("2", promised=-4, expected=6)).expected_on == day(6)
    assert delay(line("1", promised=-4, expected=2), line("2", promised=-4)).expected_on is None


@pytest.mark.parametrize(
    ("facts", "late"),
    [
        ({"promise": Promise.SHIP, "shipped": 0}, False),
        ({"promise": Promise.SHIP, "shipped": 1}, True),
        ({"promise": Promise.SHIP, "delivered": -1}, False),
        ({"promise": Promise.DELIVER, "shipped": -3}, True),
        ({"promise": Promise.DELIVER, "delivered": 0}, False),
        ({"promise": Promise.DELIVER, "delivered": 1}, True),
        ({"promise": Promise.SHIP, "cancelled": 0}, False),
        ({"promise": Promise.SHIP, "cancelled": 1}, True),
    ],
)
def test_a_line_is_open_until_the_day_on_which_what_was_promised_happened(facts, late):
    assert (delay(line(promised=-5, **facts)) is not None) is late


@pytest.mark.parametrize(("cancelled", "late"), [(0, False), (1, True)])
def test_a_cancelled_order_is_not_late_from_that_day_on(cancelled, late):
    assert (delay(line(promised=-5), cancelled=cancelled) is not None) is late


def test_working_days_leave_out_weekends_and_holidays():
    # DAY is a Monday; 2026-06-19 (Juneteenth) is a holiday in the United States.
    policy = Policy(days=CalendarPolicy(count="working", country="US"))
    assert delay(line(promised=0), as_of=7, policy=policy).days == 4
    assert delay(line(promised=0), as_of=7).days == 7


def test_a_delay_below_the_first_bucket_is_none_of_the_policy():
    policy = Policy(bucket=(Bucket(name="week", from_days=4),))
    assert delay(line(promised=-3), policy=policy) is None
    assert delay(line(promised=-4), policy=policy).bucket == "week"


def test_deciding_needs_no_clock():
    assert delay_of(order(line(promised=-9)), DAY, POLICY, CALENDAR) == delay(line(promised=-9))
