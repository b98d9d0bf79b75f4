"""Tell which orders are still open: nothing of them is deleted."""

from typing import Any

from sqlalchemy import ColumnElement, and_, select

from models.policy.policy import CLOSED
from tasks.context import Context
from tasks.tables import WATCHES


def is_open(context: Context, order_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the SQL of an order that is open, or that is to be checked again and may be found open."""
    closed = and_(WATCHES.c.bucket.is_not(None), WATCHES.c.bucket == CLOSED, WATCHES.c.next_check_on > context.as_of)
    return select(WATCHES.c.order_id).where(WATCHES.c.order_id == order_id, ~closed).exists()
