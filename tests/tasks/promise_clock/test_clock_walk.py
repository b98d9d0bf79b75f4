from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from models.customers import Act
from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import Duty, Statement
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.db.sql import read_only
from tasks.promise_clock.staff_records import MISSED, record_refund
from tasks.promise_clock.walk import PROMISE_CLOCK, check_orders, list_candidates, load_all_duties
from tasks.runs.records import finish_run, start_run
from tasks.tables import CLOCK_WATCHES, EVENTS, NOTICES
from tests.support.builders import day, line
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute

ADA = customer("c2", country="US")


def walk(driver, on=0, policy=None):
    """Run the clock's day; return the orders looked at, what was missed, and the days left of what is warned of."""
    if policy is not None:
        driver.context = replace(driver.context, policy=policy)
    orders = list_candidates(driver.context.with_run("", day(on), noon(on)))
    context = start_run(driver.context, PROMISE_CLOCK, day(on), noon(on))
    page = check_orders(context, orders)
    finish_run(context, noon(on), "done", {})
    return orders, [one.what for one in page.missed], [duty.days_left(day(on)) for duty in page.warnings]


def duties(driver):
    with read_only(driver.context.engine) as connection:
        return load_all_duties(connection)


@pytest.fixture
def american(driver):
    """Return a driver with an order to the United States, promised for DAY and expected in 20 days, and its notice."""
    driver.order("1041", line(promised=0, expected=20), customer=ADA, placed=-20)
    driver.order("1042", line(promised=30), customer=ADA, placed=-20)
    driver.run_day()
    execute(driver, update(NOTICES).values(statements=[Statement.CANCEL, Statement.CONSENTS]))
    return driver


def test_only_late_orders_are_looked_at_and_again_only_when_something_can_have_changed(american):
    assert walk(american)[0] == ["1041"]
    assert walk(american, on=1)[0] == ["1041"], "its notice left when the last run began"
    assert walk(american, on=2)[0] == []
    american.change("1041", on=3, expected_on=day(19))
    assert walk(american, on=3)[0] == ["1041"]
    assert walk(american, on=4)[0] == []
    record_choice(american.context, ChoiceRequest("1041", Act.CANCEL, "form", 0, "all"), noon(4) + timedelta(hours=1))
    assert walk(american, on=5)[0] == ["1041"]
    assert [duty.duty for duty in duties(american)] == [Duty.CANCEL_AND_REFUND]


def test_staff_are_warned_seven_three_and_one_days_ahead_once_each(american):
    walk(american)
    warned = {on: walk(american, on)[2] for on in range(1, 21)}
    assert {on: left for on, left in warned.items() if left} == {13: [7], 17: [3], 19: [1]}


def test_a_warning_missed_by_a_day_without_a_run_is_given_the_day_after(american):
    walk(american)
    assert walk(american, on=14)[2] == [6]
    assert walk(american, on=18)[2] == [2]
    assert walk(american, on=18)[2] == []


def test_a_missed_deadline_is_recorded_once_and_the_refund_is_the_next_duty(american):
    walk(american)
    american.change("1041", on=20, expected_on=None)
    _, missed, _ = walk(american, on=21)
    assert missed == [f"ship it, or offer to wait or to cancel by {day(20)}"]
    assert [duty.duty for duty in duties(american)] == [Duty.CANCEL_AND_REFUND]
    american.change("1041", on=22, expected_on=day(60))
    assert walk(american, on=22)[1] == []
    recorded = [row for row in american.rows(EVENTS) if row["kind"] == MISSED]
    assert [(row["subject"], row["who"]) for row in recorded] == [("1041/1", "promise-clock")]


def test_a_refund_ends_the_duties_of_its_order(american):
    walk(american, on=21)
    assert duties(american)
    context = american.context.with_run("", day(22), noon(22))
    assert record_refund(context, "1041", [], day(22), "ben", "19.90 USD by card") == ["1"]
    walk(american, on=22)
    assert duties(american) == []


def test_an_order_that_is_on_time_again_leaves_the_clock(american):
    walk(american)
    american.change("1041", on=1, shipped_at=noon(0))
    american.evaluate(1)
    walk(american, on=1)
    assert american.rows(CLOCK_WATCHES) == []


def test_other_numbers_look_at_every_order_again(american):
    walk(american)
    policy = american.context.policy.model_copy(update={"promise_clock": PromiseClockPolicy(warn_days=(20,))})
    assert walk(american, on=1, policy=policy)[0] == ["1041"]


def test_the_duties_are_listed_by_deadline_and_name_no_customer(american):
    for number, promised in (("1", 3), ("2", 1), ("3", 2)):
        american.order(number, line(promised=promised, expected=40), customer=ADA, placed=-20)
    american.run_day()
    walk(american)
    listed = duties(american)
    assert [duty.order for duty in listed] == ["1041", "2", "3", "1"]
    assert [duty.deadline for duty in listed] == [day(20), day(31), day(32), day(33)]
    assert not any(ADA.name in str(duty.as_data()) or "@" in str(duty.as_data()) for duty in listed)


def test_a_line_on_time_and_a_customer_who_was_told_are_no_duty(driver):
    driver.order("1041", line("1", promised=-9), line("2", promised=9))
    walk(driver, on=0)
    assert duties(driver) == [], "the order is not known as late yet"
    driver.evaluate()
    walk(driver)
    assert [(duty.line, duty.duty) for duty in duties(driver)] == [("1", Duty.TELL_CUSTOMER)]
    driver.deliver()
    walk(driver, on=1)
    assert duties(driver) == []


def test_a_customer_who_may_end_the_contract_is_no_duty_until_they_do(driver):
    driver.order("1041", line(promised=-9), customer=customer("c2", country="BR"))
    driver.run_day()
    walk(driver)
    assert duties(driver) == []
    record_choice(driver.context, ChoiceRequest("1041", Act.CANCEL, "form", 0, "all"), noon(1))
    walk(driver, on=2)
    assert [duty.duty for duty in duties(driver)] == [Duty.CANCEL_AND_REFUND]


def test_the_shop_plans_to_act_two_days_before_a_deadline_and_at_once_where_that_has_passed(american):
    american.change("1041", on=1, expected_on=day(40))
    walk(american, on=2)
    (duty,) = duties(american)
    seen = {on: duty.act_by_from(day(on)) for on in (2, 18, 19, 20, 21)}
    assert duty.deadline == day(20)
    assert seen == {2: day(18), 18: day(18), 19: day(19), 20: day(20), 21: day(20)}
