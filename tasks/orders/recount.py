"""Have the results of days counted again whose messages led to something new."""

from collections.abc import Collection, Iterable
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from tasks.db.sql import in_list
from tasks.orders.told_messages import load_told_messages, message_of_code
from tasks.tables import OFFERS, RESULT_NUMBERS


def recount_redeemed(connection: Connection, codes: Collection[str], zone: ZoneInfo) -> None:
    """Have the days counted again on which the messages left that gave these codes."""
    if not codes:
        return
    query = select(OFFERS.c.order_id, OFFERS.c.created_at).where(in_list(connection, OFFERS.c.code, codes))
    offers = connection.execute(query).all()
    messages = load_told_messages(connection, {offer.order_id for offer in offers})
    found = (message_of_code(messages.get(one.order_id, ()), one.created_at) for one in offers)
    recount(connection, {one.told_at.astimezone(zone).date() for one in found if one is not None})


def recount(connection: Connection, days: Iterable[date]) -> None:
    """Have days counted again that were counted before."""
    of_days = (RESULT_NUMBERS.c.message == "", RESULT_NUMBERS.c.day.in_(sorted(days)))
    connection.execute(update(RESULT_NUMBERS).where(*of_days).values(counted=0))
