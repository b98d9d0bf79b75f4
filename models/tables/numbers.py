"""What each day added up to, so that the numbers of a year are read from a few thousand rows."""

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


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
