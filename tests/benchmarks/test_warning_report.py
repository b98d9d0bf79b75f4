"""The measure of warnings: it counts what the product's own decision does, and how sure a number is."""

from dataclasses import replace
from datetime import date, timedelta
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from benchmarks.bootstrap import Weeks
from benchmarks.forecast_orders import Bought
from benchmarks.forecast_scores import Scores
from benchmarks.warning_replay import Foretold, foretell
from benchmarks.warning_report import ALL_OUT, DAY_BEFORE, OURS, by_cost, measure_warnings, show_warnings, warnings_data
from benchmarks.warning_scores import WarningScores, auc, brier_skill, first_warnings, on_last_morning
from models.early_warning import Source
from models.policy.policy import Policy
from tests.support.waiting_orders import past_orders

POLICY = Policy()
START = date(2026, 1, 5)


@pytest.fixture(scope="module")
def orders():
    """Return the orders of ten weeks, eight a day."""
    return [
        Bought(
            one.order_id, one.vendor, one.region, one.placed_on, one.placed_on + timedelta(days=2), one.promised_on,
            one.shipped_on, one.ended_on,
        )
        for one in past_orders(560, 70)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def foretold(orders):
    return [each for morning in foretell(orders, POLICY) for each in morning]


def test_what_happens_later_changes_no_earlier_warning(orders, foretold):
    turn = orders[0].bought_on + timedelta(days=50)

    def otherwise(day):
        return day if day < turn else day + timedelta(days=9)

    changed = [
        replace(one, handed_on=otherwise(one.handed_on), delivered_on=otherwise(one.delivered_on))
        for one in orders
        if one.bought_on < turn
    ]
    before = {(each.order.id, each.morning): each.probability for each in foretold if each.morning <= turn}
    again = (each for morning in foretell(changed, POLICY) for each in morning if each.morning <= turn)
    assert {(each.order.id, each.morning): each.probability for each in again} == before
    assert len(before) > 500


def test_the_report_shows_the_products_rule_beside_the_others(orders, foretold, tmp_path):
    dates = Scores(POLICY.forecast, 4)
    dates.days_late = {each.order.id: each.order.days_late for each in foretold}
    scores, rules = measure_warnings(orders, dates, POLICY, Console(quiet=True))
    assert rules[OURS].warned == len(first_warnings(foretold))
    assert rules[ALL_OUT].warned > rules[DAY_BEFORE].warned > 0
    assert rules[by_cost(5)].warned >= rules[by_cost(2)].warned >= rules[DAY_BEFORE].warned >= rules[by_cost(1)].warned
    out = Console(record=True, width=150, file=StringIO())
    show_warnings(scores, rules, tmp_path / "w.png", out)
    assert "said and came: only those that arrived" in out.export_text()
    assert (tmp_path / "w.png").stat().st_size > 10_000
    assert sum(warnings_data(scores, rules)["sources"].values()) == len(foretold)


def order(key, late):
    return Bought(key, "v", "s", START, START, START + timedelta(days=9), None, START + timedelta(days=9 + late))


def said(one, before, probability, *, warned=False):
    morning = one.promised_on - timedelta(days=before)
    return Foretold(one, morning, before, probability, probability, Source.MODEL, warned, is_last=before == 1)


def test_each_order_is_warned_of_once_and_counted_by_when_it_came():
    late, soon, fine, missed = order("a", 6), order("b", 2), order("c", -1), order("d", 4)
    foretold = [
        said(late, 1, 0.5, warned=True), said(late, 3, 0.7, warned=True), said(soon, 1, 0.6, warned=True),
        said(fine, 1, 0.45, warned=True), said(missed, 1, 0.2), said(missed, 0, 0.9, warned=True),
    ]  # fmt: skip
    assert first_warnings(foretold) == {"a": 3, "b": 1, "c": 1}
    assert on_last_morning(foretold, least=0.5) == {"a": 1, "b": 1}
    score = WarningScores([late, soon, fine, missed], foretold, 4).rule("ours", first_warnings(foretold))
    assert (score.warned, score.told.value, score.early.value, score.lead) == (3, 0.5, 0.5, 3)
    assert [score.came[by].value for by in (0, 1, 3)] == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert [score.worth[gain].value for gain in (1, 2, 3, 5)] == [-1, 0, 1, 3]


def test_measures_of_likelihoods_are_those_of_their_definitions():
    said_so, late = np.array([0.2, 0.4, 0.4, 0.9]), np.array([0.0, 0.0, 1.0, 1.0])
    assert auc(said_so, late, np.ones(4)) == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert auc(said_so, late, np.array([1.0, 0, 0, 1])) == 1
    assert brier_skill(np.full(4, 0.5), late, np.ones(4)) == 0
    assert brier_skill(late, late, np.ones(4)) == 1


def test_an_interval_is_wide_where_weeks_differ():
    weeks = [START + timedelta(weeks=n) for n in range(40) for _ in range(5)]
    alike, bouts = [1, 0, 0, 0, 0] * 40, ([1] * 5 + [0] * 20) * 8
    resampled = Weeks(weeks)
    narrow, wide = (resampled.ratio(weeks, hits, np.ones(200)) for hits in (alike, bouts))
    assert narrow.value == wide.value == pytest.approx(0.2)
    assert narrow.high - narrow.low < 0.01 < 0.1 < wide.high - wide.low
