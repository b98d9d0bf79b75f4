"""Links to order pages: in messages as they leave, and what opens them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from models.config.shop import OrderPages
from models.customers import LINK_PLACEHOLDER
from models.enums import State
from models.policy.customers import OrderPagePolicy
from models.policy.policy import Policy
from rules.customers.link_tokens import hash_of_token
from tasks.customers.links import list_links, mint_link, open_link, revoke_links
from tasks.db.sql import read_only
from tasks.tables import NOTICES, ORDER_LINKS, ORDERS, OUTBOX
from templates.rendering.messages import Renderer
from tests.support.builders import ANNA, line
from tests.support.shop_driver import SHOP, noon, renderer_of, with_renderer

pytestmark = pytest.mark.sqlite_suffices(
    "links in words; they are stored, found and revoked on both databases by a few"
)

PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})


@pytest.fixture
def shop(driver):
    """Return a shop that shows order pages."""
    context = replace(driver.context, shop=PAGES, link_key=b"k" * 32)
    driver.context = with_renderer(context, renderer_of(PAGES))
    return driver


def open_at(shop, token, days=0):
    with read_only(shop.context.engine) as connection:
        return open_link(shop.context, connection, token, noon(days))


def token_in(words):
    return words.split("https://orders.lamps.example.com/o/")[1].split()[0].rstrip(".,)")[:22]


def mint(shop, days=0):
    context = replace(shop.context, started_at=noon(days))
    with context.engine.begin() as connection:
        return mint_link(context, connection, "1041", "c1")[1]


def test_the_link_in_a_mail_opens_its_order(shop):
    shop.order("1041", line(promised=-9))
    shop.run_day()
    (message,) = shop.transport.taken
    opened = open_at(shop, token_in(message.text))
    assert (opened.order_id, opened.customer_id) == ("1041", shop.rows(ORDERS)[0]["customer_id"])
    assert LINK_PLACEHOLDER not in message.text + message.html


def test_a_link_that_stands_in_the_mail_alone_opens_its_order_too(shop, tmp_path):
    (tmp_path / "week").mkdir()
    (tmp_path / "week" / "body.en.txt").write_text("Order {{ order.id }} is late. Cancel it if you like.")
    shop.context = with_renderer(shop.context, Renderer(PAGES, tmp_path))
    shop.order("1041", line(promised=-6))
    shop.run_day()
    (message,) = shop.transport.taken
    assert "orders.lamps" not in message.text
    assert open_at(shop, token_in(message.html)).order_id == "1041"


@pytest.mark.both_databases
def test_the_ledger_holds_neither_the_token_nor_words_with_it(shop):
    shop.order("1041", line(promised=-9))
    shop.run_day()
    token = token_in(shop.transport.taken[0].text)
    (notice,) = shop.rows(NOTICES)
    (link,) = shop.rows(ORDER_LINKS)
    assert LINK_PLACEHOLDER in notice["text"]
    assert token not in str(notice) + str(link)
    assert link["token_hash"] == hash_of_token(token)


def test_the_mail_and_the_text_of_one_revision_have_the_same_link(shop):
    shop.order("1041", line(promised=-30), customer=replace(ANNA, phone="+4915112345678", sms_consent=True))
    shop.run_day()
    assert len(shop.transport.taken) == 2
    assert len({token_in(message.text) for message in shop.transport.taken}) == 1
    assert len(shop.rows(ORDER_LINKS)) == 1


def test_an_order_with_an_address_of_its_own_keeps_it(shop):
    shop.order("1041", line(promised=-9))
    with shop.context.engine.begin() as connection:
        connection.execute(update(ORDERS).values(url="https://lamps.example.com/my/1041"))
    shop.run_day()
    assert "https://lamps.example.com/my/1041" in shop.transport.taken[0].text
    assert shop.rows(ORDER_LINKS) == []


@pytest.mark.both_databases
def test_a_link_expires_after_the_policys_days(shop):
    shop.order()
    token = mint(shop)
    assert open_at(shop, token, days=89) is not None
    assert open_at(shop, token, days=90) is None


@pytest.mark.both_databases
def test_only_the_newest_links_of_an_order_work(shop):
    shop.context = replace(shop.context, policy=Policy(order_page=OrderPagePolicy(links_alive=2)))
    shop.order()
    first, second, third = (mint(shop, days) for days in range(3))
    assert [open_at(shop, token, 3) is not None for token in (first, second, third)] == [False, True, True]
    with read_only(shop.context.engine) as connection:
        assert [row["works"] for row in list_links(shop.context, connection, "1041", noon(3))] == [True, True, False]


@pytest.mark.parametrize(
    ("state", "works"), [(State.HELD, True), (State.SKIPPED, True), (State.QUEUED, False), (State.SENT, False)]
)
def test_a_link_that_nobody_got_ends_none_that_the_customer_has(shop, state, works):
    shop.context = replace(shop.context, policy=Policy(order_page=OrderPagePolicy(links_alive=1)))
    shop.order("1041", line(promised=-9))
    first = mint(shop, -1)
    shop.run_day()
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=state))
    assert (open_at(shop, first) is not None) is works
    with read_only(shop.context.engine) as connection:
        assert list_links(shop.context, connection, "1041", noon(0))[1]["works"] is works


@pytest.mark.both_databases
def test_revoked_links_open_nothing_and_the_ledger_says_who_revoked_them(shop):
    shop.order()
    token = mint(shop)
    with shop.context.engine.begin() as connection:
        assert revoke_links(connection, ["1041"], noon(0), "mara") == 1
    assert open_at(shop, token) is None
    assert shop.rows(ORDER_LINKS)[0]["revoked_by"] == "mara"


@pytest.mark.both_databases
def test_a_link_opens_nothing_once_the_order_belongs_to_somebody_else(shop):
    shop.order()
    token = mint(shop)
    with shop.context.engine.begin() as connection:
        connection.execute(update(ORDERS).values(customer_id="another"))
    assert open_at(shop, token) is None


@pytest.mark.parametrize("token", ["", "x", "order-link-placeholder", "a" * 5000, "💡", "\x00"])
def test_any_other_token_opens_nothing(shop, token):
    shop.order()
    mint(shop)
    assert open_at(shop, token) is None


def test_the_same_facts_are_told_once_though_each_link_is_new(shop):
    shop.order("1041", line(promised=-9))
    shop.run_day()
    shop.run_day(1)
    assert len(shop.transport.taken) == 1
    assert timedelta(days=90) == shop.rows(ORDER_LINKS)[0]["expires_at"] - shop.rows(ORDER_LINKS)[0]["created_at"]
