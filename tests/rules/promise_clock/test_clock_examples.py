"""The dated cases of ../shared/data/promise-clock/examples.csv, labelled by hand from the texts of the laws."""

import csv
import json
from datetime import date
from decimal import Decimal

import holidays
import pytest

from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import AnswerKind, ClockAnswer, ClockFacts, ClockNotice
from rules.promise_clock.clock import stand
from tests.support.paths import SHARED

EXAMPLES = SHARED / "data" / "promise-clock" / "examples.csv"
ABSENT = pytest.mark.skipif(not EXAMPLES.is_file(), reason=f"{EXAMPLES.name} of ../shared/data is absent")
ROWS = list(csv.DictReader(EXAMPLES.read_text().splitlines())) if EXAMPLES.is_file() else []


def day(text):
    return date.fromisoformat(text) if text else None


def facts_of(row):
    notices = json.loads(row["notices"])
    answers = json.loads(row["answers"])
    return ClockFacts(
        received_on=day(row["order_received"]),
        payment_good_on=day(row["payment_good_on"]),
        promised_on=day(row["promised"]),
        seller_credit=row["seller_credit"] == "yes",
        payment=row["payment"],
        exclusion=row["exclusion"] or None,
        total=Decimal(row["total"]) if row["total"] else None,
        essential=row["essential"] == "yes",
        cannot_meet=row["cannot_meet"] == "yes",
        notices=tuple(
            ClockNotice(day(each["given"]), day(each["revised"]), each["delivered"], each.get("adequate", True))
            for each in notices
        ),
        answers=tuple(ClockAnswer(AnswerKind(each["what"]), day(each["on"]), day(each["until"])) for each in answers),
        shipped_on=day(row["shipped"]),
        delivered_on=day(row["delivered"]),
        gave_up_on=day(row["gave_up"]),
        refunded_on=day(row["refunded"]),
    )


@ABSENT
def test_all_the_examples_are_read():
    assert len(ROWS) == 119


@ABSENT
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_an_example_stands_as_the_text_of_its_law_says(row):
    country, _, region = row["country"].partition("-")
    rules = PromiseClockPolicy().rules_of(country, region)
    free = holidays.country_holidays(rules.holidays) if rules.holidays else ()
    found = stand(facts_of(row), rules, day(row["today"]), lambda each: each in free)
    expected = (row["expected_state"], row["expected_duty"], day(row["deadline"]))
    assert (found.state, found.duty, found.deadline) == expected
