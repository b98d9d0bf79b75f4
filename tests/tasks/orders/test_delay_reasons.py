"""Why lines are late: given by the source or by staff, told in messages, and never news by itself."""

import pytest
from sqlalchemy import insert, update

from models.errors import ForewarnError
from models.orders import ProductFacts
from models.reasons import DelayReason, ReasonScope
from tasks.customers.order_page import load_order_page
from tasks.db.sql import read_only
from tasks.orders.queries import get_orders
from tasks.orders.reasons import FEW
from tasks.orders.staff_reasons import clear_reason, list_reasons, set_reason
from tasks.reporting.explain_order import explain_order
from tasks.tables import DELAY_REASONS, EVENTS, INBOUNDS, ORDER_LINES, PRODUCTS, VENDORS
from tests.support.builders import day, line
from tests.support.shop_driver import noon
from tests.support.supply import LAMP, add_deliveries, allocate, execute

pytestmark = pytest.mark.sqlite_suffices("decisions and words; reasons are stored and found on both databases by a few")

LINE, INBOUND, PRODUCT, VENDOR = ReasonScope
VASE = ProductFacts("vase", "Vase", "vases")


@pytest.fixture
def shop(driver):
    """Return a driver whose late order 1041 waits for the delivery D1 of the vendor V1."""
    driver.stock(LAMP, 0)
    add_deliveries(driver, ("D1", 5, 4))
    execute(driver, insert(VENDORS).values(id="V1", name="Nordhaus"))
    execute(driver, update(INBOUNDS).values(vendor_id="V1"))
    driver.order("1041", line("1", promised=-9, product=LAMP))
    allocate(driver.context)
    return driver


def reason(shop, order="1041", number="1"):
    with read_only(shop.context.engine) as connection:
        (watched,) = get_orders(shop.context, connection, [order])
    return next(one.reason for one in watched.order.lines if one.number == number)


def say(shop, scope, subject, code="strike", texts=None, on=0):
    context = shop.context.with_run("staff", shop.context.as_of, noon(on))
    return set_reason(context, (scope, subject), DelayReason(code, texts or {}), "mara")


def test_a_line_without_any_reason_has_none(shop):
    assert reason(shop) is None


@pytest.mark.both_databases
@pytest.mark.parametrize(("scope", "subject"), [(LINE, "1041/1"), (INBOUND, "D1"), (PRODUCT, "lamp"), (VENDOR, "V1")])
def test_staff_say_why_a_line_its_delivery_its_product_or_its_vendor_is_late(shop, scope, subject):
    say(shop, scope, subject)
    assert reason(shop) == DelayReason("strike", scope=scope)
    clear_reason(shop.context, (scope, subject), "mara")
    assert reason(shop) is None


def test_the_source_says_why_a_line_or_its_delivery_is_late(shop):
    execute(shop, update(INBOUNDS).values(delay_reason="customs"))
    assert reason(shop) == DelayReason("customs", scope=INBOUND)
    execute(shop, update(ORDER_LINES).values(delay_reason="quality_check"))
    assert reason(shop) == DelayReason("quality_check", scope=LINE)


def test_a_vendor_is_also_that_of_a_product_without_a_delivery(shop):
    shop.order("1042", line("1", promised=-9, product=VASE))
    execute(shop, update(PRODUCTS).where(PRODUCTS.c.id == "vase").values(vendor_id="V1"))
    say(shop, VENDOR, "V1")
    assert reason(shop, "1042") == DelayReason("strike", scope=VENDOR)


@pytest.mark.both_databases
def test_of_several_deliveries_the_last_one_makes_a_line_late(driver):
    driver.stock(LAMP, 0)
    add_deliveries(driver, ("D1", 1, 4), ("D2", 1, 9))
    driver.order("1041", line("1", promised=-9, product=LAMP, quantity=2))
    allocate(driver.context)
    execute(driver, update(INBOUNDS).where(INBOUNDS.c.id == "D1").values(delay_reason="customs"))
    assert reason(driver).code == "customs"
    execute(driver, update(INBOUNDS).where(INBOUNDS.c.id == "D2").values(delay_reason="strike"))
    assert reason(driver).code == "strike"


def test_a_line_that_arrived_or_was_cancelled_needs_no_reason(shop):
    say(shop, PRODUCT, "lamp")
    shop.change("1041", delivered_at=noon(0))
    assert reason(shop) is None


def test_a_mail_says_the_reason_and_says_plainly_where_none_is_known(shop):
    say(shop, VENDOR, "V1", "supplier_late")
    shop.order("1042", line("1", promised=-9, product=VASE))
    mails = {mail.text.partition("order ")[2][:4]: mail for mail in shop.run_day()}
    assert "The reason for the delay: our supplier is late." in mails["1041"].html
    assert "The reason for the delay: our supplier is late." in mails["1041"].text
    assert "We do not know the reason yet." in mails["1042"].html
    assert mails["1042"].text.count("We do not know the reason yet.") == 1


def test_another_reason_alone_is_no_news(shop):
    assert len(shop.run_day()) == 1
    say(shop, PRODUCT, "lamp", "customs")
    with shop.context.engine.begin() as connection:
        shop.mark_due(connection, "1041", 1)
    assert shop.run_day(1) == []


@pytest.mark.parametrize(("scope", "subject"), [(LINE, "1041/1"), (INBOUND, "D1"), (PRODUCT, "lamp"), (VENDOR, "V1")])
def test_a_message_that_has_not_left_is_written_again_with_the_new_reason(shop, scope, subject):
    shop.evaluate()
    version = shop.watch()["version"]
    assert say(shop, scope, subject, "customs") == 1
    assert shop.watch()["version"] == version + 1
    shop.deliver()
    mails = [*shop.transport.taken, *shop.run_day()]
    assert ["customs has not released the goods yet" in mail.text for mail in mails] == [True]


@pytest.mark.both_databases
def test_orders_whose_message_has_left_are_not_looked_at_again(shop):
    shop.run_day()
    version = shop.watch()["version"]
    assert say(shop, PRODUCT, "lamp") == 0
    assert shop.watch()["version"] == version


def test_staff_write_in_their_own_words_in_each_language(shop):
    say(shop, PRODUCT, "lamp", "other", {"en": "the kiln broke", "pt_BR": "o forno quebrou"})
    (mail,) = shop.run_day()
    assert "The reason for the delay: the kiln broke." in mail.text


@pytest.mark.both_databases
def test_who_said_what_is_recorded(shop):
    say(shop, PRODUCT, "lamp")
    say(shop, PRODUCT, "lamp", "customs", {"en": "customs is on strike"}, on=1)
    with read_only(shop.context.engine) as connection:
        (row,) = list_reasons(connection)
    assert (row["scope"], row["subject"], row["code"], row["who"]) == ("product", "lamp", "customs", "mara")
    assert row["texts"] == {"en": "customs is on strike"}
    clear_reason(shop.context, (PRODUCT, "lamp"), "jan")
    events = [(event["kind"], event["subject"], event["who"], event["why"]) for event in shop.rows(EVENTS)]
    assert [event for event in events if event[0].startswith("reason_")] == [
        ("reason_set", "lamp", "mara", "product: strike"),
        ("reason_set", "lamp", "mara", "product: customs"),
        ("reason_cleared", "lamp", "jan", "product"),
    ]


@pytest.mark.parametrize(
    ("scope", "subject", "code", "what"),
    [
        (PRODUCT, "lmp", "strike", "no product 'lmp' is known"),
        (LINE, "1041", "strike", "no order line '1041' is known"),
        (LINE, "1041/2", "strike", "no order line '1041/2' is known"),
        (VENDOR, "V2", "strike", "no vendor 'V2' is known"),
        (INBOUND, "D2", "strike", "no delivery 'D2' is known"),
        (PRODUCT, "lamp", "strik", "no reason has the code 'strik'; known codes: carrier, customs"),
        (PRODUCT, "lamp", "other", "give a text in 'en'"),
    ],
)
def test_a_reason_that_cannot_be_is_refused_with_what_would_be_right(shop, scope, subject, code, what):
    with pytest.raises(ForewarnError, match=what):
        say(shop, scope, subject, code)
    with read_only(shop.context.engine) as connection:
        assert list_reasons(connection) == []


def test_a_line_is_named_by_its_order_even_where_that_has_the_mark_in_its_id(shop):
    shop.order("A/7", line("1", promised=-9, product=VASE))
    say(shop, LINE, "A/7/1")
    assert reason(shop, "A/7") == DelayReason("strike", scope=LINE)


def test_a_reason_that_was_not_given_cannot_be_cleared(shop):
    with pytest.raises(ForewarnError, match="gave no reason for product 'lamp'"):
        clear_reason(shop.context, (PRODUCT, "lamp"), "mara")


def test_the_sources_own_words_for_a_reason_are_read_as_its_code(imported_shop):
    shop = imported_shop
    shop.order("1041", line("1", promised=-9, product=LAMP))
    shop.put("lines", order_id="1041", number="1", delay_reason=" Quality-Check ")
    (mail,) = shop.run_day()
    assert "The reason for the delay: we are checking the goods once more." in mail.text
    shop.put("lines", order_id="1041", number="1", delay_reason="?!")
    assert reason(shop) is None


@pytest.mark.both_databases
def test_a_delivery_whose_reason_changes_has_unsent_messages_written_again(imported_shop):
    shop = imported_shop
    delivery = {"id": "D1", "product_id": "lamp", "quantity": 5, "expected_on": day(4)}
    shop.system.put("inbound", **delivery)
    shop.enter_stock(LAMP, 0)
    shop.order("1041", line("1", promised=-9, product=LAMP))
    allocate(shop.context)
    shop.evaluate()
    shop.put("inbound", id="D1", delay_reason="customs")
    shop.deliver()
    mails = [*shop.transport.taken, *shop.run_day()]
    assert ["The reason for the delay: customs has" in mail.text for mail in mails] == [True]


def test_explain_says_why_a_line_is_late_and_for_what_the_reason_was_given(shop):
    shop.order("1042", line("1", promised=-9, product=VASE), line("2", promised=9, product=LAMP))
    say(shop, VENDOR, "V1", "supplier_late")
    with read_only(shop.context.engine) as connection:
        found = {key: explain_order(shop.context, connection, key)["lines"] for key in ("1041", "1042")}
    assert found["1041"][0]["reason"] == {
        "code": "supplier_late",
        "text": "our supplier is late",
        "given_for": "vendor",
    }
    assert [one["reason"] for one in found["1042"]] == [None, None]


def test_the_order_page_has_the_same_reason(shop):
    say(shop, VENDOR, "V1", "supplier_late")
    with read_only(shop.context.engine) as connection:
        page = load_order_page(shop.context, connection, "1041", day(0), noon(0))
    assert page.reason == DelayReason("supplier_late", scope=VENDOR)
    assert [item.reason for parcel in page.parcels for item in parcel.items] == [page.reason]


@pytest.mark.both_databases
def test_reasons_are_found_among_many_as_well(shop):
    many = [{"scope": "product", "subject": f"other {n}", "code": "strike", "texts": {}} for n in range(FEW + 1)]
    set_by = {"who": "mara", "set_at": noon(0)}
    execute(shop, insert(DELAY_REASONS).values([row | set_by for row in many]))
    assert reason(shop) is None
    for scope, subject in ((VENDOR, "V1"), (PRODUCT, "lamp"), (INBOUND, "D1"), (LINE, "1041/1")):
        say(shop, scope, subject)
        assert reason(shop) == DelayReason("strike", scope=scope)
