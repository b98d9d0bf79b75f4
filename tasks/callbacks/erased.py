"""Keep what providers tell of erased customers without address and payload."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from models.callbacks import Callback
from rules.contact.keyed_hash import ERASED, HASHED, hashed_address
from rules.contact.scrub import scrub
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.notices.erased import kept_forms
from tasks.tables import CUSTOMER_MAILS, NOTICES

KEPT_FIELDS = ("ErrorCode", "type", "reason", "status", "Body")
"""Fields by which a callback is worked off, and the words of a text, which staff must read."""


def without_erased(
    context: Context, connection: Connection, callbacks: Sequence[Callback], load_key: Callable[[], bytes]
) -> list[Callback]:
    """Return callbacks, those of erased customers with the hash of their address and without payload.

    They are recognised by the message, or by the address where no other customer has it. `load_key` returns the erasure
    key, which the first erasure creates.
    """
    key = load_key()
    if not key:
        return list(callbacks)
    messages = _erased_messages(connection, {one.message_id for one in callbacks if one.message_id})
    kept = kept_forms(connection, key, {one.address for one in callbacks}, context.shop.country)
    hidden: list[Callback] = []
    for one in callbacks:
        address = kept.get(one.address, "")
        if one.message_id in messages and address and not address.startswith(HASHED):
            address = hashed_address(key, one.address)
        hidden.append(_hide(one, address) if one.message_id in messages or address != one.address else one)
    return hidden


def _erased_messages(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return those of the messages whose customer was erased."""
    found: set[str] = set()
    for table in (NOTICES, CUSTOMER_MAILS) if ids else ():
        named = select(table.c.id).where(in_list(connection, table.c.id, ids))
        found.update(connection.execute(named.where(table.c.customer_id.startswith(ERASED))).scalars())
    return found


def _hide(callback: Callback, address: str) -> Callback:
    kept = {name: callback.payload[name] for name in KEPT_FIELDS if callback.payload.get(name)}
    texts = {name: scrub(value, {callback.address}) for name, value in kept.items() if isinstance(value, str)}
    return replace(callback, address=address, payload=kept | texts)
