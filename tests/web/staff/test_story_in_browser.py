"""An order's story, its messages, the orders and the panel in a real browser: they fit, and axe finds nothing."""

import os
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from starlette.applications import Starlette

from models.search_keys import customer_keys
from tasks.tables import CUSTOMER_SEARCH, CUSTOMERS
from tests.support.browser import BY_LOOK, lacking, opened
from tests.support.busy_desk import make_busy
from tests.support.desk import desk_app, desk_client, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context
from tests.web.staff.test_lists_in_browser import NOW, Screen
from web.panel.access import PanelKeys, new_token
from web.panel.site import panel_routes

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

KEYS = PanelKeys(("planted-bearer-key-of-the-panel-1",))
TOKEN = new_token(KEYS, noon(0))
PAGES = {
    "orders": "/desk/orders",
    "late orders": "/desk/orders?late=long",
    "held orders": "/desk/orders?state=held",
    "found": "/desk/orders?q=whitfield",
    "found products": "/desk/orders?q=linen",
    "nothing found": "/desk/orders?q=Withfield",
    "told and answered": "/desk/orders/1041",
    "in doubt": "/desk/orders/1045",
    "waiting": "/desk/orders/1048",
    "held": "/desk/orders/1060",
    "message": "/desk/orders/1041/messages/1",
    "plain text": "/desk/orders/1041/messages/1?tab=plain",
    "details": "/desk/orders/1041/messages/1?tab=details",
    "unknown": "/desk/orders/1401",
    "panel": f"/panel/orders/1043?token={TOKEN}",
    "panel without token": "/panel/orders/1043",
}


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("story") / "ledger.db"))
    shop = make_busy(context).context
    with shop.engine.begin() as connection:
        for who in connection.execute(select(CUSTOMERS)).all():
            keys = asdict(customer_keys(who.name, who.email, who.phone))
            connection.execute(insert(CUSTOMER_SEARCH).values(customer_id=who.id, **keys))
    desk = desk_app(shop, NOW)
    app = Starlette(routes=[*desk.routes, *panel_routes(shop, KEYS, (), lambda: NOW)])
    client = desk_client(shop, "service", now=NOW, name="Mara", app=app)
    with opened() as driver, serving(app) as base:
        sign_in_browser(driver, base, client)
        yield Screen(driver, base, {})
    context.engine.dispose()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_an_order_fits_its_screen_and_axe_finds_nothing(screen, page):
    screen.look(320, "light")
    screen.driver.get(screen.base + PAGES[page])
    _keep(screen, f"{page} 320")
    assert screen.violations() == []
    assert not screen.too_wide()
    screen.look(1280, "dark")
    _keep(screen, f"{page} 1280")
    assert screen.violations(*BY_LOOK) == []
    assert not screen.too_wide()


def _keep(screen, name):
    if folder := os.environ.get("PICTURES"):
        Path(folder).mkdir(exist_ok=True, parents=True)
        screen.driver.get_screenshot_as_file(f"{folder}/{name.replace(' ', '-')}.png")
