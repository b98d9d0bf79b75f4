"""The withdrawal function that EU law asks for: two steps with its labels, and a receipt with content, day and time."""

from dataclasses import replace

import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from models.customers import Act, ChoiceState, Headline
from models.enums import Promise
from models.policy.policy import Policy
from models.promise_clock import ClockState
from tasks.customers.choice_tasks import close_choice
from tasks.customers.record_choice import ChoiceRequest, NotOffered, record_choice
from tasks.db.sql import read_only
from tasks.promise_clock.facts import load_line_clocks
from tasks.tables import CUSTOMER_MAILS, ORDERS
from tests.support.builders import day, line
from tests.support.choosing import page_of
from tests.support.order_pages import NOW, TOKEN, MemoryOrders, memory_routes, order_page
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute
from tests.support.web_client import WebClient


def arrived(number="1", on=-10):
    return line(number, promised=-12, promise=Promise.DELIVER, shipped=on - 2, delivered=on)


def withdraw(driver, on=0):
    page = page_of(driver, on=on)
    return record_choice(driver.context, ChoiceRequest("1041", Act.WITHDRAW, "form", page.version), noon(on))


@pytest.mark.parametrize(
    ("locale", "first", "second"),
    [
        ("en", "Withdraw from contract here", "Confirm withdrawal"),
        ("pt_BR", "Retratar-se do contrato aqui", "Confirmar retratação"),
        ("de", "Vertrag widerrufen", "Widerruf bestätigen"),
        ("es", "Desistir del contrato aquí", "Confirmar desistimiento"),
        ("fr", "Renoncer au contrat ici", "Confirmer la rétractation"),
    ],
)
def test_the_two_steps_have_the_labels_of_the_law(locale, first, second):
    orders = MemoryOrders(order_page(locale=locale))
    client = WebClient(Starlette(routes=memory_routes(orders, now=lambda: NOW)))
    assert first in client.get(f"/o/{TOKEN}").text
    asked = client.get(f"/o/{TOKEN}/withdraw")
    assert f">{second}</button>" in asked.html
    assert "1041" in asked.text
    assert order_page().customer_name in asked.text
    assert orders.page.choices == ()
    client.send(asked.form)
    assert [choice.act for choice in orders.page.choices] == [Act.WITHDRAW]


@pytest.mark.parametrize(("on", "open_"), [(4, True), (5, False)])
def test_it_is_open_until_the_period_ends_after_delivery(driver, on, open_):
    # Day 14 after the arrival is the 19th of June, a Friday.
    driver.order("1041", arrived(on=-10))
    page = page_of(driver, on=on)
    assert (page.open.withdraw is not None) is open_
    assert (Act.WITHDRAW in page.open.acts) is open_


def test_the_days_count_from_the_last_item_of_the_order(driver):
    driver.order("1041", arrived("1", on=-30), arrived("2", on=-10))
    option = page_of(driver).open.withdraw
    assert (option.lines, option.until, option.refund) == (("1", "2"), day(4), 80)
    driver.order("1042", arrived("1", on=-30), line("2", promised=9))
    option = page_of(driver, "1042").open.withdraw
    assert (option.lines, option.until) == (("1", "2"), None)


@pytest.mark.parametrize(
    ("country", "open_"), [("DE", True), ("PL", True), ("GB", False), ("US", False), ("BR", False)]
)
def test_only_the_european_union_asks_for_it(driver, country, open_):
    driver.order("1041", line(promised=5), customer=customer("c2", country=country))
    assert (page_of(driver).open.withdraw is not None) is open_


def test_policy_can_end_it_where_a_shop_sells_what_cannot_be_given_back(driver):
    clock = Policy().promise_clock
    rules = {"DE": clock.country["DE"].model_copy(update={"withdrawal_function": False})}
    policy = Policy(promise_clock={"country": rules})
    driver.context = replace(driver.context, policy=policy)
    driver.order("1041", line(promised=5))
    assert page_of(driver).open.withdraw is None


def test_the_receipt_says_what_was_declared_when(driver):
    driver.order("1041", arrived(on=-10), shipping_fee=5)
    choice = withdraw(driver)
    assert (choice.state, choice.refund, choice.undo_until) == (ChoiceState.REQUESTED, 45, None)
    (mail,) = driver.rows(CUSTOMER_MAILS)
    assert mail["subject"] == "We have received your withdrawal (order 1041)"
    assert "You have withdrawn from the contract about order 1041" in mail["text"]
    assert "Items: Lamp 1" in mail["text"]
    assert "Received: June 15, 2026, 12:00 (Europe/Berlin)" in mail["text"]
    driver.deliver()
    assert [message.subject for message in driver.transport.taken] == [mail["subject"]]
    close_choice(driver.context, choice.id, ChoiceState.DONE, "ben", "", noon(3))
    assert driver.rows(CUSTOMER_MAILS)[-1]["subject"] == "Your withdrawal is done (order 1041)"


def test_what_was_withdrawn_from_is_not_sent_any_more_and_not_withdrawn_from_twice(driver):
    driver.order("1041", line(promised=-9))
    withdraw(driver)
    page = page_of(driver)
    assert page.headline is Headline.CANCEL_REQUESTED
    assert page.open.withdraw is None
    assert Act.CANCEL not in page.open.acts
    with pytest.raises(NotOffered):
        record_choice(driver.context, ChoiceRequest("1041", Act.WITHDRAW, "again", page.version), noon(0))
    assert driver.run_day() == [message for message in driver.transport.taken if "withdrawal" in message.subject]


def test_the_clock_counts_the_refund_from_the_withdrawal(driver):
    driver.order("1041", arrived(on=-10))
    withdraw(driver)
    with read_only(driver.context.engine) as connection:
        (clock,) = load_line_clocks(driver.context, connection, ["1041"], day(0))["1041"]
    assert (clock.standing.state, clock.standing.deadline) == (ClockState.CANCELLED, day(14))


def test_an_order_to_another_country_has_the_rights_of_that_country(driver):
    driver.order("1041", line(promised=5))
    execute(driver, update(ORDERS).values(country="US"))
    assert page_of(driver).open.withdraw is None
