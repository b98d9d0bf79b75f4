"""What staff ask for about one order: that nothing leaves, that it is time-critical, a note in the next message."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class OrderInstruction(SQLModel, table=True):
    """What staff want for an order until they take it back; an order without such a wish has no row."""

    __tablename__ = "order_instruction"

    order_id: str = Field(primary_key=True)
    held_at: datetime | None = moment()
    """Since when nothing about the order may leave; None: it is not held."""
    held_by: str | None = None
    critical_at: datetime | None = moment()
    """Since when it is time-critical: its customer is told from the first day late on; None: it is not."""
    critical_by: str | None = None


class OrderNote(SQLModel, table=True):
    """A personal note for the next message about an order. Whether it was used is what the notices say."""

    __tablename__ = "order_note"
    __table_args__ = (Index("ix_order_note_order", "order_id"),)

    id: str = Field(primary_key=True)
    order_id: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    written_by: str
    written_at: datetime = moment(nullable=False)
    withdrawn_at: datetime | None = moment()
    sent_as: str | None = None
    """The id of the message that it was sent as by itself; None: it waits for, or went with, a notice."""
