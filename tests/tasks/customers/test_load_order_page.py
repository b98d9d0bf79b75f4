from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import update

from models.config.shop import OrderPages
from models.customers import Act, Headline
from models.errors import ForewarnError
from models.orders import ProductFacts
from models.policy.policy import Policy
from models.shipments import ShippingPreference
from tasks.shipments.preferences import set_shipping_preference
from tasks.tables import EXPECTED_DATES, OFFERS, ORDERS, OUTBOX
from tests.support.builders import ANNA, DAY, day, line
from tests.support.choosing import page_of
from tests.support.shop_driver import customer, noon
from tests.support.supply import LAMP, VASE, add_deliveries, allocate, execute

pytestmark = pytest.mark.sqlite_suffices("what the page offers; all that it loads is loaded on both databases by a few")

FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))
FEE = Decimal("4.90")


def keys(page):
    return [option.key for option in page.open.cancels]


@pytest.mark.both_databases
def test_a_late_order_says_when_it_comes_and_what_can_be_done(driver):
    driver.order("1041", line("1", promised=-9, expected=4), line("2", promised=6), shipping_fee=FEE)
    page = page_of(driver)
    assert (page.headline, page.expected_on, page.promised_on, page.days_late) == (
        Headline.PART_LATE,
        day(4),
        day(-9),
        13,
    )
    assert (page.open.may_wait, page.open.wait_until, page.open.too_late) == (True, day(4), False)
    assert [(one.key, one.refund) for one in page.open.cancels] == [
        ("late", Decimal(40)),
        ("2", Decimal(40)),
        ("all", Decimal("84.90")),
    ]
    assert page.open.acts == (Act.WAIT, Act.CANCEL, Act.WITHDRAW)
    assert (page.customer_name, page.locale, page.currency, page.version) == (ANNA.name, "en", "EUR", 0)


def test_an_order_on_time_can_be_cancelled_and_there_is_nothing_to_wait_for(driver):
    driver.order("1041", line(promised=6))
    page = page_of(driver)
    assert (page.headline, page.expected_on, page.days_late) == (Headline.ON_TIME, None, 0)
    assert page.open.acts == (Act.CANCEL, Act.WITHDRAW)


def test_a_delay_without_a_date_can_be_waited_for(driver):
    driver.order("1041", line(promised=-9))
    page = page_of(driver)
    assert (page.headline, page.expected_on) == (Headline.NO_DATE, None)
    assert (page.open.may_wait, page.open.wait_until) == (True, None)


def test_an_unpaid_order_is_not_late_and_pays_nothing_back(driver):
    driver.order("1041", line(promised=-9), shipping_fee=FEE)
    execute(driver, update(ORDERS).values(unpaid=True))
    page = page_of(driver)
    assert page.headline is Headline.ON_TIME
    assert [(one.key, one.refund) for one in page.open.cancels] == [("all", 0)]


@pytest.mark.parametrize("taken", [{"packed": 1}, {"shipped": 1}, {"shipped_at": noon(-1)}])
def test_what_the_warehouse_has_taken_can_be_changed_no_more(driver, taken):
    driver.order("1041", line(promised=-9, quantity=1))
    driver.change("1041", **taken)
    page = page_of(driver)
    assert page.open.cancels == ()
    assert page.open.too_late is ("packed" in taken)


def test_an_unknown_order_is_an_error(driver):
    with pytest.raises(ForewarnError, match="no order '9' is known"):
        page_of(driver, "9")


@pytest.mark.both_databases
def test_the_page_lists_what_was_sent_and_not_what_waits(driver):
    driver.order("1041", line(promised=-9))
    driver.evaluate()
    assert page_of(driver).messages == ()
    driver.deliver()
    (message,) = page_of(driver).messages
    (notice,) = driver.notices
    assert (message.number, message.id, message.channel, message.at) == (1, notice["id"], "email", noon(0))
    assert message.subject == notice["subject"]


def test_messages_to_an_earlier_customer_are_not_shown_to_a_later_one(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    driver.order("1042", customer=customer("c2"))
    execute(driver, update(ORDERS).where(ORDERS.c.id == "1041").values(customer_id="c2"))
    assert page_of(driver).messages == ()


@pytest.mark.both_databases
def test_after_good_news_the_page_opens_with_it_until_it_is_no_longer_true(driver):
    driver.order("1041", line(promised=-9, expected=20))
    driver.run_day()
    driver.change("1041", on=1, expected_on=day(3))
    driver.run_day(1)
    assert page_of(driver, on=1).headline is Headline.GOOD_NEWS
    driver.change("1041", on=2, expected_on=day(30))
    assert page_of(driver, on=2).headline is Headline.LATE


@pytest.fixture
def swappable(driver):
    """Return a driver at which a late lamp may be swapped for one of two ferns in stock."""
    driver.order("1041", line(promised=-9, expected=4))
    driver.stock(FERN, 2)
    driver.run_day()
    return driver


@pytest.mark.both_databases
def test_a_product_that_was_offered_can_be_chosen_while_it_is_in_stock(swappable):
    (swap,) = page_of(swappable).open.swaps
    assert (swap.key, swap.product, swap.quantity, swap.price_difference) == ("1:fern", FERN, 1, 6)
    execute(swappable, update(OFFERS).values(products=["gone", "fern"]))
    assert [one.key for one in page_of(swappable).open.swaps] == ["1:fern"]


def test_a_product_that_may_not_stand_in_the_mail_is_on_the_page(driver):
    driver.order("1041", line(promised=-9, expected=4), customer=replace(ANNA, marketing_consent=False))
    driver.stock(FERN, 2)
    (mail,) = driver.run_day()
    assert [one.product for one in page_of(driver).open.swaps] == [FERN]
    assert FERN.name not in mail.text + mail.html


def test_a_product_that_was_not_offered_is_not_on_the_page(driver):
    driver.order("1041", line(promised=-9, expected=4))
    driver.stock(FERN, 2)
    assert page_of(driver).open.swaps == ()


@pytest.mark.parametrize(("state", "offered"), [("held", False), ("skipped", False), ("queued", True), ("sent", True)])
def test_what_no_notice_offers_yet_is_not_on_the_page(swappable, state, offered):
    execute(swappable, update(OUTBOX).values(state=state))
    assert bool(page_of(swappable).open.swaps) is offered


def test_a_substitute_that_is_gone_is_not_on_the_page(swappable):
    swappable.order("1050", line(product=FERN, quantity=2, promised=9), customer=customer("c2"))
    swappable.context = swappable.context.with_run("r", DAY, noon(0))
    allocate(swappable.context)
    assert page_of(swappable).open.swaps == ()


@pytest.mark.both_databases
def test_a_discount_is_offered_until_it_expires(driver):
    driver.order("1041", line(promised=-20, expected=4))
    driver.run_day()
    (offer,) = driver.rows(OFFERS)
    discount = page_of(driver).open.discount
    assert (discount.offer_id, discount.code, discount.expires_on) == (offer["id"], offer["code"], offer["expires_on"])
    last = (offer["expires_on"] - DAY).days
    assert page_of(driver, on=last).open.discount is not None
    assert page_of(driver, on=last + 1).open.discount is None


def test_a_discount_that_may_not_stand_in_the_mail_is_on_the_page(driver):
    driver.order("1041", line(promised=-20, expected=4), customer=replace(ANNA, marketing_consent=False))
    (mail,) = driver.run_day()
    discount = page_of(driver).open.discount
    assert discount.code
    assert discount.code not in mail.text


@pytest.fixture
def split(with_policy):
    """Return a driver whose order has a vase in stock, and a lamp that comes in three days."""
    driver = with_policy(Policy())
    driver.stock(LAMP, 0)
    driver.stock(VASE, 3)
    add_deliveries(driver, ("D1", 5, 3))
    driver.order("1041", line("1", product=LAMP, promised=-5), line("2", product=VASE, promised=5))
    allocate(driver.context)
    return driver


def test_what_is_in_stock_can_be_sent_before_the_rest(split):
    page = page_of(split)
    assert page.open.ship_now == ("2",)
    assert page.headline is Headline.PART_LATE
    set_shipping_preference(split.context, "1041", ShippingPreference.AVAILABLE, "ana")
    page = page_of(split)
    assert page.open.ship_now == ()
    assert [[item.number for item in parcel.items] for parcel in page.parcels] == [["2"], ["1"]]


def test_nothing_can_be_sent_earlier_where_all_waits_or_all_is_there(driver):
    driver.stock(VASE, 3)
    driver.order("1041", line("1", product=VASE, promised=5))
    driver.order("1042", line("1", product=LAMP, promised=-5), line("2", product=LAMP, promised=5))
    allocate(driver.context)
    assert [page_of(driver, key).open.ship_now for key in ("1041", "1042")] == [(), ()]


@pytest.mark.parametrize(
    ("earliest", "latest", "on", "shown"),
    [
        (1, 6, 0, (day(1), day(6))),
        (-2, 6, 0, (day(0), day(6))),
        (1, 6, 2, (day(2), day(6))),
        (3, 3, 0, (None, None)),
        (None, 6, 0, (None, None)),
        (-2, 0, 0, (None, None)),
    ],
)
def test_a_date_with_a_range_says_so(split, earliest, latest, on, shown):
    days = {"earliest_on": None if earliest is None else day(earliest), "latest_on": day(latest)}
    execute(split, update(EXPECTED_DATES).where(EXPECTED_DATES.c.line == "1").values(**days))
    page = page_of(split, on=on)
    (item,) = [item for parcel in page.parcels for item in parcel.items if item.number == "1"]
    assert (page.earliest_on, page.latest_on) == (item.earliest_on, item.latest_on) == shown


def test_a_shop_offers_only_the_choices_that_it_wants(driver):
    driver.order("1041", line(promised=-9, expected=4))
    pages = OrderPages(url="https://orders.example.com", choices=(Act.WAIT,))
    driver.context = replace(driver.context, shop=driver.context.shop.model_copy(update={"order_pages": pages}))
    page = page_of(driver)
    assert page.open.acts == (Act.WAIT, Act.WITHDRAW), "the law asks for the withdrawal"
    assert keys(page) == []
