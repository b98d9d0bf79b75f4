"""Column types that behave the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, false
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

from models.quantities import THOUSANDTHS, Quantity, from_thousandths

SCALE = 10_000


class Money(TypeDecorator[Decimal]):
    """Store an amount exactly, as a whole number of ten-thousandths that SQL can compare and add."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value * SCALE)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else (Decimal(value) / SCALE).quantize(Decimal("0.01"))


class Pieces(TypeDecorator[Quantity]):
    """Store a quantity exactly, as a whole number of thousandths that SQL can compare and add."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Quantity | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value * THOUSANDTHS)

    def process_result_value(self, value: int | Decimal | None, dialect: Dialect) -> Quantity | None:
        return None if value is None else from_thousandths(int(value))


class UtcTime(TypeDecorator[datetime]):
    """Store an aware datetime in UTC, and return it aware on every database.

    Raises ValueError for a naive datetime, whose time zone is unknown.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone cannot be stored: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(*, nullable: bool = True, index: bool = False) -> Any:
    """Return the column of a datetime in UTC."""
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable, index=index))


def flag() -> Any:
    """Return the column of a boolean; False for rows of earlier versions."""
    return Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


def money() -> Any:
    """Return the column of an optional amount."""
    return Field(default=None, sa_column=Column(Money, nullable=True))


def trial() -> Any:
    """Return the column that marks a message of a trial, which reached no recipient."""
    return Field(default=False, sa_column_kwargs={"server_default": false()})


def pieces(*, nullable: bool = False, default: Quantity | None = None) -> Any:
    """Return the column of a quantity, whole or fractional."""
    return Field(default=default, sa_column=Column(Pieces, nullable=nullable))


def source_digest() -> Any:
    """Return the column of the digest of the source's row that was written; NULL after any other write of the row."""
    return Field(default=None, sa_column=Column(BigInteger, nullable=True))
