"""What to order, on the desk: empty, full, in pages and as a file."""

import csv
import io
import itertools

import pytest
from sqlalchemy import insert

from rules.replenishment.levels import ProductLevel, sorted_by_urgency
from tasks.db.sql import read_only
from tasks.desk.stock import load_stock
from tasks.runs.records import finish_run, start_run
from tasks.tables import AVAILABILITIES, INBOUNDS, PRODUCTS, STOCK_LEVELS, VENDORS
from tests.support.builders import day
from tests.support.desk import desk_client
from tests.support.shop_driver import noon


def product(connection, key, *, order=5, available=3, sold=1.0, lead=10.0, waiting=0, free=0, name=None):
    connection.execute(insert(PRODUCTS).values(id=key, name=name or f"Lamp {key}", vendor_id="v1", drop_shipped=False))
    level = {"safety_stock": 4, "reorder_point": 12, "order_quantity": order, "available": available}
    facts = {"demand_a_day": sold, "demand_sd": 1.0, "lead_days": lead, "lead_sd": 1.0, "method": "smooth"}
    connection.execute(
        insert(STOCK_LEVELS).values(product_id=key, **level, **facts, why=f"because of {key}", set_at=noon(0))
    )
    availability = {"state": "in_stock", "free_quantity": free, "waiting": waiting, "waited": 0}
    connection.execute(insert(AVAILABILITIES).values(product_id=key, **availability, since=noon(0), set_at=noon(0)))


@pytest.fixture
def shop(context):
    with context.engine.begin() as connection:
        connection.execute(insert(VENDORS).values(id="v1", name="Harbour Looms"))
        product(connection, "p1", available=30, sold=1.0, free=7)
        product(connection, "p2", available=-3, sold=2.0, waiting=16)
        product(connection, "p3", available=5, sold=1.0, free=2.5)
        product(connection, "p4", order=0)
        product(connection, "p5", available=-1, sold=0)
        product(connection, "=1+1", available=100, sold=0, name="=HYPERLINK(1)")
        delivery = {"id": "D1", "product_id": "p3", "quantity": 8, "promised_on": day(4)}
        connection.execute(insert(INBOUNDS).values(**delivery))
        connection.execute(insert(INBOUNDS).values(**delivery | {"id": "D2", "received_at": noon(-1)}))
    return context


def test_without_levels_the_page_says_what_makes_them(context):
    page = desk_client(context, "read").get("/desk/stock")
    assert page.status == 200
    assert "No stock levels were computed yet." in page.text


def test_when_nothing_is_to_order_the_page_says_when_it_was_computed(context):
    finish_run(start_run(context, "stock-report", day(0), noon(0)), noon(0), "done", {})
    assert "Nothing has to be ordered now. Computed on Mon 15 Jun, 12:00." in (
        desk_client(context, "read").get("/desk/stock").text
    )


def test_the_most_urgent_product_is_first(shop):
    with read_only(shop.engine) as connection:
        rows = load_stock(shop, connection, 50).rows
    assert [row.product_id for row in rows] == ["p5", "p2", "p3", "p1", "=1+1"]
    assert [row.on_its_way for row in rows] == [0, 0, 8, 0, 0]
    assert [row.lasts_until for row in rows] == [None, day(0), day(5), day(30), None]


def test_the_order_is_that_of_the_reports(shop):
    with read_only(shop.engine) as connection:
        rows = load_stock(shop, connection, 50).rows
        columns = [STOCK_LEVELS.c[name] for name in ProductLevel.__slots__]
        levels = [ProductLevel(*row) for row in connection.execute(STOCK_LEVELS.select().with_only_columns(*columns))]
    urgent = [one.product_id for one in sorted_by_urgency(levels) if one.order_quantity > 0]
    assert [row.product_id for row in rows] == urgent


def test_pages_follow_each_other_without_a_gap(shop):
    seen, after = [], None
    with read_only(shop.engine) as connection:
        for _ in itertools.count():
            page = load_stock(shop, connection, 2, after)
            seen += [row.product_id for row in page.rows]
            if not page.has_more:
                break
            after = (page.rows[-1].slack, page.rows[-1].product_id)
    assert seen == ["p5", "p2", "p3", "p1", "=1+1"]


def test_a_shortage_is_said_in_words(shop):
    page = desk_client(shop, "read").get("/desk/stock")
    assert "16 orders wait for 3 pieces that nobody has ordered" in page.text
    assert "Orders wait for 1 piece that nobody has ordered" in page.text
    assert "-3" not in page.text


def test_each_bar_says_what_it_shows_and_has_no_style_of_its_own(shop):
    page = desk_client(shop, "read").get("/desk/stock")
    labels = [tag["aria-label"] for tag in page.tags("svg") if tag.get("role") == "img"]
    assert len(labels) == 5
    assert labels[2].endswith("safety stock 4, to order from 12")
    assert "style=" not in page.html


def test_the_order_list_is_a_file_that_no_spreadsheet_runs(shop):
    answer = desk_client(shop, "read").get("/desk/stock/order-list.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="order-list-2026-06-15.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.html)))
    assert [row["product"] for row in rows] == ["p5", "p2", "p3", "p1", "'=1+1"]
    assert rows[2] | {"why": ""} == {
        "product": "p3",
        "name": "Lamp p3",
        "vendor": "Harbour Looms",
        "order": "5",
        "free": "2.5",
        "waiting_orders": "0",
        "on_its_way": "8",
        "lasts_until": "2026-06-20",
        "safety_stock": "4",
        "reorder_point": "12",
        "why": "",
    }


def test_a_page_that_was_not_written_here_is_the_first_one(shop):
    assert "Lamp p2" in desk_client(shop, "read").get("/desk/stock?after=%00").text
