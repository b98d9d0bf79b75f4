from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.enums import Promise
from models.orders import LineFacts, ProductFacts
from models.policy.policy import SubstitutePolicy
from rules.offers.substitutes import Candidate, SubstituteIndex

POLICY = SubstitutePolicy()


def product(id_, name="Oak Chair", *, price="100.00", category="Seating"):
    return ProductFacts(id_, name, category, None if price is None else Decimal(price))


def line(of, quantity=1, price=None):
    return LineFacts("1", of, quantity, Promise.SHIP, date(2026, 11, 20), price=price and Decimal(price))


def ids(products):
    return [one.id for one in products]


def offered(of, *candidates, quantity=1, late=(), policy=POLICY, price=None):
    return ids(
        SubstituteIndex(candidates).substitutes_for(line(of, quantity, price), policy, late_products={of.id, *late})
    )


LATE = product("late")


@pytest.mark.parametrize(
    ("price", "fits"),
    [("79.99", False), ("80.00", True), ("100.00", True), ("125.00", True), ("125.01", False)],
)
def test_a_substitute_costs_about_what_the_late_product_does(price, fits):
    assert offered(LATE, Candidate(product("a", price=price), 5)) == (["a"] if fits else [])


@pytest.mark.parametrize(("available", "quantity", "fits"), [(0, 1, False), (1, 1, True), (2, 3, False), (3, 3, True)])
def test_a_substitute_is_in_stock_for_the_whole_quantity(available, quantity, fits):
    assert offered(LATE, Candidate(product("a"), available), quantity=quantity) == (["a"] if fits else [])


@pytest.mark.parametrize(
    "unfit",
    [
        product("late"),
        product("too"),
        product("a", category="Lighting"),
        product("a", category=None),
        product("a", price=None),
    ],
    ids=["the late product itself", "another late one", "another category", "no category", "no price"],
)
def test_no_substitute_is(unfit):
    assert offered(LATE, Candidate(unfit, 5), late={"too"}) == []


def test_without_a_price_of_its_own_the_product_is_worth_what_the_line_costs():
    near, far = Candidate(product("near", price="50.00"), 5), Candidate(product("far"), 5)
    assert offered(product("late", price=None), near, far, price="50.00") == ["near"]


@pytest.mark.parametrize("late", [product("late", price=None), product("late", category=None)])
def test_nothing_is_near_to_a_product_without_price_or_category(late):
    assert offered(late, Candidate(product("a"), 5), Candidate(product("b", category=None), 5)) == []


def test_a_line_may_cost_less_than_its_product_and_the_product_decides():
    assert offered(LATE, Candidate(product("a"), 5), price="10.00") == ["a"]


def test_the_nearest_in_price_and_name_comes_first():
    in_stock = [
        Candidate(product("same price, other name", "Weaver Pouf"), 5),
        Candidate(product("other price, same name", price="120.00"), 5),
        Candidate(product("same price, like name", "Ash Chair"), 5),
        Candidate(product("near price, same name", price="102.00"), 5),
    ]
    assert offered(LATE, *in_stock) == ["near price, same name", "same price, like name", "same price, other name"]


def test_case_and_punctuation_make_no_other_name():
    in_stock = [Candidate(product("a", "Elm Bench"), 5), Candidate(product("b", "CHAIR (oak)"), 5)]
    assert offered(LATE, *in_stock) == ["b", "a"]


@pytest.mark.parametrize("at_most", [1, 2, 3])
def test_no_more_substitutes_are_offered_than_the_policy_says(at_most):
    in_stock = [Candidate(product(id_), 5) for id_ in "dbca"]
    assert offered(LATE, *in_stock, policy=SubstitutePolicy(max_products=at_most)) == ["a", "b", "c"][:at_most]


def test_equally_near_ones_come_by_id_cheaper_or_dearer():
    in_stock = [Candidate(product("b", price="90.00"), 5), Candidate(product("a", price="110.00"), 5)]
    assert offered(LATE, *in_stock) == ["a", "b"]


def test_a_band_of_one_price_takes_that_price_alone():
    exact = SubstitutePolicy(price_from=Decimal(1), price_to=Decimal(1))
    in_stock = [Candidate(product("a"), 5), Candidate(product("b", price="100.01"), 5)]
    assert offered(LATE, *in_stock, policy=exact) == ["a"]


def test_a_shelf_asked_twice_forgets_neither_quantity_nor_what_has_become_late_nor_the_band():
    index = SubstituteIndex([Candidate(product("a"), 1), Candidate(product("b", price="110.00"), 9)])
    assert ids(index.substitutes_for(line(LATE), POLICY, late_products=set())) == ["a", "b"]
    assert ids(index.substitutes_for(line(LATE, 2), POLICY, late_products=set())) == ["b"]
    assert ids(index.substitutes_for(line(LATE), POLICY, late_products={"b"})) == ["a"]
    narrow = SubstitutePolicy(price_to=Decimal("1.05"))
    assert ids(index.substitutes_for(line(LATE), narrow, late_products=set())) == ["a"]


candidates = st.lists(
    st.builds(
        Candidate,
        st.builds(
            ProductFacts,
            st.sampled_from("abcdefghijk"),
            st.sampled_from(["Oak Chair", "Ash Chair", "Weaver Pouf"]),
            st.sampled_from(["Seating", "Rugs", None]),
            st.none() | st.decimals("70", "130", places=2),
        ),
        st.integers(0, 4),
    ),
    max_size=11,
    unique_by=lambda candidate: candidate.product.id,
)


@given(
    in_stock=candidates,
    late=st.sets(st.sampled_from("abcdefghijk")),
    quantity=st.integers(1, 4),
    seed=st.randoms(use_true_random=False),
)
def test_what_is_offered_fits_misses_nothing_and_is_the_same_in_any_order_of_the_stock(in_stock, late, quantity, seed):
    wanted = line(product("a"), quantity)
    found = SubstituteIndex(in_stock).substitutes_for(wanted, POLICY, late_products=late)
    fits = {
        one.product.id
        for one in in_stock
        if one.product.id not in late | {"a"}
        and one.available >= quantity
        and one.product.category == "Seating"
        and one.product.price is not None
        and 80 <= one.product.price <= 125
    }
    assert set(ids(found)) <= fits
    assert len(found) == min(3, len(fits))
    seed.shuffle(in_stock)
    assert SubstituteIndex(in_stock).substitutes_for(wanted, POLICY, late_products=late) == found
