"""Orders lived day by day through the deciding, the delivering and the clock, to their end."""

import pytest
from sqlalchemy import update

from models.customers import Act
from models.promise_clock import ClockState, Duty
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.promise_clock.staff_records import record_refund
from tasks.tables import ORDERS
from tests.support.builders import day, line
from tests.support.choosing import page_of
from tests.support.clock_days import live, open_duties, state
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute

pytestmark = pytest.mark.sqlite_suffices(
    "days of an order; each of its steps is tested on both databases in test_clock_facts.py and test_clock_walk.py"
)


@pytest.mark.both_databases
def test_in_the_united_states_silence_first_agrees_and_then_cancels(driver):
    driver.order("1041", line(promised=2, expected=10), customer=customer("c2", country="US"), placed=-10)
    assert live(driver, 0, 1) == []
    assert state(driver, 1) == (ClockState.SILENCE_CONSENTS, day(10))
    driver.change("1041", on=6, expected_on=day(20))
    assert live(driver, *range(2, 11)) == []
    assert state(driver, 10) == (ClockState.SILENCE_CANCELS, day(10))
    assert live(driver, 11) == []
    assert state(driver, 11)[0] is ClockState.CANCELLED
    assert open_duties(driver) == [Duty.CANCEL_AND_REFUND]
    deadline = state(driver, 11)[1]
    late = (deadline - day(0)).days + 1
    assert live(driver, *range(12, late + 1)) == [f"refund it by {deadline}"]
    record_refund(driver.context.with_run("", day(late), noon(late)), "1041", [], day(late), "ben")
    assert live(driver, late + 1) == []
    assert (state(driver, late)[0], open_duties(driver)) == (ClockState.CLOSED, [])


def test_in_the_united_states_who_agrees_in_time_keeps_the_order(driver):
    driver.order("1041", line(promised=2, expected=40), customer=customer("c2", country="US"), placed=-10)
    live(driver, 0, 1)
    assert state(driver, 1) == (ClockState.SILENCE_CANCELS, day(32))
    page = page_of(driver, on=1)
    record_choice(driver.context, ChoiceRequest("1041", Act.WAIT, "form", page.version), noon(1))
    assert live(driver, 2, 33) == []
    assert state(driver, 33) == (ClockState.EXTENDED, day(40))
    driver.change("1041", on=39, shipped_at=noon(39))
    assert live(driver, 39, 41) == []
    assert (state(driver, 41)[0], open_duties(driver)) == (ClockState.DONE, [])


def test_in_germany_silence_changes_nothing_and_a_withdrawal_is_refunded_in_14_days(driver):
    driver.order("1041", line(promised=0, expected=10), customer=customer("c2"), placed=-10)
    assert live(driver, 0, 1, 2, 3) == [f"deliver it by {day(2)}"]
    assert state(driver, 9)[0] is ClockState.LATE
    page = page_of(driver, on=4)
    record_choice(driver.context, ChoiceRequest("1041", Act.WITHDRAW, "form", page.version), noon(4))
    assert live(driver, 5) == []
    assert state(driver, 5) == (ClockState.CANCELLED, day(18))
    assert open_duties(driver) == [Duty.CANCEL_AND_REFUND]
    assert live(driver, 18) == []
    assert live(driver, 19) == [f"refund it by {day(18)}"]


def test_in_ontario_the_customer_may_end_it_30_days_after_the_date(driver):
    driver.order("1041", line(promised=0), customer=customer("c2", country="CA"), placed=-10)
    execute(driver, update(ORDERS).values(postcode="M5V 2T6"))
    live(driver, 1)
    assert state(driver, 32) == (ClockState.LATE, day(32))
    assert state(driver, 33)[0] is ClockState.MAY_END
    page = page_of(driver, on=33)
    record_choice(driver.context, ChoiceRequest("1041", Act.CANCEL, "form", page.version, "all"), noon(33))
    assert state(driver, 33) == (ClockState.CANCELLED, day(48))
