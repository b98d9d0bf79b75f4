"""Load what customers were told of their orders, from the notices."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from models.enums import State
from models.orders import CustomerFacts, LastNotice, NoticeLine, OrderFacts
from tasks.tables import NOTICES

REACHED_FILTER = NOTICES.c.state.not_in((State.SKIPPED, State.REJECTED))
"""The SQL of a notice that has reached its customer, or still may."""
NOTICE_COLUMNS = [NOTICES.c[name] for name in ("order_id", "revision", "told_on", "lines", "customer_id", "address")]


def load_told_notices(
    connection: Connection, orders: Collection[str], *which: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """Return the notices about orders that reached their customers or still may, oldest first."""
    query = (
        select(*NOTICE_COLUMNS)
        .where(NOTICES.c.order_id.in_(orders), REACHED_FILTER, *which)
        .order_by(NOTICES.c.revision)
    )
    return connection.execute(query).all() if orders else []


def told_to_customers(
    connection: Connection, orders: Sequence[OrderFacts], *which: ColumnElement[bool]
) -> dict[str, LastNotice]:
    """Return by order id the last notice that went to the order's present customer.

    It went to the customer's id, or to their mail address under another id: shops merge accounts.
    """
    customers = {order.id: order.customer for order in orders}
    notices = load_told_notices(connection, customers, *which)
    return {notice.order_id: _last_notice(notice) for notice in notices if _went_to(customers[notice.order_id], notice)}


def _last_notice(notice: Row[Any]) -> LastNotice:
    lines = tuple(map(NoticeLine.from_data, notice.lines))
    return LastNotice(notice.revision, notice.told_on, lines, notice.customer_id)


def _went_to(customer: CustomerFacts, notice: Row[Any]) -> bool:
    address = (customer.email or "").strip().lower()
    return notice.customer_id == customer.id or (bool(address) and notice.address == address)
