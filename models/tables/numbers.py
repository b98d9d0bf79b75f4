"""What each day added up to, so that the numbers of a year are read from a few thousand rows."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

OF_TRIAL = text("experiment <> ''")


class DayNumber(SQLModel, table=True):
    """One number of one day of the shop. The rows of a day are counted again while its messages still change."""

    __tablename__ = "day_number"

    day: date = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    """A Measure."""
    part: str = Field(primary_key=True)
    """What it is split by: a bucket, a channel or a currency; empty for the whole day."""
    kind: str = Field(primary_key=True)
    """What is counted of it: a state, an act or an offer; empty for all."""
    value: int = Field(sa_type=BigInteger)


def number() -> Any:
    """Return the column of a count, or of money in ten-thousandths."""
    return Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


class ResultNumber(SQLModel, table=True):
    """What the messages that left on one day of the shop led to until now; each number is a ResultMeasure.

    The rows of a day are counted again when a customer answers, or a code is redeemed, however late. The row without a
    message says when they were.
    """

    __tablename__ = "result_number"
    __table_args__ = (
        Index("ix_result_number_experiment", "experiment", sqlite_where=OF_TRIAL, postgresql_where=OF_TRIAL),
    )

    day: date = Field(primary_key=True)
    bucket: str = Field(primary_key=True)
    message: str = Field(primary_key=True)
    experiment: str = Field(primary_key=True)
    """The trial of two wordings; empty for the numbers of all messages."""
    wording: str = Field(primary_key=True)
    """A or B; empty for the numbers of all messages."""
    kind: str = Field(primary_key=True)
    """The channel of `sent`, the currency of `codes_value` and `uses_value`; empty for all other numbers."""
    told: int = number()
    reached: int = number()
    came_back: int = number()
    first: int = number()
    in_time: int = number()
    answered: int = number()
    waited: int = number()
    shipped: int = number()
    swapped: int = number()
    cancelled: int = number()
    took_discount: int = number()
    codes: int = number()
    codes_value: int = number()
    redeemed: int = number()
    uses: int = number()
    uses_value: int = number()
    uses_unknown: int = number()
    uses_expired: int = number()
    sent: int = number()
    counted: int = number()
