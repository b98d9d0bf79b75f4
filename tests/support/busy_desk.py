"""A shop on a busy morning, for the desk: a held run, a queue, doubts, answers, deadlines and texts."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, update

from models.orders import ProductFacts
from models.policy.messaging import GuardrailPolicy
from models.policy.policy import Policy
from tasks.delivery.circuit_breaker import trip
from tasks.promise_clock.duties import LineDuty
from tasks.tables import CALLBACK_EVENTS, CLOCK_WATCHES, EVENTS, INBOUNDS, LIVE_CHANNELS, OUTBOX, PRODUCTS, VENDORS
from tests.support.builders import day, line
from tests.support.choices import choice_row, insert_choices
from tests.support.shop_driver import FakeTransport, ShopDriver, customer, noon

NAMES = (
    "Nora Whitfield",
    "Jan de Vries",
    "Ana Beatriz Cavalcanti de Albuquerque",
    "Li Wei",
    "Marguerite Donaudampfschiffahrtsgesellschaft",
    "Óscar Núñez",
    "Sam Lee",
    "Ingrid Bergström",
)
PRODUCTS_SOLD = (
    ProductFacts("P1", "Washed Linen Duvet Cover Sand", "Bedding", Decimal(129)),
    ProductFacts("P2", "Cedar Bath Caddy", "Bath", Decimal("38.80")),
    ProductFacts("P3", "Handwoven Reclaimed-Cashmere Donaudampfschiffskapitänsdecke, king", "Bedding", Decimal(400)),
)


class Broken(FakeTransport):
    """A transport whose line breaks while a message is sent."""

    async def send(self, message):
        await asyncio.sleep(0)
        raise RuntimeError("the connection ended before SendGrid answered")


def make_busy(context) -> ShopDriver:
    """Fill the ledger; return a driver of the shop at noon."""
    driver = ShopDriver(replace(context, policy=Policy(guardrails=GuardrailPolicy(max_late_share=1))))
    _place(driver, 0, 3, promised=-12)
    driver.evaluate()
    driver.deliver(at=noon(0))
    _place(driver, 3, 6, promised=-9)
    driver.evaluate()
    driver.deliver(transport=Broken(), at=noon(0) + timedelta(minutes=1))
    _place(driver, 6, 18, promised=-20)
    driver.evaluate()
    driver.context = context
    _queue_later(driver)
    driver.context = replace(context, policy=Policy(guardrails=GuardrailPolicy(min_orders=3, max_late_share=0.3)))
    _place(driver, 18, 50, promised=-15)
    driver.evaluate()
    _facts(driver)
    return driver


def _place(driver, first, last, promised):
    for n in range(first, last):
        who = replace(customer(f"c{n}", phone=f"+4915112345{n:03}", sms_consent=True), name=NAMES[n % len(NAMES)])
        product = PRODUCTS_SOLD[n % len(PRODUCTS_SOLD)]
        expected = None if n % 3 == 2 else n % 9
        driver.order(
            f"{1041 + n}", line(promised=promised, expected=expected, product=product), customer=who, placed=-40
        )


def _queue_later(driver):
    with driver.context.engine.begin() as connection:
        waiting = update(OUTBOX).where(OUTBOX.c.state == "queued", OUTBOX.c.channel == "sms")
        connection.execute(waiting.values(not_before=noon(1) - timedelta(hours=4)))


def _facts(driver):
    context = driver.context
    with context.engine.begin() as connection:
        trip(connection, "sms", "12 of the last 20 were refused", noon(0), context.policy.sending, "t", probed=False)
        connection.execute(insert(LIVE_CHANNELS).values(channel="email", live_at=noon(-30), who="Ana"))
        connection.execute(insert(VENDORS).values(id="V1", name="Harbour Looms"))
        connection.execute(update(PRODUCTS).where(PRODUCTS.c.id == "P1").values(vendor_id="V1"))
        inbound = {"id": "D503", "product_id": "P1", "vendor_id": "V1", "quantity": 40, "expected_on": day(8)}
        connection.execute(insert(INBOUNDS).values(inbound))
        for n, ahead in enumerate((-1, 1, 3, 12)):
            order, what = f"{1041 + n}", "Send a second notice, or cancel the line and pay the money back"
            duty = LineDuty(order, "1", "US", "notice_due", "cancel_and_refund", day(ahead), what).as_data()
            row = {"order_id": order, "deadline": day(ahead), "lines": [duty], "check_on": day(1), "policy": ""}
            connection.execute(insert(CLOCK_WATCHES).values(row | {"checked_at": noon(0), "watch_version": 0}))
        what = "line 1 was to be sent by 14 June"
        missed = {"at": noon(0), "kind": "deadline_missed", "subject": "1041/1", "who": "Forewarn", "why": what}
        connection.execute(insert(EVENTS).values(missed))
        for n, body in enumerate(("Where is my duvet? I need it by Friday", "Please ring me", "ok thanks")):
            text = {"key": f"k{n}", "source": "twilio_inbound", "kind": "received", "reference": f"SM{n}"}
            text |= {"message_id": "", "address": f"+4915112345{n:03}", "payload": {"Body": body}, "effect": "message"}
            received = {"received_at": noon(0) - timedelta(hours=n + 1), "for_staff": True}
            connection.execute(insert(CALLBACK_EVENTS).values(text | received))
    choices = [choice_row("1041", 1, refund=Decimal(129)), choice_row("1042", 1, act="ship")]
    swap = choice_row("1043", 1, act="swap", product_id="P1", price_difference=Decimal(9))
    insert_choices(
        context, *choices, swap, choice_row("1045", 1, refund=Decimal("38.80"), why="too late for the party")
    )
