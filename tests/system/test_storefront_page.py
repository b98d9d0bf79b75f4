"""The sample product page in a real browser: what a shopper sees, hears and reaches with the keyboard."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tasks.storefront.assets import load_script
from tasks.storefront.publish import publish
from tests.support.browser import lacking, opened
from tests.support.builders import DAY
from tests.support.ledgers import sqlite_ledger
from tests.support.paths import ROOT
from tests.support.serving import serving
from tests.support.shop_driver import open_context
from tests.support.storefront import StorefrontFixture
from web.storefront.endpoints import CORS_HEADERS, Storefront

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PAGE = (ROOT / "examples" / "storefront" / "product.html").read_text()
BASE = "http://127.0.0.1:8080"
INLINE, POPUP = "P1001", "P1002"
FAR = timedelta(days=365)


@pytest.fixture(scope="module")
def browser():
    with opened() as driver:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        yield driver


@pytest.fixture(scope="module")
def module_context(tmp_path_factory):
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("ledger") / "ledger.db"))
    yield context
    context.engine.dispose()


WATCH = """new MutationObserver(() => {
  window.hadNotice ||= !!document.querySelector("[role=status], .forewarn-open");
}).observe(document, { childList: true, subtree: true })"""


class Page:
    """The sample page at the shop's own server, under a strict policy of what it may load, and its reader."""

    def __init__(self, driver, storefront):
        self.driver, self.storefront = driver, storefront

    def open(self, base, page=PAGE, facts=None, then=lambda: None):
        self.html, style = page.replace(BASE, base), re.search("<style>(.*?)</style>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; script-src {base}; connect-src {facts or base}"
        shop = Starlette(
            routes=[Route("/", lambda _: HTMLResponse(self.html, headers={"Content-Security-Policy": policy}))]
        )
        with serving(shop) as url:
            self.driver.get(url)
            then()
            self.wait_until_settled()
        return self

    def wait_until_settled(self):
        """Wait until every product was requested, and its notice is shown."""
        done = "return performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('.json')).length"
        products = self.html.count("data-forewarn=")
        WebDriverWait(self.driver, 20, 0.05).until(lambda driver: driver.execute_script(done) >= products)
        self.driver.execute_async_script("setTimeout(arguments[0], 150)")

    def find(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    @property
    def links(self):
        return [link.get_attribute("data-forewarn") for link in self.find("a[data-forewarn]")]

    @property
    def notices(self):
        return [notice.text for notice in self.find("[role=status]")]

    @property
    def had_notice(self):
        """Say whether a notice was shown, even for a moment."""
        return self.driver.execute_script("return !!window.hadNotice")

    @property
    def title(self):
        return self.driver.title.rpartition(": ")[2]

    def until_it_says(self, words):
        WebDriverWait(self.driver, 10, 0.05).until(lambda _: words in self.find("main")[0].text)

    @contextmanager
    def clock_off_by(self, wrong):
        """Let the reader's clock be wrong."""
        source = f"const now = Date.now; Date.now = () => now() + {wrong.total_seconds() * 1000}"
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def step(self, *, back):
        """Move the focus to the next element, or back to the previous one, by the keyboard."""
        actions = ActionChains(self.driver)
        (actions.key_down(Keys.SHIFT) if back else actions).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()

    @property
    def focused(self):
        return self.driver.switch_to.active_element


@pytest.fixture
def page(browser, module_context):
    storefront = StorefrontFixture(module_context)
    storefront.clear()
    storefront.now = datetime.now(UTC)
    product_page = Page(browser, storefront)
    product_page.week = (storefront.now.date() - DAY).days + 7
    yield product_page
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.fixture
def base(page):
    with serving(Starlette(routes=Storefront(page.storefront.context, lambda: datetime.now(UTC)).routes)) as url:
        yield url


def answering(notice, status=200, **headers):
    """Return a storefront that gives the same response for every product."""

    def product(request):
        answer = notice() if callable(notice) else notice
        body = json.dumps(answer | {"product": request.path_params["name"]}) if isinstance(answer, dict) else answer
        return Response(body, status, CORS_HEADERS | {key.replace("_", "-"): value for key, value in headers.items()})

    return Starlette(
        routes=[
            Route("/stock/{name}.json", product),
            Route("/forewarn.js", lambda _: Response(load_script(), media_type="text/javascript")),
        ]
    )


def noticed(text="Soon.", seconds=3600):
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return {
        "title": "Soon",
        "text": text,
        "lang": "en",
        "texts": {"en": {"title": "Soon", "text": text}},
        "valid_until": until.isoformat(),
    }


def test_a_product_that_is_short_has_its_notice_where_the_link_was(page, base):
    page.storefront.set_availability(INLINE, expected=page.week)
    page.open(base)
    (notice,) = page.notices
    assert notice == page.storefront.text(INLINE)
    assert page.links == []
    (shown,) = page.find("[role=status]")
    assert shown.value_of_css_property("border-top-width") == "1px"


def test_a_product_in_stock_has_neither_notice_nor_link(page, base):
    page.storefront.set_availability(INLINE, "in_stock")
    page.open(base)
    assert (page.notices, page.links, page.find("dialog, .forewarn-open")) == ([], [], [])


def test_where_the_storefront_is_down_the_plain_link_stays(page, base):
    with serving(answering(noticed(), 503)) as away:
        page.open(away)
    assert page.links == [INLINE, POPUP]
    # The script comes from a cache, and the facts' server is gone.
    page.open(base, PAGE.replace(f"{BASE}/stock/", f"{away}/stock/"), away)
    assert page.links == [INLINE, POPUP]
    assert page.find("[role=status], dialog") == []


@pytest.mark.parametrize("answer", ["", "<html>", "[]", "null", '"text"'])
def test_an_answer_that_is_none_breaks_nothing(page, answer):
    with serving(answering(answer)) as base:
        page.open(base)
    assert page.notices == []
    assert page.find(".buy")


def test_a_notice_that_nobody_renewed_is_not_shown(page, tmp_path):
    page.storefront.now -= timedelta(hours=27)
    page.storefront.set_availability(INLINE, expected=page.week)
    publish(page.storefront.context, page.storefront.now, tmp_path)
    with serving(Starlette(routes=[Mount("/", StaticFiles(directory=tmp_path))])) as base:
        # These files are of another origin than the page's, and do not say that it may read them.
        page.html = PAGE.replace(BASE, base)
        (tmp_path / "product.html").write_text(page.html)
        page.driver.get(f"{base}/product.html")
        page.wait_until_settled()
        assert (page.had_notice, page.notices, page.links) == (False, [], [])
        page.driver.get(f"{base}/stock/{INLINE}.html")
        page.until_it_says("Please ask us")
        assert page.find("main h1")[0].text == page.title == "Delivery time"
        page.storefront.now += timedelta(hours=27)
        page.storefront.renew()
        publish(page.storefront.context, page.storefront.now, tmp_path)
        page.driver.get(f"{base}/product.html")
        page.wait_until_settled()
        assert page.notices == [page.storefront.text(INLINE)]
        page.driver.get(f"{base}/stock/{INLINE}.html")
        assert [notice.text for notice in page.find("main h1")] != []


@pytest.mark.parametrize(
    ("server", "here", "shown"),
    [
        (timedelta(0), timedelta(0), True),
        (timedelta(0), FAR, True),
        (timedelta(0), -FAR, True),
        (timedelta(hours=2), timedelta(0), False),
        (timedelta(hours=2), -FAR, False),
        (None, timedelta(0), True),
        (None, FAR, False),
    ],
)
def test_the_servers_clock_counts_and_the_readers_own_only_without_it(page, server, here, shown):
    moment = datetime.now(UTC) + (server or timedelta(0))
    hidden = (
        {"Access_Control_Expose_Headers": "ETag"} if server is None else {"Date": format_datetime(moment, usegmt=True)}
    )
    with page.clock_off_by(here), serving(answering(noticed(), **hidden), date_header=server is None) as base:
        page.open(base)
    assert page.notices == (["Soon."] if shown else [])
    assert (page.had_notice, page.links) == (shown, [])


def test_a_notice_leaves_an_open_page_when_its_time_is_over(page):
    with serving(answering(lambda: noticed(seconds=1.5))) as base:
        page.open(base)
        assert page.had_notice
        WebDriverWait(page.driver, 10, 0.05).until(lambda _: not page.find("[role=status], .forewarn-open, dialog"))


@pytest.mark.parametrize("wrong", [FAR, -FAR])
def test_a_plain_page_left_open_says_nothing_that_holds_no_more_however_wrong_the_clock_there(page, base, wrong):
    set_at = page.storefront.now - timedelta(hours=26) + timedelta(seconds=5)
    page.storefront.set_availability(INLINE, expected=page.week, set_at=set_at)
    with page.clock_off_by(wrong):
        page.driver.get(f"{base}/stock/{INLINE}.html")
        assert page.find("main h1")[0].text.startswith("Expected by")
        page.until_it_says("Please ask us")
    source = page.driver.page_source
    assert "Expected by" not in source
    assert "schema.org" not in source


def test_without_scripts_a_published_page_says_until_when_it_holds(page, tmp_path):
    page.storefront.now -= timedelta(days=30)
    page.storefront.set_availability(INLINE, expected=page.week)
    publish(page.storefront.context, page.storefront.now, tmp_path)
    until = (page.storefront.now + timedelta(hours=26)).astimezone(page.storefront.context.zone)
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.driver.get((tmp_path / "stock" / f"{INLINE}.html").as_uri())
    assert f"Valid until {until:%B} {until.day}, {until:%Y, %H:%M}" in page.find("main")[0].text


def test_a_script_that_is_there_twice_shows_everything_once(page):
    tag = f'<script src="{BASE}/forewarn.js" defer></script>'
    with serving(answering(noticed())) as base:
        page.open(base, PAGE.replace(tag, tag * 2))
    assert [len(page.find(css)) for css in ("[role=status]", ".forewarn-open", "dialog")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("link", "seconds", "does", "held_by"),
    [
        (INLINE, 3600, "", "[role=status]"),
        (POPUP, 3600, "", ".forewarn-open"),
        (INLINE, 0, "", "span:empty"),
        (POPUP, 0, "", "span:empty"),
        (INLINE, 3, "", "span:empty"),
        (POPUP, 3, Keys.ENTER, "span:empty"),
    ],
)
def test_who_is_on_the_link_keeps_their_place_whatever_takes_its_own(page, link, seconds, does, held_by):
    there = threading.Event()

    def answer():
        assert there.wait(10)
        return noticed(seconds=seconds)

    def go_there():
        page.driver.execute_script("document.querySelector(`[data-forewarn=${arguments[0]}]`).focus()", link)
        there.set()

    with serving(answering(answer)) as base:
        page.open(base, then=go_there)
        page.press(does)
        assert len(page.find("dialog[open]")) == len(does)
    is_held = "return document.activeElement.matches(arguments[0])"
    WebDriverWait(page.driver, 10, 0.05).until(lambda driver: driver.execute_script(is_held, held_by))
    assert page.find("dialog[open]") == []
    # The button lies between the two.
    page.step(back=link == POPUP)
    assert page.focused.get_attribute("class") == "buy"


def test_the_popup_opens_by_keyboard_closes_by_escape_and_gives_the_focus_back(page, base):
    page.storefront.set_availability(POPUP, expected=page.week)
    page.open(base)
    (opener,) = page.find(".forewarn-open")
    (dialog,) = page.find("dialog")
    assert (opener.aria_role, opener.accessible_name) == ("button", "Delivery time of the matching shade")
    assert not dialog.is_displayed()
    for close in (Keys.ESCAPE, Keys.ENTER):
        while page.focused != opener:
            page.press(Keys.TAB)
        page.press(Keys.ENTER)
        assert dialog.is_displayed()
        assert dialog.aria_role == "dialog"
        assert dialog.accessible_name == page.find("dialog h2")[0].text
        assert page.find("dialog p")[0].text == page.storefront.text(POPUP)
        assert page.focused == page.find("dialog button")[0]
        page.press(close)
        assert not dialog.is_displayed()
        assert page.focused == opener


def test_hostile_words_stay_words(page):
    hostile = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
    with serving(answering(noticed(hostile))) as base:
        page.open(base)
    assert page.notices == [hostile]
    (text,) = page.find("dialog p")
    assert text.get_property("textContent") == hostile
    assert page.driver.execute_script("return window.hit") is None


@pytest.mark.parametrize(
    ("page_lang", "word"),
    [("en", "Out of stock"), ("pt-BR", "Sem estoque"), ("pt", "Sem estoque"), ("xx", "Out of stock")],
)
def test_the_notice_speaks_the_pages_language(page, base, page_lang, word):
    page.storefront.set_availability(INLINE, expected=page.week)
    page.open(base, PAGE.replace('<html lang="en">', f'<html lang="{page_lang}">'))
    (notice,) = page.find("[role=status]")
    assert notice.text.startswith(word)
    assert notice.get_attribute("lang") == ("pt-BR" if page_lang.startswith("pt") else "en")


def test_a_page_opened_as_a_file_shows_it_too(page, base, tmp_path):
    page.storefront.set_availability(INLINE, expected=page.week)
    page.html = PAGE.replace(BASE, base)
    (tmp_path / "product.html").write_text(page.html)
    page.driver.get((tmp_path / "product.html").as_uri())
    page.wait_until_settled()
    assert page.notices == [page.storefront.text(INLINE)]


def test_without_scripts_the_link_leads_to_the_same_words(page, base):
    page.storefront.set_availability(INLINE, expected=page.week)
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.html = PAGE.replace(BASE, base)
    with serving(Starlette(routes=[Route("/", lambda _: HTMLResponse(page.html))])) as url:
        page.driver.get(url)
        (link, _) = page.find("a[data-forewarn]")
        page.driver.get(link.get_attribute("href"))
    assert page.storefront.text(INLINE) in page.find("main")[0].text


def test_the_script_is_small():
    assert len(load_script()) < 6000
