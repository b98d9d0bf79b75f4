"""Offers in the ledger: one discount code an order and kind, for ever the same."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, or_, select

from models.ledger import Offer
from models.plans import Discount, Plan
from models.values import RemedyKind, State
from rules.codes import CODE_BITS, new_code
from tasks.csvs import sheet
from tasks.db import insert, reading
from tasks.desk import Desk
from tasks.orders import NOTICES, table_of
from tasks.runs import Now

OFFERS = table_of(Offer)
EXPORTED = ("order", "kind", "line", "code", "percent", "amount", "currency", "value", "expires_on", "products")


def given(connection: Connection, orders: Sequence[str]) -> dict[tuple[str, str], Discount]:
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


def rows_of(plan: Plan, now: Now, *, new_discount: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows that record what a plan offers; a discount given before is not recorded again."""
    order = plan.delay.order
    same = {"run_id": now.run, "order_id": order.id, "created_at": now.moment}
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


def record(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write offers down."""
    if listed := list(rows):
        connection.execute(insert(connection, OFFERS).on_conflict_do_nothing(), listed)


def _first_said() -> ScalarSelect[Any]:
    """Return when the first notice was owed that told of an offer, or still may; NULL where none will.

    A discount drawn for a dropped run is said again, with the same code, when its order is told after all.
    """
    says = or_(OFFERS.c.code.is_not(None), NOTICES.c.revision == OFFERS.c.revision)
    return (
        select(func.min(NOTICES.c.created_at))
        .where(NOTICES.c.order_id == OFFERS.c.order_id, NOTICES.c.state != State.SKIPPED, says)
        .where(NOTICES.c.created_at >= OFFERS.c.created_at)
        .scalar_subquery()
    )


def export(desk: Desk, file: Path, since: date | None = None) -> int:
    """Write the offers that customers hear of as CSV in the shape a shop system imports, newest last; return how many.

    What was dropped or skipped before it left is not among them; `since` counts from the notice that tells of it.
    """
    said = _first_said()
    query = select(OFFERS).where(said.is_not(None)).order_by(OFFERS.c.created_at, OFFERS.c.id)
    if since is not None:
        query = query.where(said >= desk.start_of(since))
    written = 0
    with reading(desk.engine) as connection, sheet(file, EXPORTED) as write:
        for offer in connection.execute(query, execution_options={"yield_per": 1000}):
            write(
                (
                    offer.order_id,
                    offer.kind,
                    offer.line,
                    offer.code,
                    offer.percent,
                    offer.amount,
                    offer.currency,
                    offer.value,
                    offer.expires_on,
                    " ".join(offer.products),
                )
            )
            written += 1
    return written
