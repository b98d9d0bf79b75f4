"""The editor of templates in a real browser: the sizes beside the fields follow what is typed."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from app.shop_edits import ShopEdits
from tests.support.browser import axe_violations, lacking, opened
from tests.support.desk import desk_app, desk_client, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context
from web.staff.desk import Services

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")


def test_sizes_follow_what_is_typed_and_the_language_that_is_open_stands_in_line(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    context = open_context(sqlite_ledger(tmp_path / "ledger.db"))
    app = desk_app(context, noon(0), Services(edits=ShopEdits(folder)))
    with serving(app) as url, opened() as browser:
        sign_in_browser(browser, url, desk_client(context, "marketing", now=noon(0), app=app))
        browser.set_window_size(1280, 1000)
        browser.get(f"{url}/desk/templates/week?lang=en&as=code")
        tabs = browser.find_elements(By.CSS_SELECTOR, ".tabs a")
        assert len({each.rect["y"] for each in tabs}) == 1
        subject = browser.find_element(By.ID, "subject_txt")
        subject.clear()
        subject.send_keys("Exactly 30 characters are here")
        size = browser.find_element(By.CSS_SELECTOR, ".part-head [data-size=subject_txt]")
        WebDriverWait(browser, 20).until(lambda _: size.text == "30 characters")
        browser.execute_script("document.querySelector('[data-guard]').removeAttribute('data-guard')")
        browser.get(f"{url}/desk/templates/week?lang=en")
        sentence = browser.find_element(By.ID, "subject_txt-s0")
        sentence.clear()
        sentence.send_keys("Order {order number} needs two days")
        size = browser.find_element(By.CSS_SELECTOR, ".part-head [data-size=subject_txt]")
        WebDriverWait(browser, 20).until(lambda _: size.text == "26 characters")
        for width in (1280, 320):
            browser.set_window_size(width, 1000)
            assert axe_violations(browser) == []
            assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
