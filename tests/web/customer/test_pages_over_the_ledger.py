"""Order pages over a real ledger: what is chosen there is what the ledger holds, and looking writes nothing."""

from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from models.config.shop import OrderPages
from models.orders import ProductFacts
from tasks.callbacks.people import STOPPED_ON_PAGE
from tasks.customers.links import mint_link, revoke_links
from tasks.db.sql import read_only
from tasks.tables import CONSENTS, CUSTOMER_CHOICES, CUSTOMER_MAILS, EVENTS, OFFERS, ORDER_LINKS, OUTBOX, SUPPRESSIONS
from templates.rendering.messages import Renderer
from tests.support.builders import ANNA, line
from tests.support.shop_driver import SHOP, noon, with_renderer
from tests.support.web_client import WebClient
from web.customer.pages import routes

pytestmark = pytest.mark.sqlite_suffices(
    "pages; what they read and record is tested on both databases in tests/tasks/customers"
)

PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})
KEY = b"k" * 32
FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))


class Customer:
    """A customer with a link to the page of an order that is late."""

    def __init__(self, driver):
        self.driver, self.days = driver, 0
        self.client = WebClient(Starlette(routes=routes(driver.context, lambda: noon(self.days), KEY)))
        context = replace(driver.context, started_at=noon(0))
        with context.engine.begin() as connection:
            self.path = f"/o/{mint_link(context, connection, '1041', ANNA.id)[1]}"

    def get(self, path=""):
        return self.client.get(self.path + path)

    def rows(self, table):
        with read_only(self.driver.context.engine) as connection:
            return [row._asdict() for row in connection.execute(select(table))]


@pytest.fixture
def customer(driver):
    context = replace(driver.context, shop=PAGES, link_key=KEY)
    driver.context = with_renderer(context, Renderer(PAGES))
    driver.order("1041", line(promised=-9, expected=5))
    driver.run_day()
    return Customer(driver)


@pytest.fixture
def without_consent(driver):
    """Return a function that tells a late customer whose mail may carry no offer; it returns them and the mail."""

    def tell(in_stock):
        context = replace(driver.context, shop=PAGES, link_key=KEY)
        driver.context = with_renderer(context, Renderer(PAGES))
        driver.order("1041", line(promised=-20, expected=5), customer=replace(ANNA, marketing_consent=False))
        driver.stock(FERN, in_stock)
        (mail,) = driver.run_day()
        return Customer(driver), mail.text + mail.html

    return tell


def test_a_substitute_that_may_not_stand_in_the_mail_stands_on_the_page(without_consent):
    customer, mail = without_consent(2)
    assert (FERN.name in mail, FERN.name in customer.get().text) == (False, True)


def test_a_discount_that_may_not_stand_in_the_mail_is_taken_on_the_page(without_consent):
    customer, mail = without_consent(0)
    (offer,) = customer.rows(OFFERS)
    assert "off your next order" in customer.get().text
    assert "off your next order" not in mail
    done = customer.client.send(customer.get("/offer").form)
    assert offer["code"] in customer.client.get(done.location).text
    assert offer["code"] not in mail


@pytest.mark.both_databases
def test_a_customer_reads_what_they_were_sent_and_cancels(customer):
    page = customer.get()
    assert "Your order is late. We are sorry." in page.text
    message = customer.get("/messages/1")
    (frame,) = message.tags("iframe")
    assert customer.path in customer.client.get(frame["src"]).html
    ask = customer.get("/cancel")
    done = customer.client.send(ask.form)
    assert done.status == 303
    assert "We have received your cancellation" in customer.client.get(done.location).text
    (choice,) = customer.rows(CUSTOMER_CHOICES)
    assert (choice["act"], choice["state"], choice["order_id"]) == ("cancel", "requested", "1041")
    assert "Cancellation requested" in customer.get().text


@pytest.mark.both_databases
def test_the_same_form_twice_is_one_choice_and_another_one_is_a_conflict(customer):
    first, second = customer.get("/cancel").form, customer.get("/wait").form
    assert customer.client.send(first).location == customer.client.send(first).location
    assert customer.client.send(second).status == 409
    assert len(customer.rows(CUSTOMER_CHOICES)) == 1


def test_a_choice_is_given_a_reason_and_taken_back(customer):
    done = customer.client.get(customer.client.send(customer.get("/cancel").form).location)
    customer.client.send(done.forms[1], why="It comes too late.")
    assert [choice["why"] for choice in customer.rows(CUSTOMER_CHOICES)] == ["It comes too late."]
    undone = customer.client.get(customer.client.send(done.forms[0]).location)
    assert "You took this back" in undone.text
    assert [choice["state"] for choice in customer.rows(CUSTOMER_CHOICES)] == ["undone"]
    assert "Cancel and get your money back" in customer.get().text


def test_looking_writes_nothing(customer):
    tables = (CUSTOMER_CHOICES, CUSTOMER_MAILS, EVENTS, ORDER_LINKS, OUTBOX)
    before = [customer.rows(table) for table in tables]
    for path in ("", "/wait", "/cancel", "/swap", "/ship", "/offer", "/messages/1", "/messages/1/mail", "/fragment"):
        assert customer.get(path).status in (200, 409)
    assert customer.client.get("/o/unknown").status == 404
    assert [customer.rows(table) for table in tables] == before


@pytest.mark.both_databases
def test_a_link_opens_nothing_once_it_is_revoked_or_has_expired(customer):
    customer.days = 89
    assert customer.get().status == 200
    customer.days = 90
    assert customer.get().status == 404
    customer.days = 0
    with customer.driver.context.engine.begin() as connection:
        revoke_links(connection, ["1041"], noon(0), "Mara")
    assert customer.get().status == 404


def test_a_new_link_is_mailed_and_opens_the_page(customer):
    answer = customer.client.post("/o/link", {"order": "1041", "mail": ANNA.email})
    assert answer.location == "/o/link/sent"
    customer.driver.deliver()
    mail = customer.driver.transport.taken[-1]
    assert mail.category == "new_link"
    token = mail.text.split("/o/")[1].split()[0]
    assert customer.client.get(f"/o/{token}").status == 200


def test_the_answer_to_a_request_for_a_link_is_the_same_for_a_stranger(customer):
    theirs = customer.client.post("/o/link", {"order": "1041", "mail": ANNA.email})
    strangers = customer.client.post("/o/link", {"order": "1041", "mail": "someone@else.example.com"})
    assert (theirs.status, theirs.location, theirs.html) == (strangers.status, strangers.location, strangers.html)
    assert len(customer.rows(CUSTOMER_MAILS)) == 1


def test_a_shop_without_order_pages_has_no_such_routes(driver):
    assert routes(driver.context, lambda: noon(0), b"") == []


@pytest.mark.parametrize("typed", ["10\x0041", "\ud800", "1041' OR '1'='1", "%00", "x" * 300])
def test_whatever_is_typed_is_no_error_of_ours(customer, typed):
    typed = typed.encode("utf-8", "surrogatepass")
    assert customer.client.post("/o/link", {"order": typed, "mail": ANNA.email}).status in (303, 422)
    assert customer.client.post("/o/link", {"order": "1041", "mail": typed}).status == 422
    assert customer.client.get(f"/o/{quote(typed)}").status == 404
    assert customer.client.post(f"{customer.path}/wait", {"form": typed, "option": typed}).status == 403
    form = customer.client.get(customer.client.send(customer.get("/cancel").form).location).forms[1]
    assert customer.client.send(form, why=typed).status == 303


def test_a_customer_stops_texts_on_the_page_and_only_by_its_button(driver):
    context = replace(driver.context, shop=PAGES, link_key=KEY)
    driver.context = with_renderer(context, Renderer(PAGES))
    anna = replace(ANNA, phone="+4915112345678", sms_consent=True, prefers="sms")
    driver.order("1041", line(promised=-9, expected=5), customer=anna)
    driver.run_day()
    page = Customer(driver)
    (link,) = (tag["href"] for tag in page.get().tags("a") if tag["href"].endswith("/texts"))
    assert link == f"{page.path}/texts"
    asked = page.get("/texts")
    assert "We will then send no more text messages to +49…78." in asked.text
    assert page.rows(SUPPRESSIONS) == []
    (form,) = (tag["value"] for tag in asked.tags("input"))
    assert page.client.post(link, {"form": "made up"}).status == 403
    done = page.client.post(link, {"form": form})
    assert (done.status, "You get no more text messages" in done.text) == (200, True)
    (row,) = page.rows(SUPPRESSIONS)
    assert (row["address"], row["reason"]) == (anna.phone, STOPPED_ON_PAGE)
    assert {(row["channel"], row["given"]) for row in page.rows(CONSENTS)} == {("sms", False)}


def test_a_customer_who_got_no_text_is_shown_no_way_to_stop_them(customer):
    assert "/texts" not in customer.get().text
