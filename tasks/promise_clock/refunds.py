"""Record that the money for a line went back, where no choice of the customer says so."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.events import record_events
from tasks.promise_clock.line_rows import REFUNDED
from tasks.tables import ORDER_LINES


def record_refund(context: Context, order: str, lines: Sequence[str], on: date, who: str, why: str = "") -> list[str]:
    """Record a refund of some lines of an order, or of all, and return their numbers.

    Raises ForewarnError for an unknown order or line, and for a day to come.
    """
    if on > context.as_of:
        raise ForewarnError(f"{on} is in the future; a refund is recorded when it was paid")
    with context.engine.begin() as connection:
        query = select(ORDER_LINES.c.number).where(ORDER_LINES.c.order_id == order).order_by(ORDER_LINES.c.number)
        known = list(connection.execute(query).scalars())
        if not known:
            raise ForewarnError(f"no order {order!r} is known: `forewarn import` imports new orders")
        if unknown := sorted(set(lines) - set(known)):
            raise ForewarnError(f"order {order} has no line {unknown[0]!r}; its lines are {', '.join(known)}")
        refunded = list(lines) or known
        words = f"{on} {why}".strip()
        events = [(REFUNDED, f"{order}/{number}", words) for number in refunded]
        record_events(connection, events, context.started_at, who)
    return refunded
