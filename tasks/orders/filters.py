"""TODO."""

from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from models.enums import Promise
from models.inventory import LONGEST
from models.policy.supply import Unpaid
from tasks.context import Desk
from tasks.orders.owed_pieces import not_yet, owes, unsent_pieces
from tasks.tables import EXPECTATIONS, LINES, ORDERS

CURRENT = and_(
    EXPECTATIONS.c.order_id == LINES.c.order_id,
    EXPECTATIONS.c.line == LINES.c.number,
    EXPECTATIONS.c.ended_at.is_(None),
)
"""The SQL of a line's current expectation."""


EXPECTED_ON = case((EXPECTATIONS.c.id.is_not(None), EXPECTATIONS.c.expected_on), else_=LINES.c.expected_on)
"""The SQL of the date a line is expected: as its expectation says, be it unknown; or else as the shop's system does."""


CLOSED = or_(LINES.c.done, LINES.c.virtual, ORDERS.c.done)
"""The SQL of a line of which nothing is outstanding, whatever its dates say; wants ORDERS joined."""


def still_open(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of `rules.delays.delays.open_lines` at a day's end; wants ORDERS joined."""
    shipped = or_(LINES.c.promise == Promise.DELIVER, not_yet(LINES.c.shipped_at, day_over))
    ends = (LINES.c.delivered_at, LINES.c.cancelled_at, ORDERS.c.cancelled_at)
    return and_(~CLOSED, shipped, *(not_yet(end, day_over) for end in ends), owes(day_over))


def undated(as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line of which the shop's system has no date, or a placeholder."""
    return or_(LINES.c.expected_on.is_(None), LINES.c.expected_on > as_of + timedelta(days=LONGEST))


def still_unsent(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a line of which pieces have not left at a day's end; wants ORDERS joined."""
    ends = (LINES.c.shipped_at, LINES.c.delivered_at, LINES.c.cancelled_at, ORDERS.c.cancelled_at)
    unsent = (~CLOSED, *(not_yet(end, day_over) for end in ends), unsent_pieces(day_over) > 0)
    return and_(ORDERS.c.placed_at < day_over, *unsent)


def still_late(desk: Desk, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that is open and late on a day; the rules decide by how many days.

    A day beyond `far` is a placeholder; the rules count from the order's own day, which SQL cannot in one dialect. A
    promise that counts from a payment, or is kept by arriving, is taken for the earliest that it can be.
    """
    far = as_of + timedelta(days=LONGEST)
    expectation = select(EXPECTATIONS.c.id).where(CURRENT).correlate(LINES)
    return and_(
        ORDERS.c.unpaid.is_(False),
        still_open(desk.end_of(as_of)),
        or_(
            LINES.c.promised_on < as_of,
            and_(LINES.c.expected_on > LINES.c.promised_on, LINES.c.expected_on <= far, ~expectation.exists()),
            expectation.where(EXPECTATIONS.c.expected_on > LINES.c.promised_on).exists(),
            and_(or_(LINES.c.promised_on.is_(None), LINES.c.promised_on > far), _lapsed(desk, as_of)),
        ),
    )


def _lapsed(desk: Desk, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of an order by whose shipping method the policy's promise has passed."""
    by_method, otherwise = desk.promises.lapsed(as_of)
    method, began = ORDERS.c.shipping_method, func.coalesce(ORDERS.c.paid_at, ORDERS.c.placed_at)
    known = [and_(method == name, began < desk.end_of(day)) for name, day in by_method.items()]
    others = or_(method.is_(None), method.not_in(list(by_method)))
    return or_(*known, and_(others, began < desk.end_of(otherwise)))


def unsent(desk: Desk, as_of: date) -> ColumnElement[bool]:
    """Return the SQL of a line that still wants goods on a day; wants ORDERS joined.

    An unpaid order wants none before it is paid, unless the policy says otherwise.
    """
    still = still_unsent(desk.end_of(as_of))
    return still if desk.policy.allocation.unpaid is Unpaid.TAKE else and_(still, ORDERS.c.unpaid.is_(False))
