"""Record events: who did what to which notice, order or run, and why."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from tasks.db.sql import insert
from tasks.tables import EVENTS


def record_events(connection: Connection, events: Iterable[tuple[str, str, str]], now: datetime, who: str) -> None:
    """Record events, each as its kind, its subject's id and the reason."""
    rows = [{"at": now, "kind": kind, "subject": subject, "who": who, "why": why} for kind, subject, why in events]
    if rows:
        connection.execute(insert(connection, EVENTS), rows)
