"""Random use of order pages over some days: what must always hold is checked after each step."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from models.customers import Act, ChoiceState
from models.enums import State
from models.orders import ProductFacts
from rules.customers.choice_details import is_carried_out
from rules.customers.standing import cancelled_by, closing_choices
from tasks.customers.choice_errors import ChoiceNotPossible
from tasks.customers.choice_tasks import close_choice
from tasks.db.sql import read_only
from tasks.orders.choices import load_choices
from tasks.reporting.check_ledger import check_ledger
from tasks.tables import CUSTOMER_CHOICES, NOTICES, ORDER_LINES, OUTBOX
from tests.support.builders import day, line
from tests.support.choosing import Visitor
from tests.support.delivery import rows_of
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute

FERN = ProductFacts("fern", "Fern", "lamps", Decimal("46.50"))
FEE = Decimal("4.90")
ORDERS = ("1", "2", "3")
STEPS = 30
ON_HAND = 2


class Use:
    """Customers, the shop and its warehouse, each doing what they may at random."""

    def __init__(self, driver, seed):
        self.driver, self.random, self.minutes = driver, random.Random(seed), 0  # noqa: S311 - no secret
        self.forms = []

    @property
    def on(self):
        return self.minutes // 1440

    def visitor(self, key=None):
        return Visitor(self.driver, key or self.random.choice(ORDERS)).later(minutes=self.minutes)

    def step(self):
        acts = (self.choose, self.choose, self.repeat, self.undo, self.close, self.warehouse, self.slip, self.run_day)
        self.minutes += self.random.choice((1, 20, 90, 700))
        self.random.choice(acts)()

    def choose(self):
        visitor = self.visitor()
        page = visitor.page
        if not page.open.acts:
            return
        act = self.random.choice(page.open.acts)
        options = {Act.CANCEL: page.open.cancels, Act.SWAP: page.open.swaps}.get(act, ())
        option = self.random.choice(options).key if options else ""
        form = visitor.form(act, option, page=page)
        self.forms.append((visitor.key, form))
        made = visitor.send(form)
        assert (made.act, made.number) == (act, page.version + 1)

    def repeat(self):
        """Send an old form once more: it records nothing new."""
        if self.forms:
            key, form = self.random.choice(self.forms)
            before = len(self.driver.rows(CUSTOMER_CHOICES))
            assert self.visitor(key).send(form).id.startswith(f"{key}-C")
            assert len(self.driver.rows(CUSTOMER_CHOICES)) == before

    def undo(self):
        visitor = self.visitor()
        page = visitor.page
        if page.choices:
            chosen = self.random.choice(page.choices)
            may = chosen.state is ChoiceState.UNDONE or (chosen.undo_until and visitor.now < chosen.undo_until)
            try:
                undone = visitor.undo(chosen.number)
            except ChoiceNotPossible:
                ended = chosen.state in (ChoiceState.REPLACED, ChoiceState.REFUSED)
                assert not may or ended or is_carried_out(page, chosen)
            else:
                assert may
                assert undone.state is ChoiceState.UNDONE

    def close(self):
        visitor = self.visitor()
        requested = [one for one in visitor.page.choices if one.state is ChoiceState.REQUESTED]
        if requested:
            state = self.random.choice((ChoiceState.DONE, ChoiceState.REFUSED))
            close_choice(self.driver.context, self.random.choice(requested).id, state, "ana", "", visitor.now)

    def warehouse(self):
        """Pack or ship a line, whether or not its customer has cancelled it."""
        moment = noon(0) + timedelta(minutes=self.minutes)
        done = self.random.choice(({"packed": 1}, {"shipped": 1}, {"shipped_at": moment}))
        self._change(**done)

    def slip(self):
        self._change(expected_on=self.random.choice((None, day(self.on + 2), day(self.on + 30))))

    def _change(self, **facts):
        key = self.random.choice(ORDERS)
        which = (ORDER_LINES.c.order_id == key, ORDER_LINES.c.number == self.random.choice("12"))
        execute(self.driver, update(ORDER_LINES).where(*which).values(facts))
        with self.driver.context.engine.begin() as connection:
            self.driver.mark_due(connection, key, self.on)

    def run_day(self):
        self.driver.evaluate(self.on)
        closed = {key: set(closing_choices(self.choices(key))) for key in ORDERS}
        before = {row["id"] for row in self.left()}
        self.driver.deliver(self.on)
        for notice in self.left():
            if notice["id"] not in before:
                assert not {stated[0] for stated in notice["lines"]} & closed[notice["order_id"]]

    def left(self):
        with read_only(self.driver.context.engine) as connection:
            query = rows_of(NOTICES).where(OUTBOX.c.state.in_((State.SENT, State.DELIVERED)))
            return list(connection.execute(query).mappings())

    def choices(self, key):
        with read_only(self.driver.context.engine) as connection:
            return load_choices(connection, key)

    def check(self):
        with read_only(self.driver.context.engine) as connection:
            assert check_ledger(connection) == []
        reserved = 0
        for key in ORDERS:
            visitor = self.visitor(key)
            page, choices = visitor.page, self.choices(key)
            closed = set(closing_choices(choices))
            cancelled = {choice.id: choice for choice in cancelled_by(choices).values()}.values()
            assert sum(choice.refund for choice in cancelled) <= 4 * 40 + FEE
            assert page.version == len(choices)
            items = [item for parcel in page.parcels for item in parcel.items if item.status in ("open", "ready")]
            assert not closed & {item.number for item in items}
            gone = set(cancelled_by(choices))
            assert not gone & {number for option in page.open.cancels for number in option.lines}
            swaps = (one for one in closing_choices(choices).values() if one.act is Act.SWAP)
            reserved += sum(one.quantity for one in swaps if one.reserved_until > visitor.now)
        assert reserved <= ON_HAND


@pytest.mark.parametrize("seed", range(3))
def test_whatever_customers_shop_and_warehouse_do_the_ledger_stays_consistent(driver, seed):
    for key in ORDERS:
        lines = line("1", promised=-9, expected=4, quantity=2), line("2", promised=2, quantity=2)
        driver.order(key, *lines, customer=customer(f"c{key}"), shipping_fee=FEE)
    driver.stock(FERN, ON_HAND)
    driver.run_day()
    use = Use(driver, seed)
    for _ in range(STEPS):
        use.step()
        use.check()
    assert len({row["act"] for row in driver.rows(CUSTOMER_CHOICES)}) > 1
