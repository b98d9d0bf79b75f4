"""A real browser without a window: Debian's chromium, driven by selenium."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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


RUN_AXE = """
const [options, done] = arguments;
axe.run(document, options).then(found => done(found.violations.map(
  one => one.id + ": " + one.nodes.map(node => node.target + " " + node.failureSummary).join("; "))));
"""


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
def opened() -> Iterator[webdriver.Chrome]:
    """Open a browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        driver.set_page_load_timeout(60)
        try:
            yield driver
        finally:
            driver.quit()
