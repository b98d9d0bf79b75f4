"""What the JSON API refuses, each time in one plain sentence and never by an error of ours."""

import json
import re
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.api_client import KEY, calling, with_pages
from tests.support.builders import line
from tests.support.ledgers import sqlite_ledger
from tests.support.shop_driver import ShopDriver, open_context
from web.api.application import PREFIX
from web.api.guards import MAX_BODY_BYTES
from web.customer.order_view import CHIPS


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Return the context of a shop with one late order, which no test here changes."""
    opened = open_context(sqlite_ledger(tmp_path_factory.mktemp("api") / "ledger.db"))
    driver = ShopDriver(with_pages(opened))
    driver.order("1041", line(promised=-9, expected=4))
    yield driver.context
    opened.engine.dispose()


@pytest.fixture(scope="module")
def api(context):
    with calling(context) as client:
        yield client


@pytest.fixture(scope="module")
def anonymous(context):
    """Return a client without a key."""
    with calling(context, key=None) as client:
        yield client


@pytest.mark.parametrize("path", ["%00", "%ff", "%ED%A0%80", "a" * 4000, "9", "%F0%9F%92%A9"])
@pytest.mark.parametrize("place", ["/orders/{}", "/orders/{}/links", "/choices/{}/done", "/orders/{}/choices/1/undo"])
def test_an_id_that_is_none_is_a_plain_refusal(api, path, place):
    address = place.format(path)
    answer = api.get(address) if address.count("/") == 2 else api.post(address)
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]


GOOD = {"act": "wait", "version": 0, "stated": ""}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "act: it is missing"),
        (GOOD | {"act": "dance"}, "act: input should be"),
        (GOOD | {"version": "0"}, "version: a whole number is right"),
        (GOOD | {"version": -1}, "version: input should be greater than or equal to 0"),
        (GOOD | {"version": True}, "version: a whole number is right"),
        (GOOD | {"version": 0.5}, "version: input should be a valid integer"),
        (GOOD | {"stated": None}, "stated: input should be a valid string"),
        (GOOD | {"option": "a" * 501}, "option: string should have at most 500 characters"),
        (GOOD | {"option": "a\x00b"}, "option: it has characters that are not right here"),
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


@pytest.mark.parametrize("key", ["", "a b", "ä", "k" * 201])
def test_a_key_that_is_none_is_refused(api, key):
    refused = api.http.post(
        f"{PREFIX}/orders/1041/choices", json=GOOD, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("idempotency-key:")


@pytest.mark.parametrize("after", ["x", "!!!!", "bnVsbA", "W10", "WyJub3ciLCAiYSJd", "ä", "W1tbW1tb", "a" * 2000])
def test_a_place_that_is_none_is_refused(api, after):
    refused = api.get("/choices", after=after)
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("after: ")


def test_a_long_body_is_refused_before_it_is_read(api):
    def endless():
        yield b" " * MAX_BODY_BYTES
        yield b" "
        yield b"never read"

    for content in (b" " * (MAX_BODY_BYTES + 1), endless()):
        refused = api.http.post(f"{PREFIX}/orders/1041/choices", content=content)
        assert (refused.status_code, f"{MAX_BODY_BYTES} bytes" in refused.json()["error"]) == (413, True)


@pytest.mark.parametrize("key", [None, "", KEY[:-1], f"{KEY}x", "ä", f"{KEY},{KEY}"])
@pytest.mark.parametrize("path", ["/orders/1041", "/choices", "/nowhere"])
def test_without_a_key_nothing_is_answered(anonymous, key, path):
    headers = {} if key is None else {"Authorization": f"Bearer {key}".strip().encode("latin-1")}
    refused = anonymous.http.get(f"{PREFIX}{path}", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "planted" not in refused.text


def test_a_basic_sign_in_is_no_key(anonymous):
    assert anonymous.http.get(f"{PREFIX}/choices", headers={"Authorization": f"Basic {KEY}"}).status_code == 401
    assert anonymous.http.get(f"{PREFIX}/choices", headers={"Authorization": f"bearer {KEY}"}).status_code == 200


def test_an_api_without_keys_answers_nobody(context):
    with calling(context, keys=()) as api:
        assert api.get("/choices").status_code == 401


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
        "/orders/{order_id}/story",
    ]
    assert "422" in json.dumps(told)


def test_the_description_names_every_status_of_an_item(anonymous):
    schemas = anonymous.get("/openapi.json").json()["components"]["schemas"]
    named = schemas["ItemView"]["properties"]["status"]["description"]
    assert set(re.findall(r"`(\w+)`", named)) == {"open", *CHIPS}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/choices", 405)])
def test_what_is_not_there_is_a_plain_refusal(api, method, path, status):
    refused = api.http.request(method, f"{PREFIX}{path}")
    assert refused.status_code == status
    assert "openapi.json" in refused.json()["error"]
    assert status == 404 or refused.headers["allow"] == "GET"


def test_a_database_that_is_away_is_said_so(context):
    class Away:
        def __getattr__(self, name):
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))

    with calling(replace(context, engine=Away())) as api:
        refused = api.get("/orders/1041")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")


def test_a_fault_of_ours_is_a_plain_sentence_and_shows_nothing(context):
    class Broken:
        def __getattr__(self, name):
            raise KeyError("planted-inside")

    with calling(replace(context, engine=Broken())) as api:
        refused = api.get("/orders/1041")
    assert refused.status_code == 500
    assert "planted" not in refused.text
