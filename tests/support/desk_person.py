"""Somebody at the desk, in a browser: presses what is named, types beside a label, and reads what is on the screen."""

import re
from functools import partial

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 20
# Asked of the page at once: to ask the driver for each element in turn takes it seconds on a long page.
SHOWN = """
const [selector, words, begins] = arguments;
return [...document.querySelectorAll(selector)].find(one => {
  const text = one.innerText.trim();
  return (begins ? text.startsWith(words) : text === words)
    && one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length;
}) || null;
"""
LABELLED = """
const [label] = arguments;
const found = [...document.querySelectorAll("label[for]")].find(one => {
  const text = one.textContent.trim();
  return text === label || text.startsWith(label + " (");
});
return found ? document.getElementById(found.htmlFor) : null;
"""
GROUPED = """
const [label, group] = arguments;
const fields = [...document.querySelectorAll("fieldset")].find(
  one => one.querySelector("legend")?.innerText.trim() === group);
const found = [...fields?.querySelectorAll("label") ?? []].find(one => one.innerText.trim().startsWith(label));
return found?.querySelector("input") ?? null;
"""
SEARCH = "Order number, name, mail, phone or product"


class DeskPerson:
    """Uses a page by its words alone, as somebody who knows nothing of its code."""

    def __init__(self, driver, url=""):
        self.driver, self.url = driver, url

    def sign_in(self, mail, password):
        """Sign in, whoever was there before."""
        self.driver.delete_all_cookies()
        self.driver.get(f"{self.url}/desk")
        self.type(mail, "Mail address").type(password, "Password").press("Sign in").see("Today, ")
        return self

    def sees(self):
        """Return all words of the page on one line."""
        text = self.driver.execute_script("return document.body ? document.body.innerText : ''")
        return re.sub(r"\s+", " ", text)

    def see(self, *words):
        """Wait for words on the page."""
        for one in words:
            self._wait(lambda _, one=one: one in self.sees(), f"'{one}' is not here")
        return self

    def sees_not(self, *words):
        """Check that nothing on the page says this."""
        seen = self.sees()
        assert [one for one in words if one in seen] == [], seen
        return self

    def press(self, words, among="a, button, summary", *, begins=False):
        """Press the first link or button with these words, or with these words at its beginning."""
        self._find(among, words, begins=begins).click()
        return self

    def see_in_preview(self, words):
        """Wait for words in a preview, or in the message that a preview shows."""
        self._wait(lambda _: words in self._previewed(), f"'{words}' is not in the preview")
        return self

    def type(self, text, label, *, group=""):
        """Type into the field with a label, which may say more in brackets; of several in the group with a name."""
        field = self._grouped(label, group) if group else self._field(label)
        if field.get_attribute("type") in ("date", "time"):
            # How a day is typed depends on the browser's language.
            self.driver.execute_script("arguments[0].value = arguments[1]", field, text)
        else:
            field.clear()
            field.send_keys(text)
        return self

    def choose(self, words):
        """Choose a radio button or a box by its words."""
        self._find("label.radio .name, label.box, .inline label", words).click()
        return self

    def search(self, text):
        """Search for something, wherever one is."""
        return self.type(text, SEARCH).press("Search")

    def offers(self, words):
        """Return whether a link or a button has these words."""
        return self.driver.execute_script(SHOWN, "a, button", words, True) is not None

    def _find(self, selector, words, *, begins=False):
        look = partial(self.driver.execute_script, SHOWN, selector, words, begins)
        return self._wait(lambda _: look(), f"no '{words}' to press or choose")

    def _field(self, label):
        return self._wait(lambda _: self.driver.execute_script(LABELLED, label), f"no field '{label}'")

    def _grouped(self, label, group):
        """Return the field with a label in the group with this legend."""
        look = partial(self.driver.execute_script, GROUPED, label, group)
        return self._wait(lambda _: look(), f"no field '{label}' of '{group}'")

    def _previewed(self):
        """Return all words of the preview, and of the frames in it, on one line."""
        seen = []
        self.driver.switch_to.frame(self.driver.find_element(By.NAME, "preview"))
        try:
            seen.append(self.sees())
            for inner in self.driver.find_elements(By.TAG_NAME, "iframe"):
                self.driver.switch_to.frame(inner)
                seen.append(self.sees())
                self.driver.switch_to.parent_frame()
        finally:
            self.driver.switch_to.default_content()
        return " ".join(seen)

    def _wait(self, true, what):
        # While a page is left, what was found on it goes: the browser says so in more than one way.
        waiting = WebDriverWait(self.driver, SECONDS, 0.1, ignored_exceptions=[WebDriverException])
        try:
            return waiting.until(true)
        except TimeoutException:
            raise AssertionError(f"{what}. On {self.driver.current_url}: {self.sees()}") from None
