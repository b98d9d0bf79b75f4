"""A new link, mailed to whom the order belongs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from channels.transport import PermanentFailure
from models.config.shop import OrderPages
from tasks.customers.links import open_link
from tasks.customers.new_links import send_new_link
from tasks.customers.sent_words import load_sent_words
from tasks.db.sql import read_only
from tasks.delivery.fallback import send_fallbacks
from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, EVENTS, ORDER_LINKS, OUTBOX
from tests.support.builders import ANNA
from tests.support.shop_driver import SHOP, noon, renderer_of, with_renderer

PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})


@pytest.fixture
def shop(driver):
    """Return a shop that shows order pages, with one order."""
    context = replace(driver.context, shop=PAGES, link_key=b"k" * 32)
    driver.context = with_renderer(context, renderer_of(PAGES))
    driver.order("1041")
    return driver


def ask(shop, order="1041", address=ANNA.email, at=None):
    return send_new_link(shop.context, order, address, at or noon(0))


def test_the_mail_leaves_with_a_link_that_opens_the_order(shop):
    ask(shop)
    shop.deliver()
    (message,) = shop.transport.taken
    assert (message.to, message.category) == (ANNA.email, "new_link")
    token = message.text.split("/o/")[1].split()[0]
    assert f"/o/{token}" in message.html
    with read_only(shop.context.engine) as connection:
        assert open_link(shop.context, connection, token, noon(1)).order_id == "1041"
    assert [event["subject"] for event in shop.rows(EVENTS) if event["kind"] == "new_link_requested"] == ["1041"]


def test_a_mail_that_is_refused_waits_for_no_other_channel(shop):
    ask(shop)
    shop.transport.answer = lambda _: PermanentFailure("no such mailbox")
    shop.deliver()
    assert send_fallbacks(shop.context, "test", batch=50) is None
    assert [(row["state"], row["awaits_fallback"]) for row in shop.rows(OUTBOX)] == [("rejected", False)]


@pytest.mark.parametrize("written", [ANNA.email.upper(), f"  {ANNA.email} "])
def test_the_address_may_be_written_in_another_way(shop, written):
    assert ask(shop, address=written) is not None


@pytest.mark.parametrize(
    ("order", "address"), [("1041", "someone@else.example.com"), ("1042", ANNA.email), ("1041", "no address"), ("", "")]
)
def test_an_order_and_an_address_that_do_not_belong_together_leave_no_trace(shop, order, address):
    assert ask(shop, order, address) is None
    assert [shop.rows(table) for table in (CUSTOMER_MAILS, ORDER_LINKS, OUTBOX)] == [[], [], []]


def test_an_order_gets_three_new_links_in_24_hours(shop):
    assert [ask(shop, at=noon(0) + timedelta(minutes=minute)) is not None for minute in range(4)] == [True] * 3 + [
        False
    ]
    assert ask(shop, at=noon(1) - timedelta(seconds=1)) is None
    assert ask(shop, at=noon(1)) is not None


def test_a_customer_without_an_address_gets_none(shop):
    shop.customer(shop.rows(CUSTOMERS)[0]["id"], email=None)
    assert ask(shop, address="") is None


def test_a_sent_message_is_shown_with_the_readers_own_link(shop):
    key = ask(shop)
    with read_only(shop.context.engine) as connection:
        words = load_sent_words(connection, key, "MyOwnToken")
    assert "/o/MyOwnToken" in words.text
    assert "/o/MyOwnToken" in words.html
    assert "placeholder" not in words.text + words.html
