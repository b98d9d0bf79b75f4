"""What vendors' past deliveries predict for the next one."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.policy.supply import ForecastPolicy
from rules.inventory.vendor_lateness import Delivery, PredictedDate, VendorLateness
from tests.support.builders import DAY, day

POLICY = ForecastPolicy()
FAR = day(3650)
days_late_lists = st.lists(st.integers(-20, 60), max_size=40)
histories = st.dictionaries(st.sampled_from("abc"), st.tuples(days_late_lists, days_late_lists), max_size=3)
shares = st.floats(0.05, 0.95)


def received(vendor, *days_late):
    return [Delivery(vendor, day(-100), day(-100 + n)) for n in days_late]


def waiting(vendor, *days):
    return [Delivery(vendor, day(-so_far), None) for so_far in days]


def fit(deliveries, policy=POLICY):
    return VendorLateness.fit(deliveries, DAY, policy)


def fit_history(history, policy=POLICY):
    return fit(
        [one for name, (done, out) in history.items() for one in received(name, *done) + waiting(name, *out)], policy
    )


def share_kept(lateness, vendor, within):
    return lateness.distribution(vendor).probability(within)


def test_a_vendor_that_is_always_ten_days_late_is_expected_ten_days_after_its_promise():
    lateness = fit(received("slow", *[10] * 200) + received("prompt", *[0] * 200))
    slow, prompt, new = (lateness.predict_date(name, day(20), DAY) for name in ("slow", "prompt", "new"))
    assert (slow.earliest_on, slow.expected_on, slow.latest_on) == (day(30), day(30), day(30))
    assert (prompt.earliest_on, prompt.expected_on, prompt.latest_on) == (day(20), day(20), day(20))
    assert (new.earliest_on, new.expected_on, new.latest_on) == (day(20), day(30), day(30))
    assert "200 past deliveries of slow and 400 of all" in slow.why
    assert "80% come within 10 days after" in slow.why
    assert lateness.predict_date(None, day(20), DAY) == new


@pytest.mark.parametrize(("own", "weight"), [(0, 0), (5, 1 / 3), (10, 1 / 2), (90, 9 / 10)])
def test_a_vendors_own_deliveries_weigh_as_much_as_those_of_all_once_there_are_as_many_as_the_policy_says(own, weight):
    others = received("others", *[0] * (5000 - own))
    lateness = fit(received("own", *[7] * own) + others)
    everyones = share_kept(lateness, None, 0)
    assert share_kept(lateness, "own", 0) == pytest.approx((1 - weight) * everyones)


def test_without_a_delivery_still_out_the_estimate_is_the_plain_mixture():
    own, others = [3, 3, 9, 12], [-2, 0, 0, 1, 3, 5, 9, 30]
    lateness = fit(received("own", *own) + received("others", *others))
    for days in range(-5, 31):
        everyones = sum(slip <= days for slip in own + others) / 12
        theirs = sum(slip <= days for slip in own) / 4
        assert share_kept(lateness, "own", days) == pytest.approx(4 / 14 * theirs + 10 / 14 * everyones)


def test_deliveries_still_out_make_a_vendor_look_as_late_as_it_is():
    """Half come at once and half after 40 days; the late half of the newest is still out."""
    promised = [day(-n) for n in range(1, 301)]
    true = [Delivery("v", on, on + timedelta(days=40 * (n % 2))) for n, on in enumerate(promised)]
    rosy = fit([one for one in true if one.received_on <= DAY])
    assert share_kept(rosy, "v", 0) > 0.53
    assert share_kept(fit(true), "v", 0) == pytest.approx(0.5, abs=0.01)


def test_what_came_after_the_day_is_not_known_on_it():
    future = [Delivery("v", day(-10), day(n)) for n in range(1, 30)]
    assert fit(received("v", *range(20)) + future).predict_date("v", DAY, DAY) == fit(
        received("v", *range(20)) + waiting("v", *[10] * 29)
    ).predict_date("v", DAY, DAY)


def test_deliveries_promised_before_the_history_begins_are_forgotten():
    old = [Delivery("v", day(-366), day(-300))] * 50
    assert fit(old).predict_date("v", day(5), DAY).probability is None
    assert fit([Delivery("v", day(-365), day(-300))] * 50).predict_date("v", day(5), DAY).expected_on == day(70)


@pytest.mark.parametrize(("seen", "learnt"), [(0, False), (3, False), (4, True)])
def test_a_date_kept_four_times_in_five_takes_four_deliveries_and_before_that_the_promise_is_all_there_is(seen, learnt):
    lateness = fit(received("v", *[2] * seen))
    found = lateness.predict_date("v", day(20), DAY)
    assert found.expected_on == (day(22) if learnt else day(20))
    assert (found.probability is not None) == learnt
    assert learnt or f"{seen} past deliveries are too few to correct it" in found.why
    assert lateness.predict_date("v", day(-30), DAY).expected_on is None


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (-3, "3 days before or earlier"),
        (-1, "1 day before or earlier"),
        (0, "by that day"),
        (1, "within 1 day after"),
        (9, "within 9 days after"),
    ],
)
def test_why_a_date_was_reckoned_is_one_plain_clause(slip, said):
    found = fit(received("v", *[slip] * 9)).predict_date("v", day(20), DAY)
    assert found.why == f"promised for {day(20)}: by 9 past deliveries of v and 9 of all, 80% come {said}"
    assert found.probability == pytest.approx(0.9)


@pytest.mark.parametrize(("so_far", "expected"), [(0, 30), (1, 30), (30, 30), (31, None)])
def test_overdue_beyond_everything_seen_it_is_unknown(so_far, expected):
    found = fit(received("v", *[0] * 50, *[30] * 50)).predict_date("v", day(-so_far), DAY)
    assert found.expected_on == (None if expected is None else day(expected - so_far))
    assert expected is not None or (found.earliest_on, found.latest_on, found.probability) == (None, None, None)


def test_one_freak_delivery_is_no_habit():
    found = fit(received("v", *[0] * 500, 90)).predict_date("v", day(-20), DAY)
    assert found.expected_on is None
    assert found.why == (
        f"promised for {day(-20)} and 20 days late already: 501 past deliveries of v and 501 of all"
        " do not say when it comes"
    )


@settings(max_examples=60, deadline=None)
@given(histories, shares, shares, st.integers(-60, 60), st.sampled_from([*"abcd", None]))
def test_whatever_was_seen_dates_are_in_order_never_before_the_day_and_never_earlier_for_being_late(
    history, one, other, so_far, vendor
):
    low, high = sorted((one, other))
    found, before = (
        fit_history(history, ForecastPolicy(low=low, quantile=low, high=high)).predict_date(vendor, day(-overdue), DAY)
        for overdue in (so_far, -3650)
    )
    days = [
        on or FAR for on in (found.earliest_on, found.expected_on, found.latest_on) if found.probability is not None
    ]
    assert days == sorted(days)
    assert found.expected_on is None or found.expected_on >= DAY
    assert found.probability is None or low - 1e-6 <= found.probability < 1
    if found.probability is not None and before.probability is not None:
        assert (found.expected_on - day(-so_far)) >= (before.expected_on - day(3650))


@settings(max_examples=60, deadline=None)
@given(histories, st.sampled_from("abc"))
def test_a_distribution_of_slips_only_grows_and_never_reaches_certainty(history, vendor):
    found = fit_history(history).distribution(vendor)
    assert np.all(np.diff(found.cumulative, prepend=0) >= -1e-12)
    assert np.all(found.given_at_least(-100).cumulative < 1)


@settings(max_examples=30, deadline=None)
@given(histories, st.integers(0, 40))
def test_a_new_vendor_is_as_late_as_all_of_them(history, so_far):
    lateness = fit_history(history)
    new, everyone = (lateness.predict_date(name, day(-so_far), DAY) for name in ("new", None))
    assert isinstance(new, PredictedDate)
    assert new == everyone
