"""Store offers in the ledger: an order has one discount code of each kind, which never changes."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from models.decisions import Discount, Plan
from models.enums import RemedyKind
from rules.offers.codes import CODE_BITS, new_code
from tasks.context import Context
from tasks.tables import OFFERS


def load_open_discounts(connection: Connection, orders: Sequence[str]) -> dict[tuple[str, str], Discount]:
    """Return the discounts that orders have been given, by order id and kind."""
    columns = ("order_id", "kind", "code", "currency", "expires_on", "value", "percent", "amount")
    query = select(*(OFFERS.c[name] for name in columns)).where(
        OFFERS.c.order_id.in_(orders), OFFERS.c.code.is_not(None)
    )
    return {
        (order, kind): Discount(RemedyKind(kind), code, currency, expires_on, value, percent, amount)
        for order, kind, code, currency, expires_on, value, percent, amount in connection.execute(query)
    }


def draw_code() -> str:
    """Draw a discount code that nobody can guess."""
    return new_code(secrets.randbits(CODE_BITS))


def offer_rows(plan: Plan, context: Context, *, new_discount: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of what a plan offers; a discount that the order has already is left out."""
    order = plan.delay.order
    common = {"run_id": context.run_id, "order_id": order.id, "created_at": context.started_at}
    defaults: dict[str, Any] = {"products": [], "code": None, "percent": None, "amount": None, "value": 0}
    for choice in plan.substitutes:
        yield {
            **common,
            **defaults,
            "id": f"{order.id}/{RemedyKind.SUBSTITUTE}/{choice.line.number}/{plan.revision}",
            "kind": RemedyKind.SUBSTITUTE,
            "line": choice.line.number,
            "revision": plan.revision,
            "products": [product.id for product in choice.products],
            "currency": order.currency,
            "expires_on": None,
        }
    if plan.discount is not None and new_discount:
        discount = plan.discount
        yield {
            **common,
            **defaults,
            "id": f"{order.id}/{discount.kind}",
            "kind": discount.kind,
            "line": "",
            "revision": 0,
            **{
                name: getattr(discount, name)
                for name in ("code", "percent", "amount", "value", "currency", "expires_on")
            },
        }
