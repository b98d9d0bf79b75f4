"""An order's story on the desk: what a caller's agent reads, over a real ledger."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from models.config.shop import OrderPages
from models.customers import Act
from models.enums import State
from models.orders import ProductFacts
from tasks.staff.audit import record
from tasks.tables import EVENTS, EXPECTED_DATES, NOTICES, OUTBOX, SHIPMENTS
from tests.support.builders import ANNA, day, line
from tests.support.choosing import Visitor
from tests.support.desk import desk_client
from tests.support.shop_driver import SHOP, noon, renderer_of, with_renderer

pytestmark = pytest.mark.sqlite_suffices(
    "its queries run on both databases in test_every_route.py and in the tests of what it calls"
)

PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})


@pytest.fixture
def late(driver):
    """Return a driver with an order that is late, and whose customer was told."""
    driver.context = with_renderer(replace(driver.context, shop=PAGES, link_key=b"k" * 32), renderer_of(PAGES))
    driver.order(
        "1041",
        line("1", promised=-9, expected=5),
        line("2", promised=6),
        customer=replace(ANNA, phone="+4915112345678"),
    )
    driver.run_day()
    return driver


def story(driver, *roles, path=""):
    return desk_client(driver.context, *(roles or ("service",)), now=noon(0)).get(f"/desk/orders/1041{path}")


@pytest.mark.both_databases
def test_the_story_opens_with_the_sentence(late):
    page = story(late)
    assert page.status == 200
    assert (
        "Anna Keller was told on Monday, 15 June at 12:00 by mail that Lamp 1 is now expected by 20 June, "
        "14 days later than promised." in page.text
    )


@pytest.mark.both_databases
def test_what_a_person_did_is_told_once_with_its_reason(late):
    mara = desk_client(late.context, "service", name="Mara", now=noon(0))
    path = f"/desk/orders/1041/date?line=1&day={day(7)}"
    form = mara.form(path, "/desk/orders/1041/date")
    page = mara.follow(mara.send(form, {"why": "the vendor rang"}))
    assert page.text.count("Mara set the expected date") == 1
    assert "Why: the vendor rang" in page.text
    (undo,) = {tag["href"] for tag in page.tags("a") if tag.get("href", "").endswith("/undo")}
    taken_back = mara.follow(mara.post(undo))
    assert "You took back the date of order 1041, Lamp 1: Mon 22 Jun." in taken_back.text


def test_the_story_says_which_addresses_are_on_the_do_not_write_list(late):
    mara = desk_client(late.context, "service", name="Mara", now=noon(0))
    page = mara.follow(mara.post("/desk/orders/1041/mute", {"what": "mail"}))
    assert "Mail, about orders No. The address is on the do-not-write list." in page.text


def test_a_message_that_waits_for_an_address_that_was_stopped_is_not_said_to_wait(driver):
    driver.order("1041", line("1", promised=-9, expected=5))
    driver.evaluate()
    assert "a mail waits to be sent" in story(driver).text
    mara = desk_client(driver.context, "service", name="Mara", now=noon(0))
    page = mara.follow(mara.post("/desk/orders/1041/mute", {"what": "mail"}))
    assert "will not leave, because the address is on the do-not-write list" in page.text
    assert "waits to be sent" not in page.text.partition("Copy this")[0]
    driver.deliver(0)
    assert driver.transport.taken == []


@pytest.mark.both_databases
def test_after_part_of_it_is_cancelled_the_story_says_so_and_its_swap_is_over(driver):
    driver.context = with_renderer(replace(driver.context, shop=PAGES, link_key=b"k" * 32), renderer_of(PAGES))
    driver.stock(ProductFacts("fern", "Fern", "lamps", Decimal(46)), 1)
    driver.order("1041", line("1", promised=-9, expected=5), line("2", promised=6))
    driver.run_day()
    assert "Swap for Fern, open until it is gone." in story(driver).text
    visitor = Visitor(driver)
    visitor.choose(Act.CANCEL, visitor.page.open.cancels[0].key)
    page = story(driver)
    assert "Lamp 1 was cancelled by the customer." in page.text
    assert "Swap for Fern, not open any more: the item is over." in page.text


def test_addresses_are_masked(late):
    page = story(late)
    assert "a…@example.com" in page.text
    assert ANNA.email not in page.html
    assert "15112345678" not in page.html


def test_who_may_only_read_is_offered_no_act(late):
    assert "Record an answer" in story(late, "service").text
    page = story(late, "read")
    assert "Record an answer" not in page.text
    assert "/show" not in page.html


@pytest.mark.both_databases
def test_each_thing_that_happened_is_an_event(late):
    visitor = Visitor(late)
    visitor.choose(Act.WAIT)
    with late.context.engine.begin() as connection:
        dates = {"order_id": "1041", "line": "1", "source": "inbound", "why": "D503", "set_by": "run"}
        for on, at in ((day(2), -3), (day(5), -2), (day(5), -1)):
            connection.execute(
                insert(EXPECTED_DATES).values(**dates, expected_on=on, set_at=noon(at), ended_at=noon(at + 1))
            )
        parcel = {"order_id": "1041", "number": "2", "id": "S1", "quantity": 1, "carrier": "DHL"}
        connection.execute(insert(SHIPMENTS).values(**parcel, packed_at=noon(-2), shipped_at=noon(-1)))
        events = {"who": "promise-clock", "why": ""}
        connection.execute(insert(EVENTS).values(at=noon(-1), kind="deadline_missed", subject="1041/1", **events))
        record(
            connection, at=noon(0), who="Mara", kind="note", subject_kind="order", subject="1041",
            what="added a note to the next message", why="she rang",
        )  # fmt: skip
    page = story(late)
    for words in (
        "Order placed.",
        'a…@example.com : "',
        "The customer chose to wait: Lamp 1.",
        "The expected date of Lamp 1 moved from 17 June to 20 June.",
        "From a delivery, with this vendor's usual lateness.",
        "Lamp 1: checked, same date",
        "Parcel S1 left with DHL: Lamp 2.",
        "A deadline passed for Lamp 1.",
        "Mara added a note to the next message.",
        "Why: she rang",
    ):
        assert words in page.text, words
    assert "Today, 15 June" in page.text
    assert "Yesterday, 14 June" in page.text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.BOUNCED, "came back, because the address does not work"),
        (State.IN_DOUBT, "We do not know whether the mail of 12:00 left."),
        (State.REJECTED, "was refused by the provider"),
        (State.HELD, "its run is held until somebody releases it"),
    ],
)
def test_who_was_not_reached_was_not_told(late, state, said):
    with late.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=state, settled_at=None))
    page = story(late)
    assert said in page.text
    assert "Keller was told" not in page.text


def test_a_trial_told_nobody(late):
    with late.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(trial=True))
    page = story(late)
    assert "Keller was told" not in page.text
    assert "Trial: kept here, not sent" in page.text


def test_an_unknown_order_says_when_orders_came_last(late):
    page = desk_client(late.context, "read", now=noon(0)).get("/desk/orders/1401")
    assert page.status == 404
    assert "No order 1401 here. Nothing was imported so far" in page.text


def test_a_message_shows_its_outcome_and_its_words_without_the_links_token(late):
    page = story(late, path="/messages/1")
    assert "This mail left on 15 June, 12:00." in page.text
    assert '<iframe class="mail" src="/desk/orders/1041/messages/1/mail"' in page.html
    mail = story(late, path="/messages/1/mail")
    assert mail.headers["content-security-policy"].startswith("sandbox")
    (sent,) = late.transport.taken
    token = sent.text.partition("/o/")[2].split()[0].split("/")[0].rstrip(".,")
    plain = story(late, path="/messages/1?tab=plain")
    for shown in (mail.html, plain.html):
        assert token not in shown
        assert "/o/private-link" in shown
    details = story(late, path="/messages/1?tab=details")
    assert f"ref-{late.notices[0]['id']}" in details.text
    assert "First message about this delay" in details.text


def test_words_that_were_deleted_are_said_to_be(late):
    with late.context.engine.begin() as connection:
        connection.execute(update(NOTICES).values(text="", html="", subject=""))
    assert "The words were deleted, as the policy says" in story(late, path="/messages/1").text


def test_there_is_no_message_that_was_never_written(late):
    assert story(late, path="/messages/7").status == 404
    assert story(late, path="/messages/x").status == 404


def test_the_evidence_prints_and_is_json(late):
    page = story(late, path="/evidence")
    assert page.status == 200
    assert "1041" in page.text
    answer = story(late, path="/evidence?as=json")
    assert answer.headers["content-type"] == "application/json"
    assert '"order": "1041"' in answer.html


def test_evidence_has_addresses_only_for_who_may_have_them_shown(late):
    for path in ("/evidence", "/evidence?as=json"):
        assert ANNA.email in story(late, path=path).html
        page = story(late, "read", path=path).html
        assert "a…@example.com" in page
        assert ANNA.email not in page
