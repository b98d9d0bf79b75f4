"""What a customer was told of an order, as its notices say."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from models.enums import State
from models.orders import CustomerFacts, LastNotice, NoticeLine, OrderFacts
from tasks.tables import NOTICES

REACHED_FILTER = NOTICES.c.state.not_in((State.SKIPPED, State.REJECTED))
"""The SQL of a notice that tells its customer something, now or soon."""
NOTICE_COLUMNS = [NOTICES.c[name] for name in ("order_id", "revision", "told_on", "lines", "customer_id", "address")]


def load_told_notices(
    connection: Connection, orders: Collection[str], *which: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """Return what reached the customers of orders, oldest first."""
    query = (
        select(*NOTICE_COLUMNS)
        .where(NOTICES.c.order_id.in_(orders), REACHED_FILTER, *which)
        .order_by(NOTICES.c.revision)
    )
    return connection.execute(query).all() if orders else []


def told_to_customers(
    connection: Connection, orders: Sequence[OrderFacts], *which: ColumnElement[bool]
) -> dict[str, LastNotice]:
    """Return what was last told of orders to those whose they are, by the orders' ids.

    That is what went to them under their id, or under another id to their own mail address: shops merge accounts.
    """
    customers = {order.id: order.customer for order in orders}
    found = load_told_notices(connection, customers, *which)
    return {one.order_id: _told(one) for one in found if _went_to(customers[one.order_id], one)}


def _told(telling: Row[Any]) -> LastNotice:
    lines = tuple(map(NoticeLine.from_data, telling.lines))
    return LastNotice(telling.revision, telling.told_on, lines, telling.customer_id)


def _went_to(customer: CustomerFacts, telling: Row[Any]) -> bool:
    mail = (customer.email or "").strip().lower()
    return telling.customer_id == customer.id or (bool(mail) and telling.address == mail)
