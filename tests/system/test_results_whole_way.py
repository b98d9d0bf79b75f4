"""Results from end to end: two wordings, a relay that takes the mails, answers, used codes, and the desk's page.

The page is looked at in a real browser, for axe, on a phone and on a wide screen.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from sqlalchemy import insert, select, update

from app.composition import isolated_settings, open_app
from flows.deliver import run_deliver
from flows.late_orders import run_late_orders
from models.config.settings import GivenSettings
from models.customers import Act
from models.enums import SmtpTls, State
from rules.experiments.assign import letter_of
from sources.starter_folder import write_starter
from tasks.tables import LIVE_CHANNELS, NOTICES, OFFERS, OUTBOX
from tests.support.browser import lacking, opened
from tests.support.builders import day
from tests.support.choosing import Visitor
from tests.support.desk import desk_client, serve_desk, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.shop_driver import noon
from tests.support.terminals import free_port
from tests.system.test_order_page_browser import DESKTOP, PHONE, Screen

NAME, SUBJECT = "shorter subject", "In short: order {{ order.id }} is late"
CUSTOMERS = [f"C{n}" for n in range(1, 41)]
POLICY = f"""
[guardrails]
min_orders = 100
max_data_age_hours = 0
[budget]
per_run = {{ EUR = 2000 }}
[costs]
email = {{ EUR = 0.01 }}
[[experiment]]
name = "{NAME}"
message = "long"
wording = "long_b"
begins = {day(0)}
ends = {day(20)}
outcome = "waited"
"""


class Relay:
    """A mail relay: it keeps the first subject that each address got."""

    def __init__(self):
        self.subjects = {}

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it
        text = envelope.content.decode()
        subject = next(line for line in text.splitlines() if line.startswith("Subject: "))
        self.subjects.setdefault(envelope.rcpt_tos[0], subject.removeprefix("Subject: "))
        return "250 taken"


def write_shop(folder):
    """Write a shop with an order for each customer, 20 days late."""
    write_starter(folder, day(0))
    (folder / "policy.toml").write_text(POLICY)
    (folder / "templates" / "long_b").mkdir()
    (folder / "templates" / "long_b" / "subject.en.txt").write_text(SUBJECT)
    data = folder / "data"
    head = "id,name,email,phone,country,locale,sms_consent,opted_out\n"
    people = (f"{key},Customer {key},{key.lower()}@example.com,,US,en,no,no\n" for key in CUSTOMERS)
    (data / "customers.csv").write_text(head + "".join(people))
    orders = (f"{key[1:]},{key},{day(-40)} 10:00:00,,4.90\n" for key in CUSTOMERS)
    (data / "orders.csv").write_text("number,customer,placed,cancelled,shipping\n" + "".join(orders))
    lines = (f"{key[1:]},1,TEA-1,1,8.90,{day(-20)},{day(9)},\n" for key in CUSTOMERS)
    (data / "lines.csv").write_text("order,line,sku,quantity,price,promised,expected,shipped\n" + "".join(lines))


def live(app, on):
    asyncio.run(run_late_orders(app, day(on), import_first=True))
    asyncio.run(run_deliver(app, day(on)))


def choose(context, order, act, on=1):
    driver = SimpleNamespace(context=replace(context, as_of=day(on)))
    Visitor(driver, order, on=on).choose(act, "all" if act is Act.CANCEL else "")


def told_orders(context):
    with context.engine.connect() as connection:
        rows = connection.execute(select(NOTICES.c.order_id, NOTICES.c.wording).order_by(NOTICES.c.order_id))
        return {row.order_id: row.wording for row in rows}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Live the days of a shop; return what the script knows."""
    home = tmp_path_factory.mktemp("results")
    write_shop(home / "shop")
    relay, port = Relay(), free_port()
    running = Controller(relay, hostname="127.0.0.1", port=port)
    running.start()
    smtp = {"email": "smtp", "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": SmtpTls.NONE}
    ledger = SecretStr(sqlite_ledger(home / "ledger.db"))
    given = GivenSettings(shop=home / "shop", home=home, database_url=ledger, **smtp)
    with isolated_settings(given), open_app() as app:
        engine = app.context.engine
        with engine.begin() as connection:
            connection.execute(insert(LIVE_CHANNELS).values(channel="email", live_at=noon(-9), who="Ana"))
        live(app, 0)
        wordings = told_orders(app.context)
        arms = {letter: [order for order, of in wordings.items() if of == letter] for letter in "AB"}
        with engine.begin() as connection:
            ids = select(NOTICES.c.id).where(NOTICES.c.order_id.in_([*arms["A"][:9], *arms["B"][:9]]))
            connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(ids)).values(state=State.DELIVERED))
        for order in (*arms["A"][:3], *arms["B"][:7]):
            choose(app.context, order, Act.WAIT)
        choose(app.context, arms["A"][3], Act.CANCEL)
        with engine.connect() as connection:
            offers = connection.execute(select(OFFERS.c.order_id, OFFERS.c.code).where(OFFERS.c.code.is_not(None)))
            codes = {offer.order_id: offer.code for offer in offers}
        used = [arms["A"][0], arms["B"][0], arms["B"][1]]
        uses = [f"{codes[order]},9{n},{day(2)} 10:00:00,0.89,EUR\n" for n, order in enumerate(used)]
        uses.append(f"{codes[used[0]]},99,{day(2)} 11:00:00,1.00,USD\nWAIT-3333-3333-3333,98,{day(2)},,\n")
        with (home / "shop" / "data" / "redemptions.csv").open("a") as file:
            file.writelines(uses)
        asyncio.run(run_late_orders(app, day(3), import_first=True))
        yield SimpleNamespace(context=app.context, arms=arms, codes=codes, subjects=relay.subjects)
    running.stop()


def test_each_customer_read_the_wording_that_was_fixed_beforehand(lived):
    orders = {order: letter for letter, found in lived.arms.items() for order in found}
    assert orders == {key[1:]: letter_of(NAME, 0.5, key) for key in CUSTOMERS}
    short = {to for to, subject in lived.subjects.items() if subject.startswith("In short: order ")}
    assert short == {f"c{order}@example.com" for order in lived.arms["B"]}


def test_the_page_of_a_message_names_its_wording(lived):
    order = lived.arms["B"][0]
    details = desk_client(lived.context, "service", now=noon(3)).get(f"/desk/orders/{order}/messages/1?tab=details")
    assert f"Words Wording B of the trial “{NAME}”" in details.text


def test_the_page_shows_what_the_script_knows(lived):
    a, b = len(lived.arms["A"]), len(lived.arms["B"])
    page = desk_client(lived.context, "marketing", now=noon(3) + timedelta(hours=1)).get("/desk/results")
    text = page.text.replace("\u00a0", " ")
    assert a + b == 40
    assert "15 days late or more 40 18 of 40 (45 %) 22 sent, no word 11 of 40 (28 %)" in text
    assert "10 of 40 (25 %) 0 of 40 (0 %) 1 of 40 (3 %)" in text
    assert "15 days late or more 40 3 of 40 (8 %) 1 used again" in text
    assert "2.67 EUR and 1.00 USD 0.40 EUR" in text
    assert f"A 3 of {a} waited" in text
    assert f"B 7 of {b} waited" in text
    assert "Too early to compare: the trial runs until" in text
    assert f"Redeemed a code A 1 of {a}" in text
    assert f"B 2 of {b}" in text


@pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")
def test_the_page_fits_its_screen_and_axe_finds_nothing(lived):
    now = noon(3) + timedelta(hours=1)
    client = desk_client(lived.context, "marketing", now=now, name="Mara")
    with opened() as driver, serve_desk(lived.context, now) as url:
        sign_in_browser(driver, url, client)
        screen = Screen(driver, None, url)
        screen.look(PHONE, "light")
        driver.get(f"{url}/desk/results")
        assert screen.violations() == []
        for width, scheme in ((PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")):
            assert not screen.scrolls_sideways()
            screen.look(width, scheme)
        assert screen.violations("color-contrast", "target-size") == []
        assert not screen.scrolls_sideways()
