"""Ship in parts or at once: the plan, and its sentence."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.enums import Promise
from models.policy.supply import AllocationPolicy, ShipmentPolicy
from models.shipments import LineToSend, OrderToSend, ShippingPreference
from rules.inventory.transit import TransitTimes
from rules.shipments.split import latest_ship_date, plan_shipments
from tests.support.builders import POLICY, day

EUROS = ShipmentPolicy(parcel_cost={"EUR": Decimal("4.90")}, day_worth={"EUR": Decimal("0.50")})


def to_send(number, ships, *, promised=99, critical=False, ship_with=None):
    return LineToSend(number, None if ships is None else day(ships), day(promised), critical, ship_with)


def order(*lines, preference=None, currency="EUR"):
    return OrderToSend(lines, currency, day(0), preference)


def parcels_and_days(plan):
    return [(parcel.lines, parcel.ships_on and (parcel.ships_on - day(0)).days) for parcel in plan.parcels]


TWO_AND_ONE = (to_send("1", 0), to_send("2", 6), to_send("3", 0))


def test_lines_that_are_there_go_now_where_the_days_are_worth_more_than_a_parcel():
    plan = plan_shipments(order(*TWO_AND_ONE), EUROS)
    assert parcels_and_days(plan) == [(("1", "3"), 0), (("2",), 6)]
    assert (plan.days_saved, plan.extra_cost, plan.value) == (6, Decimal("4.90"), Decimal("6.00"))
    assert plan.why == "send 2 of 3 lines now: 6 days earlier for 4.90 EUR more (worth 6.00)"


def test_one_day_is_not_worth_a_parcel():
    plan = plan_shipments(order(to_send("1", 0), to_send("2", 1)), EUROS)
    assert parcels_and_days(plan) == [(("1", "2"), 1)]
    assert (plan.days_saved, plan.extra_cost, plan.value) == (0, 0, 0)
    assert plan.why == "wait for all: 1 day apart is worth 0.50 EUR, a parcel costs 4.90"


@pytest.mark.parametrize(
    ("line", "apart", "parcels"),
    [
        ({}, 9, 1),
        ({}, 10, 2),
        ({"critical": True}, 2, 1),
        ({"critical": True}, 3, 2),
        ({"promised": 4}, 6, 1),
        ({"promised": 4}, 7, 2),
        ({"promised": 0}, 4, 1),
        ({"promised": 0}, 5, 2),
        ({"promised": -9}, 5, 2),
        ({"promised": 0, "critical": True}, 1, 1),
        ({"promised": 0, "critical": True}, 2, 2),
    ],
)
def test_a_line_that_is_late_or_time_critical_is_worth_sending_sooner(line, apart, parcels):
    plan = plan_shipments(order(to_send("1", 0, **line), to_send("2", apart)), EUROS)
    assert len(plan.parcels) == parcels


def test_a_parcel_whose_value_equals_its_cost_is_not_sent():
    even = EUROS.model_copy(update={"parcel_cost": {"EUR": Decimal("3.00")}})
    plan = plan_shipments(order(to_send("1", 0), to_send("2", 6)), even)
    assert plan.why == "wait for all: 6 days apart are worth 3.00 EUR, a parcel costs 3.00"


def test_lines_that_belong_together_leave_with_the_last_of_them():
    lines = (to_send("1", 0, ship_with="set"), to_send("2", 0), to_send("3", 20), to_send("4", 40, ship_with="set"))
    assert parcels_and_days(plan_shipments(order(*lines), EUROS)) == [(("2",), 0), (("3",), 20), (("1", "4"), 40)]
    plan = plan_shipments(order(to_send("1", 0, ship_with="set"), to_send("2", 40, ship_with="set")), EUROS)
    assert parcels_and_days(plan) == [(("1", "2"), 40)]
    assert plan.why == "wait for all: its lines belong together"


def test_three_parcels_say_what_leaves_when():
    lines = (to_send("1", 2), to_send("2", 20), to_send("3", 20), to_send("4", 60))
    plan = plan_shipments(order(*lines), EUROS)
    assert plan.why == (
        "send 1 of 4 lines on 2026-06-17, 2 more on 2026-07-05: 58 days earlier for 9.80 EUR more (worth 69.00)"
    )


def test_a_line_without_a_date_is_assumed_later_and_gets_no_date():
    plan = plan_shipments(order(to_send("1", 0), to_send("2", None)), EUROS)
    assert parcels_and_days(plan) == [(("1",), 0), (("2",), None)]
    assert plan.why == (
        "send 1 of 2 lines now: the rest has no date, say 14 days later, for 4.90 EUR more (worth 7.00)"
    )
    later = plan_shipments(order(to_send("1", 9), to_send("2", None)), EUROS)
    assert parcels_and_days(later) == [(("1", "2"), None)]
    assert later.why == ("wait for all: the rest has no date, say 5 days later, worth 2.50 EUR, a parcel costs 4.90")


def test_where_dated_lines_leave_later_than_assumed_no_number_of_days_is_named():
    plan = plan_shipments(order(to_send("1", 20), to_send("2", None), preference=ShippingPreference.AVAILABLE), EUROS)
    assert plan.why.endswith(", as the customer wants: the rest has no date, for 4.90 EUR more (worth 0.00)")
    unlisted = plan_shipments(
        order(to_send("1", 20), to_send("2", None), preference=ShippingPreference.AVAILABLE, currency="SEK"), EUROS
    )
    assert unlisted.why.endswith(", as the customer wants: the rest has no date")


APART = (to_send("1", 0, critical=True, promised=-5), to_send("2", 30))
NEAR = (to_send("1", 0), to_send("2", 1))


@pytest.mark.parametrize(
    ("lines", "how", "parcels", "why"),
    [
        (APART, {"preference": ShippingPreference.COMPLETE}, 1, "wait for all: the customer wants it complete"),
        (APART, {"currency": "SEK"}, 1, "wait for all: the policy has no parcel cost in SEK"),
        (
            NEAR,
            {"preference": ShippingPreference.AVAILABLE, "currency": "SEK"},
            2,
            "send 1 of 2 lines now, as the customer wants: 1 day ",
        ),
        (
            NEAR,
            {"preference": ShippingPreference.AVAILABLE},
            2,
            "send 1 of 2 lines now, as the customer wants: 1 day earlier for 4.90 EUR more (worth 0.50)",
        ),
        (NEAR[:1], {"preference": ShippingPreference.AVAILABLE}, 1, "all at once: no line has to wait for another"),
    ],
)
def test_the_customers_preference_overrides_costs(lines, how, parcels, why):
    plan = plan_shipments(order(*lines, **how), EUROS)
    assert len(plan.parcels) == parcels
    assert plan.why.startswith(why)


def test_a_currency_with_a_parcel_cost_and_no_value_of_a_day_is_named_for_what_it_lacks():
    policy = ShipmentPolicy(parcel_cost={"EUR": Decimal(4)}, day_worth={"USD": Decimal(1)})
    assert plan_shipments(order(*APART), policy).why == "wait for all: the policy has no value of a day in EUR"


@pytest.mark.parametrize("preference", [None, ShippingPreference.AVAILABLE])
def test_a_policy_of_one_parcel_sends_nothing_in_parts(preference):
    one_parcel = EUROS.model_copy(update={"max_parcels": 1})
    assert (
        plan_shipments(order(*APART, preference=preference), one_parcel).why
        == "wait for all: the policy sends an order in one parcel"
    )


def test_of_more_days_than_parcels_the_split_that_saves_most_is_chosen():
    lines = (to_send("1", 0), to_send("2", 1), to_send("3", 20), to_send("4", 21), to_send("5", 40))
    plan = plan_shipments(order(*lines, preference=ShippingPreference.AVAILABLE), EUROS)
    assert parcels_and_days(plan) == [(("1", "2"), 1), (("3", "4"), 21), (("5",), 40)]


@pytest.mark.parametrize(
    ("promise", "due", "transit", "leaves"),
    [
        (Promise.SHIP, 4, 2, 4),
        (Promise.DELIVER, 4, 2, 2),
        (Promise.DELIVER, 4, 0, 4),
        (Promise.DELIVER, 1, 2, -3),  # a Tuesday: it leaves on the Friday before
        (Promise.DELIVER, 6, 2, 2),  # nothing arrives on a Sunday, but on the Friday before
    ],
)
def test_a_parcel_leaves_as_many_working_days_before_the_promise_as_its_transit_takes(promise, due, transit, leaves):
    transit = TransitTimes(AllocationPolicy(transit_days=transit), POLICY.days)
    assert latest_ship_date(day(due), promise, "DE", transit) == day(leaves)


lines = st.lists(
    st.tuples(
        st.none() | st.integers(0, 8), st.integers(-3, 9), st.booleans(), st.none() | st.sampled_from(["a", "b"])
    ),
    min_size=1,
    max_size=6,
)
policies = st.builds(
    lambda most, cost, worth, late, critical, unknown: ShipmentPolicy(
        max_parcels=most,
        parcel_cost={"EUR": Decimal(cost)},
        day_worth={"EUR": Decimal(worth)},
        late_factor=Decimal(late),
        critical_factor=Decimal(critical),
        unknown_days=unknown,
    ),
    st.integers(1, 3),
    st.integers(0, 20),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 12),
)


def all_partitions(items):
    """Yield all partitions to put items into parcels."""
    if not items:
        yield []
        return
    first, *others = items
    for partition in all_partitions(others):
        yield [[first], *partition]
        for n, parcel in enumerate(partition):
            yield [*partition[:n], [first, *parcel], *partition[n + 1 :]]


def keeps_groups_together(partition):
    marks = [{line.ship_with for line in parcel} - {None} for parcel in partition]
    return sum(map(len, marks)) == len(set().union(*marks))


def weighted_days_saved(partition, policy):
    """Return the weighted days that a split saves, counted one by one."""
    everything = [line for parcel in partition for line in parcel]
    known = [line.ships_on for line in everything if line.ships_on]
    horizon = max([day(policy.unknown_days), *known])
    total = 0
    for parcel in partition:
        leaves = max(line.ships_on or horizon for line in parcel)
        for line in parcel:
            day_earlier = leaves
            while day_earlier < max(each.ships_on or horizon for each in everything):
                day_earlier += timedelta(1)
                times = policy.late_factor if day_earlier > line.leave_by else 1
                total += times * (policy.critical_factor if line.time_critical else 1)
    return total


def as_lines(rows):
    return tuple(
        to_send(str(n), ships, promised=promised, critical=critical, ship_with=ship_with)
        for n, (ships, promised, critical, ship_with) in enumerate(rows)
    )


@given(lines, policies)
def test_no_other_split_is_better_and_none_as_good_has_fewer_parcels(rows, policy):
    plan = plan_shipments(order(*as_lines(rows)), policy)
    partitions = [
        partition
        for partition in all_partitions(as_lines(rows))
        if len(partition) <= policy.max_parcels and keeps_groups_together(partition)
    ]
    cost, worth = policy.parcel_cost["EUR"], policy.day_worth["EUR"]
    value = {len(partition): Decimal("-Infinity") for partition in partitions}
    for partition in partitions:
        value[len(partition)] = max(
            value[len(partition)], worth * weighted_days_saved(partition, policy) - cost * (len(partition) - 1)
        )
    assert plan.value - plan.extra_cost == max(value.values())
    assert len(plan.parcels) == min(n for n, worth in value.items() if worth == max(value.values()))
    assert_plan_is_consistent(plan, rows, policy)


@given(lines, policies)
def test_a_customer_who_wants_each_line_when_available_gets_the_best_split_into_most_parcels(rows, policy):
    plan = plan_shipments(order(*as_lines(rows), preference=ShippingPreference.AVAILABLE), policy)
    partitions = [
        partition
        for partition in all_partitions(as_lines(rows))
        if len(partition) == len(plan.parcels) and keeps_groups_together(partition)
    ]
    assert plan.value == policy.day_worth["EUR"] * max(
        weighted_days_saved(partition, policy) for partition in partitions
    )
    days = {parcel.ships_on for parcel in plan.parcels}
    assert len(days) == len(plan.parcels) <= policy.max_parcels
    assert_plan_is_consistent(plan, rows, policy)


def assert_plan_is_consistent(plan, rows, policy):
    by_number = {line.number: line for line in as_lines(rows)}
    partition = [[by_number[number] for number in parcel.lines] for parcel in plan.parcels]
    assert sorted(line.number for parcel in partition for line in parcel) == sorted(by_number)
    assert keeps_groups_together(partition)
    assert plan.value == policy.day_worth["EUR"] * weighted_days_saved(partition, policy)
    for parcel, held in zip(plan.parcels, partition, strict=True):
        days = [line.ships_on for line in held]
        assert parcel.ships_on == (None if None in days else max(days))
    assert all(parcel.ships_on is not None for parcel in plan.parcels[:-1])
