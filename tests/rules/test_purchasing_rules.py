"""What is asked of which vendor: every piece that is needed, and none twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.purchasing import PriorRequest, Requirement
from rules.purchasing import plan_requests, remaining_need


def need(quantity=5, vendor="v1", **facts):
    return Requirement("7", "1", "lamp", vendor, quantity, **facts)


def pieces(found):
    return {vendor: [(ask.quantity, ask.attempt) for ask in asks] for vendor, asks in found.requests.items()}


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ([], {"v1": [(5, 1)]}),
        ([PriorRequest("v1", 5, 1)], {}),
        ([PriorRequest("v1", 6, 1)], {}),
        ([PriorRequest("v1", 4, 1)], {"v1": [(1, 2)]}),
        ([PriorRequest("v1", 5, 1, "accepted")], {}),
        ([PriorRequest("v1", 3, 1, "accepted"), PriorRequest("v1", 1, 2)], {"v1": [(1, 3)]}),
        ([PriorRequest("v1", 5, 1, "refused")], {}),
        ([PriorRequest("v1", 5, 1, "ask_again")], {"v1": [(5, 2)]}),
        ([PriorRequest("v2", 5, 1)], {}),
        ([PriorRequest("v2", 5, 1, "refused")], {"v1": [(5, 2)]}),
        ([PriorRequest("v2", 2, 1, "refused"), PriorRequest("v2", 3, 2, "accepted")], {"v1": [(2, 3)]}),
        ([PriorRequest("v1", 5, 1, "not_sent")], {"v1": [(5, 2)]}),
        ([PriorRequest("v1", 3, 1, "refused"), PriorRequest("v2", 3, 2)], {"v1": [(2, 3)]}),
        ([PriorRequest("v1", 3, 1, "refused"), PriorRequest("v2", 2, 2, "accepted")], {"v1": [(2, 3)]}),
        ([PriorRequest("v2", 2, 1, "accepted"), PriorRequest("v1", 3, 2, "refused")], {}),
        ([PriorRequest("v1", 3, 1, "refused"), PriorRequest("v2", 3, 2, "refused")], {"v1": [(2, 3)]}),
    ],
)
def test_a_piece_is_asked_for_once_and_after_a_refusal_of_another_vendor_or_by_staff_alone(before, asked):
    assert pieces(plan_requests([need()], {("7", "1"): before})) == asked


@pytest.mark.parametrize(
    ("wanted", "others", "left"),
    [
        (5, [], 5),
        (9, [], 5),
        (2, [], 2),
        (0, [], 0),
        (6, [PriorRequest("v1", 3, 1, "accepted")], 3),
        (3, [PriorRequest("v2", 3, 1)], 0),
        (3, [PriorRequest("v2", 3, 1, "not_sent")], 3),
    ],
)
def test_a_request_about_to_leave_asks_for_no_more_than_is_wanted_still(wanted, others, left):
    this = PriorRequest("v1", 5, 2)
    assert remaining_need(wanted, this, [*others, this]) == left


def test_what_goes_to_a_customer_needs_an_address_and_what_goes_to_the_warehouse_does_not():
    homeless = need(drop_shipped=True, addressed=False)
    found = plan_requests([homeless, Requirement("8", "1", "lamp", "v1", 1, addressed=False)], {})
    assert pieces(found) == {"v1": [(1, 1)]}
    assert found.unaddressed == (homeless,)


def test_each_vendor_gets_its_own_lines_and_always_in_one_order():
    needs = [Requirement(order, "1", "lamp", vendor, 1) for order, vendor in (("9", "v2"), ("8", "v1"), ("7", "v2"))]
    found = plan_requests(needs, {})
    assert [(v, [ask.need.order for ask in asks]) for v, asks in found.requests.items()] == [
        ("v1", ["8"]),
        ("v2", ["7", "9"]),
    ]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_however_the_need_moves_no_more_is_asked_for_than_was_ever_wanted_at_once(wanted):
    asked: list[PriorRequest] = []
    for quantity in wanted:
        found = plan_requests([need(quantity)] if quantity else [], {("7", "1"): asked})
        asked += [PriorRequest("v1", ask.quantity, ask.attempt) for ask in found.requests.get("v1", ())]
    assert sum(one.quantity for one in asked) == max(wanted)
    assert [one.attempt for one in asked] == list(range(1, len(asked) + 1))
