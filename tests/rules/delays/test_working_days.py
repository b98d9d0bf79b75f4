from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.policy.policy import CalendarPolicy, DayCount
from rules.delays.working_days import Calendar

EVERY_DAY = Calendar(CalendarPolicy())
WEEKDAYS = Calendar(CalendarPolicy(count=DayCount.WORKING))
GERMANY = Calendar(CalendarPolicy(count=DayCount.WORKING, country="DE"))
BAVARIA = Calendar(CalendarPolicy(count=DayCount.WORKING, country="DE", subdivision="BY"))
SAUDI_ARABIA = Calendar(CalendarPolicy(count=DayCount.WORKING, country="SA"))
CALENDARS = [EVERY_DAY, WEEKDAYS, GERMANY, BAVARIA, SAUDI_ARABIA]

FRIDAY = date(2026, 11, 20)
CHRISTMAS_EVE = date(2026, 12, 24)


@pytest.mark.parametrize(
    ("calendar", "promised", "day", "late"),
    [
        (EVERY_DAY, FRIDAY, FRIDAY, 0),
        (EVERY_DAY, FRIDAY, date(2026, 11, 23), 3),
        (EVERY_DAY, FRIDAY, date(2026, 11, 18), -2),
        (WEEKDAYS, FRIDAY, FRIDAY, 0),
        (WEEKDAYS, FRIDAY, date(2026, 11, 22), 0),
        (WEEKDAYS, FRIDAY, date(2026, 11, 23), 1),
        (WEEKDAYS, date(2026, 11, 21), date(2026, 11, 23), 1),
        (WEEKDAYS, date(2026, 11, 23), FRIDAY, -1),
        (WEEKDAYS, CHRISTMAS_EVE, date(2026, 12, 28), 2),
        (GERMANY, CHRISTMAS_EVE, date(2026, 12, 28), 1),
        (GERMANY, CHRISTMAS_EVE, date(2027, 1, 4), 5),
        (GERMANY, date(2027, 1, 5), date(2027, 1, 6), 1),
        (BAVARIA, date(2027, 1, 5), date(2027, 1, 6), 0),
        (SAUDI_ARABIA, date(2026, 11, 19), date(2026, 11, 22), 1),
        (GERMANY, date(2024, 12, 31), date(2026, 1, 2), 253),
    ],
)
def test_days_late_are_the_days_after_the_promise_on_which_the_shop_works(calendar, promised, day, late):
    assert calendar.days_late(promised, day) == late


@given(
    calendar=st.sampled_from(CALENDARS),
    promised=st.dates(date(2020, 1, 1), date(2032, 12, 31)),
    days=st.integers(-40, 40),
)
@example(GERMANY, CHRISTMAS_EVE, 1)
@example(WEEKDAYS, date(2026, 11, 22), 0)
@example(GERMANY, date(2026, 1, 1), 0)
def test_an_order_becomes_so_many_days_late_on_the_first_day_that_counts_so_many(calendar, promised, days):
    day = calendar.day_when(promised, days)
    assert calendar.days_late(promised, day) >= days
    assert calendar.days_late(promised, day - timedelta(days=1)) < days


@given(calendar=st.sampled_from(CALENDARS), start=st.dates(date(2020, 1, 1), date(2032, 12, 31)), n=st.integers(1, 300))
def test_the_nth_day_after_a_day_is_n_days_after_it(calendar, start, n):
    day = calendar.add(start, n)
    assert calendar.days_late(start, day) == n
    assert calendar.days_late(day - timedelta(days=1), day) == 1


def test_no_day_after_a_holiday_is_the_holiday_itself():
    assert GERMANY.add(date(2026, 12, 25), 0) == date(2026, 12, 25)


def test_a_negative_number_of_days_cannot_be_added():
    with pytest.raises(ValueError, match=r"0 or more \(found -1\)"):
        EVERY_DAY.add(FRIDAY, -1)
