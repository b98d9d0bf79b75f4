import pytest
from sqlalchemy import update

from models.customers import Act
from models.errors import ForewarnError
from models.promise_clock import Statement
from tasks.customers.choice_tasks import close_choice
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.db.sql import read_only
from tasks.promise_clock.evidence import load_evidence
from tasks.tables import NOTICES
from tests.support.builders import DAY, day, line
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute


def evidence_of(driver, key="1041", on=0):
    context = driver.context.with_run("", day(on), noon(on))
    with read_only(driver.context.engine) as connection:
        return load_evidence(context, connection, key)


@pytest.fixture
def cancelled(driver):
    """Return a driver whose American customer was told, cancelled, and got the money back."""
    driver.order("1041", line(promised=0, expected=20), customer=customer("c2", country="US"), placed=-20)
    driver.run_day()
    execute(driver, update(NOTICES).values(statements=[Statement.CANCEL, Statement.CONSENTS]))
    request = ChoiceRequest("1041", Act.CANCEL, "form", 0, "all")
    record_choice(driver.context, request, noon(1))
    driver.deliver(1)
    close_choice(driver.context, "1041-C1", "done", "ben", "by card", noon(3))
    return driver


def test_the_evidence_holds_what_was_promised_told_answered_and_refunded_with_time_and_source(cancelled):
    found = evidence_of(cancelled, on=4)
    (promised,), (told,), (answered,) = found["promised"], found["told"], found["answered"]
    assert (promised["by"], promised["what"], promised["source"]) == (DAY, "ship", "the shop's facts and policy")
    assert (told["became"], told["sent_at"], told["to"]) == ("taken by the provider", noon(0), "c2@example.com")
    assert told["lines"] == [{"line": "1", "promised_on": DAY, "expected_on": day(20)}]
    assert told["says"] == ["the right to cancel and to get all money back", "that silence agrees to the new date"]
    assert "1041" in told["words"]
    assert (answered["act"], answered["made_at"], answered["source"]) == ("cancel", noon(1), "the order page")
    assert answered["notice_id"] == told["id"]
    assert [mail["answers"] for mail in found["confirmed"]] == ["1041-C1", "1041-C1"]
    assert [(one["at"], one["who"]) for one in found["refunded"]] == [(noon(3), "ben")]
    assert found["lines"][0]["state"] == "closed"


def test_the_evidence_of_words_that_were_deleted_keeps_their_dates(cancelled):
    execute(cancelled, update(NOTICES).values(subject="", text="", html=""))
    (told,) = evidence_of(cancelled, on=4)["told"]
    assert told["words"] is None
    assert told["lines"] == [{"line": "1", "promised_on": DAY, "expected_on": day(20)}]
    assert told["says"]


def test_an_unknown_order_has_no_evidence(driver):
    with pytest.raises(ForewarnError, match="no order '9' is known"):
        evidence_of(driver, "9")
