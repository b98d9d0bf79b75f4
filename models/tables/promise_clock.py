"""Where each late order stands by the law of its country: one row for an order with a duty that is open."""

from datetime import date, datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class ClockWatch(SQLModel, table=True):
    """An order that the promise clock watches, and when to look at it again."""

    __tablename__ = "clock_watch"

    order_id: str = Field(primary_key=True)
    check_on: date = Field(index=True)
    """The first day on which it stands elsewhere, or on which staff are warned."""
    watch_version: int
    """The version of the order's watch at which it was computed."""
    deadline: date | None = Field(default=None, index=True)
    """Its next deadline; None: no calendar day."""
    lines: list[dict[str, str | None]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Each line with a duty: `line`, `country`, `state`, `duty` and `deadline`."""
    policy: str
    """The digest of the policy's clock at which it was computed."""
    checked_at: datetime = moment(nullable=False)
