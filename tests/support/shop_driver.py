"""A small shop whose orders, runs and messages tests control."""

import asyncio
from collections import Counter
from copy import copy
from dataclasses import asdict, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import Integer, insert, select, update

from channels.transport import PermanentFailure, TemporaryFailure
from models.config.shop import Help, Links, Sender, ShopConfig
from models.enums import Channel
from models.messages import Message, Receipt
from models.orders import CustomerFacts
from models.policy.messaging import GuardrailPolicy
from models.policy.policy import Policy
from rules.delays.working_days import Calendar
from tasks.context import Context
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.sql import read_only
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.worker import DeliveryWorker, mark_abandoned
from tasks.guardrails.check import check_run
from tasks.notices.evaluate import evaluate_page
from tasks.notices.summary import EvaluationSummary
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.due import touch_orders
from tasks.orders.queries import get_orders
from tasks.runs.records import HELD, LATE_ORDERS, finish_run, start_run
from tasks.tables import (
    CUSTOMERS,
    NOTICES,
    ORDER_LINES,
    ORDERS,
    POST_MESSAGES,
    POSTS,
    PRODUCTS,
    STOCKS,
    WATCHES,
    table_of,
)
from templates.rendering.messages import Renderer
from tests.support.at_once import run_at_once
from tests.support.builders import ANNA, DAY, day, line
from tests.support.delivery import deliver_all, rows_of

SHOP = ShopConfig(
    name="Lamps & Co",
    zone="Europe/Berlin",
    country="DE",
    currency="EUR",
    sender=Sender(name="Lamps & Co", email="hello@lamps.example.com"),
    help=Help(email="help@lamps.example.com"),
    links=Links(home="https://lamps.example.com", order="https://lamps.example.com/orders/{order}"),
)
SHOP_TOML = """
name = "Lamps & Co"
zone = "Europe/Berlin"
country = "DE"
currency = "EUR"
[sender]
name = "Lamps & Co"
email = "hello@lamps.example.com"
[help]
email = "help@lamps.example.com"
[links]
home = "https://lamps.example.com"
order = "https://lamps.example.com/orders/{order}"
"""
"""The same shop, as its shop.toml says it."""
SMALL_SHOP_POLICY = Policy(guardrails=GuardrailPolicy(min_orders=3))
"""Guardrails of a shop so small that three orders are many."""
_RENDERERS: dict[str, Renderer] = {}
"""By shop; never rendered with."""


def open_context(url, policy=Policy()):  # noqa: B008 - frozen
    engine = connect(url)
    migrate(engine)
    renderer = renderer_of(SHOP)
    return Context(engine, SHOP, policy, Calendar(policy.days), lambda: renderer, DAY, noon(0))


def renderer_of(shop):
    """Return a renderer of the built-in templates that counts for itself; it shares what others of the shop read."""
    key = shop.model_dump_json()
    if key not in _RENDERERS:
        _RENDERERS[key] = Renderer(shop)
    renderer = copy(_RENDERERS[key])
    renderer.fallbacks = Counter()
    return renderer


def with_renderer(context, renderer):
    return replace(context, load_renderer=lambda: renderer)


class FakeTransport:
    """A transport that keeps what it took, and answers what a test wants."""

    def __init__(self, answer=None):
        self.taken: list[Message] = []
        self.answer = answer

    async def send(self, message):
        await asyncio.sleep(0)
        if self.answer is not None and (error := self.answer(message)):
            raise error
        self.taken.append(message)
        return Receipt(f"ref-{message.id}")

    async def close(self):
        pass


class ShopDriver:
    """Takes orders, runs days and records the messages sent."""

    def __init__(self, context):
        self.context, self.transport = context, FakeTransport()

    def order(self, key="1041", *lines, customer=ANNA, placed=-60, currency="EUR", shipping_fee=None):
        """Take an order in, as an import would."""
        lines = lines or (line(promised=-9),)
        with self.context.engine.begin() as connection:
            known = set(connection.execute(select(CUSTOMERS.c.id)).scalars())
            if customer.id not in known:
                connection.execute(insert(CUSTOMERS).values(**asdict(customer)))
            connection.execute(
                insert(ORDERS).values(
                    id=key,
                    customer_id=customer.id,
                    placed_at=noon(placed),
                    currency=currency,
                    shipping_fee=shipping_fee,
                )
            )
            for one in lines:
                self._product(connection, one.product)
                connection.execute(insert(ORDER_LINES).values(**_row(key, one)))
            connection.execute(insert(WATCHES).values(order_id=key, next_check_on=DAY, version=0, revision=0))

    def _product(self, connection, product):
        if product.id not in set(connection.execute(select(PRODUCTS.c.id)).scalars()):
            connection.execute(insert(PRODUCTS).values(**asdict(product)))

    def stock(self, product, on_hand, allocated=0):
        with self.context.engine.begin() as connection:
            self._product(connection, product)
            connection.execute(
                insert(STOCKS).values(product_id=product.id, location="main", on_hand=on_hand, allocated=allocated)
            )

    def change(self, key, on=0, **facts):
        """Change every line of an order, as an import would on a day."""
        with self.context.engine.begin() as connection:
            connection.execute(update(ORDER_LINES).where(ORDER_LINES.c.order_id == key).values(**facts))
            self.mark_due(connection, key, on)

    def mark_due(self, connection, key, on=0):
        connection.execute(
            update(WATCHES)
            .where(WATCHES.c.order_id == key)
            .values(next_check_on=day(on), version=WATCHES.c.version + 1)
        )

    def customer(self, key, **facts):
        """Change a customer, as an import would."""
        orders = select(ORDERS.c.id).where(ORDERS.c.customer_id == key)
        with self.context.engine.begin() as connection:
            connection.execute(update(CUSTOMERS).where(CUSTOMERS.c.id == key).values(**facts))
            touch_orders(connection, set(connection.execute(orders).scalars()))

    def evaluate(self, on=0, *, batch=500, limit=None, at=None) -> EvaluationSummary:
        """Live the deciding half of a day."""
        context = start_run(self.context, LATE_ORDERS, day(on), at or noon(on))
        found, after, shelves = EvaluationSummary(), None, SubstituteStock()
        while True:
            left = None if limit is None else limit - sum(found.changes.values())
            page = evaluate_page(context, shelves, after, batch=batch, limit=left)
            found.add(page.summary)
            if page.last is None:
                break
            after = page.last
        self.breaches = check_run(context)
        held = {"held": {breach.name: breach.sentence for breach in self.breaches}}
        finish_run(context, noon(on), HELD if self.breaches else "done", held)
        return found

    def deliver(self, on=0, *, transport=None, parallel=4, at=None, lease=600, clock=None) -> DeliverySummary:
        """Live the delivering half of a day."""
        moment = at or noon(on)
        transport = transport or self.transport
        transports = dict.fromkeys(Channel, transport)
        worker = DeliveryWorker(
            LeaseHolder(f"test {moment}", timedelta(seconds=lease)), transports, parallel, clock or (lambda: moment)
        )
        context = self.context.with_run("test", day(on), moment)

        async def all_of_it():
            done = DeliverySummary(in_doubt=mark_abandoned(self.context, worker))
            return await deliver_all(context, worker, done)

        return run_at_once(all_of_it())

    def run_day(self, on=0):
        """Live a whole day; return the messages that left."""
        before = len(self.transport.taken)
        self.evaluate(on)
        self.deliver(on)
        return self.transport.taken[before:]

    def rows(self, table):
        """Return a table's rows in the order in which they were written; PostgreSQL moves a row that is updated.

        A message comes with where it stands.
        """
        numbered = [column for column in table.primary_key if isinstance(column.type, Integer)]
        with read_only(self.context.engine) as connection:
            rows = [dict(row) for row in connection.execute(rows_of(table).order_by(*numbered)).mappings()]
        if "created_at" in table.c:
            rows.sort(key=lambda row: (row["created_at"], row.get("revision", 0)))
        return rows

    @property
    def notices(self):
        return self.rows(NOTICES)

    @property
    def posts(self):
        return self.rows(POSTS)

    @property
    def post_messages(self):
        """Return what leaves by each network, with where it stands."""
        return self.rows(POST_MESSAGES)

    def watch(self, key="1041"):
        (found,) = [row for row in self.rows(WATCHES) if row["order_id"] == key]
        return found

    def told(self, key="1041"):
        """Return the last notice that has left about an order; None where there is none."""
        with read_only(self.context.engine) as connection:
            (watched,) = get_orders(self.context, connection, [key])
        return watched.order.told

    def told_revision(self, key="1041"):
        told = self.told(key)
        return told.revision if told else None


def noon(n: int) -> datetime:
    """Return noon in Berlin, `n` days after DAY, in UTC."""
    return datetime.combine(day(n), time(10), UTC)


def _row(key, one):
    moments = {
        f"{name}_at": None
        if getattr(one, f"{name}_on") is None
        else datetime.combine(getattr(one, f"{name}_on"), time(10), UTC)
        for name in ("shipped", "delivered", "cancelled")
    }
    return {
        "order_id": key,
        "number": one.number,
        "product_id": one.product.id,
        "quantity": one.quantity,
        "price": one.price,
        "promise": one.promise,
        "promised_on": one.promised_on,
        "expected_on": one.expected_on,
        **moments,
    }


def customer(key: str, **facts) -> CustomerFacts:
    """Return another customer."""
    return (
        replace(ANNA, id=key, name=f"Customer {key}", email=f"{key}@example.com", **facts)
        if "email" not in facts
        else replace(ANNA, id=key, name=f"Customer {key}", **facts)
    )


def euros(amount) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"))


def place_orders(driver, late, on_time=0):
    """Fill the shop with orders, some of them late."""
    for n in range(late + on_time):
        promised = -9 if n < late else 30
        driver.order(f"{n}", line(promised=promised), customer=customer(f"c{n}"), placed=-20)


__all__ = [
    "SHOP",
    "SHOP_TOML",
    "SMALL_SHOP_POLICY",
    "FakeTransport",
    "PermanentFailure",
    "ShopDriver",
    "TemporaryFailure",
    "customer",
    "euros",
    "noon",
    "open_context",
    "place_orders",
    "renderer_of",
    "table_of",
]
