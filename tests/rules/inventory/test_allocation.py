"""Which line gets which pieces of one product."""

from datetime import UTC, date, datetime, timedelta
from itertools import product as every
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.inventory import AllocationPart, Coverage, LineDemand, SupplyLot
from models.policy.policy import CalendarPolicy
from models.policy.supply import AllocationPolicy
from rules.inventory.allocation import allocate, is_all_in_stock, unallocated_lots
from rules.inventory.transit import TransitTimes

MONDAY = date(2026, 11, 23)
TRANSIT = TransitTimes(AllocationPolicy(transit={"US": 5}), CalendarPolicy())
HIGH = 10
NEVER = date.max


def ahead(n):
    return MONDAY + timedelta(days=n)


def needs(order, quantity, *, promised=10, placed=0, country="DE", **facts):
    placed_at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=placed)
    return LineDemand(order, "1", quantity, ahead(promised), placed_at, country=country, **facts)


def stock(quantity, place="Berlin"):
    return SupplyLot(Coverage.STOCK, place, quantity, MONDAY)


def inbound(quantity, days, name="D1", place="Berlin"):
    return SupplyLot(Coverage.INBOUND, place, quantity, None if days is None else ahead(days), name)


def share(demands, lots, safety_stock=0):
    return allocate(demands, lots, safety_stock, HIGH, TRANSIT)


def allocated(parts):
    return [(one.order, one.quantity, one.inbound or one.place or "nothing") for one in parts]


def test_seven_ordered_five_in_stock_two_with_the_delivery_of_3_december():
    parts = share([needs("A", 7)], [stock(5), inbound(12, 10)])
    assert parts == [
        AllocationPart("A", "1", 5, Coverage.STOCK, "Berlin", "", date(2026, 11, 24), date(2026, 11, 26)),
        AllocationPart("A", "1", 2, Coverage.INBOUND, "Berlin", "D1", date(2026, 12, 4), date(2026, 12, 8)),
    ]


@pytest.mark.parametrize(
    ("demands", "lots", "safety_stock", "given"),
    [
        pytest.param([needs("A", 1)], [], 0, [("A", 1, "nothing")], id="nothing is there"),
        pytest.param([needs("A", 1)], [stock(0)], 0, [("A", 1, "nothing")], id="an empty place gives nothing"),
        pytest.param(
            [needs("A", 2)],
            [stock(-3, "Aachen"), stock(2)],
            0,
            [("A", 2, "Berlin")],
            id="a place that owes has none",
        ),
        pytest.param([], [stock(5)], 0, [], id="no line needs any"),
        pytest.param(
            [needs("A", 1, placed=2), needs("B", 1, placed=1)],
            [stock(1)],
            0,
            [("B", 1, "Berlin"), ("A", 1, "nothing")],
            id="first come",
        ),
        pytest.param(
            [needs("A", 1, promised=9), needs("B", 1, promised=8, placed=5)],
            [stock(1)],
            0,
            [("B", 1, "Berlin"), ("A", 1, "nothing")],
            id="the earlier promise before the earlier order",
        ),
        pytest.param(
            [needs("A", 1, promised=1), needs("B", 1, promised=8, time_critical=True)],
            [stock(1)],
            0,
            [("B", 1, "Berlin"), ("A", 1, "nothing")],
            id="time-critical before the earlier promise",
        ),
        pytest.param(
            [needs("A", 1, time_critical=True), needs("B", 1, priority=1)],
            [stock(1)],
            0,
            [("B", 1, "Berlin"), ("A", 1, "nothing")],
            id="priority before time-critical",
        ),
        pytest.param(
            [needs("A", 2, told_in_stock=True), needs("B", 2, promised=1, time_critical=True)],
            [stock(3)],
            2,
            [("A", 2, "Berlin"), ("B", 2, "nothing")],
            id="what was told to be ready stays so",
        ),
        pytest.param(
            [needs("A", 2, told_in_stock=True), needs("B", 2, priority=1)],
            [stock(2)],
            0,
            [("B", 2, "Berlin"), ("A", 2, "nothing")],
            id="but for a higher priority",
        ),
        pytest.param([needs("A", 3)], [stock(3)], 3, [("A", 3, "nothing")], id="safety stock is held back"),
        pytest.param(
            [needs("A", 3)],
            [stock(2), stock(2, "Ulm")],
            3,
            [("A", 1, "Berlin"), ("A", 2, "nothing")],
            id="of all places",
        ),
        pytest.param([needs("A", 1, priority=9)], [stock(1)], 1, [("A", 1, "nothing")], id="priority 9 of 10"),
        pytest.param([needs("A", 1, priority=10)], [stock(1)], 1, [("A", 1, "Berlin")], id="high priority takes it"),
        pytest.param(
            [needs("A", 2, priority=10), needs("B", 2)],
            [stock(4)],
            1,
            [("A", 2, "Berlin"), ("B", 1, "Berlin"), ("B", 1, "nothing")],
            id="what high priority left is still held back",
        ),
        pytest.param([needs("A", 1)], [inbound(1, 3)], 5, [("A", 1, "D1")], id="of deliveries nothing is held back"),
        pytest.param(
            [needs("A", 3)],
            [stock(2, "Aachen"), stock(3, "Ulm")],
            0,
            [("A", 3, "Ulm")],
            id="rather one place than two",
        ),
        pytest.param(
            [needs("A", 2)],
            [stock(3, "Ulm"), stock(2, "Aachen")],
            0,
            [("A", 2, "Aachen")],
            id="else by the place's name",
        ),
        pytest.param(
            [needs("A", 1)],
            [inbound(1, 0, place="Aachen"), stock(1)],
            0,
            [("A", 1, "Berlin")],
            id="what is there before what comes today",
        ),
        pytest.param(
            [needs("A", 1)],
            [inbound(1, None), inbound(1, 400, "D2")],
            0,
            [("A", 1, "D2")],
            id="unknown comes last",
        ),
        pytest.param(
            [needs("A", 1)], [inbound(1, None)], 0, [("A", 1, "D1")], id="an unknown day is better than nothing"
        ),
        pytest.param(
            [needs("A", 2)],
            [inbound(1, 5, "D1"), inbound(2, 6, "D2")],
            0,
            [("A", 2, "D2")],
            id="what leaves on one day ties",
        ),
    ],
)
def test_who_gets_what(demands, lots, safety_stock, given):
    assert allocated(share(demands, lots, safety_stock)) == given


@pytest.mark.parametrize(
    ("available_on", "country", "leaves", "arrives"),
    [
        (date(2026, 11, 23), "DE", date(2026, 11, 24), date(2026, 11, 26)),
        (date(2026, 11, 26), "DE", date(2026, 11, 27), date(2026, 12, 1)),
        (date(2026, 11, 27), "DE", date(2026, 11, 30), date(2026, 12, 2)),
        (date(2026, 11, 28), "DE", date(2026, 11, 30), date(2026, 12, 2)),
        (date(2026, 11, 23), "US", date(2026, 11, 24), date(2026, 12, 1)),
        (None, "DE", None, None),
    ],
)
def test_goods_take_a_working_day_to_leave_and_then_as_long_as_their_country_is_far(
    available_on, country, leaves, arrives
):
    assert TRANSIT.ship_date(available_on) == leaves
    assert TRANSIT.arrival_date(leaves, country) == arrives


CHRISTMAS_EVE = date(2026, 12, 24)


@pytest.mark.parametrize(
    ("vendor", "comes_on", "at_hand"),
    [
        (None, CHRISTMAS_EVE, date(2026, 12, 28)),
        ("DE", date(2026, 12, 26), date(2026, 12, 29)),
        ("SA", date(2026, 12, 25), date(2026, 12, 28)),
        ("AQ", date(2026, 12, 26), date(2026, 12, 29)),
    ],
)
def test_a_vendor_brings_goods_on_its_own_working_days_and_the_warehouse_takes_them_in_on_its_own(
    vendor, comes_on, at_hand
):
    assert TransitTimes(AllocationPolicy(country="DE"), CalendarPolicy()).available_date(comes_on, vendor) == at_hand


def test_without_handling_days_what_is_ready_on_a_sunday_leaves_on_monday():
    assert TransitTimes(AllocationPolicy(handling_days=0), CalendarPolicy()).ship_date(date(2026, 11, 22)) == MONDAY


def test_what_is_left_over_is_what_nobody_took():
    lots = [stock(5), stock(-1, "Aachen"), inbound(3, 10), inbound(4, None, "D2")]
    parts = share([needs("A", 7)], lots)
    assert unallocated_lots(lots, parts) == [inbound(1, 10), inbound(4, None, "D2")]


def test_a_line_is_ready_when_all_of_it_is_in_stock():
    assert is_all_in_stock(share([needs("A", 5)], [stock(5)]))
    assert not is_all_in_stock(share([needs("A", 6)], [stock(5), inbound(1, 2)]))
    assert not is_all_in_stock([])


quantities, countries = st.integers(1, 4), st.sampled_from(["DE", "US"])
demands_of = st.lists(
    st.tuples(
        quantities,
        st.sampled_from([0, 5, HIGH]),
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from(["DE", "US"]),
        st.booleans(),
    ),
    max_size=6,
).map(
    lambda rows: [
        needs(
            f"{n}", many, priority=rank, time_critical=hot, promised=day, placed=-n, country=country, told_in_stock=told
        )
        for n, (many, rank, hot, day, country, told) in enumerate(rows)
    ]
)
lots_of = st.tuples(
    st.lists(st.integers(-2, 5), max_size=3),
    st.lists(st.tuples(quantities, st.none() | st.integers(0, 9)), max_size=3),
).map(
    lambda both: (
        [stock(n, f"P{i}") for i, n in enumerate(both[0])]
        + [inbound(n, days, f"D{i}") for i, (n, days) in enumerate(both[1])]
    )
)
safety_stocks = st.integers(0, 4)


def allocation_order(demand):
    told, critical = not demand.told_in_stock, not demand.time_critical
    return (-demand.priority, told, critical, demand.promised_on, demand.placed_at, demand.order)


def may_take_all(demand):
    return demand.priority >= HIGH or demand.told_in_stock


def of_line(parts, demand):
    return [one for one in parts if one.order == demand.order]


@given(demands_of, lots_of, safety_stocks)
def test_no_piece_is_given_twice_and_none_is_lost(demands, lots, safety_stock):
    parts = share(demands, lots, safety_stock)
    assert all(one.quantity > 0 for one in parts)
    for demand in demands:
        assert sum(one.quantity for one in of_line(parts, demand)) == demand.quantity
    left = unallocated_lots(lots, parts)
    assert sum(one.quantity for one in left) == sum(max(0, one.quantity) for one in lots) - sum(
        one.quantity for one in parts if one.cover is not Coverage.UNCOVERED
    )
    for lot in lots:
        mine = [p for p in parts if (p.cover, p.place, p.inbound) == (lot.cover, lot.place, lot.inbound)]
        assert sum(one.quantity for one in mine) <= max(0, lot.quantity)


@given(demands_of, lots_of, safety_stocks)
def test_lines_of_usual_priority_leave_the_safety_stock_alone(demands, lots, safety_stock):
    parts = share(demands, lots, safety_stock)
    usual = {demand.order for demand in demands if not may_take_all(demand)}
    left = sum(one.quantity for one in unallocated_lots(lots, parts) if one.cover is Coverage.STOCK)
    told = {demand.order for demand in demands if demand.told_in_stock}
    left += sum(one.quantity for one in parts if one.cover is Coverage.STOCK and one.order in told)
    if any(one.cover is Coverage.STOCK and one.order in usual for one in parts):
        assert left >= safety_stock


@given(demands_of, lots_of, safety_stocks)
def test_nobody_is_overtaken_by_a_later_line_for_what_would_have_reached_them_earlier(demands, lots, safety_stock):
    parts = share(demands, lots, safety_stock)
    ordered = sorted(demands, key=allocation_order)
    for n, early in enumerate(ordered):
        worst = max(day(one, early) for one in of_line(parts, early))
        for late in ordered[n + 1 :]:
            for one in of_line(parts, late):
                held_back = one.cover is Coverage.STOCK and may_take_all(late) and not may_take_all(early)
                if one.cover is not Coverage.UNCOVERED and not held_back:
                    assert day(one, early) >= worst


def day(piece, demand):
    """Return when a piece would reach a line's destination: nothing is later than never, which is what is unknown."""
    if piece.cover is Coverage.UNCOVERED:
        return (NEVER, 1)
    return (TRANSIT.arrival_date(piece.ships_on, demand.country) or NEVER, 0)


small_demands = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from([0, HIGH]), st.integers(0, 2), st.booleans()), max_size=3
).map(
    lambda rows: [
        needs(f"{n}", many, priority=rank, promised=day, told_in_stock=told)
        for n, (many, rank, day, told) in enumerate(rows)
    ]
)
small_lots = st.tuples(
    st.lists(st.integers(0, 2), max_size=2), st.lists(st.tuples(st.just(1), st.none() | st.integers(0, 5)), max_size=2)
).map(
    lambda both: (
        [stock(n, f"P{i}") for i, n in enumerate(both[0])]
        + [inbound(n, days, f"D{i}") for i, (n, days) in enumerate(both[1])]
    )
)


@settings(max_examples=60, deadline=None)
@given(small_demands, small_lots, st.integers(0, 2))
def test_on_small_cases_every_line_in_its_turn_gets_the_earliest_that_any_allocation_could_give_it(
    demands, lots, safety_stock
):
    ordered = sorted(demands, key=allocation_order)
    parts = share(demands, lots, safety_stock)
    ours = [sorted(day(p, d) for p in of_line(parts, d) for _ in range(p.quantity)) for d in ordered]
    assert ours == min(outcomes(ordered, lots, safety_stock))


def outcomes(ordered, lots, safety_stock):
    """Yield what every line would get, by every way there is to give units to lines."""
    units = [demand for demand in ordered for _ in range(demand.quantity)]
    stock = sum(max(0, one.quantity) for one in lots if one.cover is Coverage.STOCK)
    for chosen in every([*lots, None], repeat=len(units)):
        if allowed(units, chosen, lots, stock - safety_stock):
            arrivals = {demand.order: [] for demand in ordered}
            for demand, lot in zip_longest(units, chosen):
                arrivals[demand.order].append(when(lot, demand))
            yield [sorted(arrivals[demand.order]) for demand in ordered]


def allowed(units, chosen, lots, free):
    if any(chosen.count(one) > one.quantity for one in lots):
        return False
    taken = 0
    for demand, lot in zip(units, chosen, strict=True):
        if lot is not None and lot.cover is Coverage.STOCK:
            taken += 1
            if not may_take_all(demand) and taken > free:
                return False
    return True


def when(lot, demand):
    if lot is None:
        return (NEVER, 1)
    return (TRANSIT.arrival_date(TRANSIT.ship_date(lot.available_on), demand.country) or NEVER, 0)
