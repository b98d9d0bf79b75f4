"""The order page in a real browser: on a phone, by night, by keyboard, without scripts, and for screen readers."""

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from starlette.applications import Starlette

from tests.support.browser import BY_LOOK, axe_violations, lacking, opened
from tests.support.order_pages import PATH, MemoryOrders, SwitchedOrders, memory_routes, order_page, page_states
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PHONE, DESKTOP = 320, 1280
STATES = page_states()


class Screen:
    """A browser before an order page."""

    def __init__(self, driver, orders, base):
        self.driver, self._orders, self._base = driver, orders, base

    def show(self, orders, path, width=PHONE, scheme="light"):
        self._orders.orders = orders
        self.look(width, scheme)
        self.driver.get(self._base + path)
        return self

    def address(self, path):
        return self._base + path

    def look(self, width, scheme):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, script):
        return self.driver.execute_script(f"return {script}")

    def violations(self, *rules):
        """Return what axe finds, by all rules or by some."""
        return axe_violations(self.driver, *rules)

    def scrolls_sideways(self):
        return self.run("document.documentElement.scrollWidth > window.innerWidth")

    def tops(self, selector):
        return self.run(f"[...document.querySelectorAll('{selector}')].map(e => e.getBoundingClientRect().top)")

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def wait_for(self, *titles):
        """Wait until a page has one of these headings: the driver does not always wait for the answer to a form."""
        self.wait_until(lambda: self.find("h1").text in titles)

    def wait_until(self, holds):
        waiting = WebDriverWait(self.driver, 20, ignored_exceptions=[WebDriverException])
        waiting.until(lambda _: holds())

    def press(self, key):
        self.driver.switch_to.active_element.send_keys(key)

    def focused(self):
        return self.driver.switch_to.active_element.text.split("\n")[0]


@pytest.fixture(scope="module")
def browser():
    orders = SwitchedOrders()
    with opened() as driver, serving(Starlette(routes=memory_routes(orders))) as base:
        yield Screen(driver, orders, base)


@pytest.mark.parametrize("state", STATES)
def test_every_page_and_state_fits_its_screen_and_axe_finds_nothing(browser, state):
    browser.show(*STATES[state], PHONE, "light")
    assert browser.violations() == []
    for width, scheme in ((PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")):
        assert not browser.scrolls_sideways()
        browser.look(width, scheme)
    assert browser.violations(*BY_LOOK) == []
    assert not browser.scrolls_sideways()


def test_every_choice_begins_on_the_first_screen_of_a_small_phone(browser):
    browser.show(MemoryOrders(), PATH)
    tops = browser.tops(".choice:not([href*=withdraw])")
    assert len(tops) == 5
    assert max(tops) <= 640
    (withdrawal,) = browser.tops(".choice[href*=withdraw]")
    assert withdrawal > max(tops), "the right that needs no delay comes after what answers the delay"


def test_what_can_be_pressed_is_large_enough_for_a_thumb(browser):
    for path in (PATH, f"{PATH}/cancel", "/o/link"):
        browser.show(MemoryOrders(), path)
        selector = ".choice, button, label.radio, .button, .field input"
        heights = browser.run(
            f"[...document.querySelectorAll('{selector}')].map(e => e.getBoundingClientRect().height)"
        )
        assert heights
        assert min(heights) >= 44


def test_text_of_double_size_fits_too(browser):
    browser.show(MemoryOrders(), PATH)
    browser.driver.execute_script("document.documentElement.style.fontSize = '200%'")
    assert not browser.scrolls_sideways()


def test_the_keyboard_alone_cancels_an_item(browser):
    orders = MemoryOrders()
    browser.show(orders, PATH, DESKTOP)
    walked = []
    browser.find("body").send_keys(Keys.TAB)
    while (now := browser.focused()) != "Cancel and get your money back":
        walked.append(now)
        browser.press(Keys.TAB)
    assert walked[0] == "Skip to the content"
    assert walked[-3:] == ["Wait for it", "Send what is ready now", "Swap it for one in stock"]
    browser.press(Keys.ENTER)
    browser.wait_for("Cancel and get your money back")
    browser.find("input[type=radio]").send_keys(Keys.SPACE)
    browser.press(Keys.TAB)
    assert browser.focused() == "Cancel and refund"
    browser.press(Keys.ENTER)
    browser.wait_for("We have received your cancellation")
    assert [choice.act for choice in orders.page.choices] == ["cancel"]


def test_what_is_focused_can_be_seen(browser):
    browser.show(MemoryOrders(), PATH)
    browser.find("body").send_keys(Keys.TAB)
    browser.press(Keys.TAB)
    width = browser.run("getComputedStyle(document.activeElement).outlineWidth")
    assert width == "3px"


def test_a_form_without_an_answer_moves_the_focus_to_what_is_missing(browser):
    browser.show(MemoryOrders(), f"{PATH}/cancel")
    browser.find("button").click()
    browser.wait_until(lambda: browser.run("document.activeElement.className") == "errors")
    assert browser.driver.title.startswith("Error: ")
    assert browser.violations() == []
    browser.find(".errors a").click()
    assert browser.run("document.activeElement.id") == "option-1"


def test_a_double_click_is_one_choice_and_going_back_shows_it(browser):
    orders = MemoryOrders()
    browser.show(orders, f"{PATH}/wait")
    browser.driver.execute_script("const b = document.querySelector('button'); b.click(); b.click()")
    browser.wait_for("Thank you. We keep your order.")
    assert len(orders.page.choices) == 1
    browser.driver.back()
    browser.wait_for("Wait for your order")
    browser.find("button").click()
    browser.wait_for("Thank you. We keep your order.", "Your order was already answered")
    assert len(orders.page.choices) == 1


def test_without_scripts_everything_is_done_the_same(browser):
    orders = MemoryOrders()
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.show(orders, PATH)
        browser.find(".choice[href$='/cancel']").click()
        browser.wait_for("Cancel and get your money back")
        browser.find("label.radio:last-of-type").click()
        browser.find("button").click()
        browser.wait_for("We have received your cancellation")
        browser.find("button").click()
        browser.wait_for("You took this back")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert [choice.state for choice in orders.page.choices] == ["undone"]


def test_a_mail_is_shown_in_its_frame_without_a_script_of_its_own(browser):
    orders = MemoryOrders()
    orders.mail = "<p id=said>Late.</p><script>document.body.textContent = 'run'</script>"
    browser.show(orders, f"{PATH}/messages/1")
    browser.driver.switch_to.frame(browser.find("iframe"))
    assert browser.find("body").text == "Late."
    browser.driver.switch_to.default_content()


def test_a_button_of_a_mail_in_its_frame_opens_its_question_in_a_window_of_its_own(browser):
    orders, mail = MemoryOrders(), "<!doctype html><html><head><title>Late</title></head><body>"
    orders.mail = f'{mail}<a href="{browser.address(PATH)}/cancel">Cancel</a></body></html>'
    browser.show(orders, f"{PATH}/messages/1")
    shown = browser.driver.current_window_handle
    browser.driver.switch_to.frame(browser.find("iframe"))
    browser.find("a").click()
    browser.wait_until(lambda: len(browser.driver.window_handles) > 1)
    (opened_one,) = set(browser.driver.window_handles) - {shown}
    browser.driver.switch_to.window(opened_one)
    browser.wait_for("Cancel and get your money back")
    referrer, fields = browser.run("document.referrer"), len(browser.driver.find_elements(By.NAME, "option"))
    browser.driver.close()
    browser.driver.switch_to.window(shown)
    assert (referrer, fields) == ("", 3)


def test_printed_it_has_the_facts_and_nothing_to_press(browser):
    browser.show(MemoryOrders(), PATH)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = browser.run("[...document.querySelectorAll('.choices, .skip, .note')].map(e => e.checkVisibility())")
    assert hidden == [False] * 3
    assert browser.run("document.querySelector('.fact').checkVisibility()")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_policy_of_the_page_is_never_broken(browser):
    browser.show(MemoryOrders(order_page()), PATH)
    assert [
        entry["message"] for entry in browser.driver.get_log("browser") if "Content Security" in entry["message"]
    ] == []
