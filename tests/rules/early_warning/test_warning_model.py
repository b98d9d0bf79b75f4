"""What is foretold of orders: it knows no future, finds a known truth, and does without what a shop does not say."""

import json
import random
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from models.early_warning import HORIZON, OpenOrder, PastOrder, SeenScan, Source
from models.policy.policy import CalendarPolicy, DayCount
from rules.delays.working_days import Calendar
from rules.early_warning.columns import CodeBook, columns, in_order
from rules.early_warning.features import FEATURES, build
from rules.early_warning.model import MIN_ARRIVED, WarningModel, _working_days
from rules.early_warning.sentences import likelihood_sentence
from rules.early_warning.statistics import PastCounts
from rules.early_warning.survival import AGES, fit_survival
from rules.early_warning.training import examples
from tests.support.waiting_orders import LATE_DAYS, WITHIN_DAYS, day, out_on, past_orders, to_ship, truth

DAYS = CalendarPolicy()
COUNT, SPAN = 3_000, 300
MORNING = day(220)


def learn(past, as_of=MORNING, **how):
    return WarningModel.learn(past, as_of, LATE_DAYS, DAYS, **how)


def said(model, orders, as_of=MORNING):
    return [None if one is None else one.probability for one in model.likelihoods(orders, as_of)]


@pytest.fixture(scope="module")
def past():
    return past_orders(COUNT, SPAN)


@pytest.fixture(scope="module")
def model(past):
    return learn(past)


def test_known_hazards_are_recovered_within_three_points():
    past, as_of = past_orders(20_000, 400), day(400)
    out = out_on(past, as_of)
    found = said(learn(past, as_of), out, as_of)
    by_group = {}
    for order, probability in zip(out, found, strict=True):
        key = order.region, order.promised_on
        by_group.setdefault(key, []).append((probability, truth(order, as_of)))
    means = np.array([np.mean(values, axis=0) for values in by_group.values()])
    assert len(means) == 2 * WITHIN_DAYS
    assert means[:, 1].max() - means[:, 1].min() > 0.4
    assert np.abs(means[:, 0] - means[:, 1]).max() < 0.03


def otherwise(moment, dice):
    """Return a day before the morning unchanged, and any other day as another one that is not before it."""
    if moment is None or moment < MORNING:
        return moment
    return None if dice.random() < 0.3 else MORNING + timedelta(days=dice.randrange(40))


def test_what_happens_later_changes_no_likelihood_by_a_bit(past, model):
    """Every day from the morning on is another one, orders are placed and lost, and the rows come in another order."""
    dice = random.Random(4)  # noqa: S311 - it keeps no secret
    changed = [
        replace(
            one,
            shipped_on=otherwise(one.shipped_on, dice),
            ended_on=otherwise(one.ended_on, dice),
            cancelled_on=otherwise(MORNING, dice) if dice.random() < 0.1 else None,
            last_scan_on=otherwise(MORNING, dice),
            seen=(SeenScan(MORNING + timedelta(days=1), MORNING, "lost"),) if dice.random() < 0.1 else (),
        )
        for one in past
        if one.placed_on < MORNING or dice.random() < 0.5
    ]
    later = [
        replace(one, order_id=f"x{one.order_id}", region="elsewhere", vendor="new")
        for one in past
        if one.placed_on >= MORNING
    ]
    changed += later
    dice.shuffle(changed)
    again = learn(changed)
    assert again.to_dict() == model.to_dict()
    by_id = {one.order_id: one for one in changed}
    out = out_on(past, MORNING)
    assert len(out) > 30
    assert said(again, [by_id[one.order_id] for one in out]) == said(model, out)


def test_features_are_the_same_learnt_from_and_foretold_by(past, model):
    """A morning's row has the same bits when it is one of many past mornings, and when it is today."""
    facts_of = in_order(past, day(SPAN))
    codes = CodeBook.of(facts_of, day(SPAN))
    last, first = day(SPAN).toordinal(), day(0).toordinal()
    facts = columns(facts_of, day(SPAN), LATE_DAYS, Calendar(DAYS), codes)
    counts = PastCounts(facts, fit_survival(facts, first, last), last)
    rows = examples(facts, counts, _working_days(DAYS, first, last + 30), last)
    of_morning = rows.days == MORNING.toordinal()
    learnt_from = {
        facts_of[n].order_id: row for n, row in zip(rows.order[of_morning], rows.features[of_morning], strict=True)
    }
    out = [one for one in out_on(past, MORNING) if one.order_id in learnt_from]
    assert len(out) > 30
    now = build(model._rows(out, MORNING, model.counts))
    for order, row in zip(out, now, strict=True):
        assert row.tolist() == learnt_from[order.order_id].tolist()


def test_a_stored_model_says_the_same_to_the_bit(past, model):
    loaded = WarningModel.from_dict(json.loads(json.dumps(model.to_dict())))
    out = out_on(past, MORNING)
    assert loaded.likelihoods(out, MORNING) == model.likelihoods(out, MORNING)
    assert loaded.version == model.version
    assert model.version.startswith(str(MORNING))


def test_nothing_is_foretold_below_a_hundred_arrivals(past):
    early = next(day(n) for n in range(SPAN) if sum(one.ended_on < day(n) for one in past) >= MIN_ARRIVED)
    before = learn(past, early - timedelta(days=1))
    assert before.source is None
    assert set(said(before, out_on(past, early - timedelta(days=1)), early - timedelta(days=1))) == {None}
    assert learn(past, early).source is Source.AGE


def test_a_shop_that_does_not_say_what_arrives_gets_no_forecast(past):
    blind = [replace(one, ended_on=None) for one in past]
    assert learn(blind).source is None


def test_an_order_that_never_arrives_is_counted_for_so_many_days_and_no_more(past):
    lost = replace(past[0], order_id="lost", placed_on=day(-1_000), promised_on=day(-990), shipped_on=day(-999))
    orders = in_order([replace(lost, ended_on=None)], MORNING)
    facts = columns(orders, MORNING, LATE_DAYS, Calendar(DAYS), CodeBook.of(orders, MORNING))
    morning = MORNING.toordinal()
    counts = PastCounts(facts, fit_survival(facts, int(facts.placed.min()), morning), morning)
    row, *_ = counts._expected(facts, facts.shipped, facts.shipped < morning, np.full(1, morning))
    assert len(row) == AGES


def test_few_late_orders_are_foretold_by_age(past):
    morning = day(19)
    soon = learn(past, morning)
    assert (soon.source, soon.late < 12) == (Source.AGE, True)
    out = out_on(past, morning)
    found = soon.likelihoods(out, morning)
    by_age = sorted((order.placed_on, each.probability) for order, each in zip(out, found, strict=True))
    assert by_age[0][1] > by_age[-1][1]
    assert {each.source for each in found} == {Source.AGE}
    assert {each.terms for each in found} == {()}


def test_one_vendor_one_region_and_nothing_optional_are_enough(past):
    plain = [
        PastOrder(order_id=one.order_id, promised_on=one.promised_on, placed_on=one.placed_on, ended_on=one.ended_on)
        for one in past
    ]
    model = learn(plain)
    out = out_on(plain, MORNING)
    assert model.source is Source.MODEL
    assert all(0 < one < 1 for one in said(model, out))
    weights = dict(zip((feature.name for feature in FEATURES), model.regression.fit.logistic.weights, strict=True))
    unknown = (
        "place_late",
        "carrier_late",
        "carrier_pace",
        "place_pace",
        "vendor_late",
        "scanless_days",
        "overdue_days",
    )
    assert [abs(weights[name]) < 1e-6 for name in unknown] == [True] * len(unknown)


def test_promises_to_ship_are_foretold_on_the_ship_date(past):
    model = learn([to_ship(one) for one in past])
    out = [to_ship(one) for one in out_on(past, MORNING)]
    found = np.array(said(model, out))
    real = np.array([truth(one, MORNING) for one in out])
    assert np.abs(found - real).mean() < 0.06


def test_an_order_is_foretold_from_the_horizon_to_the_promise(model):
    def at(before):
        promised = MORNING + timedelta(days=before)
        return OpenOrder(order_id="1", promised_on=promised, placed_on=MORNING - timedelta(days=3), region="far")

    found = said(model, [at(before) for before in (-1, 0, HORIZON, HORIZON + 1)])
    assert [one is None for one in found] == [True, False, False, True]
    assert said(model, [replace(at(3), placed_on=MORNING)]) == [None]


def test_the_reasons_say_by_how_many_points_they_move_it_the_largest_first(model):
    far = OpenOrder(
        order_id="1",
        promised_on=MORNING + timedelta(days=1),
        placed_on=MORNING - timedelta(days=7),
        shipped_on=MORNING - timedelta(days=6),
        region="far",
        country="DE",
    )
    slow, quick = model.likelihoods([far, replace(far, region="near")], MORNING)
    assert slow.probability > quick.probability
    assert 0 < slow.base < 1
    points = {term.name: term.points for term in slow.terms}
    assert list(map(abs, points.values())) == sorted(map(abs, points.values()), reverse=True)
    assert points["place"] > 0 > {term.name: term.points for term in quick.terms}["place"]
    said_of = likelihood_sentence(slow)
    assert re.match(r"\d+ in 100 such orders end 4 or more days late: ", said_of)
    assert re.search(r"still out for far the day before: \d+ in 100 late, of all \d+ in 100", said_of)


def test_days_without_a_scan_count_once_mornings_have_been_seen(past):
    """A scan each day, until an order is stuck: one in ten, and those are late."""
    dice = np.random.default_rng(1)
    scanned = []
    for one in past:
        stuck = dice.random() < 0.1
        ended = (
            one.promised_on + timedelta(days=6) if stuck else one.placed_on + timedelta(days=int(dice.integers(2, 9)))
        )
        mornings = [one.promised_on - timedelta(days=before) for before in range(4)]
        last = one.promised_on - timedelta(days=6)
        seen = [
            SeenScan(each, last if stuck else each - timedelta(days=1), "moving") for each in mornings if each <= ended
        ]
        scanned.append(replace(one, ended_on=ended, seen=tuple(seen)))
    model = learn(scanned)
    out = [one for one in out_on(scanned, MORNING) if one.promised_on == MORNING + timedelta(days=1)][:1]
    stuck, moving = (replace(out[0], last_scan_on=MORNING - timedelta(days=days)) for days in (5, 1))
    likely, unlikely = said(model, [stuck, moving])
    assert likely > unlikely + 0.3
    (slow, _) = model.likelihoods([stuck, moving], MORNING)
    assert "no scan for 5 days" in slow.terms[0].words


def test_while_what_was_said_is_off_the_base_rate_of_the_last_weeks_decides(past):
    model = learn(past, drifted=True)
    out = out_on(past, MORNING)
    found = model.likelihoods(out, MORNING)
    assert {one.source for one in found} == {Source.BASE_RATE}
    by_before = {}
    for order, one in zip(out, found, strict=True):
        by_before.setdefault(order.promised_on, set()).add(one.probability)
    assert all(len(values) == 1 for values in by_before.values())


def test_lateness_counts_working_days_where_the_policy_does(past):
    working = CalendarPolicy(count=DayCount.WORKING)
    by_working = WarningModel.learn(past, MORNING, LATE_DAYS, working)
    assert 0 < by_working.late < learn(past).late
