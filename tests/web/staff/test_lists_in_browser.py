"""The desk's lists in a real browser: every page fits a phone and a wide screen, and axe finds nothing."""

from datetime import timedelta

import pytest

from tests.support.browser import BY_LOOK, axe_violations, lacking, opened
from tests.support.builders import day
from tests.support.busy_desk import make_busy
from tests.support.desk import desk_app, desk_client, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

NOW = noon(0) + timedelta(minutes=10)
PAGES = {
    "today": lambda _: "/desk",
    "runs": lambda _: "/desk/runs",
    "held run": lambda found: f"/desk/runs/{found['run']}",
    "release": lambda found: f"/desk/runs/{found['run']}/release",
    "drop": lambda found: f"/desk/runs/{found['run']}/drop",
    "queue": lambda _: "/desk/queue",
    "hold": lambda found: found["hold"],
    "stop": lambda found: found["stop"],
    "message": lambda found: found["read"],
    "in doubt": lambda _: "/desk/in-doubt",
    "one in doubt": lambda found: found["doubt"],
    "late products": lambda _: "/desk/products",
    "product": lambda _: "/desk/products/P1",
    "date": lambda _: "/desk/products/P1/date",
    "date, asked": lambda _: f"/desk/products/P1/date?day={day(9)}",
    "date, wrong": lambda _: "/desk/products/P1/date?day=2020-01-01",
    "reason": lambda _: "/desk/products/P1/reason",
    "post": lambda _: "/desk/products/P1/post",
    "answers": lambda _: "/desk/answers",
    "answer done": lambda _: "/desk/answers/1041-C1/done",
    "deadlines": lambda _: "/desk/deadlines",
    "refund": lambda _: "/desk/deadlines/1042/refund",
    "texts": lambda _: "/desk/replies",
    "text seen": lambda _: "/desk/replies/1/done",
}


class Screen:
    """A browser in which Mara is signed in, before a busy shop."""

    def __init__(self, driver, base, found):
        self.driver, self.base, self.found = driver, base, found

    def look(self, width, scheme):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == 320}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def violations(self, *rules):
        return axe_violations(self.driver, *rules)

    def too_wide(self):
        return self.driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")


def links_of(client):
    """Return the addresses of pages that are named by what is in the ledger."""

    def first(path, part):
        return next(tag["href"] for tag in client.get(path).tags("a") if part in tag.get("href", ""))

    return {
        "run": first("/desk/runs", "/desk/runs/").rpartition("/")[2],
        "hold": first("/desk/queue", "/hold"),
        "stop": first("/desk/queue", "/stop"),
        "read": first("/desk/queue", "/desk/messages/"),
        "doubt": first("/desk/in-doubt", "/desk/in-doubt/"),
    }


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("desk") / "ledger.db"))
    shop = make_busy(context).context
    app = desk_app(shop, NOW)
    client = desk_client(shop, "service", "marketing", now=NOW, name="Mara", app=app)
    with opened() as driver, serving(app) as base:
        sign_in_browser(driver, base, client)
        yield Screen(driver, base, links_of(client))
    context.engine.dispose()


@pytest.mark.parametrize("page", PAGES)
def test_every_list_fits_its_screen_and_axe_finds_nothing(screen, page):
    screen.look(320, "light")
    screen.driver.get(screen.base + PAGES[page](screen.found))
    assert "There is no such page" not in screen.driver.page_source
    assert screen.violations() == []
    assert not screen.too_wide()
    screen.look(1280, "dark")
    assert screen.violations(*BY_LOOK) == []
    assert not screen.too_wide()
