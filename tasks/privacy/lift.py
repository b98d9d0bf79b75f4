"""Take an erasure back for the future: the next import brings what the shop's own system has."""

from sqlalchemy import Connection, delete, select, update

from models.errors import ForewarnError
from rules.contact.keyed_hash import erased_id
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import AdvisoryLock, in_list, lock
from tasks.tables import ERASED_ADDRESSES, ERASED_CUSTOMERS, ORDERS, SHIPMENTS

LIFTED = "erasure_lifted"


def lift_erasure(context: Context, connection: Connection, given: str, who: str) -> str:
    """Let imports bring a customer of the shop's system again; return the hash that stood for the id.

    What was erased stays erased. Raises ForewarnError for a customer who was not erased.
    """
    lock(connection, AdvisoryLock.IMPORT)
    key = erased_id(context.erasure_key, given) if context.erasure_key else ""
    if not connection.execute(delete(ERASED_CUSTOMERS).where(ERASED_CUSTOMERS.c.customer_id == key)).rowcount:
        raise ForewarnError(f"customer {given!r} was not erased here: the id in the shop's own system is needed")
    connection.execute(delete(ERASED_ADDRESSES).where(ERASED_ADDRESSES.c.customer_id == key))
    # Without a digest, the rows are read again although the source has not changed them.
    orders = list(connection.execute(select(ORDERS.c.id).where(ORDERS.c.customer_id == key)).scalars())
    connection.execute(update(ORDERS).where(in_list(connection, ORDERS.c.id, orders)).values(source_digest=None))
    connection.execute(
        update(SHIPMENTS).where(in_list(connection, SHIPMENTS.c.order_id, orders)).values(source_digest=None)
    )
    record_events(connection, [(LIFTED, key, "")], context.started_at, who)
    return key
