"""The acts of staff on one order, as events of its story."""

from collections.abc import Iterator

from sqlalchemy import Connection

from models.staff import AuditEntry
from tasks.desk.timeline import StoryEvent
from tasks.staff.audit import entries

MOST = 100


def load_acts_of_staff(connection: Connection, order_id: str) -> tuple[StoryEvent, ...]:
    """Return what people did with an order on the desk, each beginning with their name."""
    found = entries(connection, subject_kind="order", subject=order_id, limit=MOST)
    return tuple(_events(found))


def _events(found: list[AuditEntry]) -> Iterator[StoryEvent]:
    for entry in found:
        undone = " Undone." if entry.undone_by is not None else ""
        why = f"Why: {entry.why}" if entry.why else ""
        yield StoryEvent(entry.at, "act", "calm", f"{entry.who} {entry.what.rstrip('.')}.{undone}", why, by=entry.who)
