"""From the shop's data to the coverage and expected date of each line, and the availability of each product."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from app.composition import open_app
from flows.allocate import run_allocate
from flows.late_orders import run_late_orders
from models.enums import Promise, State
from models.errors import ForewarnError
from models.orders import NoticeLine, ProductFacts
from sources.sample import write_sample
from tasks.db.outbox import outbox_row
from tasks.db.sql import read_only
from tasks.imports.guard import ABANDONED_SECONDS, ImportIncomplete, import_guard, wait_for_import
from tasks.imports.load import import_all
from tasks.inventory.availability import short_products
from tasks.inventory.overrides import clear_override, set_override
from tasks.tables import (
    ALLOCATIONS,
    AVAILABILITIES,
    EXPECTED_DATES,
    INBOUNDS,
    INCOMPLETE_IMPORTS,
    NOTICES,
    ORDERS,
    OUTBOX,
    PRODUCTS,
    PURCHASE_LINES,
    PURCHASE_REQUESTS,
    STOCK_LEVELS,
    STOCKS,
    VENDORS,
    WATCHES,
)
from tests.cli.test_cli import forewarn
from tests.support.builders import day, line
from tests.support.shop_driver import noon
from tests.support.supply import LAMP, VASE, add_deliveries, allocate, execute, expected_date


def set_lamp(driver, **facts):
    execute(driver, update(PRODUCTS).where(PRODUCTS.c.id == "lamp").values(**facts))


def parts_of(driver):
    return [
        (row["order_id"], row["quantity"], row["cover"], row["inbound_id"] or row["place"])
        for row in sorted(driver.rows(ALLOCATIONS), key=lambda row: (row["order_id"], row["line"], row["part"]))
    ]


def availability_of(driver, key="lamp"):
    (row,) = [row for row in driver.rows(AVAILABILITIES) if row["product_id"] == key]
    return row


def ledger_rows(driver):
    """Return the rows of the supply side by table, without the moments of their confirmation."""
    rows = {table: driver.rows(table) for table in (ALLOCATIONS, EXPECTED_DATES, WATCHES)}
    availability = [
        {key: value for key, value in row.items() if key != "set_at"} for row in driver.rows(AVAILABILITIES)
    ]
    return {table: sorted(map(repr, table_rows)) for table, table_rows in rows.items()} | {
        AVAILABILITIES: sorted(map(repr, availability))
    }


@pytest.fixture
def seven_lamps(driver):
    """Set up an order of seven_lamps lamps, five of them in stock, and a delivery of twelve promised in four days."""
    driver.order("1041", line(promised=2, expected=2, quantity=7, product=LAMP))
    driver.stock(LAMP, 5)
    add_deliveries(driver, ("D1", 12, 4))
    return driver


def test_a_line_gets_the_stock_and_the_rest_from_a_delivery_and_its_order_is_due(seven_lamps):
    execute(seven_lamps, update(WATCHES).values(next_check_on=day(9), version=4))
    allocate(seven_lamps.context)
    assert parts_of(seven_lamps) == [("1041", 5, "stock", "main"), ("1041", 2, "inbound", "D1")]
    # Friday's delivery is received on Monday and leaves on Tuesday.
    assert expected_date(seven_lamps) == ("inbound", day(8), False)
    (row,) = seven_lamps.rows(EXPECTED_DATES)
    assert row["why"].startswith("5 of 7 in stock; 2 of 7 with delivery D1, promised for 2026-06-19")
    assert (row["set_at"], row["set_by"]) == (noon(0), "run")
    assert (seven_lamps.watch()["next_check_on"], seven_lamps.watch()["version"]) == (day(0), 5)
    lamp = availability_of(seven_lamps)
    assert (lamp["state"], lamp["free_quantity"], lamp["expected_on"], lamp["waiting"]) == (
        "backorder",
        10,
        day(8),
        1,
    )
    assert short_products(seven_lamps.context)[0]["name"] == "Desk Lamp"


def test_late_orders_uses_the_date_that_allocation_saved(seven_lamps):
    allocate(seven_lamps.context)
    seven_lamps.evaluate()
    assert {notice["expected_on"] for notice in seven_lamps.notices} == {day(8)}


def test_a_second_run_only_confirms_the_availability(seven_lamps):
    allocate(seven_lamps.context)
    before = ledger_rows(seven_lamps)
    allocate(seven_lamps.context, on=0, run="another")
    assert ledger_rows(seven_lamps) == before
    with_day_over = {row["order_id"]: row["version"] for row in seven_lamps.rows(WATCHES)}
    allocate(seven_lamps.context, on=1, run="next day")
    assert {row["order_id"]: row["version"] for row in seven_lamps.rows(WATCHES)} == with_day_over
    assert availability_of(seven_lamps)["set_at"] == noon(1)
    assert availability_of(seven_lamps)["since"] == noon(0)


def test_when_the_goods_arrive_the_line_is_in_stock_and_its_order_is_due(seven_lamps):
    allocate(seven_lamps.context)
    version = seven_lamps.watch()["version"]
    execute(seven_lamps, update(INBOUNDS).values(received_at=noon(3)))
    execute(seven_lamps, update(STOCKS).values(on_hand=17))
    allocate(seven_lamps.context, on=3)
    assert expected_date(seven_lamps) == ("stock", day(4), True)
    assert [row["ended_at"] for row in seven_lamps.rows(EXPECTED_DATES)] == [noon(3), None]
    assert (seven_lamps.watch()["next_check_on"], seven_lamps.watch()["version"]) == (day(0), version + 1)
    lamp = availability_of(seven_lamps)
    assert (lamp["state"], lamp["free_quantity"], lamp["waiting"], lamp["waited"]) == ("in_stock", 10, 0, 1)
    assert lamp["since"] == noon(3)


def test_a_date_stands_until_it_passes_even_where_the_history_says_nothing_any_more(seven_lamps):
    for n in range(4):
        past = {"id": f"H{n}", "product_id": "vase", "quantity": 1, "promised_on": day(-50 - n)}
        execute(seven_lamps, insert(INBOUNDS).values(**past, received_at=noon(-49 - n)))
    found = []
    for on in (0, 6, 7, 8, 9):
        allocate(seven_lamps.context, on=on)
        found.append(expected_date(seven_lamps)[1])
    assert found == [*[day(9)] * 4, None]


def test_what_is_due_today_is_not_late_yet_and_one_container_is_one_delivery(seven_lamps):
    execute(seven_lamps, insert(VENDORS).values(id="V1", name="Acme"))
    execute(seven_lamps, update(INBOUNDS).values(vendor_id="V1", promised_on=day(20)))
    for n in range(30):
        past = {"id": f"H{n}", "product_id": "vase", "vendor_id": "V1", "quantity": 1, "promised_on": day(-100 + n)}
        execute(seven_lamps, insert(INBOUNDS).values(**past, received_at=noon(-100 + n)))
    for n in range(8):
        due = {"id": f"K{n}", "product_id": "vase", "vendor_id": "V1", "quantity": 1, "promised_on": day(4)}
        execute(seven_lamps, insert(INBOUNDS).values(**due, received_at=None))
    allocate(seven_lamps.context, on=4)
    first = expected_date(seven_lamps)
    assert first == ("inbound", day(23), False)
    assert "by 30 past deliveries of Acme and 30 of all" in seven_lamps.rows(EXPECTED_DATES)[-1]["why"]
    execute(seven_lamps, update(INBOUNDS).where(INBOUNDS.c.id.startswith("K")).values(received_at=noon(6)))
    allocate(seven_lamps.context, on=7)
    assert expected_date(seven_lamps) == first
    assert "by 31 past deliveries of Acme and 31 of all" in seven_lamps.rows(EXPECTED_DATES)[-1]["why"]


def test_a_line_promised_to_arrive_instead_of_to_leave_has_another_date(seven_lamps):
    allocate(seven_lamps.context)
    assert expected_date(seven_lamps) == ("inbound", day(8), False)
    seven_lamps.change("1041", promise=Promise.DELIVER)
    allocate(seven_lamps.context, on=1)
    assert expected_date(seven_lamps) == ("inbound", day(10), False)


@pytest.mark.parametrize("fact", [{"shipped_at": noon(0)}, {"cancelled_at": noon(0)}])
def test_a_shipped_or_cancelled_line_leaves_its_pieces_to_others(seven_lamps, fact):
    seven_lamps.order("1042", line(promised=5, quantity=2, product=LAMP))
    allocate(seven_lamps.context)
    assert parts_of(seven_lamps)[-1] == ("1042", 2, "inbound", "D1")
    seven_lamps.change("1041", **fact)
    allocate(seven_lamps.context)
    assert parts_of(seven_lamps) == [("1042", 2, "stock", "main")]
    assert expected_date(seven_lamps) is None
    assert expected_date(seven_lamps, "1042") == ("stock", day(1), True)


@pytest.mark.parametrize(
    ("fact", "kept"),
    [
        pytest.param({"shipped_at": noon(1)}, True, id="on its way: the day stands"),
        pytest.param({"shipped_at": noon(1), "expected_on": day(4)}, False, id="the carrier has a day of its own"),
        pytest.param({"shipped_at": noon(1), "delivered_at": noon(1)}, False, id="there"),
    ],
)
def test_a_line_in_transit_keeps_its_date_until_the_shop_has_one(driver, fact, kept):
    driver.order("1041", line(promised=2, promise=Promise.DELIVER, product=LAMP))
    driver.stock(LAMP, 5)
    allocate(driver.context)
    before = expected_date(driver)
    driver.change("1041", **fact)
    allocate(driver.context, on=1)
    assert parts_of(driver) == []
    assert expected_date(driver) == ((*before[:2], False) if kept else None)


@pytest.mark.parametrize("before", [None, ("D1", 7, 20)], ids=["without a date", "expected with a late delivery"])
def test_a_line_in_transit_is_dated_from_the_day_it_left(driver, before):
    driver.order("1041", line(promised=2, promise=Promise.DELIVER, product=LAMP))
    driver.stock(LAMP, 0)
    add_deliveries(driver, *([before] if before else []))
    allocate(driver.context)
    assert expected_date(driver)[1] is None or expected_date(driver)[1] > day(20)
    driver.change("1041", shipped_at=noon(3))
    for on in (3, 9):
        allocate(driver.context, on=on)
        assert expected_date(driver) == ("stock", day(7), False)
    (row,) = [row for row in driver.rows(EXPECTED_DATES) if row["ended_at"] is None]
    assert row["why"] == f"it left on {day(3)}"


@pytest.mark.parametrize("theirs", [None, 5], ids=["the shop has no day", "the carrier has one"])
def test_staff_may_set_and_clear_the_date_of_a_line_in_transit(driver, theirs):
    driver.order("1041", line(promised=2, promise=Promise.DELIVER, product=LAMP))
    driver.stock(LAMP, 5)
    allocate(driver.context)
    driver.change("1041", shipped_at=noon(1), expected_on=None if theirs is None else day(theirs))
    context = driver.context.with_run("", day(1), noon(1))
    set_override(context, "1041", "1", day(9), "Rita")
    allocate(driver.context, on=1)
    assert expected_date(driver) == ("staff", day(9), True)
    clear_override(context, "1041", "1", "Rita")
    assert expected_date(driver) == (("stock", day(3), False) if theirs is None else None)


def test_a_cancelled_order_and_one_not_placed_yet_need_nothing(seven_lamps):
    allocate(seven_lamps.context)
    execute(seven_lamps, update(ORDERS).values(cancelled_at=noon(0)))
    allocate(seven_lamps.context)
    assert (parts_of(seven_lamps), expected_date(seven_lamps)) == ([], None)
    execute(seven_lamps, update(ORDERS).values(cancelled_at=None, placed_at=noon(2)))
    allocate(seven_lamps.context)
    assert parts_of(seven_lamps) == []


def test_a_line_whose_product_was_changed_gives_back_what_it_had(seven_lamps):
    seven_lamps.stock(VASE, 9)
    allocate(seven_lamps.context)
    seven_lamps.change("1041", product_id="vase")
    allocate(seven_lamps.context, batch=1)
    assert parts_of(seven_lamps) == [("1041", 7, "stock", "main")]
    seven_lamps.change("1041", product_id="lamp")
    allocate(seven_lamps.context, batch=1)
    assert parts_of(seven_lamps) == [("1041", 5, "stock", "main"), ("1041", 2, "inbound", "D1")]


def test_a_product_without_stock_data_gets_no_allocation_date_or_availability(driver):
    driver.order("1041", line(promised=2, expected=9, product=LAMP))
    allocate(driver.context)
    assert (parts_of(driver), driver.rows(EXPECTED_DATES), driver.rows(AVAILABILITIES)) == ([], [], [])


@pytest.mark.parametrize(
    ("own", "computed", "ordered", "allocated", "free"),
    [
        pytest.param(None, None, 1, 1, 2, id="none"),
        pytest.param(2, None, 1, 1, 0, id="the shop's is held back from new orders"),
        pytest.param(2, None, 3, 1, 0, id="and from open ones"),
        pytest.param(None, 1, 1, 1, 1, id="the one worked out from new orders"),
        pytest.param(None, 2, 3, 3, 0, id="alone"),
        pytest.param(0, 2, 1, 1, 2, id="the shop's is none"),
    ],
)
def test_safety_stock_is_the_shops_own_or_else_the_computed_one(driver, own, computed, ordered, allocated, free):
    driver.stock(LAMP, 3)
    driver.order("1041", line(promised=2, quantity=ordered, product=LAMP))
    set_lamp(driver, safety_stock=own)
    if computed is not None:
        figures = dict.fromkeys(("reorder_point", "order_quantity", "available"), 0)
        figures |= dict.fromkeys(("demand_a_day", "demand_sd", "lead_days", "lead_sd"), 0.0)
        said = {"method": "", "why": "", "set_at": noon(0)}
        execute(driver, insert(STOCK_LEVELS).values(product_id="lamp", safety_stock=computed, **figures, **said))
    allocate(driver.context)
    assert parts_of(driver)[0] == ("1041", allocated, "stock", "main")
    assert availability_of(driver)["free_quantity"] == free


@pytest.mark.parametrize(
    ("response", "direct", "promise", "expected"),
    [
        ("accepted", False, Promise.SHIP, ("vendor", day(4), False)),
        ("accepted", True, Promise.SHIP, ("vendor", day(2), False)),
        ("accepted", True, Promise.DELIVER, ("vendor", day(4), False)),
        ("refused", False, Promise.SHIP, ("forecast", day(9), False)),
        (None, False, Promise.SHIP, ("forecast", day(9), False)),
    ],
)
def test_what_a_vendor_accepted_is_expected_by_its_response(driver, response, direct, promise, expected):
    driver.order("1041", line(promised=2, product=LAMP, promise=promise))
    driver.stock(LAMP, 0)
    driver.stock(VASE, 0)
    execute(driver, insert(VENDORS).values(id="V1", name="Acme", lead_days=7))
    set_lamp(driver, vendor_id="V1", drop_shipped=direct)
    request = {"id": "R1", "run_id": "r", "vendor_id": "V1", "created_at": noon(0)}
    execute(driver, insert(PURCHASE_REQUESTS).values(**request))
    execute(driver, insert(OUTBOX).values(**outbox_row("R1", "mail", State.SENT, noon(0))))
    asked = {"id": "L1", "request_id": "R1", "order_id": "1041", "line": "1", "attempt": 1, "product_id": "lamp"}
    reply = {"quantity": 1, "drop_shipped": direct, "response": response, "promised_on": day(2) if response else None}
    execute(driver, insert(PURCHASE_LINES).values(**asked, **reply))
    allocate(driver.context)
    assert expected_date(driver) == expected
    driver.change("1041", quantity=2)
    allocate(driver.context)
    assert (expected_date(driver) or ("none",))[0] != "vendor"
    driver.change("1041", quantity=1, product_id="vase")
    allocate(driver.context)
    assert (expected_date(driver) or ("none",))[0] != "vendor"


def test_a_date_set_by_staff_counts_until_it_has_passed(seven_lamps):
    allocate(seven_lamps.context)
    version = seven_lamps.watch()["version"]
    set_override(seven_lamps.context.with_run("", day(0), noon(0)), "1041", "1", day(3), "Rita")
    assert expected_date(seven_lamps) == ("staff", day(3), False)
    assert seven_lamps.watch()["version"] == version + 1
    allocate(seven_lamps.context, on=3)
    assert expected_date(seven_lamps) == ("staff", day(3), False)
    allocate(seven_lamps.context, on=4)
    assert expected_date(seven_lamps) == ("inbound", day(8), False)
    assert [(row["set_by"], row["ended_at"]) for row in seven_lamps.rows(EXPECTED_DATES)] == [
        ("run", noon(0)),
        ("Rita", noon(4)),
        ("run", None),
    ]


def test_a_lead_time_that_is_over_hides_no_newer_date_and_is_not_computed_again_when_that_passes(driver):
    driver.order("1041", line(promised=2, product=LAMP))
    driver.stock(LAMP, 0)
    execute(driver, insert(VENDORS).values(id="V1", name="Acme", lead_days=7))
    set_lamp(driver, vendor_id="V1")
    found = []
    for on in (0, 10, 15, 21, 22):
        driver.change("1041", on=on, expected_on=day(20) if on == 15 else None)
        allocate(driver.context, on=on)
        found.append(expected_date(driver)[:2])
    over = ("forecast", None)
    assert found == [("forecast", day(9)), over, ("shop", day(20)), over, over]


def test_staff_may_clear_the_date_they_set(seven_lamps):
    context = seven_lamps.context.with_run("", day(0), noon(0))
    set_override(context, "1041", "1", day(3), "Rita")
    clear_override(context, "1041", "1", "Rita")
    assert expected_date(seven_lamps) == ("inbound", day(8), False)
    before = ledger_rows(seven_lamps)
    allocate(seven_lamps.context)
    assert ledger_rows(seven_lamps)[EXPECTED_DATES] == before[EXPECTED_DATES]
    with pytest.raises(ForewarnError, match="staff set no date for line '1' of order '1041'"):
        clear_override(context, "1041", "1", "Rita")


@pytest.mark.parametrize(
    ("order", "number", "on", "why"),
    [
        ("1041", "1", -1, "has passed"),
        ("1041", "1", (date.max - day(0)).days, "9999-12-31 is too far ahead to be told to a customer"),
        ("1041", "2", 3, "no open line '2'"),
        ("9999", "1", 3, "order '9999'"),
    ],
)
def test_staff_are_told_what_is_wrong_with_their_date(seven_lamps, order, number, on, why):
    with pytest.raises(ForewarnError, match=why):
        set_override(seven_lamps.context.with_run("", day(0), noon(0)), order, number, day(on), "Rita")
    assert seven_lamps.rows(EXPECTED_DATES) == []


def add_twenty_products(driver):
    """Add twenty products with two orders each, of which the second waits."""
    for n in range(20):
        goods = ProductFacts(f"p{n:02}", f"Thing {n}")
        driver.stock(goods, 3)
        for nth in range(2):
            driver.order(f"{n:02}-{nth}", line(promised=nth, quantity=2, product=goods))
    return driver


def dates_of(driver):
    return sorted(
        (row["order_id"], row["source"], row["expected_on"], row["ended_at"]) for row in driver.rows(EXPECTED_DATES)
    )


def test_the_next_run_continues_one_that_died_in_the_middle(driver):
    add_twenty_products(driver)
    allocate(driver.context, batch=3, pages=2, run="died")
    begun = {row["id"]: row for row in driver.rows(EXPECTED_DATES)}
    assert len(begun) == 12
    allocate(driver.context, batch=3, run="next")
    assert {row["id"]: row for row in driver.rows(EXPECTED_DATES) if row["id"] in begun} == begun
    assert (len(parts_of(driver)), len(dates_of(driver))) == (60, 40)
    whole = parts_of(driver)
    for table in (ALLOCATIONS, EXPECTED_DATES, AVAILABILITIES):
        execute(driver, delete(table))
    allocate(driver.context, run="undisturbed")
    assert parts_of(driver) == whole


def test_two_runs_at_once_do_the_work_of_one(driver):
    add_twenty_products(driver)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(allocate, driver.context, run=f"run {n}", batch=2) for n in range(2)]:
            done.result()
    assert len(parts_of(driver)) == 60
    assert len(dates_of(driver)) == len({row[0] for row in dates_of(driver)}) == 40
    assert {row["version"] for row in driver.rows(WATCHES)} == {1}


def test_nothing_is_allocated_while_an_import_is_incomplete(seven_lamps):
    done = []
    with ThreadPoolExecutor(1) as pool:
        with import_guard(seven_lamps.context.engine) as guard:
            with pytest.raises(ImportIncomplete, match="facts are incomplete"):
                allocate(seven_lamps.context)
            waiting = pool.submit(wait_for_import, lambda: done.append(allocate(seven_lamps.context)))
            with seven_lamps.context.engine.begin() as connection:
                guard.heartbeat(connection)
            assert (parts_of(seven_lamps), done) == ([], [])
        waiting.result()
    assert parts_of(seven_lamps) == [("1041", 5, "stock", "main"), ("1041", 2, "inbound", "D1")]
    assert seven_lamps.rows(INCOMPLETE_IMPORTS) == []


@pytest.mark.parametrize("end", ["by the next", "forgotten"])
def test_a_failed_import_is_completed_by_the_next_or_expires(seven_lamps, end):
    with pytest.raises(ZeroDivisionError), import_guard(seven_lamps.context.engine):
        raise ZeroDivisionError
    with pytest.raises(ImportIncomplete):
        wait_for_import(lambda: allocate(seven_lamps.context), patience=-1)
    if end == "forgotten":
        execute(
            seven_lamps, update(INCOMPLETE_IMPORTS).values(heartbeat_at=noon(0) - timedelta(seconds=ABANDONED_SECONDS))
        )
    else:
        with import_guard(seven_lamps.context.engine):
            pass
    allocate(seven_lamps.context)
    assert len(parts_of(seven_lamps)) == 2


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Return an opened sample shop after its import, with the report and the shortage of its allocation."""
    place, on = tmp_path_factory.mktemp("allocate"), date(2026, 6, 15)
    write_sample(place / "shop", orders=60, as_of=on)
    with open_app(place / "shop") as app:
        with app.source() as source:
            import_all(app.context.engine, source, on, app.rejects)
        yield app, *asyncio.run(run_allocate(app, on))


def test_a_shops_own_files_lead_to_dates_and_to_a_list_of_short_products(sample):
    app, report, shortage = sample
    assert report.coverage.keys() == {"stock", "inbound"}
    assert report.dates == {"set": sum(report.coverage.values())}
    assert report.products["in_stock"] > report.products["backorder"] > 0
    assert [one["waiting"] for one in shortage] == sorted((one["waiting"] for one in shortage), reverse=True)
    again, _ = asyncio.run(run_allocate(app, date(2026, 6, 15)))
    assert (again.coverage, again.dates) == (report.coverage, {})


def test_imported_data_are_allocated_before_customers_are_told(tmp_path):
    on = date(2026, 6, 15)
    write_sample(tmp_path / "shop", orders=60, as_of=on)
    with open_app(tmp_path / "shop") as app:
        found = asyncio.run(run_late_orders(app, on, import_first=True))
        again, _ = asyncio.run(run_allocate(app, on))
        with read_only(app.context.engine) as ledger:
            current = select(EXPECTED_DATES).where(EXPECTED_DATES.c.ended_at.is_(None))
            dates = {(row.order_id, row.line): row.expected_on for row in ledger.execute(current)}
            told = {
                (row.order_id, said.number): said.expected_on
                for row in ledger.execute(select(NOTICES.c.order_id, NOTICES.c.lines))
                for said in map(NoticeLine.from_data, row.lines)
            }
    assert (again.dates, bool(told), bool(found.notices)) == ({}, True, True)
    # A line that waits for others of its parcel is told the parcel's day.
    assert all(told[key] == dates[key] or (dates[key] and told[key] > dates[key]) for key in told)


def test_staff_use_it_by_commands(tmp_path):
    today = date.today()  # noqa: DTZ011 - as the command does
    write_sample(tmp_path / "shop", orders=60, as_of=today)
    forewarn(tmp_path, "import")
    found = json.loads(forewarn(tmp_path, "allocate", "--json").stdout)
    assert found["report"]["dates"]["set"] > 0
    assert found["short"][0].keys() >= {"product_id", "name", "waiting", "expected_on"}
    later = str(today + timedelta(days=90))
    assert f"is expected on {later}" in forewarn(tmp_path, "expect", "1041", "1", later).stdout
    assert forewarn(tmp_path, "expect", "1041", "1", "2001-01-31", ok=False).stderr.startswith(
        "forewarn: 2001-01-31 has"
    )
    assert "DATE or --clear" in forewarn(tmp_path, "expect", "1041", "1", ok=False).stderr


def test_stock_is_not_allocated_for_a_day_before_the_last_one(sample):
    with pytest.raises(ForewarnError, match="allocate was run for 2026-06-15 already"):
        asyncio.run(run_allocate(sample[0], date(2026, 6, 14)))
