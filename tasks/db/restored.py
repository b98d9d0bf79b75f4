"""What may have left after the backup that the records come from: it is asked about before it is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, update

from models.enums import Channel, State
from models.purchasing import IDEMPOTENT, VendorChannel
from tasks.db.counters import get_counter
from tasks.db.events import record_events
from tasks.db.outbox import CLEAR_LEASE
from tasks.db.sql import lock_ordered
from tasks.tables import OUTBOX

RESTORED = "restored_from"
"""Counter: when the backup was taken that these records come from, while messages may have left since; 0: none."""
REASON = "restored from a backup of {:%Y-%m-%d %H:%M} UTC: it may have left since"
ASKED_ABOUT = (*Channel, *(channel for channel in VendorChannel if channel not in IDEMPOTENT))
"""Channels on which a second copy would be read as a second message."""


def restored_from(connection: Connection) -> datetime | None:
    """Return from when the backup is that was restored; None where no message can have left since."""
    seconds = get_counter(connection, RESTORED)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def put_in_doubt(
    connection: Connection, which: ColumnElement[bool], taken_at: datetime, now: datetime, who: str
) -> Sequence[str]:
    """Put messages in doubt that may have left after a moment, so that their providers are asked; return their ids."""
    asked = and_(which, OUTBOX.c.channel.in_(ASKED_ABOUT))
    doubt = {"state": State.IN_DOUBT, "reason": REASON.format(taken_at), "sending_at": taken_at, "settled_at": None}
    doubt |= {"queued_at": now}  # its age counts from now on, as after a release
    changed = update(OUTBOX).where(lock_ordered(connection, OUTBOX.c.id, asked))
    ids = list(connection.execute(changed.values(**CLEAR_LEASE, **doubt).returning(OUTBOX.c.id)).scalars())
    record_events(connection, [(State.IN_DOUBT, key, REASON.format(taken_at)) for key in ids], now, who)
    return ids
