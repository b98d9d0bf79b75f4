"""What messages led to, on the desk: each number with what it is out of, and trials without wishful reading."""

import csv
import io
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import event

from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from models.results import ArmCount, ExperimentCount
from rules.experiments.compare import Arm
from tasks.db.sql import insert
from tasks.tables import RESULT_NUMBERS
from tests.support.builders import day
from tests.support.desk import desk_client
from tests.support.paths import ROOT
from tests.support.shop_driver import noon
from web.staff.result_words import DEFINITIONS, trial_view, verdict_words

TRIAL = ExperimentPolicy(
    name="shorter subject", message="week", wording="week_b", begins=day(-20), ends=day(9), outcome="waited"
)


def put(context, on, measure, value, bucket="week", **key):
    of = {"day": day(on), "bucket": bucket, "message": bucket, "experiment": "", "wording": "", "kind": ""} | key
    with context.engine.begin() as connection:
        new = insert(connection, RESULT_NUMBERS).values(of | {measure: value})
        keys = [column.name for column in RESULT_NUMBERS.primary_key]
        connection.execute(new.on_conflict_do_update(index_elements=keys, set_={measure: value}))


def counted(context, *days):
    for on in days:
        put(context, on, "counted", int(noon(on).timestamp()), "", message="")


@pytest.fixture
def told(context):
    """44 messages 4 to 7 days late, and 9 that are 15 days late or more."""
    counted(context, -7, 0)
    for on, n, in_time in ((-7, 22, 21), (0, 22, 20)):
        for measure, value in (("told", n), ("first", n), ("in_time", in_time), ("reached", 15)):
            put(context, on, measure, value)
    for measure, value in (("came_back", 4), ("answered", 13), ("waited", 8), ("cancelled", 3), ("shipped", 2)):
        put(context, 0, measure, value)
    for measure, value in (("told", 9), ("reached", 8), ("codes", 9), ("redeemed", 4), ("uses", 6)):
        put(context, 0, measure, value, "long")
    put(context, 0, "uses_expired", 1, "long")
    put(context, 0, "uses_unknown", 1, "long")
    put(context, 0, "codes_value", 180_0000, "long", kind="EUR")
    put(context, 0, "uses_value", 30_5000, "long", kind="EUR")
    put(context, 0, "uses_value", 8_0000, "long", kind="USD")
    put(context, 0, "sent", 53, "long", kind="email")
    return context


def in_trial(context, a, b, **policy):
    for letter, (waited, customers) in (("A", a), ("B", b)):
        of = {"message": "week", "experiment": TRIAL.name, "wording": letter}
        put(context, 0, "told", customers, "", **of)
        put(context, 0, "waited", waited, "", **of)
    trial = TRIAL.model_copy(update=policy)
    return replace(context, policy=Policy(experiment=(trial,)))


def page_of(context, query=""):
    return desk_client(context, "read").get(f"/desk/results{query}")


def test_an_empty_ledger_says_when_results_appear_and_what_a_trial_is(context):
    page = page_of(context)
    assert page.status == 200
    assert "No day of this period was counted yet." in page.text
    assert "A trial has half of the customers read another wording" in page.text


def test_each_number_says_what_it_is_out_of_and_few_have_no_percentage(told):
    text = page_of(told).text
    assert "4 to 7 days late 44 30 of 44 (68 %) 10 sent, no word, 4 came back" in text.replace("\u00a0", " ")
    assert "13 of 44 (30 %)" in text.replace("\u00a0", " ")
    assert "2 had what is ready sent" in text
    assert "15 days late or more 9 8 of 9 1 sent, no word" in text
    assert "All 53 38 of 53 (72 %)" in text.replace("\u00a0", " ")
    assert "4 of 9 2 used again 180.00 EUR 30.50 EUR and 8.00 USD not set" in text.replace("\u00a0", " ")
    assert "1 use of codes came after they had expired." in text
    assert "Of 1 use the shop's export does not say what was taken off." in text
    assert "2 of 90 days were counted." in text


def test_a_bar_stands_where_there_is_a_percentage(told):
    page = page_of(told)
    # Of the two rows with ten messages or more: reached, answered, waited, swapped, cancelled. Of codes: none.
    assert len([tag for tag in page.tags("svg") if tag.get("class") == "share"]) == 10


def test_the_weeks_are_one_line_with_its_numbers_in_words(told):
    page = page_of(told)
    (line,) = [tag for tag in page.tags("svg") if tag.get("role") == "img"]
    assert line["aria-label"].replace("\u00a0", " ") == "Told before the promised day, by week: 41 of 44 (93 %) in all"
    assert "Week of Mon 8 Jun 21 of 22 (95 %)" in page.text.replace("\u00a0", " ")
    assert len(page.tags("circle")) >= 2


def test_one_message_can_be_asked_for(told):
    page = page_of(told, "?message=long")
    assert "15 days late or more 9" in page.text
    assert "4 to 7 days late 44" not in page.text
    assert "No such message left in these days." in page_of(told, "?message=good_news").text


@pytest.mark.parametrize("query", ["from=soon", "from=2026-06-15&to=2026-06-01", "to=2026-02-30", "message=nothing"])
def test_a_wrong_period_or_message_is_said_and_the_usual_one_shown(told, query):
    page = page_of(told, f"?{query}")
    assert page.status == 422
    assert "One thing needs another look" in page.text
    assert "30 of 44" in page.text


def test_a_running_trial_shows_intervals_and_says_that_it_is_too_early_to_compare(told):
    text = page_of(in_trial(told, (12, 96), (19, 101))).text.replace("\u00a0", " ")
    assert "A 12 of 96 waited (13 %, 7 to 21 %)" in text
    assert "B 19 of 101 waited (19 %, 12 to 28 %)" in text
    assert "Runs until Wed 24 Jun" in text
    assert "Too early to compare: the trial runs until Wed 24 Jun." in text
    assert "chance alone" not in text
    assert "is not certain" not in text


def test_a_trial_that_ended_warns_of_nothing(told):
    text = page_of(in_trial(told, (30, 200), (60, 200), ends=day(-1))).text
    assert "Ended Sun 14 Jun" in text
    assert "Too early" not in text
    assert "The share of B is higher, and hardly by chance" in text


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (Arm(0, 0), Arm(0, 0), "nothing can be said"),
        (Arm(3, 9), Arm(90, 100), "nothing can be said"),
        (Arm(10, 100), Arm(10, 100), "chance alone gives one this big in 100 of 100 trials"),
        (Arm(50, 200), Arm(20, 200), "The share of A is higher"),
        (Arm(20, 200), Arm(50, 200), "fewer than 1 of 100 trials"),
    ],
)
def test_the_verdict_says_no_more_than_the_numbers(a, b, says):
    assert says in verdict_words(a, b)


def test_few_customers_stand_without_percentages():
    found = ExperimentCount(TRIAL, ArmCount(9, 3, 0, 3, 0), ArmCount(1, 1, 0, 1, 0))
    view = trial_view(Policy(), found, day(0), "Wed 24 Jun")
    assert view.arms == ("A 3 of 9 customers waited", "B 1 of 1 customer waited")
    assert view.others[0] == ("Cancelled", "A 0 of 9; B 0 of 1")


def test_tables_are_files_too(told):
    client = desk_client(in_trial(told, (12, 96), (19, 101)), "marketing")
    rows = list(csv.DictReader(io.StringIO(client.get("/desk/results/days.csv?message=week").html)))
    assert {
        "day": "2026-06-15",
        "days_late": "4 to 7 days late",
        "message": "week",
        "number": "waited",
        "which": "",
        "value": "8",
    } in rows
    assert {row["message"] for row in rows} == {"week"}
    trials = list(csv.DictReader(io.StringIO(client.get("/desk/results/trials.csv").html)))
    assert [(row["wording"], row["customers"], row["waited"]) for row in trials] == [
        ("A", "96", "12"),
        ("B", "101", "19"),
    ]


def test_prices_of_the_policy_make_a_cost(told):
    from models.policy.costs import CostPolicy

    context = replace(told, policy=Policy(costs=CostPolicy(email={"EUR": Decimal("0.01")})))
    assert "0.53 EUR" in page_of(context).text.replace("\u00a0", " ")


def test_the_page_reads_counters_and_no_orders_however_many_there_are(told):
    client, asked = desk_client(told, "read"), []
    event.listen(told.engine, "before_cursor_execute", lambda *given: asked.append(given[2].lower()))
    assert client.get("/desk/results").status == 200
    about = [one for one in asked if "result_number" in one]
    assert len(about) == 3
    assert not [one for one in asked if re.search(r'from "?(notice|outbox|orders|customer_choice|offer)"?\b', one)]


def test_no_word_of_the_code_is_on_the_page(told):
    words = page_of(in_trial(told, (12, 96), (19, 101))).text.lower().split()
    assert not {"bucket", "bucket,", "experiment", "ledger", "remedy", "revision", "arm", "outcome"} & set(words)


def test_the_guide_defines_each_number_as_the_page_does():
    guide = " ".join((ROOT / "docs" / "marketing.md").read_text().split())
    assert [term for term, text in DEFINITIONS if f"| {term} | {text} |" not in guide] == []
