"""The numbers of a period on the desk, each with what it is out of."""

import csv
import io

import pytest
from sqlalchemy import insert

from tasks.reporting.day_numbers import count_days
from tasks.tables import COUNTERS, DAY_NUMBERS
from tests.support.builders import day
from tests.support.desk import desk_client
from tests.support.shop_driver import noon


def put(context, on, measure, value, part="", kind=""):
    row = {"day": day(on), "measure": measure, "part": part, "kind": kind, "value": value}
    with context.engine.begin() as connection:
        connection.execute(insert(DAY_NUMBERS).values(**row))


@pytest.fixture
def counted(context):
    for on in (-1, 0):
        put(context, on, "counted", int(noon(on).timestamp()))
        put(context, on, "told", 22, "week")
        put(context, on, "in_time", 20 if on else 21, "week")
        put(context, on, "messages", 20, "email", "sent")
        put(context, on, "messages", 2, "email", "bounced")
    put(context, 0, "answers", 5, "week", "wait")
    put(context, 0, "answers", 3, "week", "cancel")
    put(context, 0, "kept", 5, "week", "kept")
    put(context, 0, "kept", 3, "week", "cancelled")
    put(context, 0, "offers", 4, "week", "substitute")
    put(context, 0, "offer_value", 12_34_00 * 100, "EUR")
    put(context, -40, "told", 9, "week")
    with context.engine.begin() as connection:
        for bucket, n in (("on_time", 90), ("week", 6), ("long", 4)):
            connection.execute(insert(COUNTERS).values(name=f"orders:{bucket}", value=n))
    return context


def test_an_empty_ledger_says_when_numbers_appear(context):
    page = desk_client(context, "read").get("/desk/numbers")
    assert page.status == 200
    assert "No day of this period was counted yet." in page.text


def test_each_number_says_what_it_is_out_of(counted):
    text = desk_client(counted, "read").get("/desk/numbers").text.replace("\u00a0", " ")
    assert "41 of 44 (93 %)" in text
    assert "10 of 100 (10 %)" in text
    assert "5 of 8 " in text
    assert "5 wait, 3 cancel" in text
    assert "4 a swap" in text
    assert "44 of 44 (100 %) 0 of 44 (0 %) 4 of 44 (9 %)" in text
    assert "4 to 7 days late" in text
    assert "1,234.00 EUR" in text
    assert "not set: 44 messages sent; the policy's [costs] sets what one costs" in text
    assert "2 of 28 days were counted." in text


def test_a_period_is_asked_for_in_the_address(counted):
    text = desk_client(counted, "read").get("/desk/numbers?from=2026-06-15&to=2026-06-15").text.replace("\u00a0", " ")
    assert "21 of 22 (95 %)" in text
    assert "Numbers, Mon 15 Jun to Mon 15 Jun" in text


@pytest.mark.parametrize("query", ["from=soon", "from=2026-06-15&to=2026-06-01", "to=2026-02-30"])
def test_a_wrong_period_is_said_and_the_usual_one_shown(counted, query):
    page = desk_client(counted, "read").get(f"/desk/numbers?{query}")
    assert page.status == 422
    assert "One thing needs another look" in page.text
    assert "41 of 44" in page.text


def test_a_period_in_the_future_ends_today(counted):
    page = desk_client(counted, "read").get("/desk/numbers?from=2020-01-01&to=2030-01-01")
    assert page.status == 200
    assert "to Mon 15 Jun" in page.text


def test_a_message_told_twice_stands_out(counted):
    put(counted, 0, "twice", 1)
    page = desk_client(counted, "read").get("/desk/numbers")
    assert [tag for tag in page.tags("span") if tag.get("class") == "dot bad"]


def test_each_day_is_a_file(counted):
    answer = desk_client(counted, "read").get("/desk/numbers/days.csv?from=2026-06-14&to=2026-06-15")
    rows = list(csv.DictReader(io.StringIO(answer.html)))
    assert {"day": "2026-06-15", "number": "told", "of": "week", "which": "", "value": "22"} in rows
    assert all(row["number"] != "counted" for row in rows)


def test_no_word_of_the_code_is_on_the_page(counted):
    text = desk_client(counted, "read").get("/desk/numbers").text.lower()
    assert not {"bucket", "week ", "long ", "ledger", "remedy", "substitute"} & set(text.split())


def test_a_day_without_a_message_is_counted_as_nothing(context):
    count_days(context, [day(0)], noon(0))
    text = desk_client(context, "read").get("/desk/numbers?from=2026-06-15&to=2026-06-15").text.replace("\u00a0", " ")
    assert "Orders late now none" in text
    assert "none were sent" in text
