"""Stop texts to a customer from the order page: the way of those whose text came from a name, which takes no answer."""

from datetime import datetime

from sqlalchemy import Connection, select

from models.enums import Channel
from rules.contact.addresses import phone_number, readable
from tasks.callbacks.people import STOPPED_ON_PAGE, stop_number
from tasks.context import Context
from tasks.customers.links import customer_of
from tasks.db.events import record_events
from tasks.tables import CUSTOMERS, NOTICES

TEXTS_STOPPED = "texts_stopped"


def numbers_of(context: Context, connection: Connection, order_id: str) -> tuple[str, ...]:
    """Return the numbers of an order's customer: their own one first, then those that texts about it went to."""
    customer = customer_of(connection, order_id)
    own = connection.execute(select(CUSTOMERS.c.phone, CUSTOMERS.c.country).where(CUSTOMERS.c.id == customer)).first()
    found = []
    if own is not None:
        country = own.country or context.shop.country
        found.append(readable(lambda number: phone_number(number, country), own.phone))
    texts = NOTICES.c.order_id == order_id, NOTICES.c.channel == Channel.SMS, NOTICES.c.customer_id == customer
    found += connection.execute(select(NOTICES.c.address).where(*texts).order_by(NOTICES.c.revision.desc())).scalars()
    return tuple(dict.fromkeys(number for number in found if number))


def stop_texts(context: Context, order_id: str, now: datetime, who: str) -> None:
    """Send no more texts to an order's customer, as if they had answered STOP; mails go on."""
    with context.engine.begin() as connection:
        for number in numbers_of(context, connection, order_id):
            stop_number(connection, number, STOPPED_ON_PAGE, now, who)
        record_events(connection, [(TEXTS_STOPPED, order_id, "")], now, who)
