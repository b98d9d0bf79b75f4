"""A day of customer service: the ten jobs of an agent, in a browser, on the desk as `forewarn serve` serves it."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from selenium.webdriver.common.by import By
from sqlalchemy import func, select

from models.enums import State
from tasks.db.sql import read_only
from tasks.guardrails.undo_review import GRACE
from tasks.tables import CUSTOMERS, ORDER_LINES, ORDERS, OUTBOX
from tests.support.browser import lacking, opened
from tests.support.busy_desk import Broken
from tests.support.desk import PASSWORD
from tests.support.desk_person import DeskPerson
from tests.support.served_shop import ServedShop, served_shop

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")]

MAIL = "mara@lamps.example.com"
NORAS_NEW_MAIL = "nora@new.example.com"


@dataclass
class Day:
    """Mara's day: what she sees, and the shop around her."""

    shop: ServedShop
    mara: DeskPerson

    def query(self, query):
        with read_only(self.shop.app.context.engine) as connection:
            return connection.execute(query).all()

    def states(self):
        counted = self.query(select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state))
        return {str(state): count for state, count in counted}


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Serve a shop on a busy morning: some are told, some messages are in doubt, and a run is held."""
    with served_shop(tmp_path_factory.mktemp("service"), orders=400) as shop:
        shop.evaluate(limit=6)
        shop.deliver(after=timedelta(seconds=1))
        shop.evaluate(limit=2)
        shop.deliver(Broken(), after=timedelta(seconds=2))
        shop.evaluate(allowed=0.01)
        shop.add_person("Mara Lind", MAIL, "service")
        with opened() as driver:
            yield Day(shop, DeskPerson(driver, shop.url))


def test_an_agent_does_the_ten_jobs_of_a_day(day):
    day.mara.sign_in(MAIL, PASSWORD)
    find_an_order_by_a_surname_spelt_on_the_phone(day)
    say_why_nobody_was_told(day)
    read_out_what_the_mail_said(day)
    cancel_one_item_and_undo_it(day)
    set_a_date_by_a_vendors_call(day)
    send_again_to_a_new_address(day)
    stop_texts_and_allow_them(day)
    release_a_held_run_after_reading_ten(day)
    settle_a_message_in_doubt(day)
    day.mara.press("Sign out").see("Mail address", "Password")


def find_an_order_by_a_surname_spelt_on_the_phone(day):
    day.mara.search("whitf").see("Nora Whitfield").press("1041").see("Order 1041", "20 days late")


def say_why_nobody_was_told(day):
    day.mara.search("1038").see("Nobody was told: there is no mail address. Call, or add it in the shop")


def read_out_what_the_mail_said(day):
    day.mara.search("1041").see("Nora Whitfield was told on ", "by mail")
    day.mara.press("Mail to", "main a", begins=True).press("Plain text")
    day.mara.see("Hello Nora Whitfield,", "The reason for the delay: our supplier is late.")


def cancel_one_item_and_undo_it(day):
    day.mara.press("1041", "main a").press("Record an answer")
    day.mara.choose("Cancel Washed Linen Duvet Cover Sand only").type("too late for the wedding", "Why")
    day.mara.press("Record the answer").see("cancel Washed Linen Duvet Cover Sand only, €129.00 back")
    day.mara.press("Undo").press("Undo it").see("You took back the answer 1041-C1 of order 1041.", "20 days late")


def set_a_date_by_a_vendors_call(day):
    """Set the date of an order that is on time, and see that its customer is told."""
    today = day.shop.app.context.as_of
    order, promised = order_of_one_item_on_time(day)
    late = promised + timedelta(days=20)
    day.mara.search(order).press("Set an expected date").type(f"{late}", "Now expected on")
    day.mara.press("Show who gets a message").see("One person waits for it.", "gets")
    day.mara.type("the vendor rang", "Why").press("Set it to", begins=True).see("You set the expected date", "Undo")
    before = len(day.shop.transport.taken)
    day.shop.evaluate()
    day.shop.deliver(after=timedelta(seconds=3))
    told = [message for message in day.shop.transport.taken[before:] if f"order {order}" in message.text]
    assert told, today
    day.mara.search(order).see("was told on ", "20 days late")


def order_of_one_item_on_time(day):
    """Return the order that is promised last among those of one item, whose customer has a mail address."""
    today = day.shop.app.context.as_of
    single = select(ORDER_LINES.c.order_id).group_by(ORDER_LINES.c.order_id).having(func.count() == 1)
    columns = (ORDERS.c.id, ORDER_LINES.c.promised_on)
    found = day.query(
        select(*columns)
        .join(ORDER_LINES, ORDER_LINES.c.order_id == ORDERS.c.id)
        .join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .where(ORDERS.c.id.in_(single), CUSTOMERS.c.email.contains("@example."), CUSTOMERS.c.opted_out.is_(False))
        .where(ORDER_LINES.c.promised_on > today, ORDER_LINES.c.shipped_at.is_(None))
        .where(ORDER_LINES.c.cancelled_at.is_(None), CUSTOMERS.c.locale.startswith("en"))
        .order_by(ORDER_LINES.c.promised_on.desc(), ORDERS.c.id)
        .limit(1)
    )
    return found[0]


def send_again_to_a_new_address(day):
    day.mara.search("1041").press("Send again").choose("Mail").press("Show the message")
    day.mara.see("It went to this mail address already.")
    day.mara.type(NORAS_NEW_MAIL, "New mail address").press("Send it again by mail")
    day.mara.see("as a mail to n…@new.example.com, an address for this message only")
    left = day.shop.deliver(after=timedelta(seconds=4))
    assert [message.subject[:10] for message in left if message.to == NORAS_NEW_MAIL] == ["Long delay"]


def stop_texts_and_allow_them(day):
    day.mara.search("1041").press("More").press("Stop writing to this person")
    day.mara.choose("Texts only").press("Stop writing").see("You stopped texts to the customer of order 1041.")
    day.mara.see("No. The number is on the do-not-write list").press("Undo").press("Undo it")
    day.mara.see("You let messages go to the customer of order 1041 again.")


def release_a_held_run_after_reading_ten(day):
    held = day.states()[State.HELD]
    day.mara.press("Today").press(f"{held} messages are held").see("Nothing has left.")
    run = day.mara.driver.current_url
    read = [one.get_attribute("href") for one in day.mara.driver.find_elements(By.CSS_SELECTOR, "main td.act a")]
    assert len(read) == 10
    for address in read:
        day.mara.driver.get(address)
        day.mara.see("about order ")
    release(day, run, held)
    day.mara.press("Undo").press("Undo it").see("messages wait for you")
    assert day.shop.deliver(after=GRACE * 2) == []
    release(day, run, held)
    assert day.shop.deliver() == []
    assert 0 < len(day.shop.deliver(after=GRACE + timedelta(seconds=1))) <= held
    assert day.shop.deliver(after=GRACE * 2) == []


def release(day, run, held):
    day.mara.driver.get(run)
    day.mara.press(f"Send {held} messages").type("read ten of them", "Why").press(f"Send {held} messages")
    day.mara.see("You released", "Undo")


def settle_a_message_in_doubt(day):
    doubts = day.states()[State.IN_DOUBT]
    day.mara.press("In doubt").see("Do not promise that the customer has it.").press("Settle it")
    day.mara.see("What did you find?").choose("It was sent").type("seen at the provider", "What you found, and where")
    day.mara.press("Save what you found")
    day.mara.see("You ")
    assert day.states().get(State.IN_DOUBT, 0) == doubts - 1
