"""A customer is warned of a delay that is likely, and hears what came of it once."""

import zlib
from dataclasses import replace

import pytest
from sqlalchemy import insert

from models.customers import Act, Headline
from models.enums import ChangeKind, Promise, SkipReason, State
from models.inventory import DateSource
from models.policy.messaging import GuardrailPolicy
from models.policy.policy import Policy
from models.policy.supply import RestockPolicy
from models.policy.warning import WarningPolicy
from tasks.db.sql import read_only
from tasks.desk.numbers import load_numbers
from tasks.desk.why import explain_why
from tasks.promise_clock.facts import load_line_clocks
from tasks.reporting.day_numbers import count_days
from tasks.reporting.explain_order import explain_order
from tasks.runs.records import HELD
from tasks.tables import EXPECTED_DATES, LEARNT_MODELS, RUNS
from tests.support.builders import ANNA, day, line
from tests.support.choosing import page_of
from tests.support.foretelling import WORDS, Foretelling, always, foretold
from tests.support.shop_driver import customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "decisions and words; their notices are recorded on both databases in test_record_notices.py"
)

LAMP = line(promised=1, promise=Promise.DELIVER)


def warned(driver, *lines):
    """Warn Anna of her order on the first day, which is the one before its promise."""
    driver.order("1041", *(lines or (LAMP,)))
    with always(61):
        (message,) = driver.run_day(0)
    return message


def estimate(driver, expected, key="1041", source=DateSource.INBOUND):
    """Store a date that nobody states."""
    with driver.context.engine.begin() as connection:
        row = {"order_id": key, "line": "1", "source": source, "expected_on": day(expected), "why": "usual"}
        connection.execute(insert(EXPECTED_DATES).values(**row, set_at=noon(0), set_by="test"))


def why(driver, on=0):
    with read_only(driver.context.engine) as connection:
        return explain_why(driver.context.with_run("", day(on), noon(on)), connection, "1041")


def test_a_warning_says_that_nothing_is_known_with_a_range_and_no_apology(driver):
    message = warned(driver)
    assert message.category == "may_be_late"
    assert message.subject == "May be late: between June 16 and June 26 (order 1041)"
    assert "may arrive later than promised" in message.text
    assert "sorry" not in message.text + message.html
    (notice,) = driver.notices
    assert (notice["change"], notice["message"], notice["revision"]) == (ChangeKind.WARNING, "may_be_late", 1)
    assert notice["why"] == f"61 in 100 such orders end 4 or more days late: {WORDS}"


def test_after_a_warning_an_arrival_needs_no_words(driver):
    warned(driver)
    driver.change("1041", on=1, delivered_at=noon(1))
    with always(99):
        assert [message for on in range(1, 9) for message in driver.run_day(on)] == []


def test_after_a_warning_the_delay_is_told_when_it_is_long_enough(driver):
    warned(driver)
    with always(99):
        told = {on: [message.category for message in driver.run_day(on)] for on in range(1, 9)}
    assert told == {on: ["week"] if on == 5 else [] for on in range(1, 9)}


def test_after_a_warning_the_carriers_word_is_good_news(driver):
    warned(driver, line(promised=4, promise=Promise.DELIVER))
    driver.change("1041", on=2, expected_on=day(4), expected_source="carrier")
    with always(99):
        (message,) = driver.run_day(2)
    assert message.category == "good_news"
    assert message.subject == "Good news: on time after all, by June 19 (order 1041)"


@pytest.mark.parametrize(("in_hundred", "left"), [(39, 0), (40, 1)])
def test_the_day_before_the_promise_it_needs_to_be_likely(driver, in_hundred, left):
    driver.order("1041", LAMP)
    with always(in_hundred):
        assert len(driver.run_day(0)) == left


@pytest.mark.both_databases
def test_an_order_is_looked_at_each_morning_and_warned_of_when_it_becomes_likely(driver):
    driver.order("1041", line(promised=9, promise=Promise.DELIVER))
    said = {4: 59, 5: 10, 6: 59.9, 7: 60, 8: 90}
    with foretold(Foretelling(lambda _, as_of: said.get((as_of - day(0)).days, 99))):
        found = [(on, driver.evaluate(on).orders, len(driver.run_day(on))) for on in range(10)]
    assert [on for on, orders, _ in found if orders] == [0, 4, 5, 6, 7]
    assert [(on, messages) for on, _, messages in found if messages] == [(7, 1)]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("change", "in_hundred"),
    [
        ({"delivered_at": noon(0)}, 99),
        ({"expected_on": day(1), "expected_source": "carrier"}, 99),
        ({"expected_on": day(20), "expected_source": "carrier"}, 99),
        ({}, 20),
    ],
    ids=["arrived", "on time, says the carrier", "late, says the carrier", "not likely any more"],
)
def test_a_warning_that_is_not_so_any_more_is_withdrawn_before_it_leaves(driver, change, in_hundred):
    driver.order("1041", LAMP)
    with always(61):
        driver.evaluate(0)
    if change:
        driver.change("1041", on=0, **change)
    else:
        driver.change("1041", on=0, quantity=1)
    with always(in_hundred):
        driver.deliver(0)
    (notice,) = driver.notices
    assert (notice["state"], driver.transport.taken) == (State.SKIPPED, [])
    assert notice["reason"] in (SkipReason.CHANGED, SkipReason.SHIPPED)


def test_a_warning_that_waited_past_its_promise_does_not_leave(driver):
    driver.order("1041", LAMP)
    with always(61):
        driver.evaluate(0)
        driver.deliver(2)
    assert driver.transport.taken == []


def test_nobody_is_warned_where_nothing_was_learnt_or_it_is_switched_off(driver, with_policy):
    driver.order("1041", LAMP)
    assert driver.run_day(0) == []
    with_policy(Policy(warning=WarningPolicy(on=False)))
    driver.change("1041", on=0, quantity=1)
    with always(99):
        assert driver.run_day(0) == []


@pytest.mark.parametrize("content", [b"", b"{}", zlib.compress(b'{"features": 1}')])
def test_what_was_learnt_and_cannot_be_read_leaves_facts_to_be_told(driver, content):
    driver.order("1041", line(promised=1, promise=Promise.DELIVER, expected=12))
    row = dict.fromkeys(("orders", "arrived", "late"), 200) | {"version": "torn", "source": "model", "late_days": 4}
    with driver.context.engine.begin() as connection:
        row |= {"as_of": day(0), "learnt_at": noon(0), "drifted": False, "content": content}
        connection.execute(insert(LEARNT_MODELS).values(row))
    assert [message.category for message in driver.run_day(0)] == ["fortnight"]


@pytest.mark.parametrize("source", ["carrier", "staff"])
def test_nobody_is_warned_of_what_the_carrier_or_staff_say_is_a_little_late(driver, source):
    driver.order("1041", LAMP)
    driver.change("1041", on=0, expected_on=day(3), expected_source=source)
    with always(99):
        assert [driver.run_day(on) for on in (0, 1)] == [[], []]


def test_an_estimate_is_told_when_its_promise_has_passed(driver):
    driver.order("1041", LAMP)
    estimate(driver, expected=12)
    assert [message.category for on in range(4) for message in driver.run_day(on)] == ["fortnight"]
    (notice,) = driver.notices
    assert notice["told_on"] == day(2)


@pytest.mark.both_databases
def test_warnings_count_for_the_guardrails(driver, with_policy):
    with_policy(Policy(guardrails=GuardrailPolicy(min_orders=3)))
    for n in range(4):
        driver.order(f"{n}", LAMP, customer=customer(f"c{n}"))
    with always(99):
        driver.evaluate(0)
    assert driver.breaches
    assert [row["state"] for row in driver.rows(RUNS)] == [HELD]
    assert {row["state"] for row in driver.notices} == {State.HELD}


@pytest.mark.both_databases
def test_the_order_page_says_that_it_may_come_later_and_offers_no_date_to_wait_for(driver):
    warned(driver)
    page = page_of(driver)
    assert (page.headline, page.days_late) == (Headline.MAY_BE_LATE, 0)
    assert (page.earliest_on, page.latest_on) == (day(1), day(11))
    assert Act.CANCEL in page.open.acts
    assert Act.WAIT not in page.open.acts
    assert page_of(driver, on=2).headline is Headline.NO_DATE


def test_the_order_page_says_what_the_carrier_says_though_it_was_warned_of(driver, with_policy):
    with_policy(Policy(restock=RestockPolicy(good_news=False)))
    warned(driver, line(promised=4, promise=Promise.DELIVER))
    driver.change("1041", on=2, expected_on=day(4), expected_source="carrier")
    assert page_of(driver, on=2).headline is Headline.ON_TIME


def test_the_order_page_does_not_call_an_estimate_late(driver):
    driver.order("1041", LAMP)
    estimate(driver, expected=12)
    page = page_of(driver)
    assert (page.headline, page.earliest_on, page.latest_on) == (Headline.MAY_BE_LATE, day(1), day(12))
    assert [(item.days_late, item.may_be_late) for parcel in page.parcels for item in parcel.items] == [(0, True)]


def test_a_warning_is_no_notice_that_a_law_asks_for(driver):
    warned(driver)
    with read_only(driver.context.engine) as connection:
        (clock,) = load_line_clocks(driver.context, connection, ["1041"], day(0))["1041"]
    assert clock.facts.notices == ()


def test_a_law_that_asks_for_a_notice_is_kept_by_estimates_too(driver):
    driver.order("1041", replace(LAMP, promise=Promise.SHIP), customer=replace(ANNA, country="US"))
    estimate(driver, expected=12)
    assert [message.category for message in driver.run_day(0)] == ["fortnight"]


def test_who_was_warned_counts_as_told_before_the_promised_day_once(driver):
    warned(driver)
    with always(99):
        for on in range(1, 9):
            driver.run_day(on)
    count_days(driver.context, [day(on) for on in range(9)], noon(8))
    with read_only(driver.context.engine) as connection:
        numbers = load_numbers(driver.context.policy, connection, day(0), day(8))
    assert (numbers.in_time.count, numbers.in_time.of) == (1, 1)
    assert [(one.bucket, one.told) for one in numbers.buckets if one.told] == [("may_be_late", 1)]


def test_staff_read_what_was_said_of_an_order_that_was_not_warned_and_what_it_needs(driver):
    driver.order("1041", line(promised=3, promise=Promise.DELIVER))
    with always(45):
        driver.run_day(0)
        said = why(driver)
        with read_only(driver.context.engine) as connection:
            explained = explain_order(driver.context, connection, "1041")
    assert f"45 in 100 such orders end 4 or more days late: {WORDS}. A warning needs 60 in 100 today." in said
    assert explained["outlook"] in said
    assert "may come later than promised" not in said


def test_staff_read_that_a_customer_was_warned(driver):
    warned(driver)
    with always(61):
        assert "was told on Monday, 15 June at 12:00 by mail that Lamp 1 may come later than promised." in why(driver)


def test_staff_read_that_a_delay_is_only_an_estimate(driver):
    driver.order("1041", LAMP)
    estimate(driver, expected=12)
    driver.run_day(0)
    assert "that it will be 11 days late is only an estimate, and its promise has not passed" in why(driver)
