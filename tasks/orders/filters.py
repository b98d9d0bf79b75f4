"""SQL conditions on orders and lines: open, late, without a date, still needing goods."""

from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from models.enums import Promise
from models.inventory import MAX_DAYS_AHEAD
from models.policy.supply import Unpaid
from tasks.context import Context
from tasks.orders.owed_pieces import not_yet_filter, owes_pieces_filter, unsent_pieces_clause
from tasks.tables import EXPECTED_DATES, ORDER_LINES, ORDERS

CURRENT_DATE_FILTER = and_(
    EXPECTED_DATES.c.order_id == ORDER_LINES.c.order_id,
    EXPECTED_DATES.c.line == ORDER_LINES.c.number,
    EXPECTED_DATES.c.ended_at.is_(None),
)
"""The SQL that joins a line with its current expected date."""


EXPECTED_ON_CLAUSE = case(
    (EXPECTED_DATES.c.id.is_not(None), EXPECTED_DATES.c.expected_on), else_=ORDER_LINES.c.expected_on
)
"""The SQL of a line's expected date: the one that Forewarn computed, even NULL, or else that of the shop's system."""


CLOSED_FILTER = or_(ORDER_LINES.c.done, ORDER_LINES.c.virtual, ORDERS.c.done)
"""The SQL of a line of which nothing is owed, whatever its dates are; the query joins ORDERS."""


def open_filter(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of `rules.delays.delays.open_lines` at a day's end; the query joins ORDERS."""
    shipped = or_(ORDER_LINES.c.promise == Promise.DELIVER, not_yet_filter(ORDER_LINES.c.shipped_at, day_over))
    ends = (ORDER_LINES.c.delivered_at, ORDER_LINES.c.cancelled_at, ORDERS.c.cancelled_at)
    return and_(~CLOSED_FILTER, shipped, *(not_yet_filter(end, day_over) for end in ends), owes_pieces_filter(day_over))


def undated_filter(as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line for which the shop's system has no expected date, or a placeholder."""
    return or_(ORDER_LINES.c.expected_on.is_(None), ORDER_LINES.c.expected_on > as_of + timedelta(days=MAX_DAYS_AHEAD))


def unsent_filter(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a line with pieces that have not left at a day's end; the query joins ORDERS."""
    ends = (ORDER_LINES.c.shipped_at, ORDER_LINES.c.delivered_at, ORDER_LINES.c.cancelled_at, ORDERS.c.cancelled_at)
    unsent = (~CLOSED_FILTER, *(not_yet_filter(end, day_over) for end in ends), unsent_pieces_clause(day_over) > 0)
    return and_(ORDERS.c.placed_at < day_over, *unsent)


def late_filter(context: Context, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that is open and late on a day; the rules decide by how many days.

    It may match lines that the rules find on time, never the reverse: a date more than MAX_DAYS_AHEAD after `as_of` is
    a placeholder, where the rules count from the order's day; and a promise that counts from a payment, or is kept by
    arriving, is taken at its earliest.
    """
    placeholder_from = as_of + timedelta(days=MAX_DAYS_AHEAD)
    own_date = select(EXPECTED_DATES.c.id).where(CURRENT_DATE_FILTER).correlate(ORDER_LINES)
    return and_(
        ORDERS.c.unpaid.is_(False),
        open_filter(context.end_of(as_of)),
        or_(
            ORDER_LINES.c.promised_on < as_of,
            and_(
                ORDER_LINES.c.expected_on > ORDER_LINES.c.promised_on,
                ORDER_LINES.c.expected_on <= placeholder_from,
                ~own_date.exists(),
            ),
            own_date.where(EXPECTED_DATES.c.expected_on > ORDER_LINES.c.promised_on).exists(),
            and_(
                or_(ORDER_LINES.c.promised_on.is_(None), ORDER_LINES.c.promised_on > placeholder_from),
                _lapsed_filter(context, as_of),
            ),
        ),
    )


def _lapsed_filter(context: Context, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of an order whose promise by the policy, for its shipping method, has passed."""
    by_method, otherwise = context.promises.lapsed(as_of)
    method, began = ORDERS.c.shipping_method, func.coalesce(ORDERS.c.paid_at, ORDERS.c.placed_at)
    by_known_method = [and_(method == name, began < context.end_of(day)) for name, day in by_method.items()]
    other_methods = or_(method.is_(None), method.not_in(list(by_method)))
    return or_(*by_known_method, and_(other_methods, began < context.end_of(otherwise)))


def not_packed_filter(context: Context, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that still needs goods on a day; the query joins ORDERS.

    An unpaid order needs none unless `allocation.unpaid` of the policy says so.
    """
    unsent = unsent_filter(context.end_of(as_of))
    return unsent if context.policy.allocation.unpaid is Unpaid.TAKE else and_(unsent, ORDERS.c.unpaid.is_(False))
