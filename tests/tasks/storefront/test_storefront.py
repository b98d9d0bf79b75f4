"""What shoppers are told of products that are not in stock: the words, the JSON, the pages, the feed, the files."""

import csv
import io
import json
import os
import re
import time
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette

from models.errors import ForewarnError
from models.inventory import ProductAvailability, StockStatus
from models.policy.policy import Policy
from models.policy.supply import StorefrontPolicy as StorefrontPolicy
from rules.inventory.storefront import shown_to_shoppers
from tasks.storefront import payloads as stock
from tasks.storefront.names import product_from_slug, slug_of
from tasks.storefront.notices import SHORT_FILTER
from tasks.storefront.publish import publish
from templates.rendering.environment import TemplateError
from templates.rendering.messages import Renderer
from tests.support.builders import DAY, day
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import get, serving
from tests.support.shop_driver import SHOP, noon, open_context
from tests.support.storefront import Shelf
from web.storefront.endpoints import REUSE_TIME, Storefront

ITEM_AVAILABILITY = {
    "https://schema.org/" + name
    for name in (
        *("BackOrder", "Discontinued", "InStock", "InStoreOnly", "LimitedAvailability", "MadeToOrder", "OnlineOnly"),
        *("OutOfStock", "PreOrder", "PreSale", "Reserved", "SoldOut"),
    )
}
"""The members of https://schema.org/ItemAvailability."""
FEED_AVAILABILITY = {"in_stock", "out_of_stock", "preorder", "backorder"}
FEED_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d{4}")
"""Google's product data specification: values of `availability`, and the format of `availability_date`."""
HOSTILE = (
    "../../etc/passwd",
    "a/b",
    ".",
    "..",
    ".forewarn",
    "~2E",
    "a b",
    "ü",
    "<script>",
    'x" onload="',
    "%2e",
    "=1+1",
)


@pytest.fixture
def shelf(context):
    return Shelf(context)


@pytest.fixture(scope="module")
def one_desk(tmp_path_factory):
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("ledger") / "ledger.db"))
    yield context
    context.engine.dispose()


@pytest.fixture
def one_shelf(one_desk):
    """Return an empty shelf in SQLite alone, for what is no database's affair."""
    found = Shelf(one_desk)
    found.clear()
    return found


@pytest.fixture
def served(one_shelf):
    app = Starlette(routes=Storefront(one_shelf.context, lambda: one_shelf.now).routes)
    with serving(app) as url:
        one_shelf.url = url
        yield one_shelf


@pytest.mark.parametrize(
    ("found", "state", "expected", "latest", "left"),
    [
        (ProductAvailability("p", StockStatus.BACKORDER, 3, day(1), day(4)), "backorder", day(1), day(4), 3),
        (ProductAvailability("p", StockStatus.BACKORDER, 3, day(0), None), "backorder", day(0), None, 3),
        (ProductAvailability("p", StockStatus.BACKORDER, 3, day(-1), day(4)), "out_of_stock", None, None, 0),
        (ProductAvailability("p", StockStatus.BACKORDER, 3, None, day(4)), "out_of_stock", None, None, 0),
        (ProductAvailability("p", StockStatus.BACKORDER, 3, day(4), day(4)), "backorder", day(4), None, 3),
        (ProductAvailability("p", StockStatus.BACKORDER, 3, day(4), day(3)), "backorder", day(4), None, 3),
        (ProductAvailability("p", StockStatus.BACKORDER, 10, day(4)), "backorder", day(4), None, 10),
        (ProductAvailability("p", StockStatus.BACKORDER, 11, day(4)), "backorder", day(4), None, 0),
        (ProductAvailability("p", StockStatus.BACKORDER, -1, day(4)), "backorder", day(4), None, 0),
        (ProductAvailability("p", StockStatus.OUT_OF_STOCK, 3, day(4)), "out_of_stock", None, None, 0),
        (ProductAvailability("p", StockStatus.IN_STOCK, 3, day(4)), "in_stock", None, None, 0),
    ],
)
def test_a_shopper_hears_no_date_that_has_passed_and_of_the_quantity_only_when_it_is_small(
    found, state, expected, latest, left
):
    assert shown_to_shoppers(found, DAY, StorefrontPolicy()) == ProductAvailability(
        "p", StockStatus(state), left, expected, latest
    )


def test_the_quantity_is_never_said_where_the_policy_says_never():
    found = ProductAvailability("p", StockStatus.BACKORDER, 1, day(4))
    assert shown_to_shoppers(found, DAY, StorefrontPolicy(show_left=0)).free_quantity == 0


def test_the_words_say_state_date_range_and_quantity_in_each_language(shelf):
    shelf.put("p1", left=3, expected=7, latest=10)
    assert shelf.text("p1") == (
        "Out of stock right now. We expect more by June 22, 2026, or possibly as late as June 25, 2026. "
        "3 units of that delivery are still available."
    )
    assert "até 22 de junho de 2026" in shelf.text("p1", "pt_BR")
    assert "Ainda há 3 unidades disponíveis" in shelf.text("p1", "pt_BR")
    shelf.put("p1", "out_of_stock")
    assert "do not know yet" in shelf.text("p1")
    assert not re.search(r"\d", shelf.text("p1"))


def test_a_date_that_passes_becomes_unknown_by_itself(shelf):
    shelf.put("p1", expected=0)
    assert "June 15" in shelf.text("p1")
    shelf.now = noon(1)
    assert not re.search(r"\d", shelf.text("p1"))


def test_a_notice_holds_for_as_long_as_the_policy_says_and_a_copy_of_it_never_longer_than_its_date(shelf):
    hours = Policy().storefront.valid_hours
    shelf.put("later", expected=9)
    shelf.put("today", expected=0)
    found = shelf.notices()
    assert found["later"].valid_until == shelf.now + timedelta(hours=hours)
    assert found["today"].valid_until == shelf.context.end_of(DAY) < found["later"].valid_until
    shelf.now = noon(0) + timedelta(hours=hours) - timedelta(seconds=1)
    assert "later" in shelf.notices()
    shelf.now += timedelta(seconds=1)
    assert shelf.notices() == {}
    shelf.renew()
    assert "later" in shelf.notices()


def test_only_what_a_new_order_would_not_get_from_stock_is_told(shelf):
    for product, state in (("a", "in_stock"), ("b", "backorder"), ("c", "out_of_stock")):
        shelf.put(product, state)
    assert set(shelf.notices(SHORT_FILTER)) == {"b", "c"}
    assert set(shelf.notices()) == {"a", "b", "c"}


def test_a_shop_may_say_it_in_its_own_words_and_a_mistake_in_them_is_named(one_shelf, tmp_path):
    own = tmp_path / "templates" / "storefront"
    own.mkdir(parents=True)
    (own / "title.de.txt").write_text("Kommt am {{ expected_on|date }}")
    assert Renderer(SHOP, own.parent).storefront.choose_language(["de"]) == "en"
    (own / "text.de.txt").write_text("Noch {{ units_left }}")
    (own / "date.de.txt").write_text("Stand: {{ set_on|date }}")
    renderer = Renderer(SHOP, own.parent).storefront
    coming = ProductAvailability("p", StockStatus.BACKORDER, 3, date(2026, 12, 7))
    said = renderer.render_text(coming, renderer.choose_language(["de_AT"]))
    assert (said.lang, said.title, said.text) == ("de", "Kommt am 7. Dezember 2026", "Noch 3")
    (own / "text.de.txt").write_text("\n{{ units_lft }}")
    with pytest.raises(
        TemplateError, match=r"text.de.txt, line 2: 'units_lft' is undefined; did you mean 'units_left'"
    ):
        Renderer(SHOP, own.parent).storefront.render_text(coming, "de")


@pytest.mark.parametrize(
    ("state", "expected", "schema", "feed", "feed_date"),
    [
        ("in_stock", None, "https://schema.org/InStock", "in_stock", ""),
        ("backorder", 7, "https://schema.org/BackOrder", "backorder", "2026-06-22T00:00+0200"),
        ("backorder", 200, "https://schema.org/BackOrder", "backorder", "2027-01-01T00:00+0100"),
        ("backorder", 365, "https://schema.org/BackOrder", "backorder", "2027-06-15T00:00+0200"),
        ("backorder", 366, "https://schema.org/BackOrder", "out_of_stock", ""),
        ("backorder", -1, "https://schema.org/OutOfStock", "out_of_stock", ""),
        ("out_of_stock", None, "https://schema.org/OutOfStock", "out_of_stock", ""),
    ],
)
def test_search_engines_and_product_feeds_are_told_in_their_own_words(
    one_shelf, state, expected, schema, feed, feed_date
):
    one_shelf.put("p1", state, expected=expected)
    notice = one_shelf.notices()["p1"]
    offer = stock.schema(notice.available)
    assert offer["availability"] == schema
    assert schema in ITEM_AVAILABILITY
    (row,) = csv.DictReader(io.StringIO(stock.product_feed(one_shelf.context, [notice], one_shelf.now).decode()))
    assert row == {"id": "p1", "availability": feed, "availability_date": feed_date}
    assert feed in FEED_AVAILABILITY
    assert bool(FEED_DATE.fullmatch(row["availability_date"])) is (feed == "backorder")


def test_every_state_has_its_words_for_search_engines_and_feeds():
    assert set(stock.SCHEMA) == set(stock.FEED) == set(StockStatus)
    assert set(stock.SCHEMA.values()) <= ITEM_AVAILABILITY
    assert set(stock.FEED.values()) <= FEED_AVAILABILITY


def test_one_product_is_served_as_json_with_all_that_a_page_needs(served):
    served.put("p1", left=3, expected=7, latest=10)
    got = get(f"{served.url}/stock/p1.json")
    found = json.loads(got.body)
    assert got.headers["content-type"] == "application/json"
    assert (found["product"], found["state"], found["units_left"]) == ("p1", "backorder", 3)
    assert (found["expected_on"], found["latest_on"]) == ("2026-06-22", "2026-06-25")
    assert set(found["texts"]) == {"en", "pt-BR"}
    assert found["texts"]["en"] == {"title": found["title"], "text": found["text"]}
    assert found["schema"]["availability"] == "https://schema.org/BackOrder"
    assert found["schema"]["availabilityStarts"] == "2026-06-22"
    assert datetime.fromisoformat(found["valid_until"]) == served.now + timedelta(hours=26)
    assert get(f"{served.url}/{found['page']}").status == 200


def test_a_product_in_stock_is_answered_in_one_word_and_one_that_is_not_known_not_at_all(served):
    served.put("p1", "in_stock")
    assert json.loads(get(f"{served.url}/stock/p1.json").body) == {"product": "p1", "state": "in_stock"}
    assert get(f"{served.url}/stock/p2.json").status == 404
    served.now += timedelta(hours=26)
    assert get(f"{served.url}/stock/p1.json").status == 404


def test_all_that_is_short_is_served_at_once_and_goes_as_soon_as_it_is_back(served):
    served.put("a", expected=0)
    served.put("b", "out_of_stock", set_at=served.now - timedelta(hours=1))
    served.put("c", "in_stock")
    found = json.loads(get(f"{served.url}/stock.json").body)
    assert set(found["products"]) == {"a", "b"}
    assert found["products"]["a"] == json.loads(get(f"{served.url}/stock/a.json").body)
    assert datetime.fromisoformat(found["generated"]) == served.now
    assert datetime.fromisoformat(found["valid_until"]) == served.context.end_of(DAY)
    served.put("a", "in_stock")
    served.now += REUSE_TIME
    assert set(json.loads(get(f"{served.url}/stock.json").body)["products"]) == {"b"}
    served.now += timedelta(hours=30)
    assert json.loads(get(f"{served.url}/stock.json").body) == {"generated": None, "valid_until": None, "products": {}}


@pytest.mark.parametrize("path", ["stock.json", "stock/p1.json", "stock/p1.html", "feed.csv", "forewarn.js"])
def test_who_has_it_already_is_told_so_until_it_changes(served, path):
    served.put("p1")
    first = get(f"{served.url}/{path}")
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"] == "public, max-age=60"
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = get(f"{served.url}/{path}", If_None_Match=known)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert get(f"{served.url}/{path}", If_None_Match='"other"').status == 200
    served.now += REUSE_TIME
    served.put("p1", expected=20)
    changed = get(f"{served.url}/{path}", If_None_Match=tag)
    assert (changed.status, path) == (304 if path == "forewarn.js" else 200, path)


def test_no_cache_keeps_a_notice_beyond_its_time(served):
    served.put("p1")
    served.now += timedelta(hours=26) - timedelta(seconds=7)
    for path in ("stock.json", "stock/p1.json", "stock/p1"):
        assert get(f"{served.url}/{path}").headers["cache-control"] == "public, max-age=7"


@pytest.mark.parametrize("path", ["stock.json", "feed.csv"])
def test_what_is_written_of_all_products_is_kept_a_moment_however_long_the_writing_took(one_shelf, path):
    one_shelf.put("p1")
    asked, written = one_shelf.now, one_shelf.now + 2 * REUSE_TIME
    moments = iter([asked, written, written + REUSE_TIME / 2, written + REUSE_TIME, written + REUSE_TIME])
    with serving(Starlette(routes=Storefront(one_shelf.context, lambda: next(moments)).routes)) as url:
        first = get(f"{url}/{path}").body
        one_shelf.put("p1", expected=20)
        assert get(f"{url}/{path}").body == first
        assert get(f"{url}/{path}").body != first


@pytest.mark.parametrize(
    ("query", "header", "lang"),
    [
        ("", None, "en"),
        ("?lang=pt-BR", None, "pt-BR"),
        ("?lang=pt_PT", "en", "pt-BR"),
        ("?lang=xx", "pt-BR", "en"),
        ("", "pt", "pt-BR"),
        ("", "de, pt-BR;q=0.7, en;q=0.3", "pt-BR"),
        ("", "en;q=0.3, pt;q=0.7", "pt-BR"),
        ("", "pt;q=0, en", "en"),
        ("", "*;q=0.1, nonsense;;;, \u00fc", "en"),
    ],
)
def test_a_shopper_is_answered_in_a_language_that_they_asked_for(served, query, header, lang):
    served.put("p1")
    headers = {} if header is None else {"Accept_Language": header.encode().decode("latin-1")}
    for path in ("stock/p1.json", "stock.json"):
        got = get(f"{served.url}/{path}{query}", **headers)
        found = json.loads(got.body)
        assert (found if path != "stock.json" else found["products"]["p1"])["lang"] == lang
        assert got.headers["vary"] == "Accept-Language"
    assert f'<html lang="{lang}">' in get(f"{served.url}/stock/p1{query}", **headers).body.decode()


def test_the_plain_page_works_without_a_script_and_lets_no_name_become_markup(served):
    served.put("p1", name="<b>Lamp</b>", url="https://lamps.example.com/p1?a=1&b=2")
    page = get(f"{served.url}/stock/p1")
    assert page.body == get(f"{served.url}/stock/p1.html").body
    text = page.body.decode()
    assert "<b>Lamp" not in text
    assert "<b>Lamp</b>" in unescape(text)
    assert "We expect more by June 22, 2026" in text
    assert "Updated June 15, 2026. Valid until June 16, 2026, 14:00." in text
    (ld,) = re.findall(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', text)
    assert json.loads(ld)["availability"] == "https://schema.org/BackOrder"
    served.put("p1", "in_stock")
    assert "In stock and ready to ship" in get(f"{served.url}/stock/p1").body.decode()
    unknown = get(f"{served.url}/stock/p2")
    assert unknown.status == 404
    assert "Please ask us: help@lamps.example.com" in unknown.body.decode()


def test_the_feed_names_every_product_of_which_anything_is_known(served):
    served.put("a", "in_stock")
    served.put("=b")
    served.put("stale", set_at=served.now - timedelta(hours=26))
    rows = list(csv.DictReader(io.StringIO(get(f"{served.url}/feed.csv").body.decode())))
    assert {row["id"]: row["availability"] for row in rows} == {"a": "in_stock", "=b": "backorder"}


@pytest.mark.parametrize("product", HOSTILE)
def test_a_hostile_id_is_served_under_a_harmless_name(served, product):
    served.put(product, url="javascript:alert(1)")
    name = slug_of(product)
    assert json.loads(get(f"{served.url}/stock/{name}.json").body)["product"] == product
    page = get(f"{served.url}/stock/{name}.html").body.decode()
    assert "javascript:" not in page
    assert "<script>" not in page


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@example("..")
@example("~")
@example("a%2Fb")
def test_every_id_has_a_safe_name_of_its_own(product):
    name = slug_of(product)
    assert re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*", name)
    assert product_from_slug(name) == product


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("~FF")
@example("%41")
@example("a~00b")
def test_no_two_addresses_lead_to_one_product_and_none_to_an_id_that_cannot_be(name):
    product = product_from_slug(name)
    assert product is None or (slug_of(product) == name and "\0" not in product)


def files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_files_are_those_that_the_server_would_serve(served, tmp_path):
    served.put("p1", latest=9)
    served.put("in", "in_stock")
    done = publish(served.context, served.now, tmp_path / "www")
    assert (done.notices, done.written, done.removed, done.left_out) == (1, 6, 0, 0)
    found = files(tmp_path / "www")
    same = ("stock.json", "stock/p1.json", "stock/p1.html", "forewarn.js", "feed.csv")
    assert found.keys() == {*same, "404.html", "stock/.forewarn"}
    for name in same:
        assert found[name] == get(f"{served.url}/{name}").body
    assert "Please ask us" in found["404.html"].decode()


def test_publishing_again_writes_what_changed_and_removes_what_is_back(shelf, tmp_path):
    shelf.put("p1")
    shelf.put("p2")
    publish(shelf.context, shelf.now, tmp_path)
    assert publish(shelf.context, shelf.now, tmp_path).written == 0
    shelf.put("p1", "in_stock")
    done = publish(shelf.context, shelf.now, tmp_path)
    assert (done.notices, done.written, done.removed) == (1, 2, 1)
    assert {name for name in files(tmp_path) if "p1" in name} == set()
    shelf.now += timedelta(hours=26)
    done = publish(shelf.context, shelf.now, tmp_path)
    assert (done.notices, done.removed) == (0, 1)
    assert json.loads((tmp_path / "stock.json").read_text())["products"] == {}


def test_the_feeds_age_says_when_it_was_last_published_though_it_is_the_same(one_shelf, tmp_path):
    one_shelf.put("p1", "in_stock")
    publish(one_shelf.context, one_shelf.now, tmp_path)
    os.utime(tmp_path / "feed.csv", (0, 0))
    publish(one_shelf.context, one_shelf.now, tmp_path)
    assert (tmp_path / "feed.csv").stat().st_mtime > time.time() - 60


def test_what_a_run_that_died_left_behind_is_put_right_by_the_next(one_shelf, tmp_path):
    one_shelf.put("p1")
    publish(one_shelf.context, one_shelf.now, tmp_path)
    whole = files(tmp_path)
    (tmp_path / "stock" / ".p1.json.part").write_bytes(b"{half")
    (tmp_path / "stock" / "gone.json").write_bytes(b"{}")
    (tmp_path / "stock" / "p1.html").unlink()
    (tmp_path / "stock.json").write_bytes(b"{old}")
    publish(one_shelf.context, one_shelf.now, tmp_path)
    assert files(tmp_path) == whole


def test_no_file_of_anybody_else_is_touched(one_shelf, tmp_path):
    one_shelf.put("p1")
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "p1.html").write_text("the shop's own")
    with pytest.raises(ForewarnError, match="holds files that Forewarn did not write"):
        publish(one_shelf.context, one_shelf.now, tmp_path)
    assert files(tmp_path).keys() >= {"stock/p1.html"}
    assert (tmp_path / "stock" / "p1.html").read_text() == "the shop's own"


def test_a_folder_that_cannot_be_written_is_named(one_shelf, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ForewarnError, match=r"file.* cannot be written: "):
        publish(one_shelf.context, one_shelf.now, tmp_path / "file")


def test_hostile_ids_stay_in_the_folder_and_one_too_long_for_a_file_stands_in_the_list_alone(one_shelf, tmp_path):
    for product in (*HOSTILE, "x" * 201):
        one_shelf.put(product)
    done = publish(one_shelf.context, one_shelf.now, tmp_path / "www")
    assert (done.notices, done.left_out) == (len(HOSTILE) + 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["www"]
    listed = json.loads((tmp_path / "www" / "stock.json").read_text())["products"]
    assert set(listed) == {*HOSTILE, "x" * 201}
    for product in HOSTILE:
        file = tmp_path / "www" / listed[product]["page"]
        assert file.parent == tmp_path / "www" / "stock"
        assert json.loads(file.with_suffix(".json").read_text())["product"] == product


def test_the_clock_of_the_facts_is_utc(shelf):
    shelf.put("p1")
    assert shelf.notices()["p1"].set_at == datetime(2026, 6, 15, 10, tzinfo=UTC)
