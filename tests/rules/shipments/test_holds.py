"""Lines that wait for the others of their parcel: until when, and which date counts."""

import pytest

from models.enums import Promise
from models.policy.supply import AllocationPolicy
from models.shipments import LineToSend, OrderToSend, Parcel
from rules.inventory.transit import TransitTimes
from rules.shipments.holds import HELD_LINES, effective_date, held_lines, hold_dates
from tests.support.builders import POLICY, day

TRANSIT = TransitTimes(AllocationPolicy(transit_days=2), POLICY.days)


def day_or_none(n):
    return None if n is None else day(n)


@pytest.mark.parametrize(
    ("expected", "held_until", "effective"),
    [
        pytest.param(3, 8, 8, id="it waits for the parcel"),
        pytest.param(8, 8, 8, id="it is ready on the parcel's day"),
        pytest.param(9, 8, 9, id="its own date is later"),
        pytest.param(None, 8, 8, id="in stock, but its own date has passed"),
        pytest.param(3, None, None, id="the parcel has no date"),
        pytest.param(None, None, None, id="neither has a date"),
    ],
)
def test_a_held_line_is_expected_with_its_parcel(expected, held_until, effective):
    assert effective_date(day_or_none(expected), day_or_none(held_until)) == day_or_none(effective)


def to_send(number, ships, promise=Promise.SHIP):
    return LineToSend(number, None if ships is None else day(ships), day(9), promise=promise)


@pytest.mark.parametrize(
    ("lines", "parcel", "held"),
    [
        pytest.param([to_send("1", 0), to_send("2", 7)], ("1", "2"), {"1": day(7)}, id="the last line holds the first"),
        pytest.param([to_send("1", 7), to_send("2", 7)], ("1", "2"), {}, id="both are ready on one day"),
        pytest.param([to_send("1", 0), to_send("2", 7)], ("2",), {}, id="a line of another parcel"),
        pytest.param(
            [to_send("1", 0, Promise.DELIVER), to_send("2", 7)],
            ("1", "2"),
            {"1": day(9)},
            id="one that is to arrive, two working days later",
        ),
        pytest.param([to_send("1", 0), to_send("2", None)], ("1", "2"), {"1": None}, id="the parcel has no date"),
    ],
)
def test_lines_that_could_leave_sooner_are_held_until_their_parcel_leaves_or_arrives(lines, parcel, held):
    dates = [line.ships_on for line in lines if line.number in parcel]
    order = OrderToSend(tuple(lines), "EUR", day(0), country="DE")
    ships_on = None if None in dates else max(dates)
    data = {HELD_LINES: hold_dates(order, Parcel(parcel, ships_on), TRANSIT)}
    assert held_lines([data, {"lines": []}]) == held
