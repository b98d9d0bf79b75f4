import re

from models.customers import Act
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.db.events import record_events
from tasks.db.sql import read_only
from tasks.promise_clock.evidence import load_evidence
from tasks.promise_clock.staff_records import MISSED
from tests.support.builders import DAY, day, line
from tests.support.shop_driver import customer, noon
from web.evidence.page import evidence_page, shown_day


def page_of(driver, on=4):
    context = driver.context.with_run("", day(on), noon(on))
    with read_only(driver.context.engine) as connection:
        return evidence_page(load_evidence(context, connection, "1041"))


def test_the_page_tells_the_order_of_events_in_dates_that_people_write(driver):
    driver.order("1041", line(promised=0, expected=20), customer=customer("c2", country="US"), placed=-20)
    driver.run_day()
    record_choice(driver.context, ChoiceRequest("1041", Act.CANCEL, "form", 0, "all"), noon(1))
    page = page_of(driver)
    assert f"promised to ship by {shown_day(DAY)}" in page
    assert re.search(r"<td>16 June 2026, 12:00</td><td>Cancelled; 40.00 EUR to be paid back \(1041-C1\)", page)
    assert "answering message 1" in page
    assert "no refund is recorded" in page
    assert not re.search(r"\d{4}-\d{2}-\d{2}", page)


def test_an_order_of_which_nothing_was_said_says_so(driver):
    driver.order("1041", line(promised=9))
    page = page_of(driver, on=0)
    assert "Nothing was sent." in page
    assert "The customer has not answered." in page


def test_what_a_customer_or_a_provider_wrote_is_escaped(driver):
    driver.order("1041", customer=customer("c2", country="US", email="<b>@example.com"))
    with driver.context.engine.begin() as connection:
        record_events(connection, [(MISSED, "1041/1", "<script>2026-06-02")], noon(0), "promise-clock")
    page = page_of(driver)
    assert "<script>" not in page
    assert "&lt;script&gt;2 June 2026" in page
    assert "&lt;b&gt;@example.com" in page
