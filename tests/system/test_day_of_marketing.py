"""What somebody of marketing sees of orders and runs: late products and whom they concern, and no act on an order."""

import pytest

from tests.support.browser import lacking, opened
from tests.support.busy_desk import make_busy
from tests.support.desk import PASSWORD, desk_app, desk_client, give_password
from tests.support.desk_person import DeskPerson
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

LATE = "Washed Linen Duvet Cover Sand"
FORBIDDEN = ("Record an answer", "Set an expected date", "Send again", "Hold this order", "Show mail and phone")


@pytest.fixture(scope="module")
def li(tmp_path_factory):
    """Sign somebody of marketing in at a busy shop."""
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("marketing") / "ledger.db"))
    make_busy(context)
    app = desk_app(context, noon(0))
    client = desk_client(context, "marketing", now=noon(0), app=app, name="Li Wei")
    give_password(context, client.person)
    with serving(app) as url, opened() as driver:
        yield DeskPerson(driver, url).sign_in(client.person.mail, PASSWORD)
    context.engine.dispose()


def test_marketing_sees_what_is_late_and_for_how_many(li):
    li.press("Late products").see(LATE, "orders", "people").press(LATE).see("See the orders").press("See the orders")
    li.see("Orders that wait for a product", "1044")


def test_marketing_acts_on_no_order(li):
    li.search("1041").see("What happened").sees_not(*FORBIDDEN)
    for act in ("hold", "answer", "date", "mute", "show"):
        li.driver.get(f"{li.url}/desk/orders/1041/{act}")
        li.see("This needs the role service.")
    li.press("Late products").press(LATE).sees_not("Set a date for all")


def test_marketing_releases_no_run(li):
    li.press("Runs").see("Why it is held").press("Check of all orders", "main th a", begins=True)
    li.see("Nothing has left.")
    assert not li.offers("Send ")
    assert not li.offers("Do not send")
