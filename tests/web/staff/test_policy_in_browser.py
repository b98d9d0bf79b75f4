"""The policy is changed by keyboard alone, on a narrow screen and a wide one, and axe finds nothing."""

import pytest
from selenium.webdriver.common.keys import Keys

from app.shop_edits import ShopEdits
from tests.support.browser import BY_LOOK, axe_violations, lacking, opened
from tests.support.builders import line
from tests.support.desk import desk_app, desk_client, sign_in_browser
from tests.support.desk_person import DeskPerson
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import ShopDriver, customer, noon, open_context
from web.staff.desk import Services

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

LOOKS = {(320, "dark"): (), (1280, "light"): BY_LOOK}
MOST_TABS = 250


def check(driver):
    """Look at the page narrow and dark, wide and light: nothing is cut off, and axe finds nothing."""
    for (width, scheme), rules in LOOKS.items():
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == 320}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert not driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth"), width
        assert axe_violations(driver, *rules) == [], f"{driver.current_url} {width} {scheme}"


def tab_to(driver, name):
    """Press Tab until a field has the focus; return it."""
    for _ in range(MOST_TABS):
        focused = driver.switch_to.active_element
        if driver.execute_script("return arguments[0].name", focused) == name:
            return focused
        focused.send_keys(Keys.TAB)
    raise AssertionError(f"{name} is not reached by Tab")


def test_a_marketer_changes_the_policy_by_keyboard(tmp_path):
    (tmp_path / "policy.toml").write_text("# Ours.\n[contact]\nminimum_gap_days = 2 # two\n")
    context = open_context(sqlite_ledger(tmp_path / "ledger.db"))
    shop = ShopDriver(context)
    for n in range(6):
        shop.order(f"{1041 + n}", line(promised=-2 - n), customer=customer(f"c{n}"))
    app = desk_app(context, noon(0), Services(edits=ShopEdits(tmp_path)))
    mara = desk_client(context, "marketing", now=noon(0), app=app)
    with serving(app) as url, opened() as driver:
        sign_in_browser(driver, url, mara)
        driver.get(f"{url}/desk/policy")
        person = DeskPerson(driver, url)
        check(driver)
        tab_to(driver, "bucket.1.from_days").send_keys("0", Keys.ENTER)
        person.see("One thing needs another look")
        check(driver)
        assert "errors" in driver.switch_to.active_element.get_attribute("class"), "the summary has the focus"
        days = tab_to(driver, "bucket.1.from_days")
        assert days.get_attribute("value") == "0"
        days.send_keys("3", Keys.ENTER)
        person.see("5 customers would be told instead of 4", "Write to customers from this many days late on")
        check(driver)
        tab_to(driver, "why").send_keys("fewer calls", Keys.ENTER)
        person.see("You saved version 2 of the policy.", "fewer calls")
        check(driver)
    assert "minimum_gap_days = 2 # two" in (tmp_path / "policy.toml").read_text()
    context.engine.dispose()
