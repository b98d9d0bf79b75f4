"""Goods arrive: customers whose orders can leave now are told once, and only as many as there are goods for."""

import pytest
from sqlalchemy import update

from models.enums import ChangeKind, State
from tasks.db.sql import read_only
from tasks.inventory.overrides import set_override
from tasks.reporting.explain_order import explain_order
from tasks.tables import EXPECTED_DATES, INBOUNDS, ORDERS, PRODUCTS, STOCKS
from tests.support.builders import day, line
from tests.support.shop_driver import customer, noon
from tests.support.supply import LAMP, add_deliveries, allocate, execute, expected_date

pytestmark = pytest.mark.sqlite_suffices(
    "decisions of a day; stock is allocated and notices recorded on both databases in tests/tasks"
)


@pytest.fixture
def waiting(driver):
    """Set up three orders of two lamps that wait for a delivery in ten days, and whose customers were told."""
    for key in ("1", "2", "3"):
        driver.order(key, line(promised=2, quantity=2, product=LAMP), customer=customer(f"c{key}"))
    driver.stock(LAMP, 0)
    add_deliveries(driver, ("D1", 12, 10))
    allocate(driver.context)
    driver.run_day()
    assert len(driver.transport.taken) == 3
    driver.transport.taken.clear()
    return driver


def arrive(driver, pieces, on):
    execute(driver, update(STOCKS).values(on_hand=pieces))
    allocate(driver.context, on=on, run=f"run {on}")


def told(driver, on):
    return sorted((message.to, message.category) for message in driver.run_day(on))


@pytest.mark.both_databases
def test_goods_that_arrive_are_good_news_for_as_many_orders_as_they_cover(waiting):
    arrive(waiting, 5, on=3)
    assert told(waiting, 3) == [("c1@example.com", "good_news"), ("c2@example.com", "good_news")]
    assert [row["change"] for row in waiting.notices if row["message"] == "good_news"] == [ChangeKind.READY] * 2


def test_good_news_is_told_once_however_often_the_schedule_runs(waiting):
    arrive(waiting, 5, on=3)
    waiting.run_day(3)
    for later in (3, 3, 4):
        arrive(waiting, 5, on=later)
        assert told(waiting, later) == []


def test_a_customer_who_has_to_wait_is_told_nothing_until_the_goods_come(waiting):
    arrive(waiting, 5, on=3)
    waiting.run_day(3)
    arrive(waiting, 6, on=4)
    assert told(waiting, 4) == [("c3@example.com", "good_news")]


def test_good_news_has_a_revision_of_its_own_and_the_mail_says_that_it_is_there(waiting):
    arrive(waiting, 6, on=3)
    (message, *_) = waiting.run_day(3)
    assert "in stock, set aside for you" in message.text
    assert {row["revision"] for row in waiting.notices} == {1, 2}


def test_an_earlier_delivery_is_good_news_by_enough_days(waiting):
    execute(waiting, update(INBOUNDS).values(expected_on=day(10)))
    allocate(waiting.context, on=1)
    assert told(waiting, 3) == []
    execute(waiting, update(INBOUNDS).values(expected_on=day(5)))
    allocate(waiting.context, on=3)
    assert {category for _, category in told(waiting, 3)} == {"good_news"}


def test_good_news_is_not_sent_when_the_goods_are_gone_again(waiting):
    arrive(waiting, 6, on=3)
    waiting.evaluate(3)
    arrive(waiting, 0, on=3)
    waiting.deliver(3)
    assert waiting.transport.taken == []
    states = {row["state"] for row in waiting.notices if row["message"] == "good_news"}
    assert states == {State.SKIPPED}


def test_an_order_told_to_be_in_stock_that_is_not_sent_by_its_date_is_told_again(waiting):
    arrive(waiting, 6, on=3)
    waiting.run_day(3)
    ready_on = expected_date(waiting, "1")[1]
    arrive(waiting, 6, on=(ready_on - day(0)).days + 1)
    again = told(waiting, (ready_on - day(0)).days + 2)
    assert {to for to, _ in again} == {"c1@example.com", "c2@example.com", "c3@example.com"}
    assert "good_news" not in {category for _, category in again}


def test_a_line_in_stock_that_never_leaves_does_not_get_a_new_date_each_day(waiting):
    arrive(waiting, 6, on=3)
    waiting.run_day(3)
    waiting.transport.taken.clear()
    for on in range(4, 60):
        arrive(waiting, 6, on=on)
        waiting.run_day(on)
    categories = [message.category for message in waiting.transport.taken if message.to == "c1@example.com"]
    assert categories == ["week", "fortnight", "long"]  # without a day: each a bucket worse
    assert expected_date(waiting, "1") == ("stock", None, False)
    arrive(waiting, 0, on=60)
    arrive(waiting, 6, on=61)
    assert expected_date(waiting, "1") == ("stock", day(63), True)
    assert "good_news" in {category for _, category in told(waiting, 61)}


@pytest.mark.both_databases
@pytest.mark.parametrize(("priority", "kept"), [(0, True), (9, False)])
def test_a_line_told_to_be_in_stock_stays_so_except_for_a_higher_priority(waiting, priority, kept):
    arrive(waiting, 2, on=3)
    waiting.run_day(3)
    execute(waiting, update(PRODUCTS).values(safety_stock=1))
    waiting.order("4", line(promised=1, quantity=1, product=LAMP))
    execute(waiting, update(ORDERS).where(ORDERS.c.id == "4").values(priority=priority))
    arrive(waiting, 2, on=4)
    assert expected_date(waiting, "1")[2] is kept


def test_a_line_in_stock_that_was_never_late_gives_way_to_an_earlier_promise(driver):
    driver.order("1", line(promised=20, quantity=2, product=LAMP))
    driver.stock(LAMP, 2)
    allocate(driver.context)
    driver.run_day()
    driver.order("2", line(promised=3, quantity=2, product=LAMP))
    allocate(driver.context)
    assert (expected_date(driver, "1")[2], expected_date(driver, "2")[2]) == (False, True)


def test_a_line_with_a_date_set_by_staff_is_not_told_to_be_in_stock(waiting):
    set_override(waiting.context.with_run("", day(1), noon(1)), "1", "1", day(30), "Rita")
    arrive(waiting, 6, on=3)
    assert expected_date(waiting, "1") == ("staff", day(30), False)
    assert ("c1@example.com", "good_news") not in told(waiting, 3)


def test_an_order_that_was_never_told_hears_no_good_news(driver):
    driver.order("1", line(promised=9, quantity=2, product=LAMP))
    driver.stock(LAMP, 0)
    add_deliveries(driver, ("D1", 12, 1))
    allocate(driver.context)
    driver.run_day()
    arrive(driver, 6, on=1)
    assert driver.run_day(1) == []
    assert {row["source"] for row in driver.rows(EXPECTED_DATES)} == {"inbound", "stock"}


@pytest.mark.both_databases
def test_staff_see_why_in_the_ledger(waiting):
    arrive(waiting, 6, on=3)
    waiting.evaluate(3)
    reasons = [row["why"] for row in waiting.notices if row["message"] == "good_news"]
    assert len(reasons) == 3
    assert all("what was told to be late is there and can go" in why for why in reasons)


def test_staff_read_the_whole_chain_of_an_order_from_stock_to_words(waiting):
    execute(waiting, update(INBOUNDS).where(INBOUNDS.c.id == "D1").values(expected_on=day(11)))
    execute(waiting, update(STOCKS).values(on_hand=1))
    allocate(waiting.context, on=1)
    with read_only(waiting.context.engine) as connection:
        story = explain_order(waiting.context.with_run("", day(1), noon(1)), connection, "1")
    assert [(one["quantity"], one["covered by"]) for one in story["supply"]["covered"]] == [
        (1, "stock at main"),
        (1, f"delivery D1 of an unnamed vendor, promised for {day(10)}, now for {day(11)}"),
    ]
    before, now = story["supply"]["dates"]
    assert (before["ended_at"], now["ended_at"]) == (noon(1), None)
    assert before["why"].startswith("2 of 2 with delivery D1, promised for")
    assert (story["lines"][0]["expected_on"], story["bucket"]) == (now["expected_on"], "fortnight")
    assert [notice["message"] for notice in story["told"]] == ["fortnight"]
