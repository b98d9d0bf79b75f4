from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.enums import Promise
from models.orders import Shipment
from rules.customers.cancellations import cancel_options
from rules.customers.changeable import changeable_lines, pieces_to_send, without_unsent_pieces
from rules.delays.delays import is_open
from tests.support.builders import DAY, day, line, order


def options(*lines, late=(), cancelled=(), fee=None, **facts):
    """Return the options as key, lines, refund, and whether shipping is included."""
    sold = replace(order(*lines, shipping_fee=fee), **facts)
    changeable = changeable_lines(sold, DAY, without=set(cancelled))
    found = cancel_options(sold, changeable, set(late), set(cancelled), DAY)
    return [(one.key, one.lines, one.refund, one.includes_shipping) for one in found]


ONE, TWO, THREE = line("1"), line("2"), line("3")
SENT = line("9", shipped=-3)
FEE = Decimal("4.90")


@pytest.mark.parametrize(
    ("lines", "late", "offered"),
    [
        ((ONE,), "", [("all", ("1",))]),
        ((ONE,), "1", [("all", ("1",))]),
        ((ONE, TWO), "", [("1", ("1",)), ("2", ("2",)), ("all", ("1", "2"))]),
        ((ONE, TWO), "2", [("late", ("2",)), ("1", ("1",)), ("all", ("1", "2"))]),
        ((ONE, TWO), "12", [("1", ("1",)), ("2", ("2",)), ("all", ("1", "2"))]),
        (
            (ONE, TWO, THREE),
            "23",
            [("late", ("2", "3")), ("2", ("2",)), ("3", ("3",)), ("1", ("1",)), ("all", ("1", "2", "3"))],
        ),
        ((ONE, SENT), "1", [("late", ("1",))]),
        ((ONE, SENT), "", [("1", ("1",))]),
        ((ONE, TWO, SENT), "12", [("late", ("1", "2")), ("1", ("1",)), ("2", ("2",))]),
        ((ONE, TWO, SENT), "1", [("late", ("1",)), ("2", ("2",)), ("all", ("1", "2"))]),
        ((SENT,), "", []),
        ((replace(ONE, packed=1), TWO), "2", [("late", ("2",))]),
        ((replace(ONE, quantity=3, packed=1), TWO), "", [("2", ("2",))]),
    ],
)
def test_a_customer_can_cancel_what_is_late_single_lines_or_all_and_no_option_twice(lines, late, offered):
    assert [option[:2] for option in options(*lines, late=late)] == offered


def test_a_line_with_the_number_of_another_option_has_its_own_key():
    keys = [key for key, *_ in options(line("all"), line("late"))]
    assert keys == ["line all", "line late", "all"]


@pytest.mark.parametrize(
    ("lines", "facts", "refunds"),
    [
        ((ONE,), {"fee": FEE}, {"all": Decimal("44.90")}),
        ((ONE,), {}, {"all": Decimal(40)}),
        ((ONE, TWO), {"fee": FEE}, {"1": Decimal(40), "2": Decimal(40), "all": Decimal("84.90")}),
        ((ONE, SENT), {"fee": FEE}, {"1": Decimal(40)}),
        ((ONE, line("9", cancelled=-3)), {"fee": FEE}, {"all": Decimal("44.90")}),
        ((ONE, line("9", cancelled=3)), {"fee": FEE}, {"1": Decimal(40), "9": Decimal(40), "all": Decimal("84.90")}),
        ((ONE, replace(TWO, packed=1)), {"fee": FEE}, {"1": Decimal(40)}),
        ((replace(ONE, quantity=3, shipped=1),), {"fee": FEE}, {"1": Decimal(80)}),
        ((replace(ONE, quantity=3, cancelled=1),), {"fee": FEE}, {"all": Decimal("84.90")}),
        ((replace(ONE, quantity=Decimal("1.5"), price=Decimal("9.99")),), {}, {"all": Decimal("14.99")}),
        ((replace(ONE, price=None),), {"fee": FEE}, {"all": None}),
        ((replace(ONE, price=None), TWO), {"fee": FEE}, {"1": None, "2": Decimal(40), "all": None}),
        ((ONE,), {"fee": FEE, "unpaid": True}, {"all": Decimal(0)}),
        ((ONE, replace(TWO, closed=True)), {"fee": FEE}, {"1": Decimal(40)}),
    ],
)
def test_the_refund_is_the_price_of_what_has_not_left_and_the_fee_only_if_nothing_was_sent(lines, facts, refunds):
    assert {key: refund for key, _, refund, _ in options(*lines, **facts)} == refunds


def test_the_last_cancellation_of_an_order_returns_the_fee():
    assert options(ONE, TWO, cancelled=["1"], fee=FEE) == [("all", ("2",), Decimal("44.90"), True)]


def test_pieces_on_their_way_are_neither_cancelled_nor_paid_back():
    parcel = Shipment("P1", 2, shipped_on=day(-1))
    travelling = replace(line(promise=Promise.DELIVER, quantity=3), shipments=(parcel,))
    assert [refund for _, _, refund, _ in options(travelling, fee=FEE)] == [Decimal(40)]
    rest = without_unsent_pieces(travelling, "cancelled", DAY)
    assert (rest.owed(DAY), pieces_to_send(rest, DAY), is_open(rest, DAY)) == (2, 0, True)


@pytest.mark.parametrize("facts", [{}, {"quantity": 3, "shipped": 2}, {"quantity": 3, "cancelled": 1}])
def test_a_line_that_is_cancelled_by_its_customer_is_closed(facts):
    rest = without_unsent_pieces(replace(ONE, **facts), "cancelled by the customer", DAY)
    assert (is_open(rest, DAY), rest.closed, rest.ended) == (False, True, "cancelled by the customer")


prices = st.none() | st.decimals("0.01", "500", places=2)
quantities = st.integers(1, 5) | st.decimals("0.001", "9", places=3)


@st.composite
def orders(draw):
    """Return an order of which some has been sent, packed or cancelled, and the numbers of its late lines."""
    lines = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        quantity = draw(quantities)
        part = st.just(0) | st.just(quantity) | st.integers(0, int(quantity))
        facts = {"price": draw(prices), "shipped": draw(part), "packed": draw(part), "cancelled": draw(part)}
        lines.append(replace(line(f"{number}"), quantity=quantity, **facts))
    late = draw(st.sets(st.sampled_from([one.number for one in lines])))
    fee = draw(st.none() | st.decimals("0.01", "20", places=2))
    return order(*lines, shipping_fee=fee), late


CENT = Decimal("0.01")


@given(orders())
def test_nobody_gets_back_more_than_was_paid_and_parts_add_up_to_the_whole(drawn):
    sold, late = drawn
    changeable = changeable_lines(sold, DAY)
    found = {one.key: one for one in cancel_options(sold, changeable, late, set(), DAY)}
    by_lines = {one.lines: one for one in found.values()}
    assert len(by_lines) == len(found)
    assert ("all" in found or "late" in found or len(changeable) == 1) == bool(changeable)
    for one in found.values():
        paid = [each.price * each.quantity for each in sold.lines if each.price is not None]
        if one.refund is not None:
            assert one.refund <= sum(paid) + (sold.shipping_fee or 0) + CENT * len(sold.lines)
            fee = sold.shipping_fee if one.includes_shipping else Decimal(0)
            parts = [by_lines.get((number,)) for number in one.lines]
            if None not in parts and len(parts) > 1:
                assert one.refund - fee == sum(part.refund for part in parts)
        else:
            assert any(each.price is None for each in sold.lines if each.number in one.lines)
        if one.includes_shipping:
            assert one.whole_order
            assert not any(each.sent(DAY) for each in sold.lines)
            assert set(one.lines) == {each.number for each in sold.lines if each.ordered}


@given(orders(), st.data())
def test_cancelling_one_line_after_the_other_returns_as_much_as_all_at_once(drawn, data):
    sold, late = drawn
    changeable = changeable_lines(sold, DAY)
    total, gone, refunds = None, set(), []
    options_now = cancel_options(sold, changeable, late, set(), DAY)
    if not options_now or any(each.price is None for each in sold.lines):
        return
    total = max(one.refund for one in options_now if len(one.lines) == len(changeable))
    while rest := changeable_lines(sold, DAY, without=gone):
        chosen = data.draw(st.sampled_from(cancel_options(sold, rest, late - gone, gone, DAY)))
        refunds.append(chosen.refund)
        gone |= set(chosen.lines)
    assert sum(refunds) == total


def test_the_shipping_fee_is_paid_back_once():
    sold = order(ONE, TWO, shipping_fee=FEE)
    changeable = changeable_lines(sold, DAY, without={"2"})
    (again,) = cancel_options(sold, changeable, {"1"}, {"2"}, DAY, fee_refunded=True)
    assert (again.refund, again.includes_shipping) == (ONE.price, False)
