"""A day of somebody who only reads: everything is to be seen, addresses masked, and no act is offered or possible."""

import pytest

from tests.support.browser import lacking, opened
from tests.support.busy_desk import make_busy
from tests.support.desk import PASSWORD, desk_app, desk_client, forms_of, give_password
from tests.support.desk_person import DeskPerson
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PAGES = {
    "Today": "Waiting for a person",
    "Orders": "Days late",
    "Late products": "Orders waiting",
    "Queue": "wait",
    "In doubt": "Do not promise that the customer has it.",
    "Runs": "Why it is held",
    "Vendors": "Vendors",
    "Stock": "Stock",
    "Numbers": "Numbers",
    "Log": "What you did on the desk",
}
SIGN_OUT = "/desk/sign-out"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Sign somebody in who only reads; return the browser, and the same person without one."""
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("reader") / "ledger.db"))
    make_busy(context)
    app = desk_app(context, noon(0))
    client = desk_client(context, "read", now=noon(0), app=app, name="Sam Lee")
    give_password(context, client.person)
    with serving(app) as url, opened() as driver:
        yield DeskPerson(driver, url).sign_in(client.person.mail, PASSWORD), client
    context.engine.dispose()


def test_a_reader_sees_every_page_and_no_page_has_a_form_that_acts(reader):
    sam, client = reader
    for name, words in PAGES.items():
        sam.press(name, "nav a").see(words)
        page = client.get(sam.driver.current_url.removeprefix(sam.url))
        acting = [form.action for form in forms_of(page) if form.method == "post"]
        assert acting == [SIGN_OUT], name
    assert not sam.offers("People")
    assert not sam.offers("Settings")


def test_a_reader_is_offered_no_act_on_an_order(reader):
    sam, _ = reader
    sam.search("1041").see("What happened", "c…@example.com")
    sam.sees_not("Record an answer", "Hold this order", "Send again", "Show mail and phone")
    sam.press("Mail to", "main a", begins=True).see("Plain text").sees_not("Send again")


def test_an_act_that_is_guessed_says_who_may_do_it(reader):
    sam, client = reader
    for path in ("orders/1041/hold", "orders/1041/show", "people", "settings"):
        sam.driver.get(f"{sam.url}/desk/{path}")
        sam.see("Not allowed", "This needs the role ")
    assert client.post_raw("/desk/orders/1041/hold", []).status == 403


def test_a_reader_signs_out(reader):
    sam, _ = reader
    sam.press("Today").press("Sign out").see("Mail address", "Password")
