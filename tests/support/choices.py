"""Choices as rows of a ledger, where a test needs them without the order that they are about."""

from sqlalchemy import insert

from tasks.tables import CUSTOMER_CHOICES
from tests.support.shop_driver import noon


def choice_row(order="1041", number=1, act="cancel", state="requested", **columns):
    """Return the row of a choice that its customer made at noon."""
    key = f"{order}-C{number}"
    names = {"id": key, "order_id": order, "number": number, "form_id": key, "act": act, "state": state}
    blank = {"lines": ["1"], "made_at": noon(0), "made_by": "customer", "currency": "EUR", "why": ""}
    return blank | names | columns


def insert_choices(context, *rows):
    with context.engine.begin() as connection:
        for row in rows:
            connection.execute(insert(CUSTOMER_CHOICES).values(row))
