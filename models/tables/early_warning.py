"""What was learnt of late orders, and what was said of open ones each morning."""

from datetime import date, datetime

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from models.tables.column_types import flag, moment


class LearntModel(SQLModel, table=True):
    """One version of what was learnt from past orders: those of a day are used on that day and the next ones."""

    __tablename__ = "learnt_model"
    __table_args__ = (Index("ix_learnt_model_as_of", "as_of", "learnt_at"),)

    version: str = Field(primary_key=True)
    as_of: date
    learnt_at: datetime = moment(nullable=False)
    late_days: int
    source: str | None = None
    """A Source; None: it foretells nothing."""
    orders: int
    """Past orders that it was learnt from."""
    arrived: int
    late: int
    """Late orders among them whose lateness is known."""
    off_points: float | None = None
    """How far what was said in the last weeks was above what came, in points of 100; None: too few to say."""
    drifted: bool = flag()
    """Whether that is too far, so that the base rate decides."""
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The model as JSON, compressed."""


class OrderForecast(SQLModel, table=True):
    """What was said of an open order on a morning, and what came of it."""

    __tablename__ = "order_forecast"
    __table_args__ = (
        Index("ix_order_forecast_scored", "known_on", "late"),
        Index("ix_order_forecast_morning", "morning"),
    )

    order_id: str = Field(primary_key=True)
    promised_on: date = Field(primary_key=True)
    promise: str = Field(primary_key=True)
    morning: date = Field(primary_key=True)
    known_on: date
    """The day from which it is known whether it was late."""
    probability: float
    """By which it was decided."""
    by_model: float
    """What the model said; another number where the base rate decided."""
    source: str
    version: str
    last_scan_on: date | None = None
    scan_status: str | None = None
    late: bool | None = None
    """None: not known yet, or never, because the order was cancelled."""
