"""The SQL of the pieces of a line: those that left, those still to leave, and those its customer still waits for.

It says the same as the methods of `models.orders.LineFacts`.
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
    """Return the SQL of something that did not happen before a day's end."""
    return or_(moment.is_(None), moment >= day_over)


def unsent_pieces_clause(day_over: datetime) -> ColumnElement[Quantity]:
    """Return the SQL of a line's pieces that have not left at a day's end, whatever its moments say."""
    return _less(_shipped(day_over))


def wanted_pieces_clause(day_over: datetime) -> ColumnElement[Quantity]:
    """Return the SQL of a line's pieces that must still come from stock or a vendor at a day's end."""
    waits = (not_yet_filter(SHIPMENTS.c[name], day_over) for name in ("shipped_at", "delivered_at"))
    packed = greatest(ORDER_LINES.c.packed, _in_parcels(day_over, and_(SHIPMENTS.c.packed_at < day_over, *waits)))
    return greatest(type_coerce(unsent_pieces_clause(day_over) - packed, Pieces), 0)


def owes_pieces_filter(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a line of which its customer still waits for pieces at a day's end."""
    delivered = _in_parcels(day_over, SHIPMENTS.c.delivered_at < day_over)
    kept = case((ORDER_LINES.c.promise == Promise.DELIVER, delivered), else_=_shipped(day_over))
    return _less(kept) > 0


def shipped_at_clause(day_over: datetime) -> ColumnElement[datetime]:
    """Return the SQL of the moment at which the last of a line's pieces left; None where that is not known."""
    last = select(func.max(SHIPMENTS.c.shipped_at)).where(_mine(), _left(day_over), _counts(day_over))
    parcel = case((unsent_pieces_clause(day_over) <= 0, last.correlate(ORDER_LINES).scalar_subquery()))
    return func.coalesce(ORDER_LINES.c.shipped_at, parcel)


def _less(kept: ColumnElement[Any]) -> ColumnElement[Quantity]:
    # What came back has left before: it is among the pieces that left, and counts once.
    return type_coerce(
        ORDER_LINES.c.quantity - ORDER_LINES.c.cancelled - greatest(ORDER_LINES.c.returned, kept), Pieces
    )


def _shipped(day_over: datetime) -> ColumnElement[Quantity]:
    return greatest(ORDER_LINES.c.shipped, _in_parcels(day_over, _left(day_over)))


def _left(day_over: datetime) -> ColumnElement[bool]:
    return or_(SHIPMENTS.c.shipped_at < day_over, SHIPMENTS.c.delivered_at < day_over)


def _counts(day_over: datetime) -> ColumnElement[bool]:
    return not_yet_filter(SHIPMENTS.c.cancelled_at, day_over)


def _mine() -> ColumnElement[bool]:
    return and_(SHIPMENTS.c.order_id == ORDER_LINES.c.order_id, SHIPMENTS.c.number == ORDER_LINES.c.number)


def _in_parcels(day_over: datetime, which: ColumnElement[bool]) -> ColumnElement[Quantity]:
    pieces = select(func.coalesce(func.sum(SHIPMENTS.c.quantity), 0)).where(_mine(), which, _counts(day_over))
    return type_coerce(pieces.correlate(ORDER_LINES).scalar_subquery(), Pieces)
