"""The JSON API as a shop uses it on its own order pages and in its back office."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from sqlalchemy import select

from models.orders import ProductFacts
from tasks.customers.links import open_link
from tasks.tables import CUSTOMER_CHOICES, EVENTS, WEBHOOK_EVENTS
from tests.support.api_client import calling, with_pages
from tests.support.builders import ANNA, line
from tests.support.choices import choice_row, insert_choices
from tests.support.clocks import MovedClock
from tests.support.shop_driver import noon

pytestmark = pytest.mark.sqlite_suffices(
    "answers of the API; choices and links are recorded on both databases in tests/tasks/customers"
)

FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))
one_database = pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
"""For what does not depend on the database."""


@pytest.fixture
def clock():
    return MovedClock(noon(0))


@pytest.fixture
def shop(driver):
    """Return a driver whose order 1041 has a late line, which may be swapped for a fern, and one on time."""
    driver.context = with_pages(driver.context)
    driver.order("1041", line("1", promised=-9, expected=4), line("2", promised=6), shipping_fee=Decimal("4.90"))
    driver.stock(FERN, 2)
    driver.run_day()
    return driver


@pytest.fixture
def api(shop, clock):
    with calling(shop.context, clock) as client:
        yield client


def rows(shop, table):
    with shop.context.engine.connect() as connection:
        return connection.execute(select(table)).all()


def test_an_order_is_shown_as_its_customer_sees_it_without_name_and_address(api, shop):
    shown = api.get("/orders/1041")
    assert shown.status_code == 200
    order = shown.json()
    assert (order["id"], order["version"], order["headline"], order["days_late"]) == ("1041", 0, "part_late", 13)
    items = {item["line"]: item for parcel in order["parcels"] for item in parcel["items"]}
    assert (items["1"]["expected_on"], items["1"]["price"], items["1"]["quantity"]) == ("2026-06-19", "40.00", "1")
    assert order["open"]["acts"] == ["wait", "swap", "cancel", "withdraw"]
    refunds = {cancel["option"]: cancel["refund"] for cancel in order["open"]["cancels"]}
    assert refunds == {"late": "40.00", "2": "40.00", "all": "84.90"}
    (swap,) = order["open"]["swaps"]
    assert (swap["option"], swap["product"]["name"], swap["price_difference"]) == ("1:fern", "Fern", "6.00")
    assert [message["channel"] for message in order["messages"]] == ["email"]
    assert ANNA.name not in shown.text
    assert ANNA.email not in shown.text
    assert (shown.headers["cache-control"], shown.headers["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.both_databases
def test_a_cancellation_is_recorded_once_however_often_it_is_sent(api, shop, clock):
    made = api.choose("1041", "cancel", "late")
    assert made.status_code == 201
    choice = made.json()
    assert (choice["id"], choice["state"], choice["refund"], choice["lines"]) == (
        "1041-C1",
        "requested",
        "40.00",
        ["1"],
    )
    clock.move(seconds=5)
    again = api.post(
        "/orders/1041/choices",
        {"act": "cancel", "option": "late", "version": 0, "stated": "whatever"},
        Idempotency_Key="form-1",
    )
    assert (again.status_code, again.json()) == (200, choice)
    assert len(rows(shop, CUSTOMER_CHOICES)) == 1
    assert [event.kind for event in rows(shop, WEBHOOK_EVENTS)] == ["choice.requested"]


@pytest.mark.both_databases
def test_a_double_click_is_one_choice_and_two_people_are_told_of_each_other(api, shop):
    shown = api.get("/orders/1041").json()
    forms = [
        {"act": "cancel", **{name: each[name] for name in ("option", "stated")}, "version": 0}
        for each in shown["open"]["cancels"]
    ]
    with ThreadPoolExecutor(8) as threads:
        sent = [
            threads.submit(api.post, "/orders/1041/choices", form, Idempotency_Key=f"form-{number}")
            for _ in range(4)
            for number, form in enumerate(forms)
        ]
        answers = [one.result() for one in sent]
    made = {answer.json()["id"] for answer in answers if answer.status_code in (200, 201)}
    refused = [answer.json()["standing"]["id"] for answer in answers if answer.status_code == 409]
    assert made == {"1041-C1"} == set(refused)
    assert len(answers) - len(refused) == 4
    assert len(rows(shop, CUSTOMER_CHOICES)) == 1


def test_a_key_of_one_order_is_another_one_for_another_order(api, shop):
    shop.order("1042", line(promised=-9, expected=4))
    assert api.choose("1041", "cancel", "late", key="same").status_code == 201
    assert api.choose("1042", "cancel", "all", key="same").json()["id"] == "1042-C1"


def test_a_key_that_is_used_for_another_choice_is_refused(api):
    assert api.choose("1041", "cancel", "late", key="same").status_code == 201
    refused = api.choose("1041", "cancel", "all", key="same", changed={"act": "wait", "option": ""})
    assert (refused.status_code, refused.json()["standing"]["id"]) == (409, "1041-C1")
    assert "belongs to another choice, 1041-C1" in refused.json()["error"]


def test_whoever_is_slower_is_told_what_stands(api):
    stale = {"act": "cancel", "option": "late", "version": 0}
    stated = {one["option"]: one["stated"] for one in api.get("/orders/1041").json()["open"]["cancels"]}
    assert api.choose("1041", "wait").status_code == 201
    refused = api.post("/orders/1041/choices", stale | {"stated": stated["late"]}, Idempotency_Key="form-2")
    assert refused.status_code == 409
    told = refused.json()
    assert (told["standing"]["act"], told["order"]["version"]) == ("wait", 1)
    assert "1041-C1" in told["error"]
    assert api.choose("1041", "cancel", "late", key="form-2").status_code == 201


def test_a_choice_that_would_do_something_else_by_now_is_not_recorded(api, shop):
    refused = api.choose("1041", "cancel", "late", changed={"stated": "0" * 32})
    assert refused.status_code == 409
    assert refused.json()["order"]["version"] == 0
    assert refused.json()["standing"] is None
    assert rows(shop, CUSTOMER_CHOICES) == []


def test_a_substitute_that_is_gone_is_said_so_with_the_other_choices(api, shop):
    shown = api.get("/orders/1041").json()
    (swap,) = shown["open"]["swaps"]
    shop.order("1042", line(promised=-9, expected=4))
    insert_choices(
        shop.context,
        choice_row("1042", act="swap", product_id="fern", quantity=2, reserved_until=noon(2)),
    )
    body = {"act": "swap", "option": swap["option"], "version": 0, "stated": swap["stated"]}
    refused = api.post("/orders/1041/choices", body, Idempotency_Key="f")
    assert refused.status_code == 409
    assert "not in stock" in refused.json()["error"]
    assert refused.json()["order"]["open"]["swaps"] == []


def test_what_the_warehouse_has_taken_is_too_late(api, shop):
    shown = api.get("/orders/1041").json()
    stated = {one["option"]: one["stated"] for one in shown["open"]["cancels"]}
    shop.change("1041", packed=1)
    body = {"act": "cancel", "option": "late", "version": 0, "stated": stated["late"]}
    refused = api.post("/orders/1041/choices", body, Idempotency_Key="f")
    assert refused.status_code == 410
    assert refused.json()["order"]["open"]["too_late"] is True


def test_what_is_not_offered_is_refused_with_what_is(api):
    body = {"act": "offer", "version": 0, "stated": ""}
    refused = api.post("/orders/1041/choices", body, Idempotency_Key="f")
    assert refused.status_code == 409
    assert "cancel" in refused.json()["order"]["open"]["acts"]


def test_a_choice_is_undone_until_its_time_is_over(api, clock):
    api.choose("1041", "cancel", "late")
    undone = api.post("/orders/1041/choices/1/undo")
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    assert api.post("/orders/1041/choices/1/undo").json()["state"] == "undone"
    api.choose("1041", "cancel", "late", key="form-2")
    clock.move(hours=2)
    late = api.post("/orders/1041/choices/2/undo")
    assert (late.status_code, late.json()["order"]["choices"][0]["state"]) == (410, "requested")
    assert api.post("/orders/1041/choices/3/undo").status_code == 404


def test_a_link_is_made_opens_the_order_and_is_revoked(api, shop, clock):
    made = api.post("/orders/1041/links")
    assert made.status_code == 201
    url = made.json()["url"]
    assert url.startswith("https://orders.lamps.example.com/o/")
    with shop.context.engine.connect() as connection:
        assert open_link(shop.context, connection, url.rpartition("/")[2], clock()).order_id == "1041"
    assert api.delete("/orders/1041/links").json()["revoked"] >= 1
    with shop.context.engine.connect() as connection:
        assert open_link(shop.context, connection, url.rpartition("/")[2], clock()) is None
    assert api.delete("/orders/1041/links").json() == {"revoked": 0}


@one_database
def test_a_shop_without_order_pages_makes_no_links(driver):
    driver.order("1041", line(promised=-9))
    with calling(driver.context) as api:
        refused = api.post("/orders/1041/links")
    assert (refused.status_code, "no order pages" in refused.json()["error"]) == (409, True)


@pytest.mark.both_databases
def test_what_waits_for_the_shop_is_listed_page_by_page_and_marked_done(api, shop):
    made = [choice_row(str(n), made_at=noon(0) + timedelta(minutes=n // 2)) for n in range(1, 8)]
    insert_choices(shop.context, *made)
    found, after = [], {}
    while True:
        page = api.get("/choices", limit=3, **after).json()
        found += [choice["id"] for choice in page["choices"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == [f"{n}-C1" for n in range(1, 8)]
    assert api.get("/choices", state="done").json() == {"choices": [], "next": None}


def test_the_shop_marks_what_it_has_done_and_what_it_could_not_do(api, shop):
    api.choose("1041", "cancel", "late")
    done = api.post("/choices/1041-C1/done", {"why": "refunded"})
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert api.post("/choices/1041-C1/done").json()["state"] == "done"
    assert api.post("/choices/1041-C1/refused").status_code == 409
    api.choose("1041", "cancel", "all", key="form-2")
    assert api.post("/choices/1041-C2/refused", {"why": "it had left"}).json()["state"] == "refused"
    assert ("api", "refunded") in [(event.who, event.why) for event in rows(shop, EVENTS)]
    kinds = [event.kind for event in rows(shop, WEBHOOK_EVENTS)]
    assert sorted(kinds) == ["choice.done", "choice.refused", "choice.requested", "choice.requested"]
    assert api.post("/choices/9-C1/done").status_code == 404


ODD_IDS = ("a/b", "a b", "ä", "%2F", "a%b", "?x=1", "#1", "a+b", "日本", "'; DROP TABLE", "\xa0", "a\nb")


@pytest.mark.both_databases
def test_orders_of_any_id_are_found(api, shop):
    for order in ODD_IDS:
        shop.order(order, line(promised=-9, expected=4))
    for order in ODD_IDS:
        path = quote(order, safe="")
        shown = api.get(f"/orders/{path}")
        assert (shown.status_code, shown.json().get("id")) == (200, order)
        made = api.choose(path, "cancel", "all", key="k")
        assert made.json()["id"] == f"{order}-C1"
        reference = quote(made.json()["id"], safe="")
        assert api.post(f"/choices/{reference}/done").json()["state"] == "done"
