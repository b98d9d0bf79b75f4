"""Which discount codes the shop system is given."""

import csv

import pytest

from tasks.guardrails.release import ReviewDecision, release_or_drop_run
from tasks.offers.exports import export_offers
from tasks.runs.records import HELD
from tasks.tables import RUNS
from tests.support.builders import day, line
from tests.support.shop_driver import SMALL_SHOP_POLICY, noon, place_orders
from tests.tasks.notices.test_record_notices import LAMP, OTHER


def say(driver, verdict):
    (run,) = [row["id"] for row in driver.rows(RUNS) if row["state"] == HELD]
    release_or_drop_run(driver.context.with_run("", day(0), noon(0)), run, verdict, "mara")


@pytest.fixture
def codes(tmp_path):
    """Return a function that exports the offers of a driver, and reads their codes by order."""

    def read(driver, since=None):
        written = export_offers(driver.context, tmp_path / "offers.csv", since if since is None else day(since))
        with (tmp_path / "offers.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == written
        return {row["order"]: row["code"] for row in rows}

    return read


def test_the_codes_of_a_held_run_are_known_to_the_shop_before_anybody_may_read_them(held_run, codes):
    before = codes(held_run)
    assert len(set(before.values())) == 4
    say(held_run, ReviewDecision.RELEASE)
    held_run.deliver()
    assert codes(held_run) == before


def test_the_codes_of_a_dropped_run_are_worth_nothing(held_run, codes):
    say(held_run, ReviewDecision.DROP)
    assert codes(held_run) == {}


def test_a_code_of_a_dropped_run_is_worth_something_once_its_order_is_told_after_all(held_run, codes):
    before = codes(held_run)
    say(held_run, ReviewDecision.DROP)
    held_run.change("1", on=2, expected_on=day(5))
    held_run.run_day(2)
    assert codes(held_run) == codes(held_run, since=2) == {"1": before["1"]}
    assert codes(held_run, since=3) == {}


def test_a_substitute_of_a_dropped_run_is_exported_when_it_is_shown_after_all(with_policy, codes):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=3)
    driver.order("9", line(promised=-9, product=LAMP))
    driver.stock(OTHER, on_hand=3)
    driver.evaluate()
    assert codes(driver)["9"] == ""
    say(driver, ReviewDecision.DROP)
    assert codes(driver) == {}
    driver.change("9", on=2, expected_on=day(5))
    driver.run_day(2)
    assert codes(driver) == {"9": ""}
