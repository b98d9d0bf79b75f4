"""SQL of the pieces of a line: shipped, still to ship, and owed to the customer.

It computes the same as the methods of `models.orders.LineFacts`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, case, func, or_, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from models.enums import Promise
from models.quantities import Quantity
from models.tables.column_types import Pieces
from tasks.tables import ORDER_LINES, SHIPMENTS


class greatest(FunctionElement[Quantity]):  # noqa: N801 - named as the SQL function it stands for
    """The greatest of several numbers."""

    inherit_cache = True
    type = Pieces()


@compiles(greatest)
def _greatest(element: greatest, compiler: Any, **how: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **how)})"


@compiles(greatest, "sqlite")
def _max(element: greatest, compiler: Any, **how: Any) -> str:
    return f"max({compiler.process(element.clauses, **how)})"


def not_yet_filter(moment: Column[Any], day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a moment that is unknown, or not before a day's end."""
    return or_(moment.is_(None), moment >= day_over)


def unsent_pieces_clause(day_over: datetime) -> ColumnElement[Quantity]:
    """Return the SQL of a line's pieces that have not left at a day's end, whatever its own dates are."""
    return _remaining(_shipped(day_over))


def wanted_pieces_clause(day_over: datetime) -> ColumnElement[Quantity]:
    """Return the SQL of a line's pieces that stock or a vendor must still supply at a day's end."""
    not_left = (not_yet_filter(SHIPMENTS.c[name], day_over) for name in ("shipped_at", "delivered_at"))
    packed = greatest(ORDER_LINES.c.packed, _in_parcels(day_over, and_(SHIPMENTS.c.packed_at < day_over, *not_left)))
    return greatest(type_coerce(unsent_pieces_clause(day_over) - packed, Pieces), 0)


def owes_pieces_filter(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a line with pieces owed to the customer at a day's end."""
    delivered = _in_parcels(day_over, SHIPMENTS.c.delivered_at < day_over)
    fulfilled = case((ORDER_LINES.c.promise == Promise.DELIVER, delivered), else_=_shipped(day_over))
    return _remaining(fulfilled) > 0


def shipped_at_clause(day_over: datetime) -> ColumnElement[datetime]:
    """Return the SQL of the moment at which the last of a line's pieces left; None where that is not known."""
    last = select(func.max(SHIPMENTS.c.shipped_at)).where(_of_line(), _left(day_over), _counts(day_over))
    parcel = case((unsent_pieces_clause(day_over) <= 0, last.correlate(ORDER_LINES).scalar_subquery()))
    return func.coalesce(ORDER_LINES.c.shipped_at, parcel)


def _remaining(fulfilled: ColumnElement[Any]) -> ColumnElement[Quantity]:
    # A returned piece has left before: it is among the shipped ones, and counts once.
    return type_coerce(
        ORDER_LINES.c.quantity - ORDER_LINES.c.cancelled - greatest(ORDER_LINES.c.returned, fulfilled), Pieces
    )


def _shipped(day_over: datetime) -> ColumnElement[Quantity]:
    return greatest(ORDER_LINES.c.shipped, _in_parcels(day_over, _left(day_over)))


def _left(day_over: datetime) -> ColumnElement[bool]:
    return or_(SHIPMENTS.c.shipped_at < day_over, SHIPMENTS.c.delivered_at < day_over)


def _counts(day_over: datetime) -> ColumnElement[bool]:
    return not_yet_filter(SHIPMENTS.c.cancelled_at, day_over)


def _of_line() -> ColumnElement[bool]:
    return and_(SHIPMENTS.c.order_id == ORDER_LINES.c.order_id, SHIPMENTS.c.number == ORDER_LINES.c.number)


def _in_parcels(day_over: datetime, which: ColumnElement[bool]) -> ColumnElement[Quantity]:
    pieces = select(func.coalesce(func.sum(SHIPMENTS.c.quantity), 0)).where(_of_line(), which, _counts(day_over))
    return type_coerce(pieces.correlate(ORDER_LINES).scalar_subquery(), Pieces)
