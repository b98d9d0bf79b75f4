"""Rows of a source: as read, accepted, rejected, and excluded on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sources.coercion import NULL_TEXTS
from sources.contract import Fact


def location_of(file: str, line: int | None) -> str:
    """Return the place of a row as people look for it."""
    return file if line is None else f"{file}, line {line}"


class Row(NamedTuple):
    """A row as the shop's SELECT returns it. `line` is None when `file` names the row by its number in the result."""

    record: tuple[Any, ...]
    names: tuple[str, ...]
    """The names of the record's columns."""
    file: str
    line: int | None

    @classmethod
    def of(cls, values: Mapping[str, Any], file: str, line: int | None) -> "Row":
        """Return the row of values by column."""
        return cls(tuple(values.values()), tuple(values), file, line)

    @property
    def values(self) -> dict[str, Any]:
        """Return the values by column: text without blanks around it, and None for text that means no value."""
        return {
            name: (None if (text := value.strip()) in NULL_TEXTS else text) if type(value) is str else value
            for name, value in zip(self.names, self.record, strict=True)
        }


class AcceptedRow(NamedTuple):
    """A row that follows the contract."""

    fact: Fact
    file: str
    line: int | None
    digest: int | None = None
    """Identifies the values as read."""

    @property
    def place(self) -> str:
        """Return where the row stands."""
        return location_of(self.file, self.line)


class UnchangedRow(NamedTuple):
    """A row as it was when it was last written. It is not validated again. `key` has the values of its key columns."""

    key: tuple[str, ...]
    row: Row


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not imported, the column that is wrong, its value, and the reason."""

    table: str
    file: str
    line: int | None
    column: str
    value: str
    reason: str
    order: str = field(default="", repr=False, compare=False)
    """The id of the order that the row belongs to; empty when it is unknown."""

    @property
    def place(self) -> str:
        """Return where the row stands."""
        return location_of(self.file, self.line)

    def __str__(self) -> str:
        value = f"{self.column} {self.value!r}" if self.column else repr(self.value)
        return f"{self.place}: {value}: {self.reason}"


Validator = Callable[[Row], AcceptedRow | RejectedRow]
"""Accepts or rejects a row of one table."""


@dataclass(frozen=True, slots=True)
class ExcludedRows:
    """How many rows the shop's SELECTs exclude on purpose for one reason, as `excluded.sql` counts them."""

    reason: str
    count: int
