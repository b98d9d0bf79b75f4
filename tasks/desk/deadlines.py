"""What the law asks of the shop for late orders: duties by deadline, those missed, and refunds that staff record."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from tasks.context import Context
from tasks.desk.bounded import PAGE, Count, Listed, after_filter, count_up_to, listed
from tasks.promise_clock.duties import LineDuty
from tasks.promise_clock.staff_records import MISSED
from tasks.tables import CLOCK_WATCHES, CUSTOMERS, EVENTS, ORDERS

MISSED_SHOWN = timedelta(days=7)
Place = tuple[date, str]


@dataclass(frozen=True, slots=True)
class OrderDuties:
    """The open duties of an order, and its customer."""

    order_id: str
    customer: str
    deadline: date
    """Its next one."""
    duties: tuple[LineDuty, ...]

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return self.deadline, self.order_id


@dataclass(frozen=True, slots=True)
class MissedDeadline:
    """A deadline that was found to have passed."""

    order_id: str
    line: str
    what: str
    found_at: datetime


def count_near(context: Context, connection: Connection) -> Count:
    """Return how many orders have a deadline that is near or has passed, by the policy's warnings."""
    ahead = timedelta(days=max(context.policy.promise_clock.warn_days, default=0))
    near = select(CLOCK_WATCHES.c.order_id).where(CLOCK_WATCHES.c.deadline <= context.as_of + ahead)
    return count_up_to(connection, near)


def list_duties(connection: Connection, place: Place | None, limit: int = PAGE) -> Listed[OrderDuties]:
    """Return a page of the orders with a deadline, the nearest first."""
    columns = (CLOCK_WATCHES.c.order_id, CLOCK_WATCHES.c.deadline, CLOCK_WATCHES.c.lines, CUSTOMERS.c.name)
    query = (
        select(*columns)
        .select_from(
            CLOCK_WATCHES.outerjoin(ORDERS, ORDERS.c.id == CLOCK_WATCHES.c.order_id).outerjoin(
                CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id
            )
        )
        .where(CLOCK_WATCHES.c.deadline.is_not(None))
        .where(*after_filter(place, CLOCK_WATCHES.c.deadline, CLOCK_WATCHES.c.order_id))
        .order_by(CLOCK_WATCHES.c.deadline, CLOCK_WATCHES.c.order_id)
        .limit(limit + 1)
    )
    page = listed(connection.execute(query).all(), limit)
    rows = (
        OrderDuties(row.order_id, row.name or "", row.deadline, tuple(map(LineDuty.from_data, row.lines)))
        for row in page.rows
    )
    return Listed(tuple(rows), page.more)


def load_duties(connection: Connection, order_id: str) -> tuple[LineDuty, ...]:
    """Return the open duties of an order, as the last look at it left them."""
    lines = connection.execute(select(CLOCK_WATCHES.c.lines).where(CLOCK_WATCHES.c.order_id == order_id)).scalar()
    return tuple(map(LineDuty.from_data, lines or ()))


def list_missed(context: Context, connection: Connection, limit: int = PAGE) -> Listed[MissedDeadline]:
    """Return the deadlines that were found missed in the last week, the newest first."""
    since = context.started_at - MISSED_SHOWN
    query = select(EVENTS.c.subject, EVENTS.c.why, EVENTS.c.at).where(EVENTS.c.at > since, EVENTS.c.kind == MISSED)
    newest = query.order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc()).limit(limit + 1)
    page = listed(connection.execute(newest).all(), limit)
    return Listed(tuple(MissedDeadline(*_line(row.subject), row.why, row.at) for row in page.rows), page.more)


def _line(subject: str) -> tuple[str, str]:
    order, _, line = subject.rpartition("/")
    return order, line
