"""Vendors, stock and numbers in a real browser: on a phone, on a wide screen, by night, and for axe.

With WRITE_PICTURES=1, as `make pictures` sets it, the pictures of the operators' pages are written again.
"""

import base64
import os

import pytest
from sqlalchemy import insert, update

from models.enums import State
from tasks.runs.records import finish_run, start_run
from tasks.tables import (
    AVAILABILITIES,
    COUNTERS,
    DAY_NUMBERS,
    INBOUNDS,
    OUTBOX,
    PRODUCTS,
    PURCHASE_REQUESTS,
    STOCK_LEVELS,
)
from tests.support.browser import BY_LOOK, lacking, opened
from tests.support.builders import day
from tests.support.buying import Buying
from tests.support.desk import desk_client, serve_desk, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.paths import ROOT
from tests.support.shop_driver import noon, open_context
from tests.system.test_order_page_browser import DESKTOP, PHONE, Screen

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PICTURES = ROOT / "docs" / "pictures"
LONG = "Washed Linen Duvet Cover Fern, King Size, with Six Wooden Buttons and a very long name"


def fill(shop):
    """Fill a shop with requests in each state, products to order, and two weeks of numbers."""
    shop.vendor("v1", name="Harbour Looms").vendor("v2", name="Brick & Sons Lighting GmbH & Co. KG")
    shop.order("1041", vendor="v1", name="Linen tablecloth").order("1042", vendor="v1")
    shop.order("1043", vendor="v2", name=LONG).run()
    shop.order("1044", vendor="v2").run()
    shop.order("1045", vendor="v1").run()
    requests = shop.requests
    states = [State.IN_DOUBT, State.SENT, State.SENT, State.SENT]
    with shop.context.engine.begin() as connection:
        for request, state in zip(requests, states, strict=False):
            settled_at = None if state == State.IN_DOUBT else noon(-3)
            values = {"state": state, "settled_at": settled_at, "reason": "the line broke"}
            connection.execute(update(OUTBOX).where(OUTBOX.c.id == request["id"]).values(**values))
        connection.execute(update(PURCHASE_REQUESTS).values(created_at=noon(-3)))
        for n, late in enumerate((3, 4, 4, 9)):
            row = {"id": f"D{n}", "product_id": "p-v1", "vendor_id": "v1", "quantity": 1, "promised_on": day(-30 - n)}
            connection.execute(insert(INBOUNDS).values(**row, received_at=noon(-30 - n + late)))
        products(connection)
        numbers(connection)
    answered = next(row["id"] for row in shop.requests if row["vendor_id"] == "v2")
    shop.respond({"request": answered, "order": "1043", "line": "1", "answer": "refused", "reason": "discontinued"})
    finish_run(start_run(shop.context, "stock-report", day(0), noon(0)), noon(0), "done", {})


def products(connection):
    for n, (name, available, waiting, free) in enumerate(
        ((LONG, -16, 16, 0), ("Nook Wall Light", 3, 2, 0), ("Grauwald Dining Chair Ash", 11, 0, 9))
    ):
        key = f"LL-{1200 + n}"
        connection.execute(insert(PRODUCTS).values(id=key, name=name, vendor_id="v1", drop_shipped=False))
        level = {"safety_stock": 6, "reorder_point": 18, "order_quantity": 49 - n, "available": available}
        facts = {"demand_a_day": 1.3, "demand_sd": 1.0, "lead_days": 12.0, "lead_sd": 2.0, "method": "smooth"}
        why = "1.3 are sold a day, and a delivery takes 12 days, give or take 2; 95 of 100 times the stock lasts."
        connection.execute(insert(STOCK_LEVELS).values(product_id=key, **level, **facts, why=why, set_at=noon(0)))
        state = {"state": "in_stock", "free_quantity": free, "waiting": waiting, "waited": 0}
        connection.execute(insert(AVAILABILITIES).values(product_id=key, **state, since=noon(0), set_at=noon(0)))


def numbers(connection):
    rows = [
        *(("told", bucket, "", n) for bucket, n in (("week", 21), ("fortnight", 14), ("long", 9))),
        *(("in_time", bucket, "", n) for bucket, n in (("week", 20), ("fortnight", 13), ("long", 8))),
        *(("messages", *key, n) for key, n in ((("email", "delivered"), 39), (("email", "bounced"), 2))),
        *(("messages", *key, n) for key, n in ((("sms", "sent"), 9), (("sms", "skipped"), 3))),
        *(("answers", "long", act, n) for act, n in (("wait", 5), ("swap", 2), ("cancel", 3))),
        ("kept", "long", "kept", 7),
        ("kept", "long", "cancelled", 3),
        *(("offers", "long", kind, n) for kind, n in (("substitute", 6), ("future_discount", 3))),
        ("offer_value", "EUR", "", 612_4000),
    ]
    for on in range(-13, 1):
        connection.execute(insert(DAY_NUMBERS), [number(on, "counted", "", "", int(noon(on).timestamp()))])
    connection.execute(insert(DAY_NUMBERS), [number(0, *row) for row in rows])
    for bucket, n in (("on_time", 280), ("week", 9), ("fortnight", 12), ("long", 23)):
        connection.execute(insert(COUNTERS).values(name=f"orders:{bucket}", value=n))


def number(on, measure, part, kind, value):
    return {"day": day(on), "measure": measure, "part": part, "kind": kind, "value": value}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Give two desks in one browser: of a full shop and of an empty one."""
    full, empty = (open_context(sqlite_ledger(tmp_path_factory.mktemp("desk") / "ledger.db")) for _ in range(2))
    fill(Buying(full, tmp_path_factory.mktemp("shop")))
    with opened() as driver, serve_desk(full) as full_url, serve_desk(empty) as empty_url:
        people = {
            url: desk_client(context, "service", name="Mara") for url, context in ((full_url, full), (empty_url, empty))
        }

        def show(path, width=DESKTOP, scheme="light", *, of_full=True):
            url = full_url if of_full else empty_url
            sign_in_browser(driver, url, people[url])
            screen = Screen(driver, None, url)
            screen.look(width, scheme)
            driver.get(url + path)
            return screen

        show.requests = {row["vendor_id"]: row["id"] for row in Buying(full, tmp_path_factory.mktemp("read")).requests}
        yield show
    full.engine.dispose()
    empty.engine.dispose()


def paths(requests):
    request = f"/desk/vendors/{requests['v1']}"
    acts = [f"{request}/{act}" for act in ("answer", "remind")]
    return ["/desk/vendors", "/desk/vendors?group=overdue", request, *acts, "/desk/stock", "/desk/numbers"]


def test_every_page_fits_its_screen_and_axe_finds_nothing(pages):
    for path in paths(pages.requests):
        screen = pages(path, PHONE)
        assert "Something went wrong" not in screen.find("h1").text, path
        assert screen.violations() == [], path
        for width, scheme in ((PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")):
            assert not screen.scrolls_sideways(), f"{path} at {width}"
            screen.look(width, scheme)
        assert screen.violations(*BY_LOOK) == [], path


@pytest.mark.parametrize("path", ["/desk/vendors", "/desk/stock", "/desk/numbers"])
def test_every_empty_page_fits_its_screen_and_axe_finds_nothing(pages, path):
    screen = pages(path, PHONE, of_full=False)
    assert screen.violations() == []
    assert not screen.scrolls_sideways()


@pytest.mark.skipif("WRITE_PICTURES" not in os.environ, reason="pictures are written by `make pictures`")
def test_the_pictures_of_the_operators_pages_are_written(pages):
    for name, path in (("today", ""), ("vendors", "/vendors"), ("stock", "/stock"), ("numbers", "/numbers")):
        screen = pages(f"/desk{path}", DESKTOP)
        taken = screen.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        (PICTURES / f"desk-{name}.png").write_bytes(base64.b64decode(taken["data"]))
