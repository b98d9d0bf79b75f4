"""The desk's own pages in a real browser: on a phone, by night, by keyboard and for screen readers."""

from datetime import timedelta

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tasks.staff.audit import record
from tests.support.browser import BY_LOOK, axe_violations, lacking, opened
from tests.support.desk import PASSWORD, desk_app, desk_client, give_password, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context
from web.staff.desk import Services

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PAGES = (
    "/sign-in",
    "/people",
    "/people/invite",
    "/people/{mara}",
    "/people/{mara}/roles?roles=admin",
    "/people/{mara}/remove",
    "/log",
    "/account",
    "/account/password",
    "/account/colours",
    "/settings",
    "/settings/keys",
    "/settings/keys/new",
    "/settings/brand?accent=%23ffd400",
    "/settings/webhook",
    "/nothing",
)


class Screen:
    """A browser before the desk."""

    def __init__(self, driver, base, ana, mara):
        self.driver, self.base, self.ana, self.mara = driver, base, ana, mara

    def look(self, width, scheme):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def show(self, path):
        self.driver.get(f"{self.base}/desk{path.format(mara=self.mara.person.id)}")

    def violations(self, *rules):
        return axe_violations(self.driver, *rules)

    def sideways(self):
        return self.driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def wait_for(self, heading):
        # Read in the page: an element that was found may be of the page before.
        read = "return document.querySelector('h1')?.textContent.trim()"
        WebDriverWait(self.driver, 20).until(lambda driver: driver.execute_script(read) == heading)


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("desk") / "ledger.db"))
    now = noon(0)
    services = Services(webhook_host="shop.example.com", send_test=lambda: "took it", settings_keys=("0001",))
    app = desk_app(context, now, services)
    ana = desk_client(context, "admin", now=now, app=app, name="Ana Berger")
    mara = desk_client(context, "service", "marketing", now=now, app=app, name="Mara Lindqvist")
    give_password(context, ana.person)
    with context.engine.begin() as connection:
        for hours in (30, 2):
            record(
                connection,
                at=now - timedelta(hours=hours),
                who=mara.person.name,
                person_id=mara.person.id,
                kind="date",
                subject_kind="order",
                subject="1041",
                what="set the expected date of order 1041, line 1 from 16 to 18 December",
                why="vendor rang",
            )
    with opened() as driver, serving(app) as base:
        yield Screen(driver, base, ana, mara)
    context.engine.dispose()


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(screen, page):
    if page != "/sign-in":
        sign_in_browser(screen.driver, screen.base, screen.ana)
    screen.look(320, "light")
    screen.show(page)
    assert screen.violations() == []
    assert not screen.sideways()
    # What a width and a scheme change; the rest is the same page.
    for width, scheme in ((1280, "light"), (1280, "dark"), (320, "dark")):
        screen.look(width, scheme)
        assert screen.violations(*BY_LOOK) == [], (width, scheme)
        assert not screen.sideways(), (width, scheme)


def test_somebody_signs_in_and_out_by_keyboard_alone_without_a_mouse(screen):
    screen.driver.delete_all_cookies()
    screen.look(1280, "light")
    screen.show("/log")
    screen.press(Keys.TAB)
    assert screen.driver.switch_to.active_element.text == "Skip to the content"
    screen.press(Keys.ENTER, Keys.TAB)
    assert screen.driver.switch_to.active_element.get_attribute("name") == "mail"
    screen.press(screen.ana.person.mail, Keys.TAB, PASSWORD, Keys.ENTER)
    screen.wait_for("Log")
    (cookie,) = screen.driver.get_cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
    screen.find(".out button").send_keys(Keys.ENTER)
    screen.wait_for("Sign in")
    assert screen.driver.get_cookies() == []


def test_a_wrong_password_moves_the_focus_to_what_is_wrong(screen):
    screen.driver.delete_all_cookies()
    screen.show("/sign-in")
    screen.find("#mail").send_keys(screen.ana.person.mail)
    screen.find("#password").send_keys("wrong password", Keys.ENTER)
    WebDriverWait(screen.driver, 20).until(
        lambda _: "errors" in screen.driver.switch_to.active_element.get_attribute("class")
    )
    assert screen.find("#mail").get_attribute("value") == screen.ana.person.mail


def test_chosen_colours_hold_whatever_the_system_prefers(screen):
    sign_in_browser(screen.driver, screen.base, screen.mara)
    screen.look(1280, "light")
    screen.show("/account/colours")
    screen.find("input[value=dark]").send_keys(Keys.SPACE)
    screen.find("main form button").send_keys(Keys.ENTER)
    screen.wait_for("Mara Lindqvist")
    ground = screen.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(18, 20, 23)"


def test_the_menu_of_a_phone_opens_and_closes_by_keyboard_without_a_script(screen):
    sign_in_browser(screen.driver, screen.base, screen.ana)
    screen.look(320, "light")
    screen.show("/people")
    assert not screen.find("nav a").is_displayed()
    screen.find(".menu-button").send_keys(Keys.ENTER)
    assert screen.find("nav a").is_displayed()
    screen.press(Keys.ESCAPE)
    assert not screen.find("nav a").is_displayed()
