"""Safety stocks and reorder points in the ledger, and the list that buyers read."""

import base64
import csv
import json
import re
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import insert, update
from typer.testing import CliRunner

from app.reports.stock import short_row, summary
from cli.main import command_line
from models.errors import ForewarnError
from models.orders import ProductFacts
from models.policy.supply import ReplenishmentPolicy
from sources.sample import write_sample
from tasks.db.sql import read_only
from tasks.replenishment.history import daily_sales, load_lead_times
from tasks.replenishment.levels import compute_levels
from tasks.replenishment.reorder_list import find_low_stock, reorder_list
from tasks.tables import AVAILABILITIES, INBOUNDS, ORDER_LINES, ORDERS, PRODUCTS, STOCK_LEVELS, VENDORS
from tests.support.builders import DAY, day, line
from tests.support.shop_driver import noon

LAMP, RUG = ProductFacts("lamp", "Reading lamp", "lamps"), ProductFacts("rug", "Jute rug", "rugs")


@pytest.fixture
def shop(driver):
    """Return a shop that sold two lamps a day for forty days, all of them delivered, and has ten left."""
    sells(driver, LAMP, 40, quantity=2)
    driver.stock(LAMP, 10)
    return driver


def sells(driver, product, days, *, quantity=1, every=1):
    for n in range(1, days + 1, every):
        one = line(promised=3 - n, shipped=1 - n, quantity=quantity, product=product)
        driver.order(f"{product.id} {n}", one, placed=-n)


def compute(driver, on=0, *, limit=100):
    """Reckon all pages; return how many levels were written, and the levels by product."""
    context, after, written = driver.context.with_run("r", day(on), noon(on)), "", 0
    with read_only(context.engine) as connection:
        found = load_lead_times(context, connection, context.as_of)
    while (page := compute_levels(context, found, after, limit)).last is not None:
        after, written = page.last, written + page.written
    return written, {row["product_id"]: row for row in driver.rows(STOCK_LEVELS)}


def listed(driver, *, everything=False):
    with read_only(driver.context.engine) as connection:
        return reorder_list(driver.context, connection, DAY, everything=everything)


def put(driver, table, **values):
    with driver.context.engine.begin() as connection:
        connection.execute(insert(table).values(**values))


def change(driver, product, **facts):
    with driver.context.engine.begin() as connection:
        connection.execute(update(PRODUCTS).where(PRODUCTS.c.id == product.id).values(**facts))


def inbound(
    driver, key, *, ordered=None, received=None, vendor="v1", product=LAMP, quantity=5, promised=None, expected=None
):
    moments = {"ordered_at": None if ordered is None else noon(ordered)}
    moments |= {"received_at": None if received is None else noon(received)}
    days = {"promised_on": promised, "expected_on": expected}
    put(
        driver,
        INBOUNDS,
        id=key,
        product_id=product.id,
        vendor_id=vendor,
        quantity=quantity,
        **{name: None if n is None else day(n) for name, n in days.items()},
        **moments,
    )


def test_demand_is_what_was_ordered_on_each_day_since_the_first_sale(shop):
    _, levels = compute(shop)
    lamp = levels["lamp"]
    assert (lamp["demand_a_day"], lamp["demand_sd"], lamp["method"]) == (2, 0, "smooth")
    assert "known from 40 days" in lamp["why"]
    # A fortnight's lead time and a week until the next review, at two a day; an order lasts for a week more.
    assert (lamp["safety_stock"], lamp["reorder_point"], lamp["order_quantity"]) == (0, 42, 42 + 14 - 10)


def test_days_without_an_order_count_as_days_without_a_sale(driver):
    sells(driver, RUG, 100, every=5)
    driver.stock(RUG, 0)
    rug = compute(driver)[1]["rug"]
    assert (rug["method"], rug["demand_a_day"]) == ("intermittent", pytest.approx(0.2 * 0.95))


def test_orders_older_than_the_policys_history_prove_only_that_the_product_is_no_new_one(with_policy, context):
    policy = context.policy.model_copy(update={"replenishment": ReplenishmentPolicy(history_days=28)})
    shop = with_policy(policy)
    shop.order("old", line(promised=-30, shipped=-30, quantity=50, product=LAMP), placed=-29)
    shop.order("new", line(promised=-3, shipped=-3, quantity=14, product=LAMP), placed=-28)
    shop.stock(LAMP, 0)
    lamp = compute(shop)[1]["lamp"]
    assert (lamp["demand_a_day"], lamp["method"]) == (0.5, "few")
    assert "in 28 days of sales: too few" in lamp["why"]


@pytest.mark.parametrize("table", [ORDER_LINES, ORDERS])
def test_what_was_cancelled_was_never_wanted(shop, table):
    with shop.context.engine.begin() as connection:
        connection.execute(update(table).values(cancelled_at=noon(0)))
    lamp = compute(shop)[1]["lamp"]
    assert (lamp["demand_a_day"], lamp["method"], lamp["available"]) == (0, "none", 10)


def test_an_order_belongs_to_the_shops_day_from_its_first_moment_to_its_last(driver):
    # Berlin's clocks went forward on 29 March, 78 days before: a day of 23 hours.
    begins = [driver.context.start_of(day(-n)) for n in range(101)]
    for n in range(1, 101):
        last = begins[n - 1] - timedelta(milliseconds=500)
        for moment in (begins[n], last):
            key = f"{n} {moment}"
            driver.order(key, line(shipped=0, quantity=n, product=LAMP), placed=-n)
            with driver.context.engine.begin() as connection:
                connection.execute(update(ORDERS).where(ORDERS.c.id == key).values(placed_at=moment))
    with read_only(driver.context.engine) as connection:
        found = daily_sales(driver.context, connection, DAY, ("", "lamp"))
    assert found == {"lamp": {n - 1: 2 * n for n in range(1, 101)}}


def test_todays_orders_are_no_whole_day_yet(shop):
    shop.order("today", line(promised=3, quantity=90, product=LAMP), placed=0)
    lamp = compute(shop)[1]["lamp"]
    assert (lamp["demand_a_day"], lamp["available"]) == (2, 10 - 90)


def test_what_is_available_is_on_hand_and_inbound_less_what_open_lines_want(shop):
    shop.order("open", line(promised=-1, quantity=4, product=LAMP), line("2", shipped=-1, quantity=9, product=LAMP))
    inbound(shop, "here", ordered=-9, received=-1, quantity=100)
    inbound(shop, "late", quantity=6, expected=-2)
    inbound(shop, "soon", quantity=3, expected=5)
    inbound(shop, "later", quantity=1, expected=9)
    assert compute(shop)[1]["lamp"]["available"] == 10 + 10 - 4
    (found,) = listed(shop)
    assert (found.on_hand, found.inbound, found.waiting, found.next_delivery_on) == (10, 10, 4, day(5))


def test_a_vendors_lead_time_is_learnt_from_its_deliveries(shop):
    put(shop, VENDORS, id="v1", name="Vendor One", lead_days=3)
    change(shop, LAMP, vendor_id="v1")
    for n, days in enumerate((8, 9, 10, 11, 11, 11)):
        inbound(shop, f"i{n}", ordered=-30, received=days - 30)
    assert compute(shop)[1]["lamp"]["lead_days"] == 3  # One lorry with three products is one delivery.
    inbound(shop, "fifth", ordered=-30, received=-18)
    inbound(shop, "long ago", ordered=-500, received=-400)
    inbound(shop, "no day known", received=-1)
    lamp = compute(shop)[1]["lamp"]
    assert (lamp["lead_days"], lamp["lead_sd"]) == (10, 1.58)
    assert "10 ± 2 days (5 deliveries)" in lamp["why"]
    assert lamp["safety_stock"] > 0


def test_a_product_without_a_vendor_is_bought_from_its_newest_deliverys(shop):
    put(shop, VENDORS, id="v1", name="Vendor One", lead_days=3)
    inbound(shop, "9", ordered=-30, received=-20, vendor="v2")
    inbound(shop, "10", ordered=-19, vendor="v1")
    inbound(shop, "11", promised=-25, vendor="v2")
    inbound(shop, "8", received=-21, vendor="v2")
    inbound(shop, "12", ordered=-1, vendor=None)
    inbound(shop, "7", vendor="v2")
    assert compute(shop)[1]["lamp"]["lead_days"] == 3
    assert listed(shop, everything=True)[0].vendor == "Vendor One"


def test_only_levels_that_changed_are_written(shop):
    sells(shop, RUG, 40)
    shop.stock(RUG, 0)
    assert [compute(shop, limit=1)[0], compute(shop, limit=1)[0]] == [2, 0]
    before = {row["product_id"]: row["set_at"] for row in shop.rows(STOCK_LEVELS)}
    change(shop, RUG, safety_stock=7)
    written, after = compute(shop)
    assert (written, after["rug"]["safety_stock"]) == (1, 7)
    assert after["lamp"]["set_at"] == before["lamp"]
    written, later = compute(shop, on=1)
    assert (written, later["rug"]["set_at"]) == (2, noon(1))


def test_what_the_vendor_sends_itself_needs_no_stock_here(shop):
    compute(shop)
    change(shop, LAMP, drop_shipped=True)
    assert compute(shop) == (0, {})


def test_nothing_is_ordered_of_what_the_source_tells_no_stock_of(driver):
    sells(driver, LAMP, 40)
    assert compute(driver) == (0, {})
    driver.stock(LAMP, 0)
    assert compute(driver)[0] == 1
    assert "\n3 left out: the shop's data has no stock" in summary("Lamps & Co", DAY, 1, listed(driver), 3)


def test_the_list_begins_with_what_runs_out_first_and_holds_the_rest_on_demand(shop):
    sells(shop, RUG, 40)
    shop.stock(RUG, 1)
    shop.stock(ProductFacts("vase", "Blue vase", "vases"), 3)
    compute(shop)
    assert [one.level.product_id for one in listed(shop)] == ["rug", "lamp"]
    assert [one.level.product_id for one in listed(shop, everything=True)] == ["rug", "lamp", "vase"]


LEFT = [("in_stock", 0, False), ("in_stock", 1, True), ("in_stock", 5, True), ("in_stock", 6, False)]


@pytest.mark.parametrize(("state", "left", "scarce"), [*LEFT, ("backorder", 3, False)])
def test_few_are_left_of_a_product_that_sells_and_is_in_stock(shop, state, left, scarce):
    shop.stock(RUG, 3)
    compute(shop)
    for product in (LAMP, RUG):
        told = {"state": state, "free_quantity": left, "waiting": 0, "since": noon(0), "set_at": noon(0)}
        put(shop, AVAILABILITIES, product_id=product.id, **told)
    with read_only(shop.context.engine) as connection:
        found = find_low_stock(shop.context, connection)
    assert [(one.product, one.free_quantity, one.demand_a_day) for one in found] == [(LAMP, left, 2)] * scarce


def test_the_page_shows_a_picture_and_a_row_a_product(shop, tmp_path):
    change(shop, LAMP, name="Lamp | <b>\u202enew</b>")
    compute(shop)
    said = summary("Lamps & Co", DAY, 1, listed(shop))
    (picture,) = re.findall(r"\(data:image/png;base64,([^)]+)\)", said)
    (tmp_path / "picture.png").write_bytes(base64.b64decode(picture))
    with Image.open(tmp_path / "picture.png") as image:
        assert image.width > 600
    (row,) = [row for row in said.splitlines() if row.startswith("| lamp")]
    assert r"Lamp \| \<b\>new\</b\> | 46 | 10 |" in row
    assert "46" in str(short_row(listed(shop)[0]))


def test_a_shop_with_enough_of_everything_is_told_so():
    assert "none has to be ordered" in summary("Lamps & Co", DAY, 12, [])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with the imported sample shop."""
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "shop", orders=200, seed=7, as_of=DAY)
    assert CliRunner().invoke(command_line, ["import", "--as-of", str(DAY)]).exit_code == 0
    return tmp_path


def command(*arguments):
    done = CliRunner().invoke(command_line, ["stock", "--as-of", str(DAY), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_lists_what_to_order_for_people_scripts_and_spreadsheets(folder, monkeypatch):
    said = json.loads(command("--json", "--csv", "order.csv"))
    assert (said["products"], said["changed"], said["without_stock"]) == (64, 64, 0)
    assert all(one["order_now"] > 0 for one in said["list"])
    with (folder / "order.csv").open(newline="") as file:
        assert [row["product"] for row in csv.DictReader(file)] == [one["product"] for one in said["list"]]
    first, narrow = said["list"][0], command().splitlines()
    assert narrow[0].split("  ")[0] == "product"
    assert narrow[1].startswith(first["product"])
    monkeypatch.setenv("COLUMNS", "200")
    wide = command().splitlines()
    assert {"on hand", "inbound", "waiting", "safety stock", "vendor"} <= set(re.split(r" {2,}", wide[0]))
    assert len(wide) == len(said["list"]) + 1
    everything = json.loads(command("--json", "--all"))
    assert (len(everything["list"]), everything["changed"]) == (64, 0)


def test_a_day_before_the_last_one_changes_no_level(folder):
    command()
    done = CliRunner().invoke(command_line, ["stock", "--as-of", str(day(-1))])
    assert (done.exit_code, type(done.exception)) == (1, ForewarnError)
    assert f"stock-report was run for {DAY} already; give that day, or a later one" in str(done.exception)


def test_the_command_counts_what_the_source_tells_no_stock_of(folder):
    products = folder / "shop" / "data" / "products.csv"
    _, row, *_ = products.read_text(encoding="utf-8").splitlines()
    with products.open("a", encoding="utf-8") as file:
        file.write(",".join(["NEW-1", *row.split(",")[1:]]) + "\n")
    assert CliRunner().invoke(command_line, ["import", "--as-of", str(DAY)]).exit_code == 0
    assert command().splitlines()[-1].startswith("1 left out: the shop's data has no stock")


def test_no_name_becomes_a_formula_in_the_file(folder):
    products = folder / "shop" / "data" / "products.csv"
    named = [line.split(",", 2) for line in products.read_text(encoding="utf-8").splitlines()]
    text = "\n".join(",".join((sku, title if sku == "sku" else "=1+1", rest)) for sku, title, rest in named)
    products.write_text(text + "\n", encoding="utf-8")
    assert CliRunner().invoke(command_line, ["import", "--as-of", str(DAY)]).exit_code == 0
    command("--all", "--csv", "order.csv")
    with (folder / "order.csv").open(newline="") as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"'=1+1"}


def test_a_file_that_cannot_be_written_is_one_sentence(folder):
    done = CliRunner().invoke(command_line, ["stock", "--as-of", str(DAY), "--csv", "no/such/folder.csv"])
    assert (done.exit_code, type(done.exception)) == (1, ForewarnError)
    assert "no/such/folder.csv cannot be written" in str(done.exception)
