"""The expected date of a line, its source, and what a new order would get."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from models.date_basis import InStockBasis
from models.enums import Promise
from models.inventory import (
    AllocationPart,
    Coverage,
    DateSource,
    ExpectedDate,
    ProductAvailability,
    StockStatus,
    SupplyLot,
)
from models.policy.policy import CalendarPolicy
from models.policy.supply import AllocationPolicy, ForecastPolicy
from rules.inventory.availability import available_to_promise
from rules.inventory.expected_dates import expected_date_for
from rules.inventory.inbound_dates import InboundDate, InboundDates, inbound_basis, keep_shown_date, shown_dates
from rules.inventory.line_inputs import DateInputs
from rules.inventory.transit import TransitTimes
from rules.inventory.vendor_lateness import Delivery, VendorLateness

TODAY = date(2026, 11, 23)
TRANSIT = TransitTimes(AllocationPolicy(), CalendarPolicy())
STAFF, CARRIER, VENDOR, STOCK, INBOUND, FORECAST, SHOP = DateSource


def ahead(n):
    return TODAY + timedelta(days=n)


LINE = DateInputs(Promise.SHIP, ahead(10), 7, "DE", stocked=True)
COMING = {
    "D0": InboundDate(ahead(30), ahead(29), ahead(31), 0.81, "promised for 2026-12-20"),
    "D1": InboundDate(ahead(14), ahead(11), ahead(16), 0.83, "promised for 2026-12-03"),
    "D2": InboundDate(None, None, None, None, "which has no date"),
}


def part(cover, quantity=7):
    if cover is Coverage.UNCOVERED:
        return AllocationPart("A", "1", quantity, cover)
    inbound, available_on = ("D1", COMING["D1"].available_on) if cover is Coverage.INBOUND else ("", TODAY)
    leaves_on = TRANSIT.ship_date(available_on)
    return AllocationPart(
        "A", "1", quantity, cover, "Berlin", inbound, leaves_on, TRANSIT.arrival_date(leaves_on, "DE")
    )


IN_STOCK, ON_THE_WAY, UNCOVERED = (
    [part(Coverage.STOCK)],
    [part(Coverage.STOCK, 5), part(Coverage.INBOUND, 2)],
    [part(Coverage.STOCK, 5), part(Coverage.UNCOVERED, 2)],
)
PARTLY_UNDATED = [
    part(Coverage.STOCK, 4),
    AllocationPart("A", "1", 1, Coverage.INBOUND, "Berlin", "D2"),
    part(Coverage.UNCOVERED, 2),
]
UNDATED = [part(Coverage.STOCK, 5), AllocationPart("A", "1", 2, Coverage.INBOUND, "Berlin", "D2")]
RESPONSE = InboundDate(ahead(5), ahead(4), ahead(7), 0.8, "promised for 2026-11-26")


def expected_for(line, parts, as_of=TODAY):
    return expected_date_for(line, parts, COMING, TRANSIT, as_of)


def source_and_date(line, parts, as_of=TODAY):
    expected = expected_for(line, parts, as_of)
    return expected and (expected.source, expected.expected_on)


def shown_date(source, days):
    return ExpectedDate(source, None if days is None else ahead(days), "as before")


@pytest.mark.parametrize(
    ("line", "parts", "expected"),
    [
        pytest.param(replace(LINE, stated={SHOP: ahead(3)}), IN_STOCK, (STOCK, ahead(1)), id="stock before the shop"),
        pytest.param(
            replace(LINE, stated={CARRIER: ahead(3)}), IN_STOCK, (CARRIER, ahead(3)), id="the carrier before stock"
        ),
        pytest.param(
            replace(LINE, stated={VENDOR: ahead(3)}), UNCOVERED, (VENDOR, ahead(3)), id="the vendor states a date"
        ),
        pytest.param(replace(LINE, stated={STAFF: ahead(0)}), ON_THE_WAY, (STAFF, TODAY), id="today has not passed"),
        pytest.param(replace(LINE, stated={STAFF: ahead(-1)}), ON_THE_WAY, (INBOUND, ahead(15)), id="yesterday has"),
        pytest.param(
            replace(LINE, previous=shown_date(STAFF, 4), stated={CARRIER: ahead(3)}),
            IN_STOCK,
            (STAFF, ahead(4)),
            id="staff first",
        ),
        pytest.param(
            replace(LINE, previous=shown_date(STAFF, -1)), IN_STOCK, (STOCK, ahead(1)), id="until their day passes"
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=7),
            ON_THE_WAY,
            (VENDOR, ahead(7)),
            id="an answer before a delivery",
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=7),
            IN_STOCK,
            (STOCK, ahead(1)),
            id="of what is in stock it says nothing",
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=7, drop_shipped=True),
            IN_STOCK,
            (VENDOR, ahead(5)),
            id="a drop-shipper sends itself",
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=2),
            ON_THE_WAY,
            (VENDOR, ahead(7)),
            id="it may be that delivery",
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=1), UNCOVERED, (STOCK, None), id="too few were accepted"
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=3),
            [part(Coverage.INBOUND, 4), part(Coverage.UNCOVERED, 3)],
            (VENDOR, ahead(15)),
            id="an answer for some, and a delivery for the others",
        ),
        pytest.param(
            replace(LINE, vendor_response=RESPONSE, accepted=5, drop_shipped=True, stocked=False),
            [],
            None,
            id="direct, too few",
        ),
        pytest.param(
            replace(LINE, vendor_response=COMING["D2"], accepted=7),
            ON_THE_WAY,
            (INBOUND, ahead(15)),
            id="an answer without a date",
        ),
        pytest.param(LINE, ON_THE_WAY, (INBOUND, ahead(15)), id="the last piece counts"),
        pytest.param(replace(LINE, promise=Promise.DELIVER), ON_THE_WAY, (INBOUND, ahead(17)), id="and arrives later"),
        pytest.param(LINE, UNDATED, (INBOUND, None), id="a delivery without a date"),
        pytest.param(replace(LINE, lead_days=7), UNDATED, (INBOUND, None), id="is not guessed by the lead time"),
        pytest.param(replace(LINE, lead_days=7), PARTLY_UNDATED, (INBOUND, None), id="not even in part"),
        pytest.param(replace(LINE, stated={SHOP: ahead(3)}), UNDATED, (SHOP, ahead(3)), id="but the shop may know"),
        pytest.param(replace(LINE, lead_days=7), UNCOVERED, (FORECAST, ahead(9)), id="the usual lead time"),
        pytest.param(
            replace(LINE, lead_days=7, first_forecast=ahead(4)), UNCOVERED, (FORECAST, ahead(4)), id="not again"
        ),
        pytest.param(
            replace(LINE, lead_days=7, first_forecast=ahead(-1)), UNCOVERED, (FORECAST, None), id="it is over"
        ),
        pytest.param(
            replace(LINE, lead_days=7, previous=shown_date(FORECAST, -1), stated={SHOP: ahead(3)}),
            UNCOVERED,
            (SHOP, ahead(3)),
            id="and then the shop may know",
        ),
        pytest.param(replace(LINE, lead_days=10**9), UNCOVERED, (STOCK, None), id="an absurd one is none"),
        pytest.param(LINE, UNCOVERED, (STOCK, None), id="no source has a date"),
        pytest.param(
            replace(LINE, stated={SHOP: ahead(-1)}), UNCOVERED, (STOCK, None), id="nor does a day that passed"
        ),
        pytest.param(replace(LINE, stocked=False, stated={SHOP: ahead(3)}), [], None, id="the shop's date stays"),
        pytest.param(
            replace(LINE, stocked=False, stated={CARRIER: ahead(3)}), [], (CARRIER, ahead(3)), id="but has a source"
        ),
        pytest.param(
            replace(LINE, stocked=False, vendor_response=RESPONSE, accepted=7, drop_shipped=True),
            [],
            (VENDOR, ahead(5)),
            id="direct",
        ),
    ],
)
def test_the_first_source_with_a_date_counts(line, parts, expected):
    assert source_and_date(line, parts) == expected


@pytest.mark.parametrize(
    ("before", "as_of", "promised", "expected"),
    [
        pytest.param(None, 0, 10, 1, id="it can leave tomorrow"),
        pytest.param(1, 1, 10, 1, id="today, then"),
        pytest.param(1, 2, 10, 10, id="it did not: the shop has until the promised day"),
        pytest.param(10, 9, 10, 10, id="that stands"),
        pytest.param(10, 11, 10, None, id="nor then: it has no date"),
        pytest.param(None, 11, 10, 14, id="late, and in stock since today: it can leave on Monday"),
        pytest.param(10, 4, 7, 7, id="promised earlier by now"),
    ],
)
def test_a_line_in_stock_has_a_new_date_only_when_the_old_one_has_passed(before, as_of, promised, expected):
    today = ahead(as_of)
    parts = [replace(IN_STOCK[0], ships_on=TRANSIT.ship_date(today))]
    previous = None if before is None else replace(shown_date(STOCK, before), basis=InStockBasis(Promise.SHIP, "DE"))
    line = replace(LINE, promised_on=ahead(promised), previous=previous)
    found = expected_for(line, parts, today)
    assert (found.source, found.expected_on) == (STOCK, None if expected is None else ahead(expected))
    later = ahead(as_of + 10)
    again = expected_for(replace(line, previous=found), [replace(parts[0], ships_on=TRANSIT.ship_date(later))], later)
    assert expected is not None or again == found


@pytest.mark.parametrize(
    ("change", "arrives"),
    [({"country": "FR"}, 9), ({"promise": Promise.SHIP}, 1)],
    ids=["it goes farther", "it is only to leave"],
)
def test_a_line_in_stock_has_a_new_date_when_it_goes_elsewhere(change, arrives):
    before = expected_for(replace(LINE, promise=Promise.DELIVER, promised_on=ahead(1)), IN_STOCK)
    assert before.expected_on == ahead(3)
    parts = [replace(IN_STOCK[0], arrives_on=ahead(9))]
    line = replace(LINE, **({"promise": Promise.DELIVER, "promised_on": ahead(1), "previous": before} | change))
    assert source_and_date(line, parts) == (STOCK, ahead(arrives))


def test_a_line_that_was_not_in_stock_before_leaves_at_once_when_it_is():
    line = replace(LINE, previous=shown_date(INBOUND, 15))
    assert source_and_date(line, IN_STOCK) == (STOCK, ahead(1))


@pytest.mark.parametrize(
    ("before", "expected"),
    [(None, 9), (4, 4), (0, 0), (-1, None)],
    ids=["today", "stands", "to the day", "then unknown"],
)
def test_a_lead_time_is_added_once_and_its_date_does_not_move_with_the_days(before, expected):
    previous = None if before is None else shown_date(FORECAST, before)
    line = replace(LINE, lead_days=7, previous=previous)
    found = expected_for(line, UNCOVERED)
    assert found.expected_on == (None if expected is None else ahead(expected))
    assert found.source == FORECAST
    again = expected_for(replace(line, previous=found), UNCOVERED, ahead(1))
    assert again.expected_on == (found.expected_on if expected else None)


@pytest.mark.parametrize(
    ("shown", "promised", "predicted", "as_of", "available_on"),
    [
        pytest.param(13, 10, 14, 0, 13, id="the habit alone moved: the day stands"),
        pytest.param(13, 10, None, 0, 13, id="even where nothing is predicted any more"),
        pytest.param(13, 8, 14, 0, 14, id="the vendor promised another day"),
        pytest.param(16, 10, 14, 0, 14, id="an earlier day is taken at once"),
        pytest.param(13, 10, 14, 13, 13, id="the day itself has not passed"),
        pytest.param(13, 10, 14, 14, 14, id="once it has passed the new one is said"),
        pytest.param(13, 10, None, 14, None, id="or that there is none"),
    ],
)
def test_an_awaited_delivery_moves_its_date_when_that_has_passed_and_not_each_morning(
    shown, promised, predicted, as_of, available_on
):
    def coming(promised_on, day):
        return InboundDate(None if day is None else ahead(day), None, None, 0.8, "promised", ahead(promised_on))

    before = replace(
        shown_date(INBOUND, 20), basis=inbound_basis({"D7": coming(1, 2), "D1, a": coming(promised, shown)})
    )
    now = keep_shown_date("D1, a", coming(10, predicted), shown_dates([before, None]), ahead(as_of))
    assert now.available_on == (None if available_on is None else ahead(available_on))
    assert (now.probability is None) == (shown == available_on != predicted)
    line = replace(LINE, vendor_response=coming(10, predicted), accepted=7)
    accepted = replace(shown_date(VENDOR, 20), basis=inbound_basis({"accepted": coming(promised, shown)}))
    found = expected_date_for(replace(line, previous=accepted), UNCOVERED, {}, TRANSIT, ahead(as_of))
    assert found.expected_on == (None if available_on is None else TRANSIT.ship_date(ahead(available_on)))


def test_a_date_that_stands_keeps_its_probability():
    kept = {"D1": replace(COMING["D1"], promised_on=ahead(10), probability=None)}
    before = replace(shown_date(INBOUND, 15), basis=inbound_basis(kept), probability=0.83)
    found = expected_date_for(replace(LINE, previous=before), [part(Coverage.INBOUND)], kept, TRANSIT, TODAY)
    assert (found.expected_on, found.probability) == (ahead(15), 0.83)


def test_staff_read_in_one_sentence_where_a_date_comes_from():
    found = expected_for(LINE, ON_THE_WAY)
    assert found.why == "5 of 7 in stock; 2 of 7 with delivery D1, promised for 2026-12-03"
    assert (found.earliest_on, found.latest_on, found.probability) == (ahead(14), ahead(17), 0.83)
    one = replace(LINE, quantity=1, lead_days=7)
    assert expected_for(one, [part(Coverage.STOCK, 1)]).why == "in stock"
    assert expected_for(one, [part(Coverage.UNCOVERED, 1)]).why == (
        "neither in stock nor on the way; the vendor takes 7 days as a rule"
    )


def late_by(*days):
    return [Delivery("Acme", ahead(-100 + n), ahead(-100 + n + slip)) for n, slip in enumerate(days)]


def test_a_delivery_is_expected_with_its_vendors_lateness_and_the_days_of_receiving():
    lateness = VendorLateness.fit(late_by(*[4] * 20), TODAY, ForecastPolicy())
    found = InboundDates(lateness, TRANSIT, TODAY).date_of("Acme", None, date(2026, 12, 3))
    assert found.available_on == date(2026, 12, 8)
    assert found.probability > 0.9


@pytest.mark.parametrize(
    ("promised", "now_for", "available_on"),
    [
        pytest.param(3, 7, 8, id="it takes four days, as it said by now: a day to take it in"),
        pytest.param(3, 9, 10, id="the vendor knows of more"),
        pytest.param(3, 4, 8, id="it is later than it says"),
        pytest.param(7, 3, 8, id="an earlier word is judged by itself"),
        pytest.param(-9, 3, 8, id="beyond all lateness the new word counts"),
    ],
)
def test_the_lateness_of_a_vendor_that_revises_its_promise_is_not_added_twice(promised, now_for, available_on):
    lateness = VendorLateness.fit(late_by(*[4] * 20), TODAY, ForecastPolicy())
    found = InboundDates(lateness, TRANSIT, TODAY).date_of_revised("Acme", None, ahead(promised), ahead(now_for))
    assert (found.available_on, found.promised_on) == (ahead(available_on), ahead(now_for))


@pytest.mark.parametrize("promised_on", [None, date.max, date(9999, 1, 1)])
def test_a_placeholder_is_no_date(promised_on):
    lateness = VendorLateness.fit(late_by(*[4] * 20), TODAY, ForecastPolicy())
    assert InboundDates(lateness, TRANSIT, TODAY).date_of("Acme", None, promised_on).available_on is None


def unallocated(*lots):
    return [
        SupplyLot(Coverage.STOCK, "Berlin", n, TODAY)
        if name is None
        else SupplyLot(Coverage.INBOUND, "Berlin", n, COMING[name].available_on, name)
        for n, name in lots
    ]


BACK = ProductAvailability("P", StockStatus.BACKORDER, 3, ahead(15), ahead(17))
GONE = ProductAvailability("P", StockStatus.OUT_OF_STOCK, 0)


@pytest.mark.parametrize(
    ("lots", "safety", "found"),
    [
        pytest.param([(2, None)], 0, ProductAvailability("P", StockStatus.IN_STOCK, 2), id="in stock"),
        pytest.param([(3, None)], 2, ProductAvailability("P", StockStatus.IN_STOCK, 1), id="less the safety stock"),
        pytest.param([(2, None)], 2, GONE, id="which is not for sale"),
        pytest.param([(2, None), (3, "D1")], 2, BACK, id="but a delivery is"),
        pytest.param([(4, "D2"), (3, "D1")], 0, BACK, id="the first one with a date"),
        pytest.param([(4, "D0"), (3, "D1")], 0, BACK, id="the first to come"),
        pytest.param([(4, "D2")], 0, GONE, id="the delivery has no date"),
        pytest.param([], 0, GONE, id="nothing is left"),
    ],
)
def test_a_new_order_gets_what_open_orders_leave_free(lots, safety, found):
    assert available_to_promise("P", unallocated(*lots), safety, COMING, TRANSIT) == found
