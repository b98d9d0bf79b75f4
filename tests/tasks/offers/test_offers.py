"""Which discount codes the shop system is given."""

import csv

import pytest

from tasks.guardrails.release import ReviewDecision, review_run
from tasks.offers.exports import export_offers
from tasks.runs.records import HELD
from tasks.tables import RUNS
from tests.support.builders import day, line
from tests.support.shop_driver import SMALL, noon, shop
from tests.tasks.notices.test_record_notices import LAMP, OTHER


def say(counter, verdict):
    (run,) = [row["id"] for row in counter.rows(RUNS) if row["state"] == HELD]
    review_run(counter.context.with_run("", day(0), noon(0)), run, verdict, "mara")


@pytest.fixture
def codes(tmp_path):
    """Return a function that exports the offers of a counter, and reads their codes by order."""

    def read(counter, since=None):
        written = export_offers(counter.context, tmp_path / "offers.csv", since if since is None else day(since))
        with (tmp_path / "offers.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == written
        return {row["order"]: row["code"] for row in rows}

    return read


def test_the_codes_of_a_held_run_are_known_to_the_shop_before_anybody_may_read_them(held, codes):
    before = codes(held)
    assert len(set(before.values())) == 4
    say(held, ReviewDecision.LET_GO)
    held.deliver()
    assert codes(held) == before


def test_the_codes_of_a_dropped_run_are_worth_nothing(held, codes):
    say(held, ReviewDecision.DROP)
    assert codes(held) == {}


def test_a_code_of_a_dropped_run_is_worth_something_once_its_order_is_told_after_all(held, codes):
    before = codes(held)
    say(held, ReviewDecision.DROP)
    held.change("1", on=2, expected_on=day(5))
    held.live(2)
    assert codes(held) == codes(held, since=2) == {"1": before["1"]}
    assert codes(held, since=3) == {}


def test_a_substitute_of_a_dropped_run_is_exported_when_it_is_shown_after_all(with_policy, codes):
    counter = with_policy(SMALL)
    shop(counter, late=3)
    counter.order("9", line(promised=-9, product=LAMP))
    counter.stock(OTHER, on_hand=3)
    counter.decide()
    assert codes(counter)["9"] == ""
    say(counter, ReviewDecision.DROP)
    assert codes(counter) == {}
    counter.change("9", on=2, expected_on=day(5))
    counter.live(2)
    assert codes(counter) == {"9": ""}
