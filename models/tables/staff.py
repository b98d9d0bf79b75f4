"""Who may sign in to the desk, from where they are signed in, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class StaffPerson(SQLModel, table=True):
    """A person who may sign in to the desk, or who might until they were removed."""

    __tablename__ = "staff_person"

    id: str = Field(primary_key=True)
    name: str
    mail: str = Field(unique=True)
    """In lower case."""
    roles: str
    """In the order of Role, separated by commas."""
    scheme: str
    password_hash: str | None = None
    """None: invited and without a password yet, or signed in by the company's sign-in."""
    subject: str | None = Field(default=None, unique=True)
    """Issuer and subject of the company's sign-in, since the person first used it."""
    created_at: datetime = moment(nullable=False)
    created_by: str
    seen_at: datetime | None = moment()
    removed_at: datetime | None = moment()


class StaffSession(SQLModel, table=True):
    """One browser in which a person is signed in. The ledger has only the hash of its token."""

    __tablename__ = "staff_session"

    token_hash: str = Field(primary_key=True)
    person_id: str = Field(index=True)
    started_at: datetime = moment(nullable=False)
    seen_at: datetime = moment(nullable=False, index=True)
    ends_at: datetime = moment(nullable=False)
    browser: str
    """In words, as `Firefox on Linux`."""


class StaffLink(SQLModel, table=True):
    """A link with which a person sets their password, once. The ledger has only the hash of its token."""

    __tablename__ = "staff_link"

    token_hash: str = Field(primary_key=True)
    person_id: str = Field(index=True)
    created_at: datetime = moment(nullable=False)
    ends_at: datetime = moment(nullable=False)
    used_at: datetime | None = moment()


class StaffTry(SQLModel, table=True):
    """A failed sign-in. Too many of an account or an address lock it for a while."""

    __tablename__ = "staff_try"
    __table_args__ = (Index("ix_staff_try_of", "of", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    of: str
    """The hash of a mail address, or of a network address."""
    at: datetime = moment(nullable=False, index=True)


class AuditRow(SQLModel, table=True):
    """One act on the desk. Rows are added, and neither changed nor deleted: the database refuses it."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at", "at", "id"),
        Index("ix_audit_entry_person", "person_id", "id"),
        Index("ix_audit_entry_kind", "kind", "id"),
        Index("ix_audit_entry_subject", "subject_kind", "subject", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = moment(nullable=False)
    who: str
    person_id: str | None = None
    kind: str
    subject_kind: str
    subject: str
    what: str = Field(sa_column=Column(Text, nullable=False))
    why: str = Field(default="", sa_column=Column(Text, nullable=False))
    before: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    after: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    form_id: str | None = Field(default=None, unique=True)
    undone_by: int | None = None
    """The only column that changes, once: the entry that undid this one."""
    undoes: int | None = None


class StaffKey(SQLModel, table=True):
    """A key of the JSON API that was made on the desk. The ledger has only its hash."""

    __tablename__ = "staff_key"

    id: str = Field(primary_key=True)
    name: str
    key_hash: str = Field(unique=True)
    created_at: datetime = moment(nullable=False)
    created_by: str
    revoked_at: datetime | None = moment()
    revoked_by: str | None = None
