"""Offers in the ledger: one discount code an order and kind, for ever the same."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from models.decisions import Discount, Plan
from models.enums import RemedyKind
from rules.offers.codes import CODE_BITS, new_code
from tasks.context import Context
from tasks.db.sql import insert
from tasks.tables import OFFERS


def load_open_discounts(connection: Connection, orders: Sequence[str]) -> dict[tuple[str, str], Discount]:
    """Return the discounts that orders were given before, by order and kind."""
    columns = ("order_id", "kind", "code", "currency", "expires_on", "value", "percent", "amount")
    found = select(*(OFFERS.c[name] for name in columns)).where(
        OFFERS.c.order_id.in_(orders), OFFERS.c.code.is_not(None)
    )
    return {
        (order, kind): Discount(RemedyKind(kind), code, currency, expires_on, value, percent, amount)
        for order, kind, code, currency, expires_on, value, percent, amount in connection.execute(found)
    }


def draw_code() -> str:
    """Draw a discount code that nobody can guess."""
    return new_code(secrets.randbits(CODE_BITS))


def offer_rows(plan: Plan, context: Context, *, new_discount: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows that record what a plan offers; a discount given before is not recorded again."""
    order = plan.delay.order
    same = {"run_id": context.run_id, "order_id": order.id, "created_at": context.started_at}
    nothing: dict[str, Any] = {"products": [], "code": None, "percent": None, "amount": None, "value": 0}
    for one in plan.substitutes:
        yield {
            **same,
            **nothing,
            "id": f"{order.id}/{RemedyKind.SUBSTITUTE}/{one.line.number}/{plan.revision}",
            "kind": RemedyKind.SUBSTITUTE,
            "line": one.line.number,
            "revision": plan.revision,
            "products": [product.id for product in one.products],
            "currency": order.currency,
            "expires_on": None,
        }
    if plan.discount is not None and new_discount:
        discount = plan.discount
        yield {
            **same,
            **nothing,
            "id": f"{order.id}/{discount.kind}",
            "kind": discount.kind,
            "line": "",
            "revision": 0,
            **{
                name: getattr(discount, name)
                for name in ("code", "percent", "amount", "value", "currency", "expires_on")
            },
        }


def insert_offers(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write offers down."""
    if listed := list(rows):
        connection.execute(insert(connection, OFFERS).on_conflict_do_nothing(), listed)
