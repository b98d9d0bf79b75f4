"""Random use of order pages and the API, valid and not, while facts change, staff act and mails leave."""

import json
import random
import re
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select
from starlette.applications import Starlette

from models.config.shop import OrderPages
from models.customers import CLOSES_LINES, STANDING, Act, ChoiceState
from models.errors import ForewarnError
from models.orders import ProductFacts
from tasks.customers.choice_tasks import close_choice
from tasks.customers.links import mint_link, revoke_links
from tasks.db.sql import read_only
from tasks.reporting.check_ledger import check_ledger
from tasks.tables import CUSTOMER_CHOICES, ORDER_LINES, ORDERS, STOCKS
from templates.rendering.messages import Renderer
from tests.support.builders import line
from tests.support.clocks import MovedClock
from tests.support.shop_driver import SHOP, customer, noon, with_renderer
from tests.support.web_client import FORM, WebClient
from web.api.application import PREFIX, api_mount
from web.customer.pages import routes

SHOWN = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})
LINK_KEY, API_KEY = b"k" * 32, "planted-api-key-of-the-shop-0001"
ORDERS_COUNT = 6
LAMP, SPARE = ProductFacts("lamp", "Lamp", "lamps", Decimal(40)), ProductFacts("spare", "Spare", "lamps", Decimal(44))
JUNK = ("", "x", "-1", "99999999999999999999", "%00", "../..", "'; DROP TABLE notice; --", "💡", "a" * 3000)
STAFF_STATES = (ChoiceState.DONE, ChoiceState.REFUSED)


class RandomCustomers:
    """Some orders whose customers, shop and strangers act at random; `broken` lists what must not have happened."""

    def __init__(self, driver, seed):
        self.rng, self.clock = random.Random(seed), MovedClock(noon(0))  # noqa: S311 - no secret
        context = replace(driver.context, shop=SHOWN, link_key=LINK_KEY, has_webhook=True)
        driver.context = self.context = with_renderer(context, Renderer(SHOWN))
        self.driver, self.statuses, self.broken = driver, Counter(), []
        pages = routes(self.context, self.clock, LINK_KEY)
        self._app = Starlette(routes=[*pages, api_mount(self.context, (API_KEY,), self.clock)])
        self.tokens, self.forms = [], []
        self._day = 0
        self._open_shop()

    def _open_shop(self):
        self.driver.stock(SPARE, 2)
        for n in range(ORDERS_COUNT):
            lines = [line("1", promised=-16, quantity=self.rng.randint(1, 2), product=LAMP)]
            lines += [line("2", promised=3, ready=True)] if self.rng.random() < 0.6 else []
            lines = [replace(each, price=Decimal(40)) for each in lines]
            self.driver.order(f"104{n}", *lines, customer=customer(f"c{n}"), shipping_fee=Decimal("4.90"))
        self.driver.run_day()
        self.orders = [f"104{n}" for n in range(ORDERS_COUNT)]
        for order in self.orders:
            self._mint(order)

    @property
    def client(self):
        """Return somebody's browser; strangers who guess links are slowed down each by themselves."""
        return WebClient(self._app, f"192.0.2.{self.rng.randrange(250)}")

    def run(self, steps):
        acts = (
            [self._look] * 4 + [self._ask] * 6 + [self._answer] * 8 + [self._undo] * 2 + [self._misuse] * 4
            + [self._call] * 3 + [self._act_as_shop] * 3 + [self._change_facts] * 2 + [self._pass_time] * 3
        )  # fmt: skip
        for _ in range(steps):
            self.rng.choice(acts)()
            if self.broken:
                return
        self._judge()

    # What customers do.

    def _look(self):
        path = self.rng.choice(["", "/fragment", "/messages/1", "/messages/7", "/answers/1", "?lang=pt_BR"])
        self._note(self.client.get(f"/o/{self.rng.choice(self.tokens)}{path}"))

    def _ask(self):
        page = self._note(self.client.get(f"/o/{self.rng.choice(self.tokens)}/{self.rng.choice(list(Act))}"))
        self.forms += page.forms if page.status == 200 else []
        del self.forms[:-20]

    def _answer(self):
        if self.forms:
            form = self.rng.choice(self.forms)  # often an old one, or one that was sent before
            chosen = {"option": self.rng.choice(form.options)} if form.options else {}
            self._note(self.client.send(form, **chosen))

    def _undo(self):
        page = self._note(self.client.get(f"/o/{self.rng.choice(self.tokens)}/answers/{self.rng.randint(1, 3)}"))
        for form in page.forms if page.status == 200 else []:
            self._note(self.client.send(form))

    # What nobody should do.

    def _misuse(self):
        junk = self.rng.choice(JUNK)
        match self.rng.randrange(6):
            case 0:
                self._note(self.client.get(f"/o/{self.rng.randbytes(16).hex()}"))
            case 1:
                self._note(
                    self.client.post(f"/o/{self.rng.choice(self.tokens)}/cancel", {"form": junk, "option": junk})
                )
            case 2 if self.forms:
                form = self.rng.choice(self.forms)
                self._note(self.client.post(form.action, form.fields | {"option": junk}))
            case 3 if self.forms:
                form = self.rng.choice(self.forms)
                page = self.client.post(form.action, form.fields, FORM | {"Sec-Fetch-Site": "cross-site"})
                self._note(page)
                if page.status < 400:
                    self.broken.append(f"a form that another site sent was taken: {page.status}")
            case 4:
                self._note(self.client.post("/o/link", {"order": junk, "mail": junk}))
            case _:
                path = f"{PREFIX}/orders/{self.rng.choice(self.orders)}/choices"
                headers = {"Authorization": f"Bearer {junk[:9]}".encode()}
                self._note(self.client.ask("POST", path, json.dumps({"act": junk}), headers))

    # What the shop does.

    def _call(self):
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
        order = self.rng.choice(self.orders)
        shown = self._note(self.client.ask("GET", f"{PREFIX}/orders/{order}", None, headers))
        page = json.loads(shown.html)
        offered = [each for each in (page["open"].get("wait"), *page["open"].get("cancels", ())) if each]
        if not offered:
            return
        option = self.rng.choice(offered)
        act = "wait" if option is page["open"].get("wait") else "cancel"
        body = {"act": act, "option": option["option"], "version": page["version"], "stated": option["stated"]}
        body |= {"version": page["version"] + 1} if self.rng.random() < 0.2 else {}
        key = {"Idempotency-Key": f"key-{self.rng.randrange(30)}"}
        self._note(self.client.ask("POST", f"{PREFIX}/orders/{order}/choices", json.dumps(body), headers | key))

    def _act_as_shop(self):
        if self.rng.random() < 0.3:
            order = self.rng.choice(self.orders)
            with self.context.engine.begin() as connection:
                if self.rng.random() < 0.2:
                    revoke_links(connection, [order], self.clock.now, "mara")
            self._mint(order)
            return
        choices = self.driver.rows(CUSTOMER_CHOICES)
        if choices:
            try:
                state = self.rng.choice(STAFF_STATES)
                close_choice(
                    self.context, self.rng.choice(choices)["id"], state, "mara", "told by phone", self.clock.now
                )
            except ForewarnError:
                self.statuses["refused to staff"] += 1

    def _change_facts(self):
        order = self.rng.choice(self.orders)
        match self.rng.randrange(4):
            case 0:
                self.driver.change(order, self._day, packed=1)
            case 1:
                self.driver.change(order, self._day, packed=0)
            case 2:
                self.driver.change(order, self._day, expected_on=noon(self._day + self.rng.randint(2, 30)).date())
            case _:
                with self.context.engine.begin() as connection:
                    connection.execute(STOCKS.update().values(on_hand=self.rng.randint(0, 3)))

    def _pass_time(self):
        self.clock.move(seconds=self.rng.randint(1, 300))
        if self.rng.random() < 0.1:
            self._day = (self.clock.now - noon(0)).days + 1
            self.clock.now = noon(self._day)
            self.driver.run_day(self._day)

    def _mint(self, order):
        with self.context.engine.begin() as connection:
            owner = connection.execute(select(ORDERS.c.customer_id).where(ORDERS.c.id == order)).scalar_one()
            context = replace(self.context, started_at=self.clock.now)
            self.tokens.append(mint_link(context, connection, order, owner)[1])

    # What must hold.

    def _note(self, page):
        self.statuses[page.status] += 1
        if page.status >= 500:
            self.broken.append(f"answered {page.status}: {re.sub('<[^>]*>', ' ', page.html)[:300]}")
        return page

    def _judge(self):
        with read_only(self.context.engine) as connection:
            self.broken += [f"the ledger: {violation}" for violation in check_ledger(connection)]
            lines = connection.execute(select(ORDER_LINES)).all()
        paid = defaultdict(lambda: Decimal("4.90"))
        for row in lines:
            paid[row.order_id] += row.price * row.quantity
        refunds = defaultdict(Decimal)
        for choice in self.driver.rows(CUSTOMER_CHOICES):
            if choice["act"] in CLOSES_LINES and choice["state"] in STANDING:
                refunds[choice["order_id"]] += choice["refund"] or 0
        for order, refund in refunds.items():
            if refund > paid[order]:
                self.broken.append(f"order {order}: {refund} would be refunded of {paid[order]}")
