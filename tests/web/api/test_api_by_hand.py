"""The JSON API as a shop uses it on its own order pages and in its back office."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.orders import ProductFacts
from tasks.customers.links import open_link
from tasks.tables import CUSTOMER_CHOICES, EVENTS, WEBHOOK_EVENTS
from tests.support.api_client import KEY, calling, with_pages
from tests.support.builders import ANNA, line
from tests.support.choices import choice_row, insert_choices
from tests.support.clocks import MovedClock
from tests.support.shop_driver import noon
from web.api.application import PREFIX
from web.api.guards import MAX_BODY_BYTES

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


@pytest.fixture
def anonymous(shop):
    """Return a client without a key."""
    with calling(shop.context, key=None) as client:
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
    assert order["open"]["acts"] == ["wait", "ship", "swap", "cancel"] or order["open"]["acts"] == [
        "wait",
        "swap",
        "cancel",
    ]
    refunds = {cancel["option"]: cancel["refund"] for cancel in order["open"]["cancels"]}
    assert refunds == {"late": "40.00", "2": "40.00", "all": "84.90"}
    (swap,) = order["open"]["swaps"]
    assert (swap["option"], swap["product"]["name"], swap["price_difference"]) == ("1:fern", "Fern", "6.00")
    assert [message["channel"] for message in order["messages"]] == ["email"]
    assert ANNA.name not in shown.text
    assert ANNA.email not in shown.text
    assert (shown.headers["cache-control"], shown.headers["x-content-type-options"]) == ("no-store", "nosniff")


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


def test_a_key_of_one_order_is_another_one_for_another_order(api, shop):
    shop.order("1042", line(promised=-9, expected=4))
    assert api.choose("1041", "cancel", "late", key="same").status_code == 201
    assert api.choose("1042", "cancel", "all", key="same").json()["id"] == "1042-C1"


def test_a_key_that_is_used_for_another_choice_is_refused(api):
    assert api.choose("1041", "cancel", "late", key="same").status_code == 201
    refused = api.choose("1041", "cancel", "all", key="same", changed={"act": "wait", "option": ""})
    assert refused.status_code == 422
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
    assert refused.status_code == 422
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


ODD_IDS = ("a/b", "a b", "ä", "%2F", "a%b", "?x=1", "#1", "a+b", "日本", "'; DROP TABLE", "\xa0")


@pytest.mark.parametrize("order", ODD_IDS)
def test_an_order_of_any_id_is_found(api, shop, order):
    shop.order(order, line(promised=-9, expected=4))
    path = quote(order, safe="")
    shown = api.get(f"/orders/{path}")
    assert (shown.status_code, shown.json().get("id")) == (200, order)
    made = api.choose(path, "cancel", "all", key="k")
    assert made.json()["id"] == f"{order}-C1"
    reference = quote(made.json()["id"], safe="")
    assert api.post(f"/choices/{reference}/done").json()["state"] == "done"


@one_database
@pytest.mark.parametrize("path", ["%00", "%ff", "%ED%A0%80", "a" * 4000, "9", "%F0%9F%92%A9"])
@pytest.mark.parametrize("place", ["/orders/{}", "/orders/{}/links", "/choices/{}/done", "/orders/{}/choices/1/undo"])
def test_an_id_that_is_none_is_a_plain_refusal(api, path, place):
    address = place.format(path)
    answer = api.get(address) if address.count("/") == 2 else api.post(address)
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]


GOOD = {"act": "wait", "version": 0, "stated": ""}


@one_database
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "act: it is missing"),
        (GOOD | {"act": "dance"}, "act: input should be"),
        (GOOD | {"version": "0"}, "version: input should be a valid integer"),
        (GOOD | {"version": -1}, "version: input should be greater than or equal to 0"),
        (GOOD | {"version": True}, "version: input should be a valid integer"),
        (GOOD | {"stated": None}, "stated: input should be a valid string"),
        (GOOD | {"option": "a" * 501}, "option: string should have at most 500 characters"),
        (GOOD | {"option": "a\x00b"}, "option: a text with NUL"),
        (GOOD | {"more": 1}, "more: it is not known here"),
        (GOOD | {"made_by": "Mara"}, "made_by: input should be"),
        ([], "the body: a JSON object is right"),
        (None, "the body: it is missing"),
    ],
)
def test_a_malformed_choice_is_refused_in_a_sentence(api, body, said):
    refused = api.post("/orders/1041/choices", body, Idempotency_Key="k")
    assert refused.status_code == 422
    assert refused.json()["error"].startswith(said)


@one_database
@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff", b'{"act": "\\ud800"}', b"[" * 9_000, b'{"version": ' + b"9" * 9_000 + b"}", b"NaN", b'"x"', b""],
)
def test_a_body_that_is_no_json_object_is_refused(api, content):
    refused = api.http.post(
        f"{PREFIX}/orders/1041/choices",
        content=content,
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )
    assert refused.status_code in (400, 422)
    assert list(refused.json()) == ["error"]


@one_database
@pytest.mark.parametrize("key", ["", "a b", "ä", "k" * 201])
def test_a_key_that_is_none_is_refused(api, key):
    refused = api.http.post(
        f"{PREFIX}/orders/1041/choices", json=GOOD, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("idempotency-key:")


@one_database
@pytest.mark.parametrize("after", ["x", "!!!!", "bnVsbA", "W10", "WyJub3ciLCAiYSJd", "ä", "W1tbW1tb", "a" * 2000])
def test_a_place_that_is_none_is_refused(api, after):
    refused = api.get("/choices", after=after)
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("after: ")


@one_database
def test_a_long_body_is_refused_before_it_is_read(api):
    def endless():
        yield b" " * MAX_BODY_BYTES
        yield b" "
        yield b"never read"

    for content in (b" " * (MAX_BODY_BYTES + 1), endless()):
        refused = api.http.post(f"{PREFIX}/orders/1041/choices", content=content)
        assert (refused.status_code, f"{MAX_BODY_BYTES} bytes" in refused.json()["error"]) == (413, True)


@one_database
@pytest.mark.parametrize("key", [None, "", KEY[:-1], f"{KEY}x", "ä", f"{KEY},{KEY}"])
@pytest.mark.parametrize("path", ["/orders/1041", "/choices", "/nowhere"])
def test_without_a_key_nothing_is_answered(anonymous, key, path):
    headers = {} if key is None else {"Authorization": f"Bearer {key}".encode("latin-1")}
    refused = anonymous.http.get(f"{PREFIX}{path}", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "planted" not in refused.text


@one_database
def test_a_basic_sign_in_is_no_key(anonymous):
    assert anonymous.http.get(f"{PREFIX}/choices", headers={"Authorization": f"Basic {KEY}"}).status_code == 401
    assert anonymous.http.get(f"{PREFIX}/choices", headers={"Authorization": f"bearer {KEY}"}).status_code == 200


@one_database
def test_an_api_without_keys_answers_nobody(shop):
    with calling(shop.context, keys=()) as api:
        assert api.get("/choices").status_code == 401


@one_database
def test_the_description_is_public_and_names_every_endpoint(anonymous):
    described = anonymous.get("/openapi.json")
    assert described.status_code == 200
    told = described.json()
    assert told["servers"] == [{"url": PREFIX}]
    assert sorted(told["paths"]) == [
        "/choices",
        "/choices/{choice_id}/done",
        "/choices/{choice_id}/refused",
        "/orders/{order_id}",
        "/orders/{order_id}/choices",
        "/orders/{order_id}/choices/{number}/undo",
        "/orders/{order_id}/links",
    ]
    assert "422" in json.dumps(told)


@one_database
@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/choices", 405)])
def test_what_is_not_there_is_a_plain_refusal(api, method, path, status):
    refused = api.http.request(method, f"{PREFIX}{path}")
    assert refused.status_code == status
    assert "openapi.json" in refused.json()["error"]
    assert status == 404 or refused.headers["allow"] == "GET"


@one_database
def test_a_database_that_is_away_is_said_so(shop, clock):
    class Away:
        def __getattr__(self, name):
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))

    with calling(replace(shop.context, engine=Away()), clock) as api:
        refused = api.get("/orders/1041")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")


@one_database
def test_a_fault_of_ours_is_a_plain_sentence_and_shows_nothing(shop):
    class Broken:
        def __getattr__(self, name):
            raise KeyError("planted-inside")

    with calling(replace(shop.context, engine=Broken())) as api:
        refused = api.get("/orders/1041")
    assert refused.status_code == 500
    assert "planted" not in refused.text
