"""A real browser without a window: Debian's chromium, driven by selenium."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en",
)
PRESSES = {Command.CLICK_ELEMENT, Command.SEND_KEYS_TO_ELEMENT, Command.W3C_ACTIONS}
# A page that is left by a form or a link says so itself, at once; the page after it does not.
NOTE_LEAVING = """{
  const here = (target) => ["", "_self"].includes(target || document.querySelector("base")?.target || "");
  addEventListener("submit", (event) => {
    const { submitter, target: form, defaultPrevented } = event;
    if (defaultPrevented || form.method === "dialog") return;
    window.isLeft = here(submitter?.getAttribute("formtarget") || form.target);
  });
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.ctrlKey || link.download || !here(link.target)) return;
    const within = link.hash && link.href.split("#")[0] === location.href.split("#")[0];
    window.isLeft = link.protocol.startsWith("http") && !within;
  });
  addEventListener("pageshow", () => { window.isLeft = false; });
}"""
RUN_AXE = """
const [options, done] = arguments;
axe.run(document, options).then(found => done(found.violations.map(
  one => one.id + ": " + one.nodes.map(node => node.target + " " + node.failureSummary).join("; "))));
"""


class Browser(webdriver.Chrome):
    """A browser that after each press waits until the page that was left by it is gone.

    What a test does next, such as to read the database, comes after the answer to a form. Words that stand on the page
    before as on the page after cannot end a wait too early.
    """

    def execute(self, driver_command, params=None):
        """Run one command of the driver."""
        answer = super().execute(driver_command, params)
        if driver_command in PRESSES:
            self.arrive()
        return answer

    def arrive(self) -> None:
        """Wait until a page that is being left is gone, and the one after it is there."""
        # While one page replaces the other, the browser says in more than one way that it has none.
        waiting = WebDriverWait(self, 20, 0.05, ignored_exceptions=[WebDriverException])
        there = "return !window.isLeft && document.readyState === 'complete'"
        waiting.until(lambda _: self.execute_script(there), "the page after a press does not come")


BY_LOOK = ("color-contrast", "target-size")
"""The rules of axe that can end otherwise on the same page at another width or in other colours."""


@cache
def _axe() -> str:
    return Path(find_spec("axe_playwright_python").origin).with_name("axe.min.js").read_text()


def axe_violations(driver: webdriver.Chrome, *rules: str, frames: bool = False) -> list[str]:
    """Return what axe finds on a page, by all rules or by some; within frames where asked."""
    if not driver.execute_script("return 'axe' in window"):
        driver.execute_script(_axe())
    return driver.execute_async_script(RUN_AXE, {"iframes": frames} | ({"runOnly": list(rules)} if rules else {}))


def lacking() -> str:
    """Say what is missing for a browser; nothing where all is there."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(missing)} on this machine: apt-get install chromium chromium-driver" if missing else ""


@contextmanager
def opened() -> Iterator[Browser]:
    """Open a browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = Browser(options, Service(shutil.which("chromedriver")))
        driver.set_page_load_timeout(60)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NOTE_LEAVING})
        try:
            yield driver
        finally:
            driver.quit()
