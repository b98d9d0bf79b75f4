"""Append what providers tell to the ledger, as it came; copies of an event are dropped and counted."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from models.callbacks import Callback
from tasks.db.counters import increment
from tasks.db.sql import insert
from tasks.tables import CALLBACK_EVENTS

DUPLICATES = "callbacks_duplicate"
"""The counter of copies that were dropped."""


def append_callbacks(connection: Connection, callbacks: Sequence[Callback], now: datetime) -> int:
    """Append events; return how many were new."""
    if not callbacks:
        return 0
    # Providers may send one event to two servers at once: rows in one order do not wait for each other in a circle.
    rows = [asdict(one) | {"received_at": now} for one in sorted(callbacks, key=lambda one: one.key)]
    new = insert(connection, CALLBACK_EVENTS).on_conflict_do_nothing(index_elements=["key"])
    stored = len(connection.execute(new.returning(CALLBACK_EVENTS.c.number), rows).all())
    if stored < len(callbacks):
        increment(connection, DUPLICATES, len(callbacks) - stored)
    return stored
