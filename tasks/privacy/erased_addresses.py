"""Replace the addresses of an erased person by their keyed hashes: a suppression still holds, and names nobody."""

from typing import Any

from sqlalchemy import Column, Connection, delete, select, update

from models.enums import SkipReason
from rules.contact.keyed_hash import HASHED, hashed_address
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.db.sql import insert as upsert
from tasks.notices.suppressions import suppress
from tasks.notices.waiting import recheck_waiting
from tasks.privacy.person import Person
from tasks.tables import CONSENTS, ERASED_ADDRESSES, EVENTS, MARKETING_OPT_OUTS, OPT_OUTS, SUPPRESSIONS


def hash_addresses(context: Context, connection: Connection, person: Person, customer: str, who: str) -> None:
    """Replace the addresses in every list. Those that the person opted out with are suppressed by their hash.

    The hashes are kept with the erased `customer`, so that what arrives later is known to be about nobody.
    """
    hashes = {one: hashed_address(context.erasure_key, one) for one in person.addresses if not one.startswith(HASHED)}
    opted_out = select(OPT_OUTS.c.address).where(OPT_OUTS.c.customer_id == person.customer)
    own = {hashes[one]: SkipReason.OPTED_OUT for one in connection.execute(opted_out).scalars() if one in hashes}
    for address, key in sorted(hashes.items()):
        _replace_key(connection, SUPPRESSIONS.c.address, address, key)
        _replace_key(connection, MARKETING_OPT_OUTS.c.address, address, key)
        for column in (CONSENTS.c.address, EVENTS.c.subject):
            connection.execute(update(column.table).where(column == address).values({column: key}))
    suppress(connection, own, context.started_at, who)
    if hashes:
        known = [{"address": key, "customer_id": customer} for key in sorted(hashes.values())]
        connection.execute(upsert(connection, ERASED_ADDRESSES).on_conflict_do_nothing(), known)
    # Other customers may have an address: what waits to go there is checked again, by the hash.
    recheck_waiting(connection, hashes)


def _replace_key(connection: Connection, column: Column[Any], address: str, key: str) -> None:
    if connection.execute(select(column).where(in_list(connection, column, [key]))).first():
        connection.execute(delete(column.table).where(column == address))
    else:
        connection.execute(update(column.table).where(column == address).values({column: key}))
