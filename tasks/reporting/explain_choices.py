"""Explain what an order's customer chose: which notice a choice answers, what it asks for, what became of it."""

from typing import Any

from sqlalchemy import Connection, select

from models.customers import Choice
from tasks.orders.choices import load_choices
from tasks.tables import EVENTS


def explain_choices(connection: Connection, order: str) -> list[dict[str, Any]]:
    """Return the choices made for an order as plain data, the oldest first."""
    return [_choice(choice, load_events(connection, choice.id)) for choice in reversed(load_choices(connection, order))]


def load_events(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """Return what happened to something, in its order: when, what, who and why."""
    query = select(EVENTS.c.at, EVENTS.c.kind, EVENTS.c.who, EVENTS.c.why).where(EVENTS.c.subject == subject)
    return [dict(row) for row in connection.execute(query.order_by(EVENTS.c.id)).mappings()]


def _choice(choice: Choice, events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "choice": choice.id,
        "act": str(choice.act),
        "state": str(choice.state),
        "lines": list(choice.lines),
        "product": choice.product.name if choice.product else None,
        "expected_on": choice.expected_on,
        "refund": choice.refund,
        "price_difference": choice.price_difference,
        "currency": choice.currency,
        "discount": choice.discount.kind if choice.discount else None,
        "made_at": choice.made_at,
        "made_by": choice.made_by,
        "reserved_until": choice.reserved_until,
        "undo_until": choice.undo_until,
        "answers": choice.notice_id,
        "why": choice.why,
        "events": events,
    }
