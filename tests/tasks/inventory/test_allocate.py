"""From the shop's facts to what each line is covered by, when it is expected, and what a new order would get."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert, select, update

from app.composition import open_app
from flows.allocate import run_allocate
from flows.late_orders import run_late_orders
from models.enums import Promise
from models.errors import ForewarnError
from models.orders import NoticeLine, ProductFacts
from sources.sample import write_sample
from tasks.db.sql import read_only
from tasks.imports.guard import ABANDONED_SECONDS, ImportIncomplete, import_guard, wait_for_import
from tasks.imports.load import import_all
from tasks.inventory.allocate import allocate_page
from tasks.inventory.availability import short_products
from tasks.inventory.expected_dates import close_shipped
from tasks.inventory.forecast_inputs import load_forecast_inputs
from tasks.inventory.in_transit import date_in_transit
from tasks.inventory.overrides import clear_override, set_override
from tasks.tables import (
    ALLOCATIONS,
    AVAILABILITIES,
    EXPECTED_DATES,
    INBOUNDS,
    INCOMPLETE_IMPORTS,
    NOTICES,
    ORDERS,
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

LAMP = ProductFacts("lamp", "Desk Lamp", "lamps", Decimal(40))
VASE = ProductFacts("vase", "Vase", "vases", Decimal(20))


def allocate(context, on=0, *, run="run", batch=500, pages=1_000):
    """Allocate on a day, as the flow does; a run that dies leaves pages out."""
    context = context.with_run(run, day(on), noon(on))
    seen, after = load_forecast_inputs(context), ""
    for _ in range(pages):
        after = allocate_page(context, seen, after, batch)[1]
        if not after:
            date_in_transit(context)
            close_shipped(context)
            break


def deliveries(driver, *rows):
    """Enter deliveries of lamps: id, pieces, and the day promised."""
    known = {"product_id": "lamp", "received_at": None, "vendor_id": None}
    with driver.context.engine.begin() as connection:
        for key, quantity, promised in rows:
            row = {"id": key, "quantity": quantity, "promised_on": None if promised is None else day(promised)}
            connection.execute(insert(INBOUNDS).values(**known, **row))


def write(driver, statement):
    with driver.context.engine.begin() as connection:
        connection.execute(statement)


def product(driver, **facts):
    write(driver, update(PRODUCTS).where(PRODUCTS.c.id == "lamp").values(**facts))


def pieces(driver):
    return [
        (row["order_id"], row["quantity"], row["cover"], row["inbound_id"] or row["place"])
        for row in sorted(driver.rows(ALLOCATIONS), key=lambda row: (row["order_id"], row["line"], row["part"]))
    ]


def expected(driver, key="1041", number="1"):
    """Return who says of a line when it is expected, and whether all of it is there; None where nobody does."""
    rows = [row for row in driver.rows(EXPECTED_DATES) if (row["order_id"], row["line"]) == (key, number)]
    current = [row for row in rows if row["ended_at"] is None]
    assert len(current) <= 1
    return (current[0]["source"], current[0]["expected_on"], current[0]["in_stock"]) if current else None


def available(driver, key="lamp"):
    (row,) = [row for row in driver.rows(AVAILABILITIES) if row["product_id"] == key]
    return row


def written(driver):
    """Return all that was written down, without the moments at which it was found to be so still."""
    rows = {table: driver.rows(table) for table in (ALLOCATIONS, EXPECTED_DATES, WATCHES)}
    shown = [{key: value for key, value in row.items() if key != "set_at"} for row in driver.rows(AVAILABILITIES)]
    return {table: sorted(map(repr, found)) for table, found in rows.items()} | {
        AVAILABILITIES: sorted(map(repr, shown))
    }


@pytest.fixture
def seven(driver):
    """Seven lamps are ordered, five are in stock, and a delivery of twelve is promised in four days."""
    driver.order("1041", line(promised=2, expected=2, quantity=7, product=LAMP))
    driver.stock(LAMP, 5)
    deliveries(driver, ("D1", 12, 4))
    return driver


def test_a_line_gets_what_is_there_and_the_rest_with_a_delivery_and_its_order_is_looked_at_again(seven):
    write(seven, update(WATCHES).values(next_check_on=day(9), version=4))
    allocate(seven.context)
    assert pieces(seven) == [("1041", 5, "stock", "main"), ("1041", 2, "inbound", "D1")]
    # Friday's delivery is taken in on Monday and leaves on Tuesday.
    assert expected(seven) == ("inbound", day(8), False)
    (row,) = seven.rows(EXPECTED_DATES)
    assert row["why"].startswith("5 of 7 in stock; 2 of 7 with delivery D1, promised for 2026-06-19")
    assert (row["set_at"], row["set_by"]) == (noon(0), "run")
    assert (seven.watch()["next_check_on"], seven.watch()["version"]) == (day(0), 5)
    found = available(seven)
    assert (found["state"], found["free_quantity"], found["expected_on"], found["waiting"]) == (
        "backorder",
        10,
        day(8),
        1,
    )
    assert short_products(seven.context)[0]["name"] == "Desk Lamp"


def test_late_orders_sees_the_date_that_allocation_found(seven):
    allocate(seven.context)
    seven.evaluate()
    assert {notice["expected_on"] for notice in seven.notices} == {day(8)}


def test_a_second_run_writes_nothing_but_that_all_is_still_so(seven):
    allocate(seven.context)
    before = written(seven)
    allocate(seven.context, on=0, run="another")
    assert written(seven) == before
    with_day_over = {row["order_id"]: row["version"] for row in seven.rows(WATCHES)}
    allocate(seven.context, on=1, run="next day")
    assert {row["order_id"]: row["version"] for row in seven.rows(WATCHES)} == with_day_over
    assert available(seven)["set_at"] == noon(1)
    assert available(seven)["since"] == noon(0)


def test_when_the_goods_arrive_the_line_is_ready_and_its_order_is_looked_at_again(seven):
    allocate(seven.context)
    version = seven.watch()["version"]
    write(seven, update(INBOUNDS).values(received_at=noon(3)))
    write(seven, update(STOCKS).values(on_hand=17))
    allocate(seven.context, on=3)
    assert expected(seven) == ("stock", day(4), True)
    assert [row["ended_at"] for row in seven.rows(EXPECTED_DATES)] == [noon(3), None]
    assert (seven.watch()["next_check_on"], seven.watch()["version"]) == (day(0), version + 1)
    found = available(seven)
    assert (found["state"], found["free_quantity"], found["waiting"], found["waited"]) == ("in_stock", 10, 0, 1)
    assert found["since"] == noon(3)


def test_a_day_stands_until_it_passes_though_the_habits_know_nothing_any_more(seven):
    for n in range(4):
        past = {"id": f"H{n}", "product_id": "vase", "quantity": 1, "promised_on": day(-50 - n)}
        write(seven, insert(INBOUNDS).values(**past, received_at=noon(-49 - n)))
    found = []
    for on in (0, 6, 7, 8, 9):
        allocate(seven.context, on=on)
        found.append(expected(seven)[1])
    assert found == [*[day(9)] * 4, None]


def test_what_is_due_today_is_not_late_yet_and_one_container_is_one_delivery(seven):
    write(seven, insert(VENDORS).values(id="V1", name="Acme"))
    write(seven, update(INBOUNDS).values(vendor_id="V1", promised_on=day(20)))
    for n in range(30):
        past = {"id": f"H{n}", "product_id": "vase", "vendor_id": "V1", "quantity": 1, "promised_on": day(-100 + n)}
        write(seven, insert(INBOUNDS).values(**past, received_at=noon(-100 + n)))
    for n in range(8):
        due = {"id": f"K{n}", "product_id": "vase", "vendor_id": "V1", "quantity": 1, "promised_on": day(4)}
        write(seven, insert(INBOUNDS).values(**due, received_at=None))
    allocate(seven.context, on=4)
    first = expected(seven)
    assert first == ("inbound", day(23), False)
    assert "by 30 past deliveries of Acme and 30 of all" in seven.rows(EXPECTED_DATES)[-1]["why"]
    write(seven, update(INBOUNDS).where(INBOUNDS.c.id.startswith("K")).values(received_at=noon(6)))
    allocate(seven.context, on=7)
    assert expected(seven) == first
    assert "by 31 past deliveries of Acme and 31 of all" in seven.rows(EXPECTED_DATES)[-1]["why"]


def test_a_line_that_is_to_arrive_and_no_more_only_to_leave_has_another_day(seven):
    allocate(seven.context)
    assert expected(seven) == ("inbound", day(8), False)
    seven.change("1041", promise=Promise.DELIVER)
    allocate(seven.context, on=1)
    assert expected(seven) == ("inbound", day(10), False)


@pytest.mark.parametrize("fact", [{"shipped_at": noon(0)}, {"cancelled_at": noon(0)}])
def test_a_line_that_wants_nothing_any_more_leaves_its_pieces_to_others(seven, fact):
    seven.order("1042", line(promised=5, quantity=2, product=LAMP))
    allocate(seven.context)
    assert pieces(seven)[-1] == ("1042", 2, "inbound", "D1")
    seven.change("1041", **fact)
    allocate(seven.context)
    assert pieces(seven) == [("1042", 2, "stock", "main")]
    assert expected(seven) is None
    assert expected(seven, "1042") == ("stock", day(1), True)


@pytest.mark.parametrize(
    ("fact", "kept"),
    [
        pytest.param({"shipped_at": noon(1)}, True, id="on its way: the day stands"),
        pytest.param({"shipped_at": noon(1), "expected_on": day(4)}, False, id="the carrier has a day of its own"),
        pytest.param({"shipped_at": noon(1), "delivered_at": noon(1)}, False, id="there"),
    ],
)
def test_what_was_shipped_and_is_to_be_delivered_keeps_its_day_until_the_shop_has_one(driver, fact, kept):
    driver.order("1041", line(promised=2, promise=Promise.DELIVER, product=LAMP))
    driver.stock(LAMP, 5)
    allocate(driver.context)
    before = expected(driver)
    driver.change("1041", **fact)
    allocate(driver.context, on=1)
    assert pieces(driver) == []
    assert expected(driver) == ((*before[:2], False) if kept else None)


@pytest.mark.parametrize("before", [None, ("D1", 7, 20)], ids=["nobody knew when", "expected with a late delivery"])
def test_what_was_shipped_and_is_to_be_delivered_is_expected_by_the_day_it_left(driver, before):
    driver.order("1041", line(promised=2, promise=Promise.DELIVER, product=LAMP))
    driver.stock(LAMP, 0)
    deliveries(driver, *([before] if before else []))
    allocate(driver.context)
    assert expected(driver)[1] is None or expected(driver)[1] > day(20)
    driver.change("1041", shipped_at=noon(3))
    for on in (3, 9):
        allocate(driver.context, on=on)
        assert expected(driver) == ("stock", day(7), False)
    (row,) = [row for row in driver.rows(EXPECTED_DATES) if row["ended_at"] is None]
    assert row["why"] == f"it left on {day(3)}"


@pytest.mark.parametrize("theirs", [None, 5], ids=["the shop has no day", "the carrier has one"])
def test_staff_may_say_when_what_is_on_its_way_arrives_and_take_it_back(driver, theirs):
    driver.order("1041", line(promised=2, promise=Promise.DELIVER, product=LAMP))
    driver.stock(LAMP, 5)
    allocate(driver.context)
    driver.change("1041", shipped_at=noon(1), expected_on=None if theirs is None else day(theirs))
    context = driver.context.with_run("", day(1), noon(1))
    set_override(context, "1041", "1", day(9), "Rita")
    allocate(driver.context, on=1)
    assert expected(driver) == ("staff", day(9), True)
    clear_override(context, "1041", "1", "Rita")
    assert expected(driver) == (("stock", day(3), False) if theirs is None else None)


def test_a_cancelled_order_and_one_that_was_not_placed_yet_want_nothing(seven):
    allocate(seven.context)
    write(seven, update(ORDERS).values(cancelled_at=noon(0)))
    allocate(seven.context)
    assert (pieces(seven), expected(seven)) == ([], None)
    write(seven, update(ORDERS).values(cancelled_at=None, placed_at=noon(2)))
    allocate(seven.context)
    assert pieces(seven) == []


def test_a_line_whose_product_was_changed_gives_back_what_it_had(seven):
    seven.stock(VASE, 9)
    allocate(seven.context)
    seven.change("1041", product_id="vase")
    allocate(seven.context, batch=1)
    assert pieces(seven) == [("1041", 7, "stock", "main")]
    seven.change("1041", product_id="lamp")
    allocate(seven.context, batch=1)
    assert pieces(seven) == [("1041", 5, "stock", "main"), ("1041", 2, "inbound", "D1")]


def test_of_a_product_that_the_shop_keeps_no_stock_of_nothing_is_said(driver):
    driver.order("1041", line(promised=2, expected=9, product=LAMP))
    allocate(driver.context)
    assert (pieces(driver), driver.rows(EXPECTED_DATES), driver.rows(AVAILABILITIES)) == ([], [], [])


@pytest.mark.parametrize(
    ("own", "reckoned", "ordered", "given", "left"),
    [
        pytest.param(None, None, 1, 1, 2, id="none"),
        pytest.param(2, None, 1, 1, 0, id="the shop's is held back from new orders"),
        pytest.param(2, None, 3, 1, 0, id="and from open ones"),
        pytest.param(None, 1, 1, 1, 1, id="the one worked out from new orders"),
        pytest.param(None, 2, 3, 3, 0, id="alone"),
        pytest.param(0, 2, 1, 1, 2, id="the shop's is none"),
    ],
)
def test_safety_stock_is_the_shops_own_or_else_the_one_worked_out(driver, own, reckoned, ordered, given, left):
    driver.stock(LAMP, 3)
    driver.order("1041", line(promised=2, quantity=ordered, product=LAMP))
    product(driver, safety_stock=own)
    if reckoned is not None:
        figures = dict.fromkeys(("reorder_point", "order_quantity", "available"), 0)
        figures |= dict.fromkeys(("demand_a_day", "demand_sd", "lead_days", "lead_sd"), 0.0)
        said = {"method": "", "why": "", "set_at": noon(0)}
        write(driver, insert(STOCK_LEVELS).values(product_id="lamp", safety_stock=reckoned, **figures, **said))
    allocate(driver.context)
    assert pieces(driver)[0] == ("1041", given, "stock", "main")
    assert available(driver)["free_quantity"] == left


@pytest.mark.parametrize(
    ("answer", "direct", "promise", "found"),
    [
        ("accepted", False, Promise.SHIP, ("vendor", day(4), False)),
        ("accepted", True, Promise.SHIP, ("vendor", day(2), False)),
        ("accepted", True, Promise.DELIVER, ("vendor", day(4), False)),
        ("refused", False, Promise.SHIP, ("forecast", day(9), False)),
        (None, False, Promise.SHIP, ("forecast", day(9), False)),
    ],
)
def test_what_a_vendor_accepted_is_expected_by_its_answer(driver, answer, direct, promise, found):
    driver.order("1041", line(promised=2, product=LAMP, promise=promise))
    driver.stock(LAMP, 0)
    driver.stock(VASE, 0)
    write(driver, insert(VENDORS).values(id="V1", name="Acme", lead_days=7))
    product(driver, vendor_id="V1", drop_shipped=direct)
    request = {"id": "R1", "run_id": "r", "vendor_id": "V1", "channel": "mail", "state": "sent", "attempts": 1}
    write(driver, insert(PURCHASE_REQUESTS).values(**request, created_at=noon(0), not_before=noon(0)))
    asked = {"id": "L1", "request_id": "R1", "order_id": "1041", "line": "1", "attempt": 1, "product_id": "lamp"}
    reply = {"quantity": 1, "drop_shipped": direct, "response": answer, "promised_on": day(2) if answer else None}
    write(driver, insert(PURCHASE_LINES).values(**asked, **reply))
    allocate(driver.context)
    assert expected(driver) == found
    driver.change("1041", quantity=2)
    allocate(driver.context)
    assert (expected(driver) or ("nobody",))[0] != "vendor"
    driver.change("1041", quantity=1, product_id="vase")
    allocate(driver.context)
    assert (expected(driver) or ("nobody",))[0] != "vendor"


def test_what_staff_say_is_believed_until_its_day_has_passed(seven):
    allocate(seven.context)
    version = seven.watch()["version"]
    set_override(seven.context.with_run("", day(0), noon(0)), "1041", "1", day(3), "Rita")
    assert expected(seven) == ("staff", day(3), False)
    assert seven.watch()["version"] == version + 1
    allocate(seven.context, on=3)
    assert expected(seven) == ("staff", day(3), False)
    allocate(seven.context, on=4)
    assert expected(seven) == ("inbound", day(8), False)
    assert [(row["set_by"], row["ended_at"]) for row in seven.rows(EXPECTED_DATES)] == [
        ("run", noon(0)),
        ("Rita", noon(4)),
        ("run", None),
    ]


def test_a_lead_time_that_is_over_hides_no_newer_word_and_is_not_reckoned_anew_when_that_lapses(driver):
    driver.order("1041", line(promised=2, product=LAMP))
    driver.stock(LAMP, 0)
    write(driver, insert(VENDORS).values(id="V1", name="Acme", lead_days=7))
    product(driver, vendor_id="V1")
    found = []
    for on in (0, 10, 15, 21, 22):
        driver.change("1041", on=on, expected_on=day(20) if on == 15 else None)
        allocate(driver.context, on=on)
        found.append(expected(driver)[:2])
    over = ("forecast", None)
    assert found == [("forecast", day(9)), over, ("shop", day(20)), over, over]


def test_staff_may_take_back_what_they_said(seven):
    context = seven.context.with_run("", day(0), noon(0))
    set_override(context, "1041", "1", day(3), "Rita")
    clear_override(context, "1041", "1", "Rita")
    assert expected(seven) == ("inbound", day(8), False)
    before = written(seven)
    allocate(seven.context)
    assert written(seven)[EXPECTED_DATES] == before[EXPECTED_DATES]
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
def test_staff_are_told_what_is_wrong_with_their_date(seven, order, number, on, why):
    with pytest.raises(ForewarnError, match=why):
        set_override(seven.context.with_run("", day(0), noon(0)), order, number, day(on), "Rita")
    assert seven.rows(EXPECTED_DATES) == []


def many(driver):
    """Enter twenty products with two orders each, of which the second waits."""
    for n in range(20):
        goods = ProductFacts(f"p{n:02}", f"Thing {n}")
        driver.stock(goods, 3)
        for nth in range(2):
            driver.order(f"{n:02}-{nth}", line(promised=nth, quantity=2, product=goods))
    return driver


def believed(driver):
    return sorted(
        (row["order_id"], row["source"], row["expected_on"], row["ended_at"]) for row in driver.rows(EXPECTED_DATES)
    )


def test_a_run_that_died_in_the_middle_is_taken_up_by_the_next(driver):
    many(driver)
    allocate(driver.context, batch=3, pages=2, run="died")
    begun = {row["id"]: row for row in driver.rows(EXPECTED_DATES)}
    assert len(begun) == 12
    allocate(driver.context, batch=3, run="next")
    assert {row["id"]: row for row in driver.rows(EXPECTED_DATES) if row["id"] in begun} == begun
    assert (len(pieces(driver)), len(believed(driver))) == (60, 40)
    whole = pieces(driver)
    for table in (ALLOCATIONS, EXPECTED_DATES, AVAILABILITIES):
        write(driver, delete(table))
    allocate(driver.context, run="undisturbed")
    assert pieces(driver) == whole


def test_two_runs_at_once_do_the_work_of_one(driver):
    many(driver)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(allocate, driver.context, run=f"run {n}", batch=2) for n in range(2)]:
            done.result()
    assert len(pieces(driver)) == 60
    assert len(believed(driver)) == len({row[0] for row in believed(driver)}) == 40
    assert {row["version"] for row in driver.rows(WATCHES)} == {1}


def test_nothing_is_allocated_by_facts_that_are_half_taken_in(seven):
    done = []
    with ThreadPoolExecutor(1) as pool:
        with import_guard(seven.context.engine) as guard:
            with pytest.raises(ImportIncomplete, match="facts are incomplete"):
                allocate(seven.context)
            waiting = pool.submit(wait_for_import, lambda: done.append(allocate(seven.context)))
            with seven.context.engine.begin() as connection:
                guard.heartbeat(connection)
            assert (pieces(seven), done) == ([], [])
        waiting.result()
    assert pieces(seven) == [("1041", 5, "stock", "main"), ("1041", 2, "inbound", "D1")]
    assert seven.rows(INCOMPLETE_IMPORTS) == []


@pytest.mark.parametrize("end", ["by the next", "forgotten"])
def test_an_import_that_broke_off_is_made_whole_by_the_next_or_forgotten(seven, end):
    with pytest.raises(ZeroDivisionError), import_guard(seven.context.engine):
        raise ZeroDivisionError
    with pytest.raises(ImportIncomplete):
        wait_for_import(lambda: allocate(seven.context), patience=-1)
    if end == "forgotten":
        write(seven, update(INCOMPLETE_IMPORTS).values(heartbeat_at=noon(0) - timedelta(seconds=ABANDONED_SECONDS)))
    else:
        with import_guard(seven.context.engine):
            pass
    allocate(seven.context)
    assert len(pieces(seven)) == 2


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Return a sample shop whose facts were taken in, opened, and what allocating in it reported."""
    place, on = tmp_path_factory.mktemp("allocate"), date(2026, 6, 15)
    write_sample(place / "shop", orders=60, as_of=on)
    with open_app(place / "shop") as app:
        with app.source() as source:
            import_all(app.context.engine, source, on, app.rejects)
        yield app, *asyncio.run(run_allocate(app, on))


def test_a_shops_own_files_lead_to_dates_and_to_a_list_of_what_is_short(sample):
    app, report, shortage = sample
    assert report.coverage.keys() == {"stock", "inbound"}
    assert report.dates == {"set": sum(report.coverage.values())}
    assert report.products["in_stock"] > report.products["backorder"] > 0
    assert [one["waiting"] for one in shortage] == sorted((one["waiting"] for one in shortage), reverse=True)
    again, _ = asyncio.run(run_allocate(app, date(2026, 6, 15)))
    assert (again.coverage, again.dates) == (report.coverage, {})


def test_what_was_just_taken_in_is_allocated_before_anybody_is_told(tmp_path):
    on = date(2026, 6, 15)
    write_sample(tmp_path / "shop", orders=60, as_of=on)
    with open_app(tmp_path / "shop") as app:
        found = asyncio.run(run_late_orders(app, on, import_first=True))
        again, _ = asyncio.run(run_allocate(app, on))
        with read_only(app.context.engine) as ledger:
            believed = select(EXPECTED_DATES).where(EXPECTED_DATES.c.ended_at.is_(None))
            dates = {(row.order_id, row.line): row.expected_on for row in ledger.execute(believed)}
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
