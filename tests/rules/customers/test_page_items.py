from dataclasses import replace

import pytest

from models.customers import Act, ChoiceState
from models.enums import Promise
from models.orders import Shipment
from models.shipments import Parcel
from rules.customers.page_items import LineOutlook, page_parcels
from rules.delays.delays import late_line
from tests.support.builders import CALENDAR, DAY, day, line, order
from tests.support.choosing import choice


def shown(*lines, planned=(), closing=None, cancelled=None):
    """Return the parcels as their day, and number, pieces, status and days late of each item."""
    late = {one.number: late for one in lines if (late := late_line(one, DAY, CALENDAR))}
    outlook = LineOutlook(late=late, closing=closing or {}, planned=planned)
    parcels = page_parcels(order(*lines, cancelled=cancelled), outlook, DAY)
    return [
        (parcel.leaves_on, [(item.number, item.quantity, item.status, item.days_late) for item in parcel.items])
        for parcel in parcels
    ]


LATE, ON_TIME = line("1", promised=-5, expected=3), line("2", promised=2)


def test_items_come_in_the_order_of_their_days():
    assert shown(LATE, ON_TIME) == [(day(2), [("2", 1, "open", 0)]), (day(3), [("1", 1, "open", 8)])]


def test_items_of_one_day_come_together():
    assert shown(LATE, line("2", promised=3)) == [(day(3), [("1", 1, "open", 8), ("2", 1, "open", 0)])]


def test_an_item_without_a_day_comes_last():
    undated = line("1", promised=-5)
    assert shown(undated, ON_TIME) == [(day(2), [("2", 1, "open", 0)]), (None, [("1", 1, "open", 5)])]


def test_an_item_promised_to_arrive_has_no_day_on_which_it_leaves():
    assert shown(line("1", promised=4, promise=Promise.DELIVER)) == [(None, [("1", 1, "open", 0)])]


def test_planned_parcels_are_shown_as_they_are_planned():
    planned = (Parcel(("2",), day(1)), Parcel(("1",), None))
    assert shown(LATE, ON_TIME, planned=planned) == [(day(1), [("2", 1, "open", 0)]), (None, [("1", 1, "open", 8)])]


def test_what_has_left_comes_first_by_parcel_with_its_tracking():
    parcel = Shipment("P1", 2, shipped_on=day(-2), carrier="DHL", tracking_number="00340")
    part = replace(line("1", promised=-5, expected=3, quantity=5), shipments=(parcel,))
    assert shown(part) == [(None, [("1", 2, "sent", 0)]), (day(3), [("1", 3, "open", 8)])]
    (sent, _) = page_parcels(order(part), LineOutlook(), DAY)
    assert sent.shipments == (parcel,)


def test_lines_in_one_parcel_are_one_parcel():
    parcel = Shipment("P1", 1, shipped_on=day(-2), delivered_on=day(-1))
    lines = [replace(line(number), shipments=(parcel,)) for number in "12"]
    assert shown(*lines) == [(None, [("1", 1, "arrived", 0), ("2", 1, "arrived", 0)])]


def test_an_item_on_its_way_to_a_late_arrival_keeps_its_date():
    travelling = replace(
        line(promised=-2, expected=1, promise=Promise.DELIVER), shipments=(Shipment("P1", 1, shipped_on=day(-3)),)
    )
    assert shown(travelling) == [(None, [("1", 1, "sent", 3)])]


@pytest.mark.parametrize(
    ("act", "state", "status"),
    [
        (Act.CANCEL, ChoiceState.REQUESTED, "cancel_requested"),
        (Act.CANCEL, ChoiceState.DONE, "cancelled"),
        (Act.SWAP, ChoiceState.REQUESTED, "swap_requested"),
        (Act.SWAP, ChoiceState.DONE, "swapped"),
    ],
)
def test_a_line_that_was_cancelled_or_swapped_comes_last_and_is_not_late(act, state, status):
    closing = {"1": choice(act, "1", state=state)}
    assert shown(LATE, ON_TIME, closing=closing) == [(day(2), [("2", 1, "open", 0)]), (None, [("1", 1, status, 0)])]


@pytest.mark.parametrize(
    ("facts", "status"),
    [({"packed": 1}, "packed"), ({"ready": True}, "ready"), ({"ready": True, "packed": 1}, "packed"), ({}, "open")],
)
def test_an_open_item_says_whether_it_is_packed_or_ready(facts, status):
    assert [items[0][2] for _, items in shown(replace(LATE, **facts))] == [status]


def test_items_of_a_cancelled_order_do_not_come():
    assert shown(LATE, line("2", shipped=-3), cancelled=-1) == [
        (None, [("2", 1, "sent", 0)]),
        (None, [("1", 1, "cancelled", 0)]),
    ]


def test_every_piece_is_in_one_place():
    parcels = (Shipment("P1", 1, shipped_on=day(-3), delivered_on=day(-1)), Shipment("P2", 1, shipped_on=day(-2)))
    part = replace(line(quantity=6, promised=1), shipments=parcels, shipped=3, cancelled=1)
    items = [item for parcel in page_parcels(order(part), LineOutlook(), DAY) for item in parcel.items]
    assert [(item.quantity, item.status) for item in items] == [(1, "sent"), (1, "arrived"), (1, "sent"), (2, "open")]
