"""Columns that many tables have."""

from typing import Any

from sqlalchemy import Column
from sqlmodel import Field

from models.quantities import Quantity
from models.types import Money, Pieces, UtcTime


def moment(*, nullable: bool = True, index: bool = False) -> Any:
    """Return the column of a moment, kept in UTC."""
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable, index=index))


def money() -> Any:
    """Return the column of an amount, or of none."""
    return Field(default=None, sa_column=Column(Money, nullable=True))


def pieces(*, nullable: bool = False, default: Quantity | None = None) -> Any:
    """Return the column of a quantity, whole or fractional."""
    return Field(default=default, sa_column=Column(Pieces, nullable=nullable))
