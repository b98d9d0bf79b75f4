"""The acts on an order in a real browser: each page fits a phone and a wide screen, and axe finds nothing."""

import os
from dataclasses import replace

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.support.wait import WebDriverWait
from sqlalchemy import update

from models.config.shop import OrderPages
from models.enums import State
from models.orders import ProductFacts
from tasks.tables import OUTBOX
from tests.support.browser import BY_LOOK, axe_violations, lacking, opened
from tests.support.builders import ANNA, day, line
from tests.support.desk import desk_app, desk_client, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import SHOP, ShopDriver, noon, open_context, renderer_of, with_renderer

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PICTURES = os.environ.get("FOREWARN_PICTURES", "")
"""A folder for pictures of the pages; none are kept without it."""
PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})
LONG = ProductFacts("p9", "Handwoven Reclaimed-Cashmere Donaudampfschifffahrtsgesellschaftskapitänsdecke", "blankets")
ACTS = {
    "answer": "1041/answer",
    "date": "1041/date",
    "date, chosen": f"1041/date?line=1&day={day(9)}",
    "again": "1041/again",
    "again by text": "1041/again?by=sms",
    "again by mail": "1041/again?by=email",
    "note": "1041/note",
    "note, due": "1042/note",
    "hold": "1041/hold",
    "mute": "1041/mute",
    "critical": "1041/critical",
    "shipment": "1041/shipment",
    "link": "1041/link",
    "doubt": "1043/doubt",
    "show": "1041/show",
    "refused": "1042/again",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a browser in which Mara is signed in, and the desk's address."""
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("acts") / "ledger.db"))
    context = with_renderer(replace(context, shop=PAGES, link_key=b"k" * 32), renderer_of(PAGES))
    driver = ShopDriver(context)
    nora = replace(ANNA, phone="+4915112345678", sms_consent=True, name="Nora Whitfield")
    for key in ("1041", "1043"):
        driver.order(key, line("1", promised=-6, expected=5), line("2", promised=6, product=LONG), customer=nora)
    driver.run_day()
    driver.order("1042", line("1", promised=-6, expected=5), customer=nora)
    with context.engine.begin() as connection:
        in_doubt = {"state": State.IN_DOUBT, "settled_at": None, "lease_holder": "people", "reason": "no answer came"}
        key = next(row["id"] for row in driver.notices if row["order_id"] == "1043")
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == key).values(**in_doubt))
    client = desk_client(context, "service", name="Mara", now=noon(0))
    with serving(desk_app(context, noon(0))) as url, opened() as browser:
        sign_in_browser(browser, url, client)
        yield browser, url


def look(browser, width):
    size = {"width": width, "height": 1100, "deviceScaleFactor": 1, "mobile": width == 320}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def check(browser, name, width):
    if PICTURES:
        browser.save_screenshot(f"{PICTURES}/{name.replace(', ', '-').replace(' ', '-')}-{width}.png")
    assert not browser.execute_script("return document.documentElement.scrollWidth > window.innerWidth")
    rules = () if width == 320 else BY_LOOK
    assert axe_violations(browser, *rules, frames=True) == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", ACTS)
def test_each_act_fits_and_axe_finds_nothing(desk, name, width):
    browser, url = desk
    look(browser, width)
    browser.get(f"{url}/desk/orders/{ACTS[name]}")
    check(browser, name, width)


@pytest.mark.parametrize("width", [320, 1280])
def test_a_form_with_something_wrong_says_it_and_fits(desk, width):
    browser, url = desk
    look(browser, width)
    browser.get(f"{url}/desk/orders/1041/mute")
    browser.find_element("css selector", "main form[method=post] button.main").click()
    waits = WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException])
    waits.until(lambda _: "Choose what is not sent any more." in browser.find_element("css selector", ".errors").text)
    check(browser, "wrong", width)
