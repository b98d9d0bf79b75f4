"""Shipping plans: made after allocation, changed by the customer, read by mails and warehouse."""

import csv
import io
import json
import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert, update
from typer.testing import CliRunner

from cli.main import command_line
from models.enums import Promise
from models.errors import ForewarnError
from models.orders import ProductFacts
from models.shipments import Parcel, ShippingPreference
from rules.early_warning.facts import known_date
from sources.sample import write_sample
from tasks.csv_files import csv_text
from tasks.db.sql import read_only
from tasks.inventory.overrides import set_override
from tasks.orders.queries import get_orders
from tasks.reporting.explain_order import explain_order
from tasks.shipments.packing_list import COLUMNS, list_split_orders, packing_rows
from tasks.shipments.plan import plan_all
from tasks.shipments.preferences import set_shipping_preference
from tasks.shipments.ready_lines import load_day_inputs
from tasks.shipments.remaining import remaining_parcels
from tasks.tables import (
    CUSTOMER_ANSWERS,
    EVENTS,
    EXPECTED_DATES,
    INBOUNDS,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    SHIPPING_PLANS,
    STOCKS,
    WATCHES,
)
from tests.support.builders import day, line
from tests.support.shop_driver import noon
from tests.support.supply import LAMP, VASE, add_deliveries, allocate, execute

pytestmark = pytest.mark.sqlite_suffices(
    "decisions about parcels; plans are written and read on both databases by a few"
)


def at(context, on=0):
    return context.with_run("run", day(on), noon(on))


def allocate_and_plan(driver, on=0, *, batch=100):
    """Allocate and plan on a day, as the flow does; return the counts."""
    allocate(driver.context, on)
    return dict(plan_all(at(driver.context, on), batch))


def plan_of(driver, key="1041"):
    """Return the parcels of an order's plan as lines and days, and its sentence; None where it has no plan."""
    for row in driver.rows(SHIPPING_PLANS):
        if row["order_id"] == key:
            return [("".join(parcel["lines"]), parcel["ships_on"]) for parcel in row["parcels"]], row["why"]
    return None


def parcels(driver, *keys, on=0):
    with read_only(driver.context.engine) as connection:
        return remaining_parcels(driver.context, connection, keys or ["1041"], day(on))


def known(driver, key="1041"):
    with read_only(driver.context.engine) as connection:
        (found,) = get_orders(driver.context, connection, [key])
    return found.order


def order_story(driver, key="1041", on=0):
    with read_only(driver.context.engine) as connection:
        return explain_order(at(driver.context, on), connection, key)


def change_all(driver, table=ORDERS, **values):
    execute(driver, update(table).values(**values))


VASE_LINE, LAMP_LINE = line("1", promised=2, product=VASE), line("2", promised=2, product=LAMP)
IN_PARTS = [("1", "2026-06-16"), ("2", "2026-06-23")]
AT_ONCE = [("12", "2026-06-23")]
SENTENCE = "send 1 of 2 lines now: 7 days earlier for 4.90 EUR more (worth 6.50)"


@pytest.fixture
def apart(driver):
    """Set up order 1041: a vase in stock, and a lamp that leaves a week later; both are promised for day 2."""
    driver.stock(VASE, 5)
    driver.stock(LAMP, 0)
    driver.order("1041", VASE_LINE, LAMP_LINE)
    add_deliveries(driver, ("D1", 12, 4))
    return driver


@pytest.mark.both_databases
def test_lines_in_stock_leave_now_and_cost_and_value_are_stored(apart):
    assert allocate_and_plan(apart) == {"in_parts": 1, "changed": 1}
    assert plan_of(apart) == (IN_PARTS, SENTENCE)
    (row,) = apart.rows(SHIPPING_PLANS)
    assert (row["days_saved"], row["extra_cost"], row["value"]) == (7, Decimal("4.90"), Decimal("6.50"))
    assert (row["currency"], row["planned_at"]) == ("EUR", noon(0))
    assert parcels(apart) == {"1041": (Parcel(("1",), day(1)), Parcel(("2",), day(8)))}


@pytest.mark.both_databases
def test_a_second_run_writes_nothing(apart):
    allocate_and_plan(apart)
    before = apart.rows(SHIPPING_PLANS)
    assert allocate_and_plan(apart) == {"in_parts": 1}
    assert apart.rows(SHIPPING_PLANS) == before


@pytest.mark.both_databases
def test_a_new_date_makes_a_new_plan(apart):
    allocate_and_plan(apart)
    set_override(at(apart.context), "1041", "2", day(3), "Rita")
    assert allocate_and_plan(apart, on=0) == {"at_once": 1, "changed": 1}
    (row,) = apart.rows(SHIPPING_PLANS)
    assert (row["version"], row["planned_at"], row["days_saved"], row["value"]) == (1, noon(0), 0, 0)
    assert plan_of(apart) == (
        [("12", "2026-06-18")],
        "wait for all: 2 days apart are worth 1.50 EUR, a parcel costs 4.90",
    )
    assert parcels(apart) == {}


@pytest.mark.parametrize(
    "fact", [{"shipped_at": noon(0)}, {"cancelled_at": noon(0)}, {"product_id": "vase"}], ids=["sent", "off", "there"]
)
def test_an_order_with_nothing_to_split_loses_its_plan(apart, fact):
    allocate_and_plan(apart)
    execute(apart, update(ORDER_LINES).where(ORDER_LINES.c.number == "2").values(**fact))
    assert allocate_and_plan(apart) == {"changed": 1}
    assert apart.rows(SHIPPING_PLANS) == []


def test_an_order_of_one_line_or_of_lines_in_stock_needs_no_plan(driver):
    driver.stock(VASE, 5)
    driver.order("1", VASE_LINE)
    driver.order("2", VASE_LINE, line("2", product=VASE))
    assert allocate_and_plan(driver) == {}
    assert driver.rows(SHIPPING_PLANS) == []


def test_lines_with_one_mark_leave_together(apart):
    change_all(apart, ORDER_LINES, ship_with="set")
    allocate_and_plan(apart)
    assert plan_of(apart) == (AT_ONCE, "wait for all: its lines belong together")


def test_a_time_critical_line_does_not_wait(apart):
    change_all(apart, ORDER_LINES, promised_on=day(30))
    assert allocate_and_plan(apart) == {"at_once": 1, "changed": 1}
    execute(apart, update(ORDER_LINES).where(ORDER_LINES.c.number == "1").values(time_critical=True))
    allocate_and_plan(apart)
    assert plan_of(apart)[1] == "send 1 of 2 lines now: 7 days earlier for 4.90 EUR more (worth 14.00)"


def test_a_line_promised_to_arrive_has_to_leave_before_its_day(apart):
    # Promised for Friday, it must leave on Wednesday: of the seven days, five come too late and count twice.
    change_all(apart, ORDER_LINES, promise=Promise.DELIVER, promised_on=day(4))
    allocate_and_plan(apart)
    assert plan_of(apart)[1].endswith("(worth 6.50)")
    change_all(apart, ORDER_LINES, promised_on=day(3))
    allocate_and_plan(apart)
    assert plan_of(apart)[1].endswith("(worth 7.00)")


def test_drop_shipped_goods_are_in_no_parcel_of_the_shop(apart):
    execute(apart, update(PRODUCTS).where(PRODUCTS.c.id == "lamp").values(drop_shipped=True))
    assert allocate_and_plan(apart) == {}


def test_drop_shipped_goods_come_beside_the_parcels_that_a_customer_is_told(apart):
    execute(apart, delete(ORDER_LINES))
    apart.order("1042", VASE_LINE, LAMP_LINE, line("3", promised=9, product=ProductFacts("chair", "Chair")))
    execute(apart, update(PRODUCTS).where(PRODUCTS.c.id == "chair").values(drop_shipped=True))
    allocate_and_plan(apart)
    assert parcels(apart, "1042") == {"1042": (Parcel(("1",), day(1)), Parcel(("2",), day(8)))}
    (message,) = apart.run_day()
    headings = "Should still be on time|Parcel 1 of 2|Parcel 2 of 2"
    _, on_time, first, still_to_come = re.split(headings, message.text)
    assert ["Chair" in part for part in (on_time, first, still_to_come)] == [True, False, False]
    assert "Vase" not in on_time


def test_a_line_leaves_when_all_its_pieces_can(apart):
    apart.order("1040", line("1", promised=2, quantity=7, product=VASE), LAMP_LINE, placed=-80)
    allocate_and_plan(apart)
    assert plan_of(apart, "1040")[0] == [("2", "2026-06-23"), ("1", None)]


def test_a_parcel_leaves_on_the_day_that_its_lines_are_expected_however_late_a_delivery_is(apart):
    for n, late in enumerate([0, 0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 0, 1, 2, 4, 7, 9]):
        came = {"promised_on": day(n - 60), "ordered_at": noon(-90), "received_at": noon(n - 60 + late)}
        execute(apart, insert(INBOUNDS).values(id=f"H{n}", product_id="lamp", vendor_id="v1", quantity=5, **came))
    change_all(apart, INBOUNDS, vendor_id="v1")
    for on in range(10):
        allocate_and_plan(apart, on)
        told = {row["line"]: str(row["expected_on"]) for row in apart.rows(EXPECTED_DATES) if row["ended_at"] is None}
        leaves = told["1"] if told["1"] != "None" else str(load_day_inputs(apart.context, day(on)).soonest)
        assert plan_of(apart)[0] == [("1", leaves), ("2", told["2"])]
        first, _ = parcels(apart, on=on)["1041"]
        assert str(first.ships_on) == told["1"]


def test_a_shop_without_stock_data_plans_by_its_own_dates_and_a_passed_one_is_none(driver):
    there = line("1", promised=0, expected=1, product=VASE)
    driver.order("1041", there, line("2", promised=0, expected=20, product=LAMP))
    driver.order("1042", there, line("2", promised=0, expected=-1, product=LAMP))
    allocate_and_plan(driver)
    assert plan_of(driver)[0] == [("1", "2026-06-16"), ("2", "2026-07-05")]
    assert plan_of(driver, "1042")[0] == [("1", "2026-06-16"), ("2", None)]
    assert parcels(driver, "1042") == {"1042": (Parcel(("1",), day(1)), Parcel(("2",), None))}


def test_an_order_in_a_currency_without_costs_is_sent_at_once(apart):
    change_all(apart, currency="SEK")
    allocate_and_plan(apart)
    assert plan_of(apart) == (AT_ONCE, "wait for all: the policy has no parcel cost in SEK")


@pytest.mark.both_databases
def test_pages_plan_all_orders_and_delete_old_plans_between_them(driver):
    driver.stock(VASE, 50)
    driver.stock(LAMP, 0)
    add_deliveries(driver, ("D1", 50, 4))
    keys = [f"{n:02}" for n in range(7)]
    for key in keys:
        driver.order(key, VASE_LINE, LAMP_LINE)
    assert allocate_and_plan(driver, batch=3) == {"in_parts": 7, "changed": 7}
    for key in ("00", "03", "06"):
        driver.change(key, cancelled_at=noon(0))
    assert allocate_and_plan(driver, batch=2) == {"in_parts": 4, "changed": 3}
    assert sorted(row["order_id"] for row in driver.rows(SHIPPING_PLANS)) == ["01", "02", "04", "05"]
    assert allocate_and_plan(driver, batch=4) == {"in_parts": 4}
    assert parcels(driver, *keys).keys() == {"01", "02", "04", "05"}


@pytest.mark.both_databases
def test_the_customers_preference_overrides_the_shops_and_the_policy(apart):
    change_all(apart, shipping_preference="complete")
    allocate_and_plan(apart)
    assert plan_of(apart) == (AT_ONCE, "wait for all: the customer wants it complete")
    version = apart.watch()["version"]
    said = set_shipping_preference(at(apart.context, 1), "1041", ShippingPreference.AVAILABLE, "Rita")
    assert said == "send 1 of 2 lines now, as the customer wants: 7 days earlier for 4.90 EUR more (worth 6.50)"
    assert plan_of(apart)[1] == said
    (answer,) = apart.rows(CUSTOMER_ANSWERS)
    assert (answer["order_id"], answer["kind"], answer["value"], answer["who"]) == (
        "1041",
        "shipping_preference",
        "available",
        "Rita",
    )
    assert apart.watch()["version"] > version
    assert apart.watch()["next_check_on"] == day(0)
    allocate_and_plan(apart, on=1)
    assert plan_of(apart)[1] == said
    set_shipping_preference(at(apart.context, 1), "1041", ShippingPreference.COMPLETE, "Tom")
    assert [(one["value"], one["who"]) for one in apart.rows(CUSTOMER_ANSWERS)] == [("complete", "Tom")]
    assert plan_of(apart)[0] == AT_ONCE
    change_all(apart, shipping_preference="available")
    assert set_shipping_preference(at(apart.context, 1), "1041", None, "Tom") == said
    assert apart.rows(CUSTOMER_ANSWERS) == []
    happened = [(one["kind"], one["subject"], one["who"], one["why"]) for one in apart.rows(EVENTS)]
    assert happened == [
        ("shipping_preference", "1041", "Rita", "available"),
        ("shipping_preference", "1041", "Tom", "complete"),
        ("shipping_preference", "1041", "Tom", "cleared"),
    ]


def test_a_preference_is_stored_even_where_no_line_has_to_wait(driver):
    driver.order("1041", VASE_LINE)
    assert set_shipping_preference(at(driver.context), "1041", ShippingPreference.COMPLETE, "Rita") is None
    assert len(driver.rows(CUSTOMER_ANSWERS)) == 1


@pytest.mark.parametrize(("key", "why"), [("9", "no order '9' is known"), ("1041", "no line that is still to be sent")])
def test_no_preference_is_stored_for_an_unknown_or_sent_order(apart, key, why):
    apart.change("1041", shipped_at=noon(0))
    version = apart.watch()["version"]
    with pytest.raises(ForewarnError, match=why):
        set_shipping_preference(at(apart.context), key, ShippingPreference.COMPLETE, "Rita")
    assert (apart.rows(CUSTOMER_ANSWERS), apart.rows(EVENTS), apart.watch()["version"]) == ([], [], version)


@pytest.mark.parametrize(
    ("statement", "on"),
    [
        (update(ORDER_LINES).where(ORDER_LINES.c.number == "1").values(shipped_at=noon(0)), 0),
        (update(ORDERS).values(cancelled_at=noon(0)), 0),
        (update(WATCHES).values(version=9), 2),
    ],
    ids=["the first parcel left", "cancelled", "its day has passed"],
)
def test_a_notice_never_tells_parcels_that_are_out_of_date(apart, statement, on):
    allocate_and_plan(apart)
    execute(apart, statement)
    assert parcels(apart, on=on) == {}
    said = [one["why"] for one in list_split_orders(apart.context, day(on))]
    explained = order_story(apart, on=on)["supply"]["shipping"]
    assert all(why == f"out of date, `forewarn allocate` plans it again: {SENTENCE}" for why in said)
    assert [explained["why"]] == said if explained else said == []


def test_a_notice_tells_no_parcels_of_an_order_that_got_another_line(apart):
    allocate_and_plan(apart)
    new = {"order_id": "1041", "number": "3", "product_id": "vase", "quantity": 1, "promise": "ship"}
    execute(apart, insert(ORDER_LINES).values(**new))
    assert parcels(apart) == {}


def test_after_the_first_of_three_parcels_two_remain(apart):
    apart.order("1042", VASE_LINE, LAMP_LINE, line("3", promised=2, expected=60))
    allocate_and_plan(apart)
    assert len(plan_of(apart, "1042")[0]) == 3
    execute(apart, update(ORDER_LINES).where(ORDER_LINES.c.number == "1").values(shipped_at=noon(1)))
    assert parcels(apart, "1042", on=1) == {"1042": (Parcel(("2",), day(8)), Parcel(("3",), day(60)))}
    (shown,) = (one["parcels"] for one in list_split_orders(apart.context, day(1)) if one["order_id"] == "1042")
    assert [one["lines"] for one in shown] == [["2"], ["3"]]
    assert order_story(apart, "1042", on=1)["supply"]["shipping"]["parcels"] == shown


@pytest.mark.parametrize(
    ("promise", "told", "waits"),
    [
        (Promise.SHIP, "now expected by June 23, 2026", {"1": "2026-06-23"}),
        (Promise.DELIVER, "now expected by June 25, 2026", {"1": "2026-06-25"}),
    ],
)
def test_a_held_line_is_told_the_date_of_its_parcel(apart, promise, told, waits):
    change_all(apart, shipping_preference="complete")
    change_all(apart, ORDER_LINES, promise=promise)
    allocate_and_plan(apart)
    (parcel,) = apart.rows(SHIPPING_PLANS)[0]["parcels"]
    assert parcel["waiting"] == waits
    (message,) = apart.run_day()
    assert message.text.count(told) == 2
    assert "on time" not in message.text
    assert [allocate_and_plan(apart, on) and apart.run_day(on) for on in range(1, 5)] == [[]] * 4
    assert order_story(apart)["lines"][0]["expected_on"] == date.fromisoformat(waits["1"])


def test_a_held_line_in_stock_is_no_good_news(apart):
    change_all(apart, shipping_preference="complete")
    execute(apart, update(STOCKS).where(STOCKS.c.product_id == "vase").values(on_hand=0))
    allocate_and_plan(apart)
    apart.run_day()
    execute(apart, update(STOCKS).where(STOCKS.c.product_id == "vase").values(on_hand=5))
    allocate_and_plan(apart, 1)
    assert not any(line.ready for line in known(apart).lines)
    (message,) = apart.run_day(1)
    assert message.text.count("now expected by June 23, 2026") == 2
    assert "ready" not in message.text


@pytest.mark.both_databases
def test_a_preference_changes_the_dates_of_queued_notices(apart):
    allocate_and_plan(apart)
    apart.evaluate()
    set_shipping_preference(at(apart.context), "1041", ShippingPreference.COMPLETE, "Rita")
    apart.deliver()
    assert apart.transport.taken == []
    (message,) = apart.run_day()
    assert message.text.count("now expected by June 23, 2026") == 2
    assert "parcel" not in message.text


def test_a_plan_stands_while_no_date_moves_even_if_its_first_parcel_is_still_here(apart):
    allocate_and_plan(apart)
    for on in range(1, 5):
        allocate_and_plan(apart, on)
        assert [lines for lines, _ in plan_of(apart)[0]] == ["1", "2"]
    assert plan_of(apart)[1] == "send 1 of 2 lines now: 1 day earlier for 4.90 EUR more (worth 1.00)"
    set_override(at(apart.context, 4), "1041", "2", day(9), "Rita")
    allocate_and_plan(apart, 4)
    assert plan_of(apart)[0] == [("12", "2026-06-24")]


@pytest.mark.both_databases
def test_the_packing_list_has_every_piece_with_its_parcel_and_place(apart):
    execute(apart, insert(STOCKS).values(product_id="lamp", location="attic", on_hand=2))
    apart.order("1042", VASE_LINE, line("2", promised=2, quantity=4, product=LAMP), placed=-50)
    apart.order("1043", VASE_LINE, line("2", promised=2, product=LAMP), placed=-40)
    change_all(apart, ORDER_LINES, ship_with=None)
    execute(apart, update(ORDERS).where(ORDERS.c.id == "1043").values(shipping_preference="complete"))
    allocate_and_plan(apart)
    with read_only(apart.context.engine) as connection:
        rows = [[str(cell) for cell in row] for row in packing_rows(apart.context, connection, day(0))]
    there, later = str(day(1)), str(day(8))
    assert rows == [
        ["1042", "1", "2", "1", "vase", "1", "main", there, "None"],
        ["1042", "2", "2", "2", "lamp", "1", "attic", later, "None"],
        ["1042", "2", "2", "2", "lamp", "3", "attic", later, "None"],
        ["1043", "1", "1", "1", "vase", "1", "main", later, "None"],
        ["1043", "1", "1", "2", "lamp", "1", "attic", later, "None"],
    ]
    assert [one["order_id"] for one in list_split_orders(apart.context, day(0))] == ["1042"]
    apart.change("1042", shipped_at=noon(0))
    assert list_split_orders(apart.context, day(0)) == []


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Return a folder with a sample shop in which stock was allocated."""
    place = tmp_path_factory.mktemp("parcels")
    write_sample(place / "shop", orders=200, seed=7, as_of=date.today())  # noqa: DTZ011 - as the command does
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        said("import")
        found = json.loads(said("allocate", "--json"))["report"]["parcels"]
    assert found["changed"] == found["in_parts"] + found.get("at_once", 0) > 0
    return place


@pytest.fixture
def folder(sample, monkeypatch):
    """Return the sample's folder, and work in it."""
    monkeypatch.chdir(sample)
    return sample


def command(*arguments):
    return CliRunner().invoke(command_line, list(arguments))


def said(*arguments):
    done = command(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_staff_use_it_by_commands(folder):
    (first, *_) = found = json.loads(said("shipments", "list", "--json"))["orders"]
    key = first["order_id"]
    assert all(len(one["parcels"]) > 1 for one in found)
    assert key in said("shipments", "list")
    printed = said("shipments", "export")
    assert said("shipments", "export", "--csv", "parcels.csv").endswith(" in parcels.csv\n")
    with (folder / "parcels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == list(csv.DictReader(io.StringIO(printed)))
    assert {row["order"] for row in rows if row["parcels"] != "1"} == {one["order_id"] for one in found}
    complete = said("shipments", "prefer", key, "complete", "--who", "Rita")
    assert complete == f"Order {key}: wait for all: the customer wants it complete.\n"
    assert "wait for all: the customer wants it complete" in said("explain", key)
    assert key not in {one["order_id"] for one in json.loads(said("shipments", "list", "--json"))["orders"]}
    assert first["why"] in said("shipments", "prefer", key, "--clear", "--who", "Rita")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("prefer", "1041", "perhaps", "--who", "Rita"), "'complete', 'available'"),
        (("prefer", "1041", "--who", "Rita"), "give either complete or available, or --clear"),
        (("prefer", "9999", "complete", "--who", "Rita"), "no order '9999' is known"),
        (("export", "--csv", "no/such/file.csv"), "no/such/file.csv cannot be written"),
    ],
)
def test_a_command_says_in_a_sentence_what_is_wrong(folder, arguments, why):
    done = command("shipments", *arguments)
    assert done.exit_code != 0
    assert isinstance(done.exception, ForewarnError | SystemExit)
    assert why in f"{done.output} {done.exception}"


def test_no_ship_with_mark_becomes_a_formula_in_the_packing_list(apart, tmp_path):
    change_all(apart, ORDER_LINES, ship_with="=1+1")
    execute(apart, update(ORDER_LINES).where(ORDER_LINES.c.number == "1").values(ship_with=None))
    allocate_and_plan(apart)
    with read_only(apart.context.engine) as connection:
        text = csv_text(COLUMNS, packing_rows(apart.context, connection, day(0)))
    assert [row["ship_with"] for row in csv.DictReader(io.StringIO(text))] == ["", "'=1+1"]


def test_an_order_that_was_cancelled_is_explained_as_cancelled(driver):
    driver.order("1041", LAMP_LINE)
    change_all(driver, cancelled_at=noon(1))
    before, after = order_story(driver, on=0), order_story(driver, on=1)
    assert (before["lines"][0]["state"], before["now"]["why"]) == ("on time", "nothing is late")
    assert (after["lines"][0]["state"], after["now"]["why"]) == (f"cancelled {day(1)}", "the order was cancelled")


def test_a_line_held_for_one_that_is_only_estimated_is_late_by_an_estimate_too(apart):
    change_all(apart, shipping_preference="complete")
    allocate_and_plan(apart)
    execute(apart, update(EXPECTED_DATES).where(EXPECTED_DATES.c.source == "inbound").values(basis=None))
    assert [line.estimated for line in known(apart).lines] == [True, True]
    assert apart.run_day() == []


def test_a_line_held_for_one_that_is_known_to_be_late_is_known_to_be(apart):
    change_all(apart, shipping_preference="complete")
    allocate_and_plan(apart)
    assert [known_date(line) for line in known(apart).lines] == [day(8), day(8)]
    (message,) = apart.run_day()
    assert message.text.count("now expected by June 23, 2026") == 2
