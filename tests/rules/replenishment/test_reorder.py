"""How much must be there, and when to order: by hand, by property, and by living the future many times."""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from models.policy.supply import ReplenishmentPolicy
from rules.replenishment.demand import Pattern, croston_sba, estimate_demand
from rules.replenishment.levels import ProductLevel, slack_days, sorted_by_urgency
from rules.replenishment.reorder import DeliveryStats, LeadTime, ReorderInputs, lead_time, stock_level
from tests.support.croston import SERIES, random_series, stored_means

POLICY = ReplenishmentPolicy()
FORTNIGHT = LeadTime(14, 0, "the policy")
EVEN = (4, 6) * 90
"""5 a day, give or take 1."""
RARE = (0, 0, 0, 0, 1) * 36
LUMPY = ((0,) * 9 + (1,) + (0,) * 9 + (11,)) * 9


def level_of(sold=EVEN, available=0, lead=FORTNIGHT, safety_stock=None, policy=POLICY):
    return stock_level(ReorderInputs("p1", tuple(sold), available, lead, safety_stock), policy)


def test_even_demand_has_the_textbook_safety_stock():
    # 20 days, review and lead time; 5 a day, known from 180 days; the normal curve's 1.645 for 95 %.
    level = level_of((9, *EVEN), lead=LeadTime(14, 3, "23 deliveries"), policy=ReplenishmentPolicy(review_days=6))
    safety = 1.64485 * sqrt(20 * (180 / 179) * (1 + 20 / 180) + 5**2 * 3**2)
    assert safety == pytest.approx(25.87, abs=0.01)
    assert (level.safety_stock, level.reorder_point, level.order_quantity) == (26, 126, 126 + 30)
    assert (level.demand_a_day, level.demand_sd) == (5, 1.0028)
    assert (level.lead_days, level.lead_sd, level.method) == (14, 3, "smooth")
    assert level.why == (
        "sells 5 a day, evenly, known from 181 days; lead time 14 ± 3 days (23 deliveries), a review every 6 days, "
        "95 % service level."
    )


def test_intermittent_demand_has_a_negative_binomial_quantile():
    # 0.19 a day for 21 days, known from the 19 sales that Croston's method remembers, one every fifth day.
    level, demand = level_of(RARE), estimate_demand(RARE)
    mean = 21 * demand.mean
    spread = 21 * demand.sd**2 * (1 + 21 / (19 * 5))
    assert level.reorder_point == nbinom.ppf(0.95, mean**2 / (spread - mean), mean / spread)
    assert (level.reorder_point, level.safety_stock) == (8, 5)


PATTERNS = [
    ((5,) * 100, Pattern.SMOOTH),
    ((1, 1, 1, 11) * 30, Pattern.ERRATIC),
    (RARE, Pattern.INTERMITTENT),
    (LUMPY, Pattern.LUMPY),
    ((5,) * 27, Pattern.FEW),
    ((5,) * 28, Pattern.SMOOTH),
    ((0,) * 178 + (1, 1), Pattern.FEW),
    ((50, 50, *(0,) * 59), Pattern.FEW),
    ((50, 50, *(0,) * 60), Pattern.STOPPED),
    ((0,) * 177 + (1, 1, 1), Pattern.INTERMITTENT),
    ((0, *(1, 0) * 30, *(0,) * 58), Pattern.INTERMITTENT),
    ((*(1,) * 30, *(0,) * 58), Pattern.INTERMITTENT),
    ((*(1,) * 30, *(0,) * 60), Pattern.STOPPED),
    ((0,) * 180, Pattern.NONE),
    ((), Pattern.NONE),
]


@pytest.mark.parametrize(("sold", "pattern"), PATTERNS)
def test_demand_is_of_one_of_the_known_kinds(sold, pattern):
    assert estimate_demand(sold).pattern == pattern


@pytest.mark.parametrize("adi", [1.31, 1.32])
def test_sales_are_far_between_from_the_books_number_of_days(adi):
    days = 1000
    sales = round(days / adi) if adi < 1.32 else int(days / adi)
    sold = np.zeros(days, int)
    sold[np.linspace(1, days - 1, sales).astype(int)] = 1
    assert estimate_demand(sold.tolist()).pattern == (Pattern.SMOOTH if adi < 1.32 else Pattern.INTERMITTENT)


def test_a_rare_product_sells_what_crostons_method_says():
    # One piece every fifth day, less the correction of Syntetos and Boylan: a twentieth.
    assert estimate_demand(RARE).mean == pytest.approx(0.2 * 0.95)


def test_crostons_method_agrees_with_statsforecast_on_random_series():
    stored = stored_means()
    assert len(stored) == SERIES == 300
    for seed, mean in stored.items():
        assert croston_sba(np.array(random_series(seed))) == pytest.approx(mean, rel=1e-12, abs=0)


def test_the_day_of_the_first_sale_does_not_make_a_product_brisker():
    assert estimate_demand((100, *(1, 3) * 30)).mean == pytest.approx(2)


def test_the_history_of_a_new_product_is_padded_and_its_sentence_says_so():
    demand = estimate_demand((4,) * 7)
    assert (demand.days, demand.mean) == (7, 1)
    assert "in 7 days of sales: too few" in level_of((4,) * 7).why
    assert "check before you order" in level_of((4,)).why
    assert "in 1 day of sales: too few" in level_of((4,)).why


def test_what_is_not_sold_needs_no_stock():
    for sold in ((0,) * 180, (), (1,) * 30 + (0,) * 150):
        level = level_of(sold)
        assert (level.safety_stock, level.reorder_point, level.order_quantity) == (0, 0, 0)


def test_what_is_not_sold_any_more_is_ordered_for_those_who_wait():
    assert level_of((0,) * 180, available=-3).order_quantity == 3


def test_the_shops_own_safety_stock_wins():
    own, ours = level_of(safety_stock=40), level_of()
    assert own.safety_stock == 40
    assert own.reorder_point - ours.reorder_point == 40 - ours.safety_stock
    assert own.why.startswith("the shop keeps 40 back")
    assert level_of((0,) * 180, safety_stock=2, available=2).order_quantity == 0
    assert level_of((0,) * 180, safety_stock=2, available=1).order_quantity == 1


@pytest.mark.parametrize(("spare", "ordered"), [(1, False), (0, True), (-1, True)])
def test_more_is_ordered_when_the_reorder_point_is_reached(spare, ordered):
    point = level_of(available=10_000).reorder_point
    level = level_of(available=point + spare)
    # Up to the reorder point, and 7 days' sales at 5 a day on top, for the next order comes with the next review.
    assert level.order_quantity == pytest.approx(35 - spare if ordered else 0, abs=1 if ordered else 0)


LEADS = [
    (DeliveryStats(5, 10, 2), 7, LeadTime(10, 2, "5 deliveries")),
    (DeliveryStats(4, 10, 2), 7, LeadTime(7, 3.5, "as the vendor states")),
    (None, 7, LeadTime(7, 3.5, "as the vendor states")),
    (None, 0, LeadTime(0, 0, "as the vendor states")),
    (None, None, LeadTime(14, 7, "the policy")),
]


@pytest.mark.parametrize(("own", "said", "lead"), LEADS)
def test_a_lead_time_is_that_of_past_deliveries_else_the_stated_one_else_the_policys(own, said, lead):
    everybody = DeliveryStats(50, 20, 10)
    assert lead_time(own, said, everybody, POLICY) == lead


@pytest.mark.parametrize("everybody", [None, DeliveryStats(3, 0, 0)])
def test_without_any_known_delivery_a_lead_time_has_no_spread(everybody):
    assert lead_time(None, None, everybody, POLICY) == FORTNIGHT


def a_level(product, available, a_day, lead_days=10, order=5):
    return ProductLevel(product, 0, 0, order, available, a_day, 0, lead_days, 0, "", "")


def test_what_runs_out_first_before_a_delivery_could_come_is_the_most_urgent():
    late = a_level("late", 20, 2)
    later = a_level("later", 20, 2, lead_days=9)
    owed, idle = a_level("owed", -1, 0), a_level("idle", 0, 0)
    more = a_level("more", 20, 2, order=6)
    assert [one.product_id for one in sorted_by_urgency([idle, later, late, more, owed])] == [
        "owed",
        "more",
        "late",
        "later",
        "idle",
    ]
    assert (slack_days(late), slack_days(owed), slack_days(idle)) == (0, -inf, inf)


HISTORIES = st.one_of(
    st.lists(st.integers(0, 30), max_size=180),
    st.lists(st.sampled_from((0, 0, 0, 0, 0, 1, 2, 9)), min_size=28, max_size=180),
)
LEAD_TIMES = st.builds(LeadTime, st.integers(0, 60), st.floats(0, 30), st.just("the policy"))
SERVICES = st.floats(0.5, 0.999)
few = settings(max_examples=150, deadline=None)


@few
@given(HISTORIES, LEAD_TIMES, SERVICES, SERVICES)
def test_a_higher_service_level_never_keeps_less(sold, lead, one, other):
    low, high = (
        level_of(sold, lead=lead, policy=ReplenishmentPolicy(service_level=share)) for share in sorted((one, other))
    )
    assert low.safety_stock <= high.safety_stock
    assert low.reorder_point <= high.reorder_point


@few
@given(HISTORIES, LEAD_TIMES, st.floats(0, 30), SERVICES)
def test_a_more_uneven_lead_time_never_keeps_less(sold, lead, more, service):
    policy = ReplenishmentPolicy(service_level=service)
    uneven = level_of(sold, lead=replace(lead, sd=lead.sd + more), policy=policy)
    assert level_of(sold, lead=lead, policy=policy).safety_stock <= uneven.safety_stock


@few
@given(HISTORIES, LEAD_TIMES, st.integers(-500, 500), st.none() | st.integers(0, 50))
def test_after_the_order_no_less_than_the_reorder_point_is_there_or_coming(sold, lead, available, own):
    level = level_of(sold, available, lead, own)
    assert level.safety_stock >= 0
    assert level.reorder_point >= level.safety_stock
    assert level.available + level.order_quantity >= level.reorder_point


DEMANDS = {
    "even": (1.0, lambda rng, n: rng.poisson(5, n)),
    "erratic": (0.95, lambda rng, n: rng.geometric(0.3, n)),
    "now and then, one piece": (0.1, lambda rng, n: rng.integers(1, 2, n)),
    "now and then, a few": (0.2, lambda rng, n: rng.geometric(0.5, n)),
    "now and then, and unevenly": (0.25, lambda rng, n: rng.geometric(0.15, n)),
}


@pytest.mark.parametrize("lead", [LeadTime(14, 0, ""), LeadTime(14, 5, "")], ids=["kept", "uneven"])
@pytest.mark.parametrize("kind", DEMANDS)
def test_stock_lasts_about_as_often_as_the_policy_asks(kind, lead):
    rng = np.random.default_rng(20260615)
    share, sizes = DEMANDS[kind]

    def days(n):
        return (rng.random(n) < share) * sizes(rng, n)

    def period():
        took = rng.gamma((lead.days / lead.sd) ** 2, lead.sd**2 / lead.days) if lead.sd else lead.days
        return round(took) + POLICY.review_days

    lasted = []
    for _ in range(300):
        point = level_of(days(180).tolist(), lead=lead).reorder_point
        lasted += [days(period()).sum() <= point for _ in range(20)]
    assert 0.925 <= np.mean(lasted) <= 0.99
