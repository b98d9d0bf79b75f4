"""Columns that many tables have."""

from typing import Any

from sqlalchemy import Boolean, Column, false
from sqlmodel import Field

from models.quantities import Quantity
from models.types import Money, Pieces, UtcTime


def moment(*, nullable: bool = True, index: bool = False) -> Any:
    """Return the column of a moment, kept in UTC."""
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable, index=index))


def flag() -> Any:
    """Return the column of a yes or no that older rows lack: no."""
    return Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


def money() -> Any:
    """Return the column of an amount, or of none."""
    return Field(default=None, sa_column=Column(Money, nullable=True))


def trial() -> Any:
    """Return the column that marks a message that reached nobody: it left in a trial."""
    return Field(default=False, sa_column_kwargs={"server_default": false()})


def pieces(*, nullable: bool = False, default: Quantity | None = None) -> Any:
    """Return the column of a quantity, whole or fractional."""
    return Field(default=default, sa_column=Column(Pieces, nullable=nullable))
