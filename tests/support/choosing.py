"""Choices of customers for tests."""

from datetime import UTC, datetime, timedelta
from itertools import count

from models.customers import Act, Choice, ChoiceState
from rules.customers.statements import statement_digest
from tasks.customers.order_page import load_order_page
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.customers.undo import undo_choice
from tasks.db.sql import read_only
from tests.support.shop_driver import noon

MADE_AT = datetime(2026, 6, 15, 10, tzinfo=UTC)


def choice(act=Act.CANCEL, *lines, number=1, state=ChoiceState.REQUESTED, **facts):
    """Return a choice of order 1041."""
    facts = {"made_at": MADE_AT, "made_by": "customer", "currency": "EUR"} | facts
    return Choice(f"1041-C{number}", "1041", number, act, state, lines=lines, **facts)


def page_of(driver, key="1041", on=0, at=None):
    """Return an order's page at noon of a day, or at a moment."""
    now = at or noon(on)
    as_of = now.astimezone(driver.context.zone).date()
    with read_only(driver.context.engine) as connection:
        return load_order_page(driver.context, connection, key, as_of, now)


class Visitor:
    """Opens an order's page, chooses, and takes choices back."""

    forms = count()

    def __init__(self, driver, key="1041", on=0):
        self.driver, self.key, self.now = driver, key, noon(on)

    def later(self, **time):
        self.now += timedelta(**time)
        return self

    @property
    def page(self):
        return page_of(self.driver, self.key, at=self.now)

    def form(self, act, option="", *, page=None, **changed):
        """Return the request of a form as the page shows it now."""
        page = page or self.page
        stated = statement_digest(page, act, option)
        values = {"form_id": f"form {next(self.forms)}", "version": page.version, "option": option, "stated": stated}
        return ChoiceRequest(self.key, act, **values | changed)

    def send(self, form):
        return record_choice(self.driver.context, form, self.now)

    def choose(self, act, option=""):
        return self.send(self.form(act, option))

    def undo(self, number=1):
        return undo_choice(self.driver.context, self.key, number, self.now)
