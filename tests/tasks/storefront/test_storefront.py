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
from tests.support.storefront import StorefrontFixture
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
def storefront(context):
    return StorefrontFixture(context)


@pytest.fixture(scope="module")
def sqlite_context(tmp_path_factory):
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("ledger") / "ledger.db"))
    yield context
    context.engine.dispose()


@pytest.fixture
def sqlite_storefront(sqlite_context):
    """Return an empty storefront on SQLite only, for what does not depend on the database."""
    storefront = StorefrontFixture(sqlite_context)
    storefront.clear()
    return storefront


@pytest.fixture
def served(sqlite_storefront):
    app = Starlette(routes=Storefront(sqlite_storefront.context, lambda: sqlite_storefront.now).routes)
    with serving(app) as url:
        sqlite_storefront.url = url
        yield sqlite_storefront


@pytest.mark.parametrize(
    ("available", "state", "expected", "latest", "free"),
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
def test_a_shopper_is_shown_no_date_that_has_passed_and_only_a_small_quantity(available, state, expected, latest, free):
    assert shown_to_shoppers(available, DAY, StorefrontPolicy()) == ProductAvailability(
        "p", StockStatus(state), free, expected, latest
    )


def test_the_quantity_is_never_shown_where_the_policy_says_0():
    available = ProductAvailability("p", StockStatus.BACKORDER, 1, day(4))
    assert shown_to_shoppers(available, DAY, StorefrontPolicy(show_left=0)).free_quantity == 0


def test_the_text_names_state_date_range_and_quantity_in_each_language(storefront):
    storefront.set_availability("p1", free=3, expected=7, latest=10)
    assert storefront.text("p1") == (
        "Out of stock right now. We expect more by June 22, 2026, or possibly as late as June 25, 2026. "
        "3 units of that delivery are still available."
    )
    assert "até 22 de junho de 2026" in storefront.text("p1", "pt_BR")
    assert "Ainda há 3 unidades disponíveis" in storefront.text("p1", "pt_BR")
    storefront.set_availability("p1", "out_of_stock")
    assert "do not know yet" in storefront.text("p1")
    assert not re.search(r"\d", storefront.text("p1"))


def test_a_date_that_passes_becomes_unknown_by_itself(storefront):
    storefront.set_availability("p1", expected=0)
    assert "June 15" in storefront.text("p1")
    storefront.now = noon(1)
    assert not re.search(r"\d", storefront.text("p1"))


def test_a_notice_is_valid_for_the_policys_hours_and_never_beyond_its_date(storefront):
    hours = Policy().storefront.valid_hours
    storefront.set_availability("later", expected=9)
    storefront.set_availability("today", expected=0)
    notices = storefront.notices()
    assert notices["later"].valid_until == storefront.now + timedelta(hours=hours)
    assert notices["today"].valid_until == storefront.context.end_of(DAY) < notices["later"].valid_until
    storefront.now = noon(0) + timedelta(hours=hours) - timedelta(seconds=1)
    assert "later" in storefront.notices()
    storefront.now += timedelta(seconds=1)
    assert storefront.notices() == {}
    storefront.renew()
    assert "later" in storefront.notices()


def test_only_products_that_a_new_order_would_not_get_from_stock_are_short(storefront):
    for product, state in (("a", "in_stock"), ("b", "backorder"), ("c", "out_of_stock")):
        storefront.set_availability(product, state)
    assert set(storefront.notices(SHORT_FILTER)) == {"b", "c"}
    assert set(storefront.notices()) == {"a", "b", "c"}


def test_a_shop_may_use_its_own_templates_and_a_mistake_in_one_is_named_with_its_line(sqlite_storefront, tmp_path):
    own = tmp_path / "templates" / "storefront"
    own.mkdir(parents=True)
    (own / "title.it.txt").write_text("Arriva il {{ expected_on|date }}")
    assert Renderer(SHOP, own.parent).storefront.choose_language(["it"]) == "en"
    (own / "text.it.txt").write_text("Ancora {{ units_left }}")
    (own / "date.it.txt").write_text("Al {{ set_on|date }}")
    renderer = Renderer(SHOP, own.parent).storefront
    coming = ProductAvailability("p", StockStatus.BACKORDER, 3, date(2026, 12, 7))
    rendered = renderer.render_text(coming, renderer.choose_language(["it_CH"]))
    assert (rendered.lang, rendered.title, rendered.text) == ("it", "Arriva il 7 dicembre 2026", "Ancora 3")
    (own / "text.it.txt").write_text("\n{{ units_lft }}")
    with pytest.raises(
        TemplateError, match=r"text.it.txt, line 2: 'units_lft' is undefined; did you mean 'units_left'"
    ):
        Renderer(SHOP, own.parent).storefront.render_text(coming, "it")


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
def test_search_engines_and_product_feeds_read_the_state_in_their_own_terms(
    sqlite_storefront, state, expected, schema, feed, feed_date
):
    sqlite_storefront.set_availability("p1", state, expected=expected)
    notice = sqlite_storefront.notices()["p1"]
    offer = stock.schema(notice.available)
    assert offer["availability"] == schema
    assert schema in ITEM_AVAILABILITY
    (row,) = csv.DictReader(
        io.StringIO(stock.product_feed(sqlite_storefront.context, [notice], sqlite_storefront.now).decode())
    )
    assert row == {"id": "p1", "availability": feed, "availability_date": feed_date}
    assert feed in FEED_AVAILABILITY
    assert bool(FEED_DATE.fullmatch(row["availability_date"])) is (feed == "backorder")


def test_every_state_has_a_term_for_search_engines_and_feeds():
    assert set(stock.SCHEMA) == set(stock.FEED) == set(StockStatus)
    assert set(stock.SCHEMA.values()) <= ITEM_AVAILABILITY
    assert set(stock.FEED.values()) <= FEED_AVAILABILITY


def test_one_product_is_served_as_json_with_all_that_a_page_needs(served):
    served.set_availability("p1", free=3, expected=7, latest=10)
    response = get(f"{served.url}/stock/p1.json")
    notice = json.loads(response.body)
    assert response.headers["content-type"] == "application/json"
    assert (notice["product"], notice["state"], notice["units_left"]) == ("p1", "backorder", 3)
    assert (notice["expected_on"], notice["latest_on"]) == ("2026-06-22", "2026-06-25")
    assert set(notice["texts"]) == {"en", "pt-BR", "de", "es", "fr"}
    assert notice["texts"]["en"] == {"title": notice["title"], "text": notice["text"]}
    assert notice["schema"]["availability"] == "https://schema.org/BackOrder"
    assert notice["schema"]["availabilityStarts"] == "2026-06-22"
    assert datetime.fromisoformat(notice["valid_until"]) == served.now + timedelta(hours=26)
    assert get(f"{served.url}/{notice['page']}").status == 200


def test_a_product_in_stock_has_only_its_state_and_an_unknown_one_is_not_found(served):
    served.set_availability("p1", "in_stock")
    assert json.loads(get(f"{served.url}/stock/p1.json").body) == {"product": "p1", "state": "in_stock"}
    assert get(f"{served.url}/stock/p2.json").status == 404
    served.now += timedelta(hours=26)
    assert get(f"{served.url}/stock/p1.json").status == 404


def test_all_short_products_are_in_one_response_until_they_are_back_in_stock(served):
    served.set_availability("a", expected=0)
    served.set_availability("b", "out_of_stock", set_at=served.now - timedelta(hours=1))
    served.set_availability("c", "in_stock")
    response = json.loads(get(f"{served.url}/stock.json").body)
    assert set(response["products"]) == {"a", "b"}
    assert response["products"]["a"] == json.loads(get(f"{served.url}/stock/a.json").body)
    assert datetime.fromisoformat(response["generated"]) == served.now
    assert datetime.fromisoformat(response["valid_until"]) == served.context.end_of(DAY)
    served.set_availability("a", "in_stock")
    served.now += REUSE_TIME
    assert set(json.loads(get(f"{served.url}/stock.json").body)["products"]) == {"b"}
    served.now += timedelta(hours=30)
    assert json.loads(get(f"{served.url}/stock.json").body) == {"generated": None, "valid_until": None, "products": {}}


@pytest.mark.parametrize("path", ["stock.json", "stock/p1.json", "stock/p1.html", "feed.csv", "forewarn.js"])
def test_a_client_with_the_current_version_gets_304_until_it_changes(served, path):
    served.set_availability("p1")
    first = get(f"{served.url}/{path}")
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"] == "public, max-age=60"
    for cached in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = get(f"{served.url}/{path}", If_None_Match=cached)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert get(f"{served.url}/{path}", If_None_Match='"other"').status == 200
    served.now += REUSE_TIME
    served.set_availability("p1", expected=20)
    changed = get(f"{served.url}/{path}", If_None_Match=tag)
    assert (changed.status, path) == (304 if path == "forewarn.js" else 200, path)


def test_no_cache_keeps_a_notice_beyond_its_validity(served):
    served.set_availability("p1")
    served.now += timedelta(hours=26) - timedelta(seconds=7)
    for path in ("stock.json", "stock/p1.json", "stock/p1"):
        assert get(f"{served.url}/{path}").headers["cache-control"] == "public, max-age=7"


@pytest.mark.parametrize("path", ["stock.json", "feed.csv"])
def test_a_body_of_all_products_is_reused_for_a_moment_from_the_end_of_its_building(sqlite_storefront, path):
    sqlite_storefront.set_availability("p1")
    requested, built = sqlite_storefront.now, sqlite_storefront.now + 2 * REUSE_TIME
    moments = iter([requested, built, built + REUSE_TIME / 2, built + REUSE_TIME, built + REUSE_TIME])
    with serving(Starlette(routes=Storefront(sqlite_storefront.context, lambda: next(moments)).routes)) as url:
        first = get(f"{url}/{path}").body
        sqlite_storefront.set_availability("p1", expected=20)
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
        ("", "it, pt-BR;q=0.7, en;q=0.3", "pt-BR"),
        ("", "de-CH, en;q=0.3", "de"),
        ("", "en;q=0.3, pt;q=0.7", "pt-BR"),
        ("", "pt;q=0, en", "en"),
        ("", "*;q=0.1, nonsense;;;, \u00fc", "en"),
    ],
)
def test_a_shopper_reads_the_language_that_the_request_prefers(served, query, header, lang):
    served.set_availability("p1")
    headers = {} if header is None else {"Accept_Language": header.encode().decode("latin-1")}
    for path in ("stock/p1.json", "stock.json"):
        response = get(f"{served.url}/{path}{query}", **headers)
        data = json.loads(response.body)
        assert (data if path != "stock.json" else data["products"]["p1"])["lang"] == lang
        assert response.headers["vary"] == "Accept-Language"
    assert f'<html lang="{lang}">' in get(f"{served.url}/stock/p1{query}", **headers).body.decode()


def test_the_page_works_without_a_script_and_no_name_becomes_markup(served):
    served.set_availability("p1", name="<b>Lamp</b>", url="https://lamps.example.com/p1?a=1&b=2")
    page = get(f"{served.url}/stock/p1")
    assert page.body == get(f"{served.url}/stock/p1.html").body
    text = page.body.decode()
    assert "<b>Lamp" not in text
    assert "<b>Lamp</b>" in unescape(text)
    assert "We expect more by June 22, 2026" in text
    assert "Updated June 15, 2026. Valid until June 16, 2026, 14:00." in text
    (ld,) = re.findall(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', text)
    assert json.loads(ld)["availability"] == "https://schema.org/BackOrder"
    served.set_availability("p1", "in_stock")
    assert "In stock and ready to ship" in get(f"{served.url}/stock/p1").body.decode()
    unknown = get(f"{served.url}/stock/p2")
    assert unknown.status == 404
    assert "Please ask us: help@lamps.example.com" in unknown.body.decode()


def test_the_feed_lists_every_product_with_a_valid_notice(served):
    served.set_availability("a", "in_stock")
    served.set_availability("=b")
    served.set_availability("stale", set_at=served.now - timedelta(hours=26))
    rows = list(csv.DictReader(io.StringIO(get(f"{served.url}/feed.csv").body.decode())))
    assert {row["id"]: row["availability"] for row in rows} == {"a": "in_stock", "=b": "backorder"}


@pytest.mark.parametrize("product", HOSTILE)
def test_a_hostile_id_is_served_under_a_safe_name(served, product):
    served.set_availability(product, url="javascript:alert(1)")
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
def test_no_two_slugs_lead_to_one_product_and_none_to_an_impossible_id(name):
    product = product_from_slug(name)
    assert product is None or (slug_of(product) == name and "\0" not in product)


def files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_files_are_those_that_the_server_would_serve(served, tmp_path):
    served.set_availability("p1", latest=9)
    served.set_availability("in", "in_stock")
    published = publish(served.context, served.now, tmp_path / "www")
    assert (published.notices, published.written, published.removed, published.left_out) == (1, 6, 0, 0)
    written = files(tmp_path / "www")
    same = ("stock.json", "stock/p1.json", "stock/p1.html", "forewarn.js", "feed.csv")
    assert written.keys() == {*same, "404.html", "stock/.forewarn"}
    for name in same:
        assert written[name] == get(f"{served.url}/{name}").body
    assert "Please ask us" in written["404.html"].decode()


def test_publishing_again_writes_what_changed_and_removes_what_is_back(storefront, tmp_path):
    storefront.set_availability("p1")
    storefront.set_availability("p2")
    publish(storefront.context, storefront.now, tmp_path)
    assert publish(storefront.context, storefront.now, tmp_path).written == 0
    storefront.set_availability("p1", "in_stock")
    published = publish(storefront.context, storefront.now, tmp_path)
    assert (published.notices, published.written, published.removed) == (1, 2, 1)
    assert {name for name in files(tmp_path) if "p1" in name} == set()
    storefront.now += timedelta(hours=26)
    published = publish(storefront.context, storefront.now, tmp_path)
    assert (published.notices, published.removed) == (0, 1)
    assert json.loads((tmp_path / "stock.json").read_text())["products"] == {}


def test_an_unchanged_feed_has_the_time_of_its_last_publication(sqlite_storefront, tmp_path):
    sqlite_storefront.set_availability("p1", "in_stock")
    publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path)
    os.utime(tmp_path / "feed.csv", (0, 0))
    publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path)
    assert (tmp_path / "feed.csv").stat().st_mtime > time.time() - 60


def test_publishing_repairs_what_an_interrupted_one_left(sqlite_storefront, tmp_path):
    sqlite_storefront.set_availability("p1")
    publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path)
    complete = files(tmp_path)
    (tmp_path / "stock" / ".p1.json.part").write_bytes(b"{half")
    (tmp_path / "stock" / "gone.json").write_bytes(b"{}")
    (tmp_path / "stock" / "p1.html").unlink()
    (tmp_path / "stock.json").write_bytes(b"{old}")
    publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path)
    assert files(tmp_path) == complete


def test_files_of_others_are_never_touched(sqlite_storefront, tmp_path):
    sqlite_storefront.set_availability("p1")
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "p1.html").write_text("the shop's own")
    with pytest.raises(ForewarnError, match="holds files that Forewarn did not write"):
        publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path)
    assert files(tmp_path).keys() >= {"stock/p1.html"}
    assert (tmp_path / "stock" / "p1.html").read_text() == "the shop's own"


def test_a_folder_that_cannot_be_written_is_named(sqlite_storefront, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ForewarnError, match=r"file.* cannot be written: "):
        publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path / "file")


def test_hostile_ids_stay_in_the_folder_and_one_too_long_for_a_file_name_is_in_the_list_only(
    sqlite_storefront, tmp_path
):
    for product in (*HOSTILE, "x" * 201):
        sqlite_storefront.set_availability(product)
    published = publish(sqlite_storefront.context, sqlite_storefront.now, tmp_path / "www")
    assert (published.notices, published.left_out) == (len(HOSTILE) + 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["www"]
    listed = json.loads((tmp_path / "www" / "stock.json").read_text())["products"]
    assert set(listed) == {*HOSTILE, "x" * 201}
    for product in HOSTILE:
        file = tmp_path / "www" / listed[product]["page"]
        assert file.parent == tmp_path / "www" / "stock"
        assert json.loads(file.with_suffix(".json").read_text())["product"] == product


def test_moments_are_stored_in_utc(storefront):
    storefront.set_availability("p1")
    assert storefront.notices()["p1"].set_at == datetime(2026, 6, 15, 10, tzinfo=UTC)
