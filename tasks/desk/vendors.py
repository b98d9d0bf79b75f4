"""What the desk shows of purchase requests: who owes an answer, and one request with its lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select, true, tuple_

from models.enums import State
from models.purchasing import VendorChannel, VendorResponse
from models.quantities import Quantity
from models.tables.purchasing import TO_DECIDE
from rules.delays.line_order import natural_key
from tasks.context import Context
from tasks.purchasing.dispatch import REQUESTS
from tasks.purchasing.requests import overdue_clause
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.purchasing.review import APPROVABLE, reopenable_filter
from tasks.purchasing.vendors import load_vendors
from tasks.tables import INBOUNDS, ORDER_LINES, ORDERS, OUTBOX, PRODUCTS, PURCHASE_LINES, PURCHASE_REQUESTS

STOPPED_STATES = (State.HELD, State.REJECTED, State.IN_DOUBT)
MAX_DELIVERIES = 1_000
"""The newest deliveries of a vendor that its usual lateness is taken from."""
MAX_LINES = 500
"""The lines of a request that its page shows."""


class RequestGroup(StrEnum):
    """What a purchase request waits for."""

    STOPPED = "stopped"
    """It is held, was rejected, or may or may not have arrived: a person decides."""
    REFUSED = "refused"
    """The vendor refused a line that an order still needs."""
    OVERDUE = "overdue"
    ASKED = "asked"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A purchase request in the list."""

    id: str
    vendor_id: str
    vendor: str
    channel: VendorChannel
    state: State
    created_at: datetime
    sent_at: datetime | None
    lines: int
    answered: int
    refused: int
    promised_on: date | None
    """The latest day that the vendor promised for a line."""
    reminded_at: datetime | None
    """When the last reminder was sent."""


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A page of one group, and whether more follow."""

    rows: tuple[RequestRow, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A line of a request, and what the vendor answered."""

    id: str
    order: str
    line: str
    product_id: str
    product: str
    quantity: Quantity
    drop_shipped: bool
    response: VendorResponse | None
    reason: str
    promised_on: date | None
    responded_at: datetime | None
    is_wanted: bool
    """Whether an open order still needs it."""
    is_reopenable: bool
    """Whether the next run may ask for it again."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of a request, and when it was sent; None: not yet."""

    id: str
    state: State
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class VendorLatenessFact:
    """How many days late a vendor's deliveries usually come; negative: early."""

    days: float
    deliveries: int


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """A request with its lines, its reminders, and what is known of its vendor."""

    row: RequestRow
    group: RequestGroup
    reason: str
    """Why it was rejected or is in doubt, as the provider or the vendor's server said."""
    email: str | None
    asked_lines: tuple[RequestedLine, ...]
    reminders: tuple[Reminder, ...]
    lateness: VendorLatenessFact | None

    @property
    def open_lines(self) -> tuple[RequestedLine, ...]:
        """Return the lines that were sent and have no answer."""
        return tuple(line for line in self.asked_lines if line.response is None)

    @property
    def may_remind(self) -> bool:
        """Return whether a further reminder can be sent."""
        waiting = any(reminder.sent_at is None and reminder.state == State.QUEUED for reminder in self.reminders)
        return self.row.state == State.SENT and bool(self.open_lines) and not waiting

    @property
    def may_send_again(self) -> bool:
        """Return whether the request as a whole can be sent, or sent again."""
        return self.row.state in APPROVABLE and bool(self.open_lines)

    @property
    def reopenable(self) -> tuple[RequestedLine, ...]:
        """Return the lines that the next run may ask for again."""
        return tuple(line for line in self.asked_lines if line.is_reopenable)

    @property
    def may_answer(self) -> bool:
        """Return whether an answer of the vendor can be recorded."""
        return any(
            line.response not in (VendorResponse.NOT_SENT, VendorResponse.ASK_AGAIN) for line in self.asked_lines
        )


def load_requests(
    context: Context, connection: Connection, group: RequestGroup, limit: int, after: tuple[datetime, str] | None = None
) -> RequestPage:
    """Return up to `limit` requests of a group: oldest first where somebody waits, newest first where all is answered.

    `after` is the time and the id of the last one of the page before.
    """
    return load_groups(context, connection, [group], limit, after)[group]


def load_groups(
    context: Context,
    connection: Connection,
    groups: Sequence[RequestGroup],
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> dict[RequestGroup, RequestPage]:
    """Return up to `limit` requests of each group."""
    refused = list(connection.execute(_refused_requests(context)).scalars())
    return {group: _load_group(context, connection, group, limit, after, refused) for group in groups}


def _load_group(
    context: Context,
    connection: Connection,
    group: RequestGroup,
    limit: int,
    after: tuple[datetime, str] | None,
    refused: Sequence[str],
) -> RequestPage:
    key = (PURCHASE_REQUESTS.c.created_at, PURCHASE_REQUESTS.c.id)
    newest_first = group is RequestGroup.ANSWERED
    query = _requests().where(_group_filter(context, group, refused))
    if after is not None:
        query = query.where(tuple_(*key) < after if newest_first else tuple_(*key) > after)
    query = query.order_by(*(column.desc() if newest_first else column for column in key)).limit(limit + 1)
    rows = [_row(row) for row in connection.execute(query)]
    return RequestPage(tuple(_with_names(connection, rows[:limit])), len(rows) > limit)


def load_request(context: Context, connection: Connection, request: str) -> RequestDetail | None:
    """Return a request; None where there is none with this id."""
    found = connection.execute(_requests(OUTBOX.c.reason).where(PURCHASE_REQUESTS.c.id == request)).first()
    if found is None:
        return None
    (row,) = _with_names(connection, [_row(found)])
    vendor = load_vendors(connection, [row.vendor_id]).get(row.vendor_id)
    return RequestDetail(
        row,
        _group_of(context, connection, request),
        found.reason or "",
        vendor.email if vendor else None,
        _load_lines(context, connection, request),
        _load_reminders(connection, request),
        load_lateness(context, connection, row.vendor_id),
    )


def load_lateness(context: Context, connection: Connection, vendor: str) -> VendorLatenessFact | None:
    """Return how late a vendor's deliveries of the policy's history usually came; None without a delivery.

    Deliveries that were promised for one day and came on another count once, however many products they held.
    """
    since = context.as_of - timedelta(days=context.policy.forecast.history_days)
    query = (
        select(INBOUNDS.c.promised_on, INBOUNDS.c.received_at)
        .where(INBOUNDS.c.vendor_id == vendor, INBOUNDS.c.promised_on >= since)
        .order_by(INBOUNDS.c.promised_on.desc(), INBOUNDS.c.id.desc())
        .limit(MAX_DELIVERIES)
    )
    received = {(row.promised_on, context.day(row.received_at)) for row in connection.execute(query) if row.received_at}
    days = [(received_on - promised_on).days for promised_on, received_on in received if received_on]
    return VendorLatenessFact(median(days), len(days)) if days else None


def _requests(*more: ColumnElement[Any]) -> Select[Any]:
    was_sent = PURCHASE_LINES.c.response.is_distinct_from(VendorResponse.NOT_SENT)
    of_request = and_(PURCHASE_LINES.c.request_id == PURCHASE_REQUESTS.c.id, was_sent)
    accepted = PURCHASE_LINES.c.response == VendorResponse.ACCEPTED
    counted = {
        "lines": func.count(),
        "answered": func.count(PURCHASE_LINES.c.response),
        "refused": func.count(case((PURCHASE_LINES.c.response == VendorResponse.REFUSED, 1))),
        "promised_on": func.max(case((accepted, PURCHASE_LINES.c.promised_on))),
    }
    lines = [select(count).where(of_request).scalar_subquery().label(name) for name, count in counted.items()]
    reminders, outbox = PURCHASE_REQUESTS.alias(), OUTBOX.alias()
    reminded_at = (
        select(func.max(outbox.c.settled_at))
        .join(reminders, reminders.c.id == outbox.c.id)
        .where(reminders.c.reminder_of == PURCHASE_REQUESTS.c.id, outbox.c.state == State.SENT)
        .scalar_subquery()
        .label("reminded_at")
    )
    names = ("id", "vendor_id", "created_at")
    states = [OUTBOX.c[name] for name in ("channel", "state", "settled_at")]
    columns = (*(PURCHASE_REQUESTS.c[name] for name in names), *states, *lines, reminded_at, *more)
    return select(*columns).select_from(REQUESTS).where(PURCHASE_REQUESTS.c.reminder_of.is_(None))


def _row(row: Row[Any]) -> RequestRow:
    state = State(row.state)
    return RequestRow(
        row.id,
        row.vendor_id,
        row.vendor_id,
        VendorChannel(row.channel),
        state,
        row.created_at,
        row.settled_at if state == State.SENT else None,
        row.lines,
        row.answered,
        row.refused,
        row.promised_on,
        row.reminded_at,
    )


def _with_names(connection: Connection, rows: Sequence[RequestRow]) -> list[RequestRow]:
    vendors = load_vendors(connection, {row.vendor_id for row in rows})
    return [replace(row, vendor=vendors[row.vendor_id].name) if row.vendor_id in vendors else row for row in rows]


def _group_filter(context: Context, group: RequestGroup, refused_requests: Sequence[str]) -> ColumnElement[bool]:
    """Return the SQL of the requests of a group; each request is in one of them at most."""
    stopped = and_(PURCHASE_REQUESTS.c.responded_at.is_(None), OUTBOX.c.state.in_(STOPPED_STATES), _has_open_line())
    refused = PURCHASE_REQUESTS.c.id.in_(refused_requests)
    overdue = overdue_clause(context, context.policy.purchasing.answer_hours)
    is_open = and_(PURCHASE_REQUESTS.c.responded_at.is_(None), OUTBOX.c.state != State.SKIPPED)
    return {
        RequestGroup.STOPPED: stopped,
        RequestGroup.REFUSED: and_(refused, ~stopped),
        RequestGroup.OVERDUE: and_(PURCHASE_REQUESTS.c.responded_at.is_(None), overdue, ~refused),
        RequestGroup.ASKED: and_(is_open, ~stopped, ~refused, ~overdue),
        RequestGroup.ANSWERED: and_(PURCHASE_REQUESTS.c.responded_at.is_not(None), ~refused),
    }[group]


def _group_of(context: Context, connection: Connection, request: str) -> RequestGroup:
    of_it = PURCHASE_LINES.c.request_id == request
    refused = list(connection.execute(_refused_requests(context).where(of_it)).scalars())
    filters = (_group_filter(context, group, refused).label(group) for group in RequestGroup)
    query = select(*filters).select_from(REQUESTS)
    found = connection.execute(query.where(PURCHASE_REQUESTS.c.id == request)).one()._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return next((group for group in RequestGroup if found[group]), RequestGroup.ANSWERED)


def _has_open_line() -> ColumnElement[bool]:
    lines = select(PURCHASE_LINES.c.id).where(PURCHASE_LINES.c.request_id == PURCHASE_REQUESTS.c.id)
    return lines.where(PURCHASE_LINES.c.response.is_(None)).exists()


def _refused_requests(context: Context) -> Select[Any]:
    """Return the query of the requests with a line to decide on: refused and still wanted, or accepted too late."""
    refused = and_(
        PURCHASE_LINES.c.response == VendorResponse.REFUSED,
        wanted_filter(context.end_of(context.as_of)),
        same_product_filter(),
        ~_asked_since(),
    )
    return (
        select(PURCHASE_LINES.c.request_id)
        .distinct()
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(TO_DECIDE, or_(refused, PURCHASE_LINES.c.response == VendorResponse.TOO_LATE))
    )


def _asked_since() -> ColumnElement[bool]:
    later = PURCHASE_LINES.alias()
    again = and_(later.c.order_id == PURCHASE_LINES.c.order_id, later.c.line == PURCHASE_LINES.c.line)
    return select(later.c.id).where(again, later.c.attempt > PURCHASE_LINES.c.attempt).exists()


def _load_lines(context: Context, connection: Connection, request: str) -> tuple[RequestedLine, ...]:
    wanted = and_(wanted_filter(context.end_of(context.as_of)), same_product_filter())
    query = (
        select(PURCHASE_LINES, PRODUCTS.c.name)
        .add_columns(func.coalesce(wanted, ~true()).label("wanted"), reopenable_filter().label("reopenable"))
        .select_from(PURCHASE_LINES)
        .outerjoin(PRODUCTS, PRODUCTS.c.id == PURCHASE_LINES.c.product_id)
        .outerjoin(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .outerjoin(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .where(PURCHASE_LINES.c.request_id == request)
        .order_by(PURCHASE_LINES.c.order_id, PURCHASE_LINES.c.line, PURCHASE_LINES.c.attempt)
        .limit(MAX_LINES)
    )
    lines = [
        RequestedLine(
            row.id,
            row.order_id,
            row.line,
            row.product_id,
            row.name or row.product_id,
            row.quantity,
            row.drop_shipped,
            VendorResponse(row.response) if row.response else None,
            row.reason or "",
            row.promised_on,
            row.responded_at,
            bool(row.wanted),
            bool(row.reopenable),
        )
        for row in connection.execute(query)
    ]
    return tuple(sorted(lines, key=lambda line: (natural_key(line.order), natural_key(line.line))))


def _load_reminders(connection: Connection, request: str) -> tuple[Reminder, ...]:
    query = (
        select(PURCHASE_REQUESTS.c.id, OUTBOX.c.state, PURCHASE_REQUESTS.c.created_at, OUTBOX.c.settled_at)
        .select_from(REQUESTS)
        .where(PURCHASE_REQUESTS.c.reminder_of == request)
        .order_by(PURCHASE_REQUESTS.c.created_at, PURCHASE_REQUESTS.c.id)
    )
    return tuple(
        Reminder(row.id, State(row.state), row.created_at, row.settled_at if row.state == State.SENT else None)
        for row in connection.execute(query)
    )
