"""The measure of the forecast: it samples at no future, and finds a known truth."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from benchmarks.forecast_orders import Bought, read_orders
from benchmarks.forecast_picture import METHOD_COLOURS, STAGE_COLOURS, draw
from benchmarks.forecast_replay import ForecastSample, Method, Stage, replay, stages_of
from benchmarks.forecast_report import main
from benchmarks.forecast_scores import Scores, pinball
from models.policy.supply import ForecastPolicy
from rules.inventory.lateness_distribution import LatenessDistribution
from tests.support.paths import SHARED

DATA = SHARED / "data" / "olist"
START = date(2026, 1, 1)
POLICY = ForecastPolicy()
FITTED_METHODS = (Method.POOLED, Method.VENDOR, Method.LEGS)


def after(start, days):
    return start + timedelta(days=int(days))


def generated_orders(count=600, seed=7):
    """Return orders of two vendors, one prompt and one that takes its time, to a near state and a far one."""
    dice = np.random.default_rng(seed)
    orders = []
    for n in range(count):
        bought, slow, far = after(START, n // 6), n % 2, n // 2 % 2
        handed = after(bought, dice.integers(0, 6) + slow * dice.integers(0, 16))
        delivered = after(handed, dice.integers(1, 12) + 10 * far)
        orders.append(
            Bought(str(n), f"v{slow}", f"s{far}", bought, after(bought, 4), after(bought, 20), handed, delivered)
        )
    return orders


@pytest.fixture(scope="module")
def orders():
    return generated_orders()


@pytest.fixture(scope="module")
def samples(orders):
    return list(chain.from_iterable(replay(orders, POLICY)))


@pytest.fixture(scope="module")
def scores(samples):
    scores = Scores(POLICY, late=4)
    for sample in samples:
        scores.add(sample)
    return scores


@pytest.mark.parametrize("stage", [Stage.BOUGHT, Stage.HANDED])
@pytest.mark.parametrize("method", FITTED_METHODS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.9])
def test_dates_are_kept_as_often_as_forecast(samples, stage, method, share):
    """A whole day is kept by more than its share, and the day before it by less."""
    dates = [
        (sample.lateness[method].quantile(share), sample.order.days_late)
        for sample in samples
        if stage in sample.stages
    ]
    came = np.array([(days_late < day, days_late <= day) for day, days_late in dates if day is not None])
    sooner, by_then = came.mean(axis=0)
    assert len(came) > 350
    assert sooner - 0.05 < share < by_then + 0.05


def test_who_knows_the_vendor_and_the_way_loses_less_than_who_does_not(scores):
    found = {(row.stage, row.method): row.pinball[0.8] for row in scores.table()}
    for stage in (Stage.BOUGHT, Stage.HANDED):
        ranked = [found[stage, method] for method in (Method.LEGS, Method.VENDOR, Method.POOLED, Method.MEDIAN)]
        assert ranked == sorted(ranked)
    assert found[Stage.HANDED, Method.LEGS] < found[Stage.BOUGHT, Method.LEGS]


def test_what_happens_later_changes_no_earlier_forecast(orders, samples):
    turn = after(START, 50)

    def otherwise(day):
        return None if day is None else day if day < turn else after(day, 17)

    changed = [
        replace(one, handed_on=otherwise(one.handed_on), delivered_on=otherwise(one.delivered_on))
        for one in orders
        if one.bought_on < after(turn, 3)
    ]
    before = {(sample.order.id, sample.morning): sample for sample in samples if sample.morning <= turn}
    again = {(sample.order.id, sample.morning): sample for morning in replay(changed, POLICY) for sample in morning}
    again = {key: sample for key, sample in again.items() if sample.morning <= turn}
    assert before.keys() == again.keys()
    assert len(before) > 500
    for key, sample in before.items():
        for method in Method:
            first, second = sample.lateness[method], again[key].lateness[method]
            assert first.days_late.tolist() == second.days_late.tolist()
            assert first.cumulative.tolist() == second.cumulative.tolist()


def test_no_forecast_is_of_a_day_that_has_passed(samples):
    for sample in samples:
        for lateness in sample.lateness.values():
            assert (
                not len(lateness.days_late) or after(sample.order.promised_on, lateness.days_late[0]) >= sample.morning
            )


@pytest.mark.parametrize(
    ("days", "handed", "stages"),
    [
        (1, 5, (Stage.BOUGHT,)),
        (1, 0, (Stage.BOUGHT, Stage.HANDED)),
        (2, 5, ()),
        (6, 5, (Stage.HANDED,)),
        (8, 5, (Stage.WEEKLY,)),
        (15, None, (Stage.WEEKLY,)),
    ],
)
def test_an_order_is_forecast_when_it_is_bought_handed_over_and_each_week(days, handed, stages):
    one = Bought("1", "v", "s", START, START, START, None if handed is None else after(START, handed))
    assert stages_of(one, after(START, days)) == stages


def sample_of(order, day, probabilities, stages=()):
    """Return a sample at an order in which each slip has a chance of its own."""
    lateness = LatenessDistribution(
        np.array(list(probabilities)), np.cumsum(list(probabilities.values())), np.ones(len(probabilities), int)
    )
    return ForecastSample(order, after(START, day), stages, dict.fromkeys(Method, lateness))


def test_what_was_kept_is_counted_over_the_samples_that_had_dates():
    scores = Scores(POLICY, late=4)
    for days_late, total in ((2, 1), (3, 1), (6, 1), (7, 1), (0, 0.4)):
        one = Bought(str(days_late), "v", "s", START, START, START, None, after(START, days_late))
        scores.add(sample_of(one, 1, {2: total / 2, 4: total / 4, 6: total / 4}, tuple(Stage)))
    for row in scores.table():
        assert (row.samples, row.no_date, row.kept, row.in_range, row.range_days) == (4, 0.2, 0.75, 0.75, 4)
        assert row.pinball[0.5] == pytest.approx((0 + 1 + 4 + 5) / 2 / 4)
    assert [(one.month, one.samples, one.kept) for one in scores.months(Method.LEGS)] == [(START, 4, 0.75)]
    assert scores.kept(Stage.WEEKLY, Method.LEGS)[:5] == [0.25] * 5


@pytest.mark.parametrize(
    ("probability", "told", "of_late", "false", "of_others", "days_before"),
    [
        (0.1, 0, 0, 0, 0, 0),
        (0.4, 1, 1 / 2, 0, 0, 5),
        (0.6, 2, 1 / 2, 1 / 2, 1 / 2, 5),
        (0.9, 2, 1 / 2, 1 / 2, 1 / 2, 9),
    ],
)
def test_who_would_be_told_before_the_promise_is_counted_once_from_the_first_telling(
    probability, told, of_late, false, of_others, days_before
):
    late, missed, calm, fine = (
        Bought(str(n), "v", "s", START, START, after(START, 10), None, after(START, 10 + days_late))
        for n, days_late in enumerate((4, 20, 3, 0))
    )
    scores = Scores(POLICY, late=4)
    for sample in (
        sample_of(late, 1, {0: 0.7, 4: 0.3}),
        sample_of(late, 5, {3: 0.3, 4: 0.7}),
        sample_of(late, 9, {3: 0.3, 4: 0.7}),
        sample_of(missed, 9, {3: 1.0}),
        sample_of(missed, 10, {4: 1.0}),
        sample_of(calm, 9, {0: 0.5, 4: 0.5}),
        sample_of(fine, 9, {0: 0.05}),
    ):
        scores.add(sample)
    found = scores.warned(Method.LEGS, probability)
    assert (found.told, found.of_late, found.false, found.of_others, found.days_before) == (
        told,
        of_late,
        false,
        of_others,
        days_before,
    )


@pytest.mark.parametrize(
    ("share", "came", "loss"), [(0.8, [5], 4.0), (0.8, [-5], 1.0), (0.5, [4, -4], 2.0), (0.9, [0], 0.0)]
)
def test_a_day_too_late_costs_more_than_one_too_early_the_surer_the_date_was(share, came, loss):
    assert pinball(share, np.array(came), np.zeros(len(came))) == pytest.approx(loss)


def colours_of(image):
    """Return the colours of a picture's pixels, as text."""
    return {to_hex([channel / 255 for channel in pixel]) for _, pixel in image.getcolors(image.width * image.height)}


def test_the_chart_has_a_panel_with_a_line_for_each_stage_and_one_for_each_method(scores, tmp_path):
    draw(scores, tmp_path / "of" / "forecast.png")
    with Image.open(tmp_path / "of" / "forecast.png") as image:
        assert image.size == (960, 304)
        panels = [image.convert("RGB").crop((n * 320, 0, (n + 1) * 320, 304)) for n in range(3)]
    kept, months, warned = map(colours_of, panels)
    assert {to_hex(colour) for colour in STAGE_COLOURS.values()} <= kept
    assert to_hex(STAGE_COLOURS[Stage.BOUGHT]) in months
    assert {to_hex(colour) for colour in METHOD_COLOURS.values()} <= warned
    assert to_hex(STAGE_COLOURS[Stage.WEEKLY]) not in warned


def test_without_the_real_orders_nothing_is_measured_and_one_sentence_says_so(tmp_path, capsys):
    main(data=Path("nowhere"), picture=tmp_path / "p.png")
    assert capsys.readouterr().out == "Nothing was measured: the folder of the real orders is absent (nowhere).\n"
    assert not (tmp_path / "p.png").exists()


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/olist is absent")
def test_orders_that_never_arrived_are_as_rare_as_in_the_whole_data_set():
    orders = read_orders(DATA)
    gone = sum(one.delivered_on is None for one in orders)
    assert len(orders) - gone == 5164
    assert gone / len(orders) == pytest.approx(0.018, abs=0.004)
    assert orders == sorted(orders, key=lambda one: (one.bought_on, one.id))
