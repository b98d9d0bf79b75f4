from decimal import Decimal

from models.customers import Act, ChoiceState
from tasks.customers.choice_tasks import close_choice, give_reason
from tasks.db.sql import read_only
from tasks.reporting.explain_order import explain_order
from tests.support.builders import DAY, day, line
from tests.support.choosing import Visitor
from tests.support.shop_driver import customer, noon


def explained(driver):
    with read_only(driver.context.engine) as connection:
        return explain_order(driver.context.with_run("r", DAY, noon(0)), connection, "1041")


def test_an_order_is_explained_with_what_its_customer_chose_and_what_became_of_it(driver):
    driver.order("1041", line("1", promised=-9, expected=4), line("2", promised=6))
    driver.run_day()
    assert explained(driver)["choices"] == []
    visitor = Visitor(driver)
    visitor.choose(Act.WAIT)
    visitor.choose(Act.CANCEL, "late")
    give_reason(driver.context, "1041", 2, "too slow")
    close_choice(driver.context, "1041-C2", ChoiceState.DONE, "ana", "paid back", visitor.now)

    wait, cancel = explained(driver)["choices"]
    (notice,) = driver.notices
    assert (wait["choice"], wait["act"], wait["state"], wait["expected_on"]) == ("1041-C1", "wait", "replaced", day(4))
    assert (cancel["state"], cancel["lines"], cancel["refund"]) == ("done", ["1"], Decimal(40))
    assert (cancel["answers"], cancel["why"], cancel["made_by"]) == (notice["id"], "too slow", "customer")
    assert [(event["kind"], event["who"], event["why"]) for event in cancel["events"]] == [
        ("chosen", "customer", "cancel"),
        ("choice_done", "ana", "paid back"),
    ]
    lines = {shown["line"]: shown["state"] for shown in explained(driver)["lines"]}
    assert lines == {"1": "cancelled by the customer (1041-C2)", "2": "on time"}
    assert explained(driver)["now"]["message"] is None


def test_a_message_that_had_nowhere_to_go_never_had_words(driver):
    driver.order("1041", customer=customer("c9", email=None))
    driver.run_day()
    (told,) = explained(driver)["told"]
    assert (told["state"], told["reason"], told["words"]) == ("skipped", "no_address", "none")
