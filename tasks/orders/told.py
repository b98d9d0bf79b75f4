"""Load what customers were told of their orders: what the notices say that have left, never those that are queued."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from models.enums import State
from models.orders import LastNotice, NoticeLine
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.tables import NOTICES, OUTBOX

NOTICES_WITH_STATE = NOTICES.join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
"""The SQL of the notices, each with where it stands."""
LEFT_STATES = (State.SENDING, State.SENT, State.DELIVERED, State.IN_DOUBT)
LEFT_FILTER = OUTBOX.c.state.in_(LEFT_STATES)
"""The SQL of a notice that its customer got, or may have got."""
_COLUMNS = (
    *(NOTICES.c[name] for name in ("order_id", "revision", "told_on", "lines", "customer_id", "address")),
    *(OUTBOX.c[name] for name in ("state", "sending_at")),
)


def load_told(
    context: Context,
    connection: Connection,
    emails: Mapping[str, tuple[str, str | None]],
    *which: ColumnElement[bool],
) -> dict[str, tuple[LastNotice, ...]]:
    """Return by order id the notices that have left to the order's present customer, by revision.

    `emails` are the customer's id and mail address by order id. A notice went to that customer when it has the id, or
    the address under another id: shops merge accounts.
    """
    if not emails:
        return {}
    query = (
        select(*_COLUMNS)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, emails), LEFT_FILTER, *which)
        .order_by(NOTICES.c.order_id, NOTICES.c.revision, OUTBOX.c.sending_at, NOTICES.c.channel)
    )
    by_revision: dict[str, dict[int, list[Row[Any]]]] = defaultdict(lambda: defaultdict(list))
    for notice in connection.execute(query):
        if _went_to(*emails[notice.order_id], notice):
            by_revision[notice.order_id][notice.revision].append(notice)
    return {
        order: tuple(_last_notice(context, notices) for notices in revisions.values())
        for order, revisions in by_revision.items()
    }


def load_told_lines(connection: Connection, orders: Collection[str]) -> dict[str, tuple[NoticeLine, ...]]:
    """Return by order id what the last notice that has left says of each line."""
    query = (
        select(NOTICES.c.order_id, NOTICES.c.lines)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, orders), LEFT_FILTER)
        .order_by(NOTICES.c.revision)
    )
    last: dict[str, Sequence[Any]] = dict(connection.execute(query).all()) if orders else {}
    return {order: _lines(lines) for order, lines in last.items()}


def _last_notice(context: Context, notices: Sequence[Row[Any]]) -> LastNotice:
    """Return what one revision told: what left first says it."""
    notice = notices[0]
    left_on = min((day for day in (context.day(row.sending_at) for row in notices) if day), default=notice.told_on)
    in_doubt = all(row.state in (State.IN_DOUBT, State.SENDING) for row in notices)
    return LastNotice(notice.revision, left_on, _lines(notice.lines), notice.customer_id, in_doubt=in_doubt)


def _lines(lines: Iterable[Any]) -> tuple[NoticeLine, ...]:
    return tuple(map(NoticeLine.from_data, lines))


def _went_to(customer: str, email: str | None, notice: Row[Any]) -> bool:
    address = (email or "").strip().lower()
    return notice.customer_id == customer or (bool(address) and notice.address == address)
