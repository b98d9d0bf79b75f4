"""What providers told of messages, as it came, and who wants no marketing mails."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from models.tables.column_types import flag, moment

OPEN = text("handled_at IS NULL")
FOR_STAFF, FOR_STAFF_ON_SQLITE = text("for_staff"), text("for_staff = 1")


class CallbackEvent(SQLModel, table=True):
    """One event of a provider. It is stored as it came, and a deliver run works it off later."""

    __tablename__ = "callback_event"
    __table_args__ = (
        Index("ix_callback_event_open", "number", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_callback_event_staff", "number", sqlite_where=FOR_STAFF_ON_SQLITE, postgresql_where=FOR_STAFF),
    )

    number: int | None = Field(default=None, primary_key=True)
    """Numbers events in the order in which they came."""
    key: str = Field(unique=True)
    """The same for every copy of an event: a copy is dropped."""
    source: str
    kind: str
    reference: str
    message_id: str = Field(index=True)
    address: str
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    happened_at: datetime | None = moment()
    signed_at: datetime | None = moment()
    received_at: datetime = moment(nullable=False)
    retry_at: datetime | None = moment()
    """Until when it waits, because its message is being sent."""
    handled_at: datetime | None = moment()
    effect: str | None = None
    for_staff: bool = flag()
    """Whether staff must look at it."""


class MarketingOptOut(SQLModel, table=True):
    """A mail address that gets no marketing; notices that are due go there all the same."""

    __tablename__ = "marketing_opt_out"

    address: str = Field(primary_key=True)
    source: str
    """How it was told: by the link in a mail, or a provider's event."""
    created_at: datetime = moment(nullable=False)
