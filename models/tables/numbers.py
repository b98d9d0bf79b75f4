"""What each day added up to, so that the numbers of a year are read from a few thousand rows."""

from datetime import date

from sqlalchemy import BigInteger, Index, text
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


class ResultNumber(SQLModel, table=True):
    """One number about the messages that left on one day of the shop: what became of them until now.

    The rows of a day are counted again when a customer answers, or a code is redeemed, however late.
    """

    __tablename__ = "result_number"
    __table_args__ = (
        Index(
            "ix_result_number_experiment",
            "experiment",
            "wording",
            "measure",
            sqlite_where=OF_TRIAL,
            postgresql_where=OF_TRIAL,
        ),
    )

    day: date = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    """A ResultMeasure."""
    bucket: str = Field(primary_key=True)
    message: str = Field(primary_key=True)
    experiment: str = Field(primary_key=True)
    """The trial of two wordings; empty for the numbers of all messages."""
    wording: str = Field(primary_key=True)
    """A or B; empty for the numbers of all messages."""
    kind: str = Field(primary_key=True)
    """What is counted of it: a channel or a currency; empty for all."""
    value: int = Field(sa_type=BigInteger)
