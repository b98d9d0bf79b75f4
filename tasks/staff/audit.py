"""The audit log: each act on the desk, recorded in the transaction of the act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from models.errors import ForewarnError
from models.staff import AuditEntry
from tasks.db.sql import insert
from tasks.tables import AUDIT_ENTRIES

MACHINE = "Forewarn"
"""Who does what nobody asked for."""


class AlreadyDone(ForewarnError):
    """Raised for a form that was sent before; `entry` is what it did."""

    def __init__(self, entry: AuditEntry) -> None:
        super().__init__("this form was sent before")
        self.entry = entry


class AlreadyUndone(ForewarnError):
    """Raised for an act that was undone before; `entry` is the act."""

    def __init__(self, entry: AuditEntry) -> None:
        super().__init__("this was undone before")
        self.entry = entry


def record(
    connection: Connection,
    *,
    at: datetime,
    who: str,
    kind: str,
    subject_kind: str,
    subject: str,
    what: str,
    person_id: str | None = None,
    why: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    form_id: str | None = None,
    undoes: int | None = None,
) -> int:
    """Record an act; return its number. Raises AlreadyDone for a form that was sent before."""
    row = {
        "at": at,
        "who": who,
        "person_id": person_id,
        "kind": kind,
        "subject_kind": subject_kind,
        "subject": subject,
        "what": what,
        "why": why,
        "before": dict(before or {}),
        "after": dict(after or {}),
        "form_id": form_id,
        "undoes": undoes,
    }
    new = insert(connection, AUDIT_ENTRIES).values(row).on_conflict_do_nothing(index_elements=["form_id"])
    entry_id: int | None = connection.execute(new.returning(AUDIT_ENTRIES.c.id)).scalar()
    if entry_id is None:
        first = by_form(connection, form_id or "")
        if first is None:
            raise RuntimeError("a form that was sent before has no entry")
        raise AlreadyDone(first)
    return entry_id


def load_entry(connection: Connection, entry_id: int) -> AuditEntry | None:
    """Return an entry by its number; None for an unknown one."""
    row = connection.execute(select(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.id == entry_id)).first()
    return None if row is None else AuditEntry(**row._asdict())


def by_form(connection: Connection, form_id: str) -> AuditEntry | None:
    """Return what a form did; None for one that was not sent."""
    row = connection.execute(select(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.form_id == form_id)).first()
    return None if row is None else AuditEntry(**row._asdict())


def entries(
    connection: Connection,
    *,
    who: str | None = None,
    kind: str | None = None,
    subject_kind: str | None = None,
    subject: str | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """Return the newest entries, those before the number `after` where it is given; `who` is a person's id."""
    wanted = {"person_id": who, "kind": kind, "subject_kind": subject_kind, "subject": subject}
    query = select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id.desc()).limit(limit)
    query = query.where(*(AUDIT_ENTRIES.c[name] == value for name, value in wanted.items() if value is not None))
    if after is not None:
        query = query.where(AUDIT_ENTRIES.c.id < after)
    return [AuditEntry(**row._asdict()) for row in connection.execute(query)]


def kinds(connection: Connection) -> list[str]:
    """Return each kind of act in the log."""
    found: list[str] = []
    while True:
        # One look into the index for each kind: DISTINCT would read the whole of it.
        query = select(func.min(AUDIT_ENTRIES.c.kind)).where(AUDIT_ENTRIES.c.kind > (found[-1] if found else ""))
        following = connection.execute(query).scalar()
        if following is None:
            return found
        found.append(following)


def mark_undone(connection: Connection, entry_id: int, by_entry_id: int) -> None:
    """Mark an act as undone by another one. Raises AlreadyUndone."""
    which = (AUDIT_ENTRIES.c.id == entry_id) & AUDIT_ENTRIES.c.undone_by.is_(None)
    if connection.execute(update(AUDIT_ENTRIES).where(which).values(undone_by=by_entry_id)).rowcount != 1:
        entry = load_entry(connection, entry_id)
        if entry is None:
            raise ForewarnError(f"there is no entry {entry_id} in the log")
        raise AlreadyUndone(entry)
